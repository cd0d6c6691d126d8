"""The tape: one bar series with its sessions, laid out for the compiled loops. Built once, run many times.

Belongs here: raw execution prices, indicator prices without roll gaps, and one byte of session facts per bar (`gate`).
Does not belong here: calendars (`market/sessions.py`), indicators, entry rules, fills.

Rolls: on a continuous series the step from the last close of the old contract to the first open of the new one is no
move anybody could trade. Execution uses raw prices and never holds across it. Indicator prices are adjusted forward:
from a roll on, all prices are shifted so that the new contract opens where the old one closed. Only past bars are
needed for that, so a later roll never rewrites history, and every entry rule depends on price differences alone.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trading.arrays import BoolArray, FloatArray, GateArray, IntArray, PriceArray
from trading.compiling import collector_paused
from trading.errors import BadBars
from trading.market.bars import Bars, require_valid
from trading.strategies import kernels

Scalar = TypeVar("Scalar", bound=np.generic)

OPEN, HIGH, LOW, CLOSE = range(4)
WIDEST_TICKS = 2**30


class BarSessions(Protocol):
    """What the tape needs to know of a session index; all arrays have shape (n_bars,)."""

    @property
    def trading_day(self) -> IntArray:
        """Trading date of each bar, days since 1970-01-01."""

    @property
    def is_open(self) -> BoolArray:
        """Whether the bar lies inside the session mode."""

    @property
    def is_last(self) -> BoolArray:
        """Whether the bar is the last one of its session, by the clock."""


@dataclass(frozen=True)
class Tape:
    """A series ready to be run. Columns have shape (n_bars,), oldest first, read-only.

    Attributes:
        prices: Raw open, high, low and close in ticks, shape (4, n_bars): half the width, twice the speed.
        volume: Contracts traded.
        trading_day: Trading date of each bar, days since 1970-01-01.
        gate: One byte per bar, a sum of `kernels.IN_SESSION`, `FILL_NEXT` (an order may fill at the next bar's open:
            both bars in session, same contract), `SESSION_LAST`, `ROLL_NEXT`, `SESSION_START` (the first in-session
            bar of a trading day whose beginning the history shows), `SESSION_CUT` (the session is over by the next bar,
            and its last bar is missing: an exit may fill at the next open, which is the first to show it).
        roll_count: How many contract changes the series has.
        has_volume: False if volume is unknown (all zero).
    """

    prices: PriceArray
    volume: IntArray
    trading_day: IntArray
    gate: GateArray
    roll_count: int
    has_volume: bool

    def __len__(self) -> int:
        return len(self.gate)

    @cached_property
    def open(self) -> FloatArray:
        """Indicator open, forward-adjusted at rolls."""
        return self._adjusted(OPEN)

    @cached_property
    def high(self) -> FloatArray:
        """Indicator high, forward-adjusted at rolls."""
        return self._adjusted(HIGH)

    @cached_property
    def low(self) -> FloatArray:
        """Indicator low, forward-adjusted at rolls."""
        return self._adjusted(LOW)

    @cached_property
    def close(self) -> FloatArray:
        """Indicator close, forward-adjusted at rolls."""
        return self._adjusted(CLOSE)

    @cached_property
    def weight(self) -> FloatArray:
        """Volume as a weight; 1 for every bar where the series has no volume."""
        return read_only(self.volume.astype(np.float64) if self.has_volume else np.ones(len(self)))

    @cached_property
    def travel_ticks(self) -> float:
        """Upper bound of what any sequence of trades without costs can win or lose per contract, in ticks."""
        return float(kernels.travel(self.prices))

    @cached_property
    def widest_ticks(self) -> int:
        """Largest absolute price, in ticks."""
        return max(int(self.prices.max()), -int(self.prices.min()))

    def until(self, bar: int) -> "Tape":
        """Return the history up to and including `bar`, as it was known at that bar's close."""
        return self.part(0, bar + 1)

    def part(self, first_bar: int, end_bar: int) -> "Tape":
        """Return bars first_bar..end_bar-1 as a tape of its own; indicators warm up again inside it."""
        kept = slice(first_bar, end_bar)
        columns = {name: getattr(self, name)[kept] for name in ("volume", "trading_day", "gate")}
        return replace(self, prices=read_only(self.prices[:, kept]), **columns)

    def _adjusted(self, row: int) -> FloatArray:
        if not self.roll_count:
            return read_only(self.prices[row].astype(np.float64))
        out = np.empty(len(self))
        kernels.forward_adjusted(self.prices, row, self.gate, out)
        return read_only(out)


@collector_paused()
def tape_of(bars: Bars, sessions: BarSessions) -> Tape:
    """Lay a bar series and its sessions out for the compiled loops.

    Raises:
        BadBars: the series breaks a rule of `bars.require_valid`, a price leaves 2**30 ticks, or the sessions have
            another length.
    """
    require_valid(bars)
    if any(len(column) != len(bars) for column in (sessions.trading_day, sessions.is_open, sessions.is_last)):
        raise BadBars(f"the session index must have one value per bar ({len(bars)})")
    if bars.high_ticks.max() > WIDEST_TICKS or bars.low_ticks.min() < -WIDEST_TICKS:
        raise BadBars(f"prices must stay within {WIDEST_TICKS} ticks of zero")
    trading_day, contract = read_only(sessions.trading_day), read_only(bars.contract)
    gate = np.empty(len(bars), np.uint8)
    roll_count = kernels.gate_of(trading_day, read_only(sessions.is_open), read_only(sessions.is_last), contract, gate)
    prices = np.empty((4, len(bars)), np.int32)
    for row, column in enumerate((bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)):
        prices[row] = column
    return Tape(read_only(prices), read_only(bars.volume), trading_day, read_only(gate), roll_count, bars.has_volume)


def read_only(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a contiguous read-only view, so that the compiled loops see one array type for own and mapped memory."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view
