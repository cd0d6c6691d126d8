"""The reference, sheet by sheet: instruments, archetypes, exits, session modes, costs, fills, gates.

Belongs here: which sheets there are, and making them from the tables and docstrings of `trading`, so that none can say
something else than what runs. Does not belong here: how a sheet looks (`render.py`, `reference.html`).
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import ModuleType

from trading.backtests import engine
from trading.books import Stage
from trading.governance.gates import DEMOTIONS, GATES, GateRule
from trading.market import instruments, sessions
from trading.market.instruments import INSTRUMENTS, MICRO_OF, Instrument
from trading.market.regimes import Regime
from trading.market.sessions import SESSION_ALIASES, SESSION_MODES, market_of, regular_hours
from trading.money import MICROS_PER_USD
from trading.strategies import kernels
from trading.strategies.archetypes import ARCHETYPES, Archetype, Family
from trading.strategies.genome import Number, Parameter, common_exits, schema
from trading.work.reasons import CHECK_WORDS, required_in_words

EXITS = {
    "atr_period": "Bars of the average true range, which every `_atr` number below is a multiple of.",
    "stop_atr": "Distance of the stop from the entry.",
    "target_atr": "Distance of the target; 0 is no target. Gap families aim at `fill_fraction` of the gap instead.",
    "trailing_atr": "Distance at which the stop trails the best price since entry; 0 is no trailing.",
    "break_even_atr": "Gain after which the stop moves to the entry; 0 is never.",
    "time_stop_bars": "Bars after which the position leaves at the next open; 0 is never.",
    "session_close_exit": "1 leaves at the last bar of a session, 0 holds through.",
}
KERNELS = {Family.TREND_CONTINUATION: kernels.trend}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; every cell is text."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (empty: none) over text and tables; text is in paragraphs, indented lines stand as they are."""

    title: str
    parts: tuple[str | Table, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the reference; its name is its address and its file."""

    name: str
    title: str
    sections: tuple[Section, ...]


def all_sheets() -> tuple[Sheet, ...]:
    """Return every sheet of the reference."""
    return (_instruments(), _archetypes(), _exits(), _session_modes(), _costs(), _fills(), _gates())


def _instruments() -> Sheet:
    heads = ("symbol", "exchange", "tick", "$ per point", "$ per tick", "day margin $", "traded as")
    rows = tuple(
        (
            root.symbol,
            root.exchange,
            f"{root.tick_size:f}",
            f"{root.usd_per_point:f}",
            _usd(root.tick_value_micros),
            f"{root.day_margin_usd:,}",
            MICRO_OF.get(root.symbol, root.symbol),
        )
        for root in INSTRUMENTS.values()
    )
    return Sheet(
        "instruments", "Instruments", (Section("", (Table(heads, rows), _words(instruments, after="Sources:"))),)
    )


def _archetypes() -> Sheet:
    by_family = groupby(sorted(ARCHETYPES.values(), key=lambda member: member.family), key=lambda member: member.family)
    introduction = "A signal at a bar's close is acted on at the next open; long and short mirror each other."
    return Sheet(
        "archetypes",
        "Archetypes",
        (Section("", (introduction,)), *(_family(family, tuple(members)) for family, members in by_family)),
    )


def _family(family: Family, members: Sequence[Archetype]) -> Section:
    kernel = KERNELS.get(family) or getattr(kernels, family.lower())
    rule = " ".join(inspect.cleandoc(kernel.__doc__ or "").split("\n\n")[0].split())
    words = rule.replace("Write the side of", "A signal in the direction of")
    words = words.replace("Write the side", "A signal").replace("Write a side", "A signal")
    regimes = tuple(
        (member.name, _regimes(member.affinity.favours), _regimes(member.affinity.avoids)) for member in members
    )
    return Section(
        family,
        (words, Table(("archetype", "favours", "avoids"), regimes), _numbers(members, _is_entry)),
    )


def _exits() -> Sheet:
    meaning = Table(("parameter", "meaning"), tuple(EXITS.items()))
    members = tuple(ARCHETYPES.values())
    defaults = tuple((member.name, *(_default(schema(member.name).get(name)) for name in EXITS)) for member in members)
    bounds = _numbers(members[:1], lambda row: not _is_entry(row))
    return Sheet(
        "exits",
        "Exits and their defaults",
        (
            Section("What each is", (meaning,)),
            Section("Bounds", (Table(bounds.heads[:-1], tuple(row[:-1] for row in bounds.rows)),)),
            Section("Defaults of every archetype", (Table(("archetype", *EXITS), defaults),)),
        ),
    )


def _session_modes() -> Sheet:
    aliases = tuple((mode, ", ".join(_aliases(mode))) for mode in SESSION_MODES)
    hours = tuple(
        (symbol, f"{opens:%H:%M}–{closes:%H:%M}", market_of(symbol).zone, market_of(symbol).calendar or "none")
        for symbol in INSTRUMENTS
        for opens, closes in (regular_hours(symbol),)
    )
    return Sheet(
        "session-modes",
        "Session modes",
        (
            Section("", (_words(sessions, after="Trading days begin"),)),
            Section("Other names of the modes", (Table(("mode", "is also"), aliases),)),
            Section("Regular hours", (Table(("symbol", "hours", "zone", "calendar"), hours),)),
        ),
    )


def _costs() -> Sheet:
    heads = ("symbol", "commission $/side", "slippage ticks/side", "slippage $/side", "round turn $")
    rows = tuple((root.symbol, *_costs_of(root)) for root in INSTRUMENTS.values())
    introduction = (
        "Every fill pays the commission. Market and stop fills also pay the slippage, against the order; a target is a "
        "limit order and pays none. The round turn is a trade that enters and leaves at the market, for one contract."
    )
    return Sheet("costs", "Costs", (Section("", (introduction, Table(heads, rows))),))


def _costs_of(root: Instrument) -> tuple[str, ...]:
    slippage = root.slippage_ticks * root.tick_value_micros
    fills = (_usd(root.commission_micros), str(root.slippage_ticks), _usd(slippage))
    return (*fills, _usd(2 * (root.commission_micros + slippage)))


def _fills() -> Sheet:
    return Sheet("fills", "Fills", (Section("", (_words(engine, after="Rules, in the order"),)),))


def _gates() -> Sheet:
    introduction = (
        "Every rule must hold in the book of the stage a bot leaves, since its reset. What is unknown does not hold."
    )
    rules = {stage: (*gate.figures, *gate.besides) for stage, gate in GATES.items()}
    codes = tuple(dict.fromkeys(rule.code for of_stage in rules.values() for rule in of_stage))
    heads = ("rule", *(f"{stage} → {stage.above}" for stage in rules))
    rows = tuple((CHECK_WORDS[code], *(_required(code, of_stage) for of_stage in rules.values())) for code in codes)
    down = tuple((f"{stage} → {stage.below}", _alternatives(stage)) for stage in DEMOTIONS)
    return Sheet(
        "gates",
        "Gates",
        (
            Section("Up", (introduction, Table(heads, rows))),
            Section("Down", ("One is enough, and no approval is asked for.", Table(("step", "when"), down))),
        ),
    )


def _required(code: str, rules: Iterable[GateRule]) -> str:
    return next((required_in_words(rule) for rule in rules if rule.code == code), "—")


def _alternatives(stage: Stage) -> str:
    alternatives = (" and ".join(map(_rule, alternative)) for alternative in DEMOTIONS[stage])
    return "; or ".join(alternatives)


def _rule(rule: GateRule) -> str:
    if rule.code == "NET_PNL_MICROS":
        return f"Net P&L $ {rule.relation} {rule.required / MICROS_PER_USD:g}"
    return f"{CHECK_WORDS[rule.code]} {required_in_words(rule)}"


def _numbers(members: Sequence[Archetype], wanted: Callable[[Parameter], bool]) -> Table:
    """The parameters of some archetypes of one family with their bounds, and the default of each archetype."""
    rows = [row for row in schema(members[0].name).values() if wanted(row)]
    heads = ("parameter", "unit", "from", "to", "step", *(member.name for member in members))
    cells = tuple(
        (
            *(row.name, row.unit, f"{row.low:g}", f"{row.high:g}", f"{row.step:g}"),
            *(_default(schema(member.name)[row.name]) for member in members),
        )
        for row in rows
    )
    return Table(heads, cells)


def _is_entry(row: Parameter) -> bool:
    return row.name not in {exit_row.name for exit_row in common_exits(1)}


def _default(row: Parameter | None) -> str:
    return "—" if row is None else _number(row.default)


def _number(value: Number) -> str:
    return f"{value:g}"


def _regimes(some: Iterable[Regime]) -> str:
    return ", ".join(regime.replace("_", " ").lower() for regime in sorted(some)) or "—"


def _aliases(mode: str) -> list[str]:
    return [alias for alias, of in SESSION_ALIASES.items() if of == mode and alias != mode.lower()]


def _usd(micros: int) -> str:
    whole = f"{micros / MICROS_PER_USD:.6f}".rstrip("0").rstrip(".")
    head, _, cents = whole.partition(".")
    return f"{int(head):,}.{cents:0<2}" if cents else f"{int(head):,}"


def _words(module: ModuleType, *, after: str) -> str:
    """The docstring of a module from the paragraph on that begins so."""
    text = inspect.cleandoc(module.__doc__ or "")
    return text[text.index(after) :]
