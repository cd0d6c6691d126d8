"""Planted edges: what the market simulator can hide in a made-up market, and how strong it is for one who knows it.

Belongs here: the kinds, their strength, and how a person writes them. Does not belong here: the loop that pushes
prices (`kernels.py`), what an oracle earned (`verification/planted.py`), where the truth is kept: no bot may read it.

An edge's strength is the annualised Sharpe ratio, before costs, of an oracle that knows it: it holds one contract the
way the edge pushes, from the open of the first minute it pushes to the close of the last, and nothing otherwise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trading.errors import BadInput
from trading.market.instruments import instrument
from trading.words import did_you_mean

STRONGEST = 20.0
NO_PLANTS = "none"


class EdgeKind(StrEnum):
    """What is planted, in regular hours.

    Attributes:
        MOMENTUM: From the second hour on, each hour goes on the way the hour before it went.
        REVERSION: From the second hour on, each hour goes back the way the hour before it came.
        OPENING_RANGE: Once the price has left the range of the first half hour, it goes on that way to the close.
        SESSION_DRIFT: The first two hours rise.
        GAP: The first two hours go back towards the close of the session before.
    """

    MOMENTUM = "MOMENTUM"
    REVERSION = "REVERSION"
    OPENING_RANGE = "OPENING_RANGE"
    SESSION_DRIFT = "SESSION_DRIFT"
    GAP = "GAP"


EFFECTIVE_MINUTES: Mapping[EdgeKind, float] = MappingProxyType(
    {
        EdgeKind.MOMENTUM: 54_500.0,
        EdgeKind.REVERSION: 54_500.0,
        EdgeKind.OPENING_RANGE: 55_800.0,
        EdgeKind.SESSION_DRIFT: 22_400.0,
        EdgeKind.GAP: 22_400.0,
    }
)
"""Minutes a year of equal loudness that a kind's minutes are worth to its oracle: 252 (mean Σσ)² / mean Σσ² of a day.

Means over twelve markets of four years with nothing that follows; between roots they differ by a sixth, and an oracle's
Sharpe ratio by a twelfth. Loud days weigh
more as risk than as gain, so it is less than the minutes.
"""


@dataclass(frozen=True, slots=True)
class Plant:
    """An edge to plant.

    Attributes:
        kind: What it is.
        sharpe: Annualised Sharpe ratio of its oracle before costs, above 0 and at most 20.

    Raises:
        BadInput: another strength.
    """

    kind: EdgeKind
    sharpe: float

    def __post_init__(self) -> None:
        if not 0.0 < self.sharpe <= STRONGEST:
            raise BadInput(f"a planted edge needs a Sharpe ratio above 0, at most {STRONGEST:g}, was {self.sharpe}")

    @property
    def code(self) -> int:
        """What the loop that pushes prices calls its kind."""
        from trading.market import kernels

        return {
            EdgeKind.MOMENTUM: kernels.MOMENTUM,
            EdgeKind.REVERSION: kernels.REVERSION,
            EdgeKind.OPENING_RANGE: kernels.OPENING_RANGE,
            EdgeKind.SESSION_DRIFT: kernels.SESSION_DRIFT,
            EdgeKind.GAP: kernels.GAP,
        }[self.kind]

    @property
    def words(self) -> str:
        """What it is, to a person."""
        return f"{self.kind} of Sharpe ratio {self.sharpe:g}"

    @property
    def lift(self) -> float:
        """How far it moves each of its minutes, in the minute's standard deviations."""
        return self.sharpe / math.sqrt(EFFECTIVE_MINUTES[self.kind])


def plant_of(text: str) -> Plant:
    """Read an edge as a person writes it: `MOMENTUM:8`, capitals aside.

    Raises:
        BadInput: no such kind, no number, or a strength that is out of bounds.
    """
    name, _, number = text.strip().partition(":")
    if name.upper() not in EdgeKind.__members__:
        meant = did_you_mean(name, EdgeKind.__members__)
        raise BadInput(f"what is planted must be one of {', '.join(EdgeKind)}, was {name!r}{meant}")
    try:
        sharpe = float(number)
    except ValueError:
        raise BadInput(f"an edge is written KIND:SHARPE, as {name.upper()}:8, was {text.strip()!r}") from None
    return Plant(EdgeKind[name.upper()], sharpe)


def plants_of(text: str) -> dict[str, Plant]:
    """Read edges by symbol as a person writes them: `MES=MOMENTUM:8,MCL=GAP:6`; `none`, or nothing, for none.

    Raises:
        BadInput: an edge that `plant_of` refuses, one without a symbol, or two of one symbol.
        UnknownInstrument: no such symbol.
    """
    plants: dict[str, Plant] = {}
    for part in [] if text.strip().lower() in ("", NO_PLANTS) else text.split(","):
        symbol, equals, edge = part.strip().partition("=")
        if not equals:
            raise BadInput(f"planted edges are written SYMBOL=KIND:SHARPE, comma between, was {part.strip()!r}")
        if instrument(symbol).symbol in plants:
            raise BadInput(f"a market has one planted edge, was given two for {symbol}")
        plants[symbol] = plant_of(edge)
    return plants
