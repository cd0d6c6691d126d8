"""Longer bars from shorter ones, exactly.

Belongs here: which bars belong to one longer bar, and its open, high, low, close and volume. Does not belong here:
where the result is stored, which timeframes a provider already has.
"""

import numpy as np
from numpy.typing import NDArray

from trading.arrays import IntArray
from trading.errors import UnknownTimeframe
from trading.market.bars import TIMEFRAME_SECONDS, Bars, bars_from_columns, timeframe_ns
from trading.market.sessions import day_opens, trading_days


def longer_timeframes(timeframe: str) -> tuple[str, ...]:
    """Return the timeframes that bars of this one can be aggregated to, shortest first."""
    return tuple(
        longer for longer, seconds in TIMEFRAME_SECONDS.items() if seconds * 1_000_000_000 > timeframe_ns(timeframe)
    )


def aggregate(bars: Bars, timeframe: str) -> Bars:
    """Return the bars of a longer timeframe made of these.

    Intraday bars begin on the UTC clock (every full 5, 15 or 60 minutes) and never join two trading days; a daily bar
    is one trading day, stamped with the day's start (18:00 New York the evening before). A bar never joins two
    contracts: where a roll falls inside one, the second part becomes a bar of its own, stamped with its first bar.
    A longer bar is made of the bars there are: missing minutes are not invented.

    Args:
        bars: At least one bar of a shorter timeframe.
        timeframe: The longer timeframe.

    Raises:
        UnknownTimeframe: no such timeframe, or not longer than that of the bars.
    """
    if timeframe_ns(timeframe) <= timeframe_ns(bars.timeframe):
        raise UnknownTimeframe(f"bars of {bars.timeframe} only make longer bars, was {timeframe}")
    days = trading_days(bars.symbol, bars.ts_event)
    stamps = _stamps(bars, timeframe, days)
    starts = _starts(stamps, days, bars.contract)
    ends = np.append(starts[1:], len(bars)) - 1
    first_of_stamp = np.diff(stamps[starts], prepend=stamps[0] - 1) > 0
    columns = np.stack(
        [
            np.where(first_of_stamp, stamps[starts], bars.ts_event[starts]),
            bars.open_ticks[starts],
            np.maximum.reduceat(bars.high_ticks, starts),
            np.minimum.reduceat(bars.low_ticks, starts),
            bars.close_ticks[ends],
            np.add.reduceat(bars.volume, starts),
            bars.contract[starts],
        ]
    )
    return bars_from_columns(columns, symbol=bars.symbol, timeframe=timeframe, provider=bars.provider)


def _stamps(bars: Bars, timeframe: str, days: IntArray) -> IntArray:
    if timeframe == "1d":
        return day_opens(bars.symbol, days)
    length_ns = timeframe_ns(timeframe)
    return bars.ts_event // length_ns * length_ns


def _starts(stamps: IntArray, days: IntArray, contract: IntArray) -> NDArray[np.intp]:
    changes = (np.diff(stamps) != 0) | (np.diff(days) != 0) | (np.diff(contract) != 0)
    return np.append(0, np.flatnonzero(changes) + 1)
