"""The front month: which contract stands in a continuous series on each trading day.

Belongs here: the rule that joins contracts to one series. Does not belong here: how contracts are named
(`contracts.py`), what a strategy does at a roll.

The days before decide. The series rolls to a later month on the day after that month traded more than the front month
did, counted on the last day on which the front month had bars, and

- at least half of what the front month usually trades (the median of its last `USUAL_DAYS` days), so that a day cut
  short in the file decides nothing;
- the day before said the same, unless the front month is within `ROLL_DAYS` of the earliest day on which its root may
  trade last (`_EARLIEST_END`).

Where several later months did, the one that traded most on the lesser of the two days is next, so that one odd day of a
far month decides nothing either. The series never goes back to an earlier month, and ties go to the nearer one.

Where the front month has no bars on a day, the day is a hole of the file if it comes back within `HOLE_DAYS` trading
days; if it comes back at all while it is not within `ROLL_DAYS` of its end; or if the file ends within `HOLE_DAYS`, the
month is not over then, and the later one stood beside it before (in a file whose months follow each other it did not).
It stays the front month then and the day has no bars, which the import tells. That it comes back is read from later
rows; no price and no volume of theirs enters. Where it does not come back it has ended, and the volume of that day
decides among the later months. Files without volume therefore stay in the nearest month until it ends.

Nothing lies before the first day, so the first `HOLE_DAYS` decide: of the month that trades most on the first day and
those before it, the one that usually trades most on its days among them (the median).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.words import counted

ROLL_DAYS = 30
USUAL_DAYS = 5
HOLE_DAYS = 5

_REMEMBERED_DAYS = 20

_EARLIEST_END: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(("CL", "MCL"), (-1, 17)),
        **dict.fromkeys(("NG", "RB", "HO"), (-1, 23)),
        **dict.fromkeys(("GC", "MGC", "SI", "SIL", "HG", "MHG", "PL", "BTC", "MBT", "ETH", "MET"), (0, 23)),
        **dict.fromkeys(("ZT", "ZF", "ZN", "TN", "ZB", "UB"), (0, 17)),
    }
)
"""Months from the contract month, and the day there, before which no contract of the root has its last trading day.

Crude ends three business days before the 25th, gas and products in the last days of the month before; metals and
crypto in the last days of the month, bonds in its fourth week. All others end about the middle of their month.
"""

_MIDDLE_OF_MONTH = (0, 12)


@dataclass(frozen=True, slots=True)
class _History:
    """Trading days in order, and per day and month: volume, and whether there are bars; when each month may end."""

    days: IntArray
    traded: IntArray
    has_bars: BoolArray
    ends: IntArray


def front_month(days: IntArray, contract: IntArray, volume: IntArray, *, root: str) -> BoolArray:
    """Return which bars belong to the front month of their trading day, by the rule on the module's first page.

    Args:
        days: Trading day of each bar, shape (n_bars,), any order.
        contract: Contract month of each bar.
        volume: Volume of each bar.
        root: The root all of them belong to.

    Returns:
        Shape (n_bars,): true for the bars of the front-month series. A day may have none.
    """
    months, month_of = np.unique(contract, return_inverse=True)
    trading, day_of = np.unique(days, return_inverse=True)
    traded = np.zeros((len(trading), len(months)), np.int64)
    has_bars = np.zeros(traded.shape, np.bool_)
    np.add.at(traded, (day_of, month_of), volume)
    has_bars[day_of, month_of] = True
    front = _front(_History(trading, traded, has_bars, _ends(root, months)))
    return np.asarray(front[day_of] == month_of)


def holes_note(root: str, days: IntArray, kept: BoolArray) -> str | None:
    """Return the sentence about trading days on which only other months have bars, or None if there are none."""
    holes = np.setdiff1d(days, days[kept])
    if len(holes) == 0:
        return None
    first = date(1970, 1, 1) + timedelta(days=int(holes[0]))
    return f"{root}: {counted(len(holes), 'trading day')} without bars of the front month left out, the first {first}"


def _ends(root: str, months: IntArray) -> IntArray:
    offset, day = _EARLIEST_END.get(root, _MIDDLE_OF_MONTH)
    since_1970 = (months // 100 - 1970) * 12 + months % 100 - 1 + offset
    return np.asarray(since_1970.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1, np.int64)


def _front(history: _History) -> IntArray:
    front = np.zeros(len(history.days), np.int64)
    current = _first(history)
    for day in range(len(front)):
        current = _next(history, day, current)
        front[day] = current
    return front


def _first(history: _History) -> int:
    busiest = _busiest(history.traded[0], history.has_bars[0], 0)
    has_bars = history.has_bars[:HOLE_DAYS, : busiest + 1]
    usual = [
        np.median(traded[with_bars]) if with_bars.any() else -1.0
        for traded, with_bars in zip(history.traded[:HOLE_DAYS].T, has_bars.T, strict=False)
    ]
    return int(np.argmax(usual))


def _next(history: _History, day: int, current: int) -> int:
    start = max(0, day - _REMEMBERED_DAYS)
    with_bars = start + np.flatnonzero(history.has_bars[start:day, current])
    if len(with_bars):
        lead = _lead(history, current, with_bars)
        if (
            lead != current
            and history.has_bars[day, lead]
            and _outtraded(history, day, current, lead=lead, with_bars=with_bars)
        ):
            return lead
    if history.has_bars[day, current] or _is_hole(history, day, current):
        return current
    return _busiest(history.traded[day], history.has_bars[day], current)


def _lead(history: _History, current: int, with_bars: IntArray) -> int:
    last_two = history.traded[with_bars[-2:], current:]
    ahead = last_two[-1] > last_two[-1, 0]
    return current + (int(np.argmax(np.where(ahead, last_two.min(axis=0), -1))) if ahead.any() else 0)


def _outtraded(history: _History, day: int, current: int, *, lead: int, with_bars: IntArray) -> bool:
    own, leads = history.traded[with_bars, current], history.traded[with_bars, lead]
    if 2 * leads[-1] < np.median(own[-USUAL_DAYS:]):
        return False
    said_before = len(with_bars) > 1 and leads[-2] > own[-2]
    return bool(said_before or history.days[day] >= history.ends[current] - ROLL_DAYS)


def _is_hole(history: _History, day: int, current: int) -> bool:
    later = history.has_bars[day + 1 :, current]
    if later[:HOLE_DAYS].any():
        return True
    today, end = history.days[day], history.ends[current]
    if later.any():
        return bool(today < end - ROLL_DAYS)
    stood_beside = history.has_bars[day, current + 1 :] & history.has_bars[:day, current + 1 :].any(axis=0)
    return len(later) < HOLE_DAYS and bool(today < end) and bool(stood_beside.any())


def _busiest(traded: IntArray, has_bars: BoolArray, current: int) -> int:
    later = has_bars[current:]
    if not later.any():
        return current
    return current + int(np.argmax(np.where(later, traded[current:], -1)))
