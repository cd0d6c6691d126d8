"""Which of several series of one symbol and timeframe bots trade on, and why.

Belongs here: the pure choice, its numbers, its reasons in words. Does not belong here: where series lie and what a
person chose (`store/market/bars.py`), who trades them (`services/market/choice.py`).

A series a person prefers is always the one. Else real bars go first where they cover enough to search and judge on:
twenty days of them do not take bots from two simulated years. Where none cover enough the longest series is traded; of
equally long ones a real one before a simulated one, then the latest, the first by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from trading.market.bars import SIMULATED

LEAST_DAYS = 455
"""A year to choose on and the quarter to judge on: one segment of the default walk-forward at its full length."""
LEAST_BARS = 250
"""The daily bars of a year, the fewest that any timeframe has over that span; fewer are mostly holes."""

_DAY_NS = 86_400_000_000_000


class Offered(Protocol):
    """What the choice looks at in a series."""

    @property
    def provider(self) -> str:
        """Where its bars come from."""

    @property
    def bars(self) -> int:
        """How many it has."""

    @property
    def first_ts(self) -> int:
        """Open of its first bar, UTC nanoseconds."""

    @property
    def last_ts(self) -> int:
        """Open of its last bar, UTC nanoseconds."""


class Ground(StrEnum):
    """Why a series is the one that is traded."""

    PREFERRED = "PREFERRED"
    REAL_AND_COVERS = "REAL_AND_COVERS"
    SIMULATED_ALONE = "SIMULATED_ALONE"
    REAL_TOO_SHORT = "REAL_TOO_SHORT"
    NOTHING_LONGER = "NOTHING_LONGER"


ENOUGH = f"{LEAST_DAYS} days and {LEAST_BARS} bars"
WORDS: Mapping[Ground, str] = MappingProxyType(
    {
        Ground.PREFERRED: "a person chose it",
        Ground.REAL_AND_COVERS: f"real bars that cover enough ({ENOUGH})",
        Ground.SIMULATED_ALONE: "there are no real bars",
        Ground.REAL_TOO_SHORT: f"the real bars there are cover less than {ENOUGH}",
        Ground.NOTHING_LONGER: f"it covers less than {ENOUGH}, but nothing longer is there",
    }
)

Series = TypeVar("Series", bound=Offered)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Series]):
    """The series that is traded, and why."""

    series: Series
    ground: Ground


def covers_enough(series: Offered) -> bool:
    """Return whether a series is long enough to be searched and judged on: `LEAST_DAYS` and `LEAST_BARS`."""
    return series.last_ts - series.first_ts >= LEAST_DAYS * _DAY_NS and series.bars >= LEAST_BARS


def choose(offered: Sequence[Series], *, preferred: str | None = None) -> Choice[Series] | None:
    """Return which series of one symbol and timeframe is traded; None where none is offered.

    Args:
        offered: All that may be traded, in any order, one per provider.
        preferred: The provider a person prefers; one that is not offered counts for nothing.
    """
    for series in offered:
        if series.provider == preferred:
            return Choice(series, Ground.PREFERRED)
    if not offered:
        return None
    best = min(offered, key=_rank)
    return Choice(best, _ground(best, offered))


def _rank(series: Offered) -> tuple[bool, int, bool, int, str]:
    is_simulated = series.provider == SIMULATED
    return is_simulated or not covers_enough(series), -series.bars, is_simulated, -series.last_ts, series.provider


def _ground(best: Offered, offered: Sequence[Offered]) -> Ground:
    if best.provider == SIMULATED:
        alone = all(series.provider == SIMULATED for series in offered)
        return Ground.SIMULATED_ALONE if alone else Ground.REAL_TOO_SHORT
    return Ground.REAL_AND_COVERS if covers_enough(best) else Ground.NOTHING_LONGER
