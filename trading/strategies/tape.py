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

from trading.errors import BadBars
from trading.market.bars import Bars, require_valid
from trading.strategies import kernels

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


class Sessions(Protocol):
    """What the tape needs to know of a session index; all arrays have shape (n_bars,)."""

    @property
    def trading_day(self) -> IntArray:
        """Trading date of each bar, days since 1970-01-01."""

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """Whether the bar lies inside the session mode."""

    @property
    def is_last(self) -> NDArray[np.bool_]:
        """Whether the bar is the last one of its session."""


@dataclass(frozen=True)
class Tape:
    """A series ready to be run. Integer columns are raw ticks, shape (n_bars,), oldest first, read-only.

    Attributes:
        gate: One byte per bar, a sum of `kernels.IN_SESSION`, `FILL_NEXT` (an order may fill at the next bar's open:
            both bars in session, same contract), `SESSION_LAST`, `ROLL_NEXT`, `SESSION_START` (the first in-session
            bar of a trading day whose beginning the history shows).
        roll_count: How many contract changes the series has.
        has_volume: False if volume is unknown (all zero).
    """

    open_ticks: IntArray
    high_ticks: IntArray
    low_ticks: IntArray
    close_ticks: IntArray
    volume: IntArray
    trading_day: IntArray
    gate: NDArray[np.uint8]
    roll_count: int
    has_volume: bool

    def __len__(self) -> int:
        return len(self.gate)

    @cached_property
    def open(self) -> FloatArray:
        """Indicator open, forward-adjusted at rolls."""
        return self._adjusted(self.open_ticks)

    @cached_property
    def high(self) -> FloatArray:
        """Indicator high, forward-adjusted at rolls."""
        return self._adjusted(self.high_ticks)

    @cached_property
    def low(self) -> FloatArray:
        """Indicator low, forward-adjusted at rolls."""
        return self._adjusted(self.low_ticks)

    @cached_property
    def close(self) -> FloatArray:
        """Indicator close, forward-adjusted at rolls."""
        return self._adjusted(self.close_ticks)

    @cached_property
    def weight(self) -> FloatArray:
        """Volume as a weight; 1 for every bar where the series has no volume."""
        return read_only(self.volume.astype(np.float64) if self.has_volume else np.ones(len(self)))

    @cached_property
    def travel_ticks(self) -> float:
        """Upper bound of what any sequence of trades without costs can win or lose per contract, in ticks."""
        ranges = np.subtract(self.high_ticks, self.low_ticks, dtype=np.float64).sum()
        jumps = np.abs(np.subtract(self.open_ticks[1:], self.close_ticks[:-1], dtype=np.float64)).sum()
        return float(2.0 * ranges + jumps)

    @cached_property
    def widest_ticks(self) -> int:
        """Largest absolute price, in ticks."""
        return max(abs(int(self.high_ticks.max())), abs(int(self.low_ticks.min())))

    def until(self, bar: int) -> "Tape":
        """Return the history up to and including `bar`, as it was known at that bar's close."""
        return self.part(0, bar + 1)

    def part(self, first_bar: int, end_bar: int) -> "Tape":
        """Return bars first_bar..end_bar-1 as a tape of its own; indicators warm up again inside it."""
        kept = slice(first_bar, end_bar)
        columns = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume", "trading_day", "gate")
        return replace(self, **{name: getattr(self, name)[kept] for name in columns})

    def _adjusted(self, values: IntArray) -> FloatArray:
        if not self.roll_count:
            return read_only(values.astype(np.float64))
        out = np.empty(len(self))
        kernels.forward_adjusted(values, self.open_ticks, self.close_ticks, self.gate, out)
        return read_only(out)


def tape_of(bars: Bars, sessions: Sessions) -> Tape:
    """Lay a bar series and its sessions out for the compiled loops.

    Raises:
        BadBars: the series breaks a rule of `bars.require_valid`, or the sessions have another length.
    """
    require_valid(bars)
    if any(len(column) != len(bars) for column in (sessions.trading_day, sessions.is_open, sessions.is_last)):
        raise BadBars(f"the session index must have one value per bar ({len(bars)})")
    trading_day, contract = read_only(sessions.trading_day), read_only(bars.contract)
    gate = np.empty(len(bars), np.uint8)
    is_open, is_last = read_only(sessions.is_open), read_only(sessions.is_last)
    roll_count = kernels.gate_of(trading_day, is_open, is_last, contract, gate)
    return Tape(
        open_ticks=read_only(bars.open_ticks),
        high_ticks=read_only(bars.high_ticks),
        low_ticks=read_only(bars.low_ticks),
        close_ticks=read_only(bars.close_ticks),
        volume=read_only(bars.volume),
        trading_day=trading_day,
        gate=read_only(gate),
        roll_count=roll_count,
        has_volume=bars.has_volume,
    )


def read_only(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a contiguous read-only view, so that the compiled loops see one array type for own and mapped memory."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view
