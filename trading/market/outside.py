"""Bars outside every session: how many there are, and what they look like.

Belongs here: the count that an import tells, and the mistakes in time stamps it knows. Does not belong here: refusing
or moving anything; holes (`gaps.py`).

A bar is outside where its exchange's electronic session (ETH) is closed from its stamp to its end; a daily bar where
its trading day has no session. An hour that begins in a pause and reaches into the session (grains, Eurex) is no
mistake, although no entry is allowed at its open. A mistake is named only where undoing it leaves at most a tenth of
those bars outside, and, for bars within a day, where at least every second trading day has one: a stray print is no
mistake of the clock. Stamps an hour late are taken for stamps at the close; local time an hour away looks the same. A
place is named where its time alone fits best: bars of a few hours a day fit several.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.market.bars import Bars, timeframe_ns
from trading.market.gaps import open_time_ns
from trading.market.sessions import ETH, NANOSECONDS_PER_DAY, session_index, session_spans, trading_days

MOST_LEFT = 0.1
LEAST_DAYS = 0.5
AT_CLOSE = "stamped at the close"

_PLACES = (
    ("New York", "America/New_York"),
    ("Chicago", "America/Chicago"),
    ("London", "Europe/London"),
    ("Berlin", "Europe/Berlin"),
    ("Hong Kong", "Asia/Hong_Kong"),
    ("Tokyo", "Asia/Tokyo"),
    ("Sydney", "Australia/Sydney"),
)
_LOCAL_TIME = "local time{} written as UTC"

_FRIDAY, _SUNDAY = 4, 6


def outside_note(bars: Bars) -> str | None:
    """Return the sentence about bars outside every session, with the mistake they look like; None if there are none."""
    outside = _outside(bars)
    count = int(outside.sum())
    if count == 0:
        return None
    looks = _looks_like(bars, outside)
    like = f", as if {looks}" if looks else ""
    return f"{bars.symbol}: {count:,} of {len(bars):,} bars lie outside every session{like}"


def _outside(bars: Bars) -> BoolArray:
    closed = ~session_index(bars, mode=ETH).is_open
    if bars.timeframe == "1d" or not closed.any():
        return closed
    days = trading_days(bars.symbol, bars.ts_event[[0, -1]])
    sessions = session_spans(bars.symbol, mode=ETH, first_day=int(days[0]), last_day=int(days[1]))
    ends = bars.ts_event + timeframe_ns(bars.timeframe)
    never_open: BoolArray = open_time_ns(bars.ts_event, sessions) == open_time_ns(ends, sessions)
    return closed & never_open


def _looks_like(bars: Bars, outside: BoolArray) -> str | None:
    days = trading_days(bars.symbol, bars.ts_event)
    if bars.timeframe == "1d":
        if _are_all_sundays(days, outside):
            return "Sunday evening were a day of its own"
    elif len(np.unique(days[outside])) < LEAST_DAYS * len(np.unique(days)):
        return None
    left = {looks: int(_outside(replace(bars, ts_event=at)).sum()) for looks, at in _undone(bars)}
    fewest = min(left.values())
    likely = [looks for looks, count in left.items() if count == fewest]
    if fewest > MOST_LEFT * int(outside.sum()):
        return None
    several_places = len(likely) > 1 and likely[0] != AT_CLOSE
    return _LOCAL_TIME.format("") if several_places else likely[0]


def _are_all_sundays(days: IntArray, outside: BoolArray) -> bool:
    weekday = (days + 3) % 7
    return bool((weekday[outside] == _SUNDAY).all() and 2 * (weekday == _FRIDAY).sum() >= outside.sum())


def _undone(bars: Bars) -> Iterator[tuple[str, IntArray]]:
    """Yield each mistake in words and the stamps without it."""
    yield AT_CLOSE, bars.ts_event - timeframe_ns(bars.timeframe)
    if bars.timeframe == "1d":
        yield "dated by another midnight", bars.ts_event + NANOSECONDS_PER_DAY // 2
        return
    for place, zone in _PLACES:
        yield _LOCAL_TIME.format(f" ({place})"), bars.ts_event - _offsets_ns(ZoneInfo(zone), bars.ts_event)


def _offsets_ns(zone: ZoneInfo, local: IntArray) -> IntArray:
    days, day_of = np.unique(local // NANOSECONDS_PER_DAY, return_inverse=True)
    noons = (datetime.fromtimestamp(int(day) * 86_400 + 43_200, UTC).replace(tzinfo=zone) for day in days)
    offsets = [round(noon.utcoffset().total_seconds()) * 1_000_000_000 for noon in noons]  # type: ignore[union-attr]
    return np.array(offsets, np.int64)[day_of]
