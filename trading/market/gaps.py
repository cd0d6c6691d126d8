"""Holes in a bar series, measured against the sessions of its market.

Belongs here: how much trading time has no bars. Does not belong here: refusing anything; a gap is reported.
"""

from dataclasses import dataclass

import numpy as np

from trading.arrays import IntArray
from trading.market.bars import Bars, timeframe_ns
from trading.market.sessions import ETH, TradingSessions, session_spans, trading_days, utc_instant
from trading.words import counted


@dataclass(frozen=True, slots=True)
class Gaps:
    """Holes between the first and the last bar.

    Attributes:
        holes: Number of places where at least one bar of a session is missing.
        missing_bars: Bars missing in all of them; minutes without a trade count too.
        largest_bars: Bars missing in the largest.
        largest_after_ts: Open of the bar before the largest, UTC nanoseconds; 0 without a hole.
    """

    holes: int
    missing_bars: int
    largest_bars: int
    largest_after_ts: int


def gaps_of(bars: Bars) -> Gaps:
    """Return the holes of a series against its exchange's electronic sessions (ETH)."""
    days = trading_days(bars.symbol, bars.ts_event)
    sessions = session_spans(bars.symbol, mode=ETH, first_day=int(days[0]), last_day=int(days[-1]))
    missing = _missing_days(days, sessions) if bars.timeframe == "1d" else _missing_bars(bars, sessions)
    if not missing.any():
        return Gaps(0, 0, 0, 0)
    largest = int(np.argmax(missing))
    return Gaps(
        holes=int((missing > 0).sum()),
        missing_bars=int(missing.sum()),
        largest_bars=int(missing[largest]),
        largest_after_ts=int(bars.ts_event[largest]),
    )


def gaps_note(symbol: str, gaps: Gaps) -> str | None:
    """Return the sentence about the holes of a series, or None if there are none."""
    if gaps.holes == 0:
        return None
    return (
        f"{symbol}: {counted(gaps.missing_bars, 'bar')} missing in {counted(gaps.holes, 'place')} of its sessions, "
        f"the most ({gaps.largest_bars:,}) after {utc_instant(gaps.largest_after_ts):%Y-%m-%d %H:%M} UTC"
    )


def _missing_days(days: IntArray, sessions: TradingSessions) -> IntArray:
    next_session = np.searchsorted(sessions.trading_day, days, side="right")
    arrived = np.searchsorted(sessions.trading_day, days, side="left")
    skipped: IntArray = np.maximum(arrived[1:] - next_session[:-1], 0).astype(np.int64)
    return skipped


def _missing_bars(bars: Bars, sessions: TradingSessions) -> IntArray:
    length_ns = timeframe_ns(bars.timeframe)
    open_until_start = open_time_ns(bars.ts_event, sessions)
    open_until_end = open_time_ns(bars.ts_event + length_ns, sessions)
    closed_out: IntArray = np.maximum(open_until_start[1:] - open_until_end[:-1], 0) // length_ns
    return closed_out


def open_time_ns(instants: IntArray, sessions: TradingSessions) -> IntArray:
    """Return how long the market was open before each instant, since the first of the sessions, shape (n_instants,)."""
    if len(sessions) == 0:
        return np.zeros(len(instants), np.int64)
    pauses = sessions.pause_close_ns - sessions.pause_open_ns
    before = np.append(0, np.cumsum(sessions.close_ns - sessions.open_ns - pauses))
    at = np.searchsorted(sessions.open_ns, instants, side="right") - 1
    inside = np.maximum(at, 0)
    elapsed = np.minimum(instants, sessions.close_ns[inside]) - sessions.open_ns[inside]
    paused = np.clip(instants - sessions.pause_open_ns[inside], 0, pauses[inside])
    return np.where(at < 0, 0, before[inside] + elapsed - paused)
