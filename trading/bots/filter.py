"""The small language the board is filtered by: words, `field:word`, `figure>number`, `-` before what is not wanted.

Belongs here: reading a filter, and whether a bot passes it. Does not belong here: where a bot's figures come from, SQL.
The board filters in the browser by the same rules (`filter.js`); a test holds the two against each other.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trading.errors import BadInput
from trading.market.bars import SIMULATED

Holds = Callable[["Filterable"], bool]

FIELDS: Mapping[str, str] = {
    **{name: name for name in ("name", "symbol", "timeframe", "style", "stage", "state", "source")},
    "tf": "timeframe",
    "archetype": "style",
}
FIGURES = ("gen", "net", "win", "trades", "dd", "pf", "sharpe", "e", "oos", "conf", "uniq")
WHOLE = frozenset({"symbol", "timeframe", "stage"})
PLAIN: Mapping[str, bool] = {
    "name": False,
    "symbol": False,
    "style": False,
    "source": False,
    "timeframe": True,
    "stage": True,
}
"""Where a plain word is looked for, and whether it must then be all of it."""
REAL = "real"
RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    ":": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TERM = re.compile(r"([a-z]+)(>=|<=|[:=><])(.*)")
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filterable:
    """What a filter looks at. Figures are rounded as the board shows them; None where unknown.

    Attributes:
        words: By field, in lower case; `source` is empty where there is none.
        figures: By name in `FIGURES`: generation, net $, win %, trades, max drawdown %, profit factor, Sharpe,
            e-value and Sharpe of its record, confidence %, uniqueness %.
    """

    words: Mapping[str, str]
    figures: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BotFilter:
    """A filter that was read; a bot passes where every term holds."""

    terms: tuple[Holds, ...]

    def passes(self, bot: Filterable) -> bool:
        """Return whether a bot passes."""
        return all(holds(bot) for holds in self.terms)


def bot_filter(text: str) -> BotFilter:
    """Read a filter; a minus or field without a word yet, as while it is being typed, asks for nothing.

    Raises:
        BadInput: there is no such field, or a figure is compared with something else than a number.
    """
    return BotFilter(tuple(_signed(term) for term in text.lower().split()))


def _signed(term: str) -> Holds:
    if term == "-":
        return _anything
    holds = _term(term.removeprefix("-"))
    return (lambda bot: not holds(bot)) if term.startswith("-") else holds


def _term(term: str) -> Holds:
    match = _TERM.fullmatch(term)
    if match is None:
        return _plain(term)
    name, relation, value = match.groups()
    if name in FIGURES:
        return _figure(name, relation, value)
    if name not in FIELDS:
        raise BadInput(f"there is no field {name}; fields are {', '.join((*FIELDS, *FIGURES))}")
    if relation not in ":=":
        raise BadInput(f"{name} is a word, so it takes : and not {relation}")
    wanted = [word for word in value.split(",") if word]
    if not wanted:
        return _anything
    field_name = FIELDS[name]
    return lambda bot: any(_is_said(bot, field_name, word, whole=field_name in WHOLE) for word in wanted)


def _plain(word: str) -> Holds:
    def holds(bot: Filterable) -> bool:
        said = any(_is_said(bot, name, word, whole=whole) for name, whole in PLAIN.items())
        return said or word == f"g{bot.figures['gen']}"

    return holds


def _is_said(bot: Filterable, name: str, word: str, *, whole: bool) -> bool:
    said = bot.words[name]
    if name == "source" and word == REAL:
        return said not in {"", SIMULATED.lower()}
    return said == word if whole else word in said


def _figure(name: str, relation: str, value: str) -> Holds:
    if not value:
        return _anything
    wanted = value.removeprefix("g") if name == "gen" else value
    if _NUMBER.fullmatch(wanted) is None:
        raise BadInput(f"{name} is compared with a number, was {value}")
    compare, number = RELATIONS[relation], float(wanted)

    def holds(bot: Filterable) -> bool:
        figure = bot.figures[name]
        return figure is not None and compare(figure, number)

    return holds


def _anything(_: Filterable) -> bool:
    return True
