"""Shortened and closed days on which the calendar library departs from what the exchanges did or announced.

Belongs here: one rule per product group, occasion and era. Does not belong here: regular hours (`sessions.py`).

Times are New York, the close of the trading day; None means no session, `REGULAR` that the day is not shortened at all.
pandas-market-calendars 5.5.0 is right wherever no rule stands. Later rules of a group win over earlier ones.

Sources. CME Group's holiday schedules of 2009 to June 2027, as QuantConnect's market-hours database has them (Lean
`24863901deff`, Apache-2.0): every rule without another source. CME Group's announcement of 30 December 2024 for the
day of mourning of 9 January 2025. Bars of the futures themselves:

- 2012-10-29, 2012-10-30 and 2018-12-05: the last hourly marks of YM and EMD and the last quarter of an hour of NQ.
- Christmas Eve 13:45 of metals and energy, 13:15 of currencies: the last quarters of GC, NG, PL, 6A, 6B, 6N in 2018 and
  2019. Holidays at 11:30 of VX: its last quarters on five holidays of 2019.

The bars end in the last quarter of an hour of the schedule, rules applied, on all 114 shortened days of 2018 and 2019
that 15 products cover, and the marks of YM, EMD and RTY from 2008 to 2021 in the last hour on all shortened days but
2012-07-03, when YM and EMD traded again from 16:00 to 17:30. Not checked against bars:
what is said of 2022 and later, of grains, and of crude before 2019. Where Lean has a hole (2024-11-29) or contradicts
its own neighbours (rates on 2011-05-30, copper from 2020 to 2023), the rule of its group stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from types import MappingProxyType

REGULAR = time(0)

_MONDAY, _THURSDAY, _FRIDAY = 0, 3, 4

_BEFORE_ALL, _AFTER_ALL = date.min, date.max

_BANK_HOLIDAYS = ("MARTIN_LUTHER_KING", "PRESIDENTS", "MEMORIAL", "INDEPENDENCE", "LABOR", "THANKSGIVING")


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """A close that holds on some occasions between two dates, both included."""

    occasions: tuple[str, ...]
    close: time | None
    first: date = _BEFORE_ALL
    last: date = _AFTER_ALL


def _on(day: str, close: str | None) -> HolidayRule:
    at = date.fromisoformat(day)
    return HolidayRule(("ANY_DAY",), _time(close), at, at)


def _rule(*occasions: str, close: str | None, since: str = "", until: str = "") -> HolidayRule:
    first = date.fromisoformat(since) if since else _BEFORE_ALL
    last = date.fromisoformat(until) if until else _AFTER_ALL
    return HolidayRule(occasions, _time(close), first, last)


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


_GOOD_FRIDAY_CLOSED = _rule("GOOD_FRIDAY_WITHOUT_JOBS_REPORT", close=None, since="2022-01-01")
_NEW_FRIDAYS = (
    _rule("DAY_AFTER_THANKSGIVING", close="14:45", since="2025-01-01"),
    _rule("HOLIDAY_ON_FRIDAY", close="13:00", since="2022-01-01"),
)
_MOURNING_2025 = "2025-01-09"

_NYMEX_AND_COMEX = (
    _rule("MARTIN_LUTHER_KING", "PRESIDENTS", close="17:15", since="2009-01-01", until="2009-04-30"),
    _rule(*_BANK_HOLIDAYS, close="13:15", since="2009-05-01", until="2014-03-31"),
    _rule("EVE_OF_LONG_WEEKEND", close="16:15", since="2009-05-01", until="2011-01-31"),
    _rule("EVE_OF_COLUMBUS", close="16:15", since="2009-05-01", until="2011-01-31"),
    _on("2009-07-03", "13:30"),
    _rule("CHRISTMAS_EVE", close="13:45", since="2009-01-01"),
    _rule(*_BANK_HOLIDAYS, "JUNETEENTH", close="14:30", since="2022-01-01"),
    *_NEW_FRIDAYS,
)

_RULES: Mapping[str, tuple[HolidayRule, ...]] = MappingProxyType(
    {
        "equity": (
            _GOOD_FRIDAY_CLOSED,
            _on("2012-10-29", "09:15"),
            _on("2012-10-30", "09:15"),
            _on("2018-12-05", "09:30"),
            _on(_MOURNING_2025, "09:30"),
        ),
        "volatility": (
            _GOOD_FRIDAY_CLOSED,
            _rule(*_BANK_HOLIDAYS, close="11:30"),
            _rule("JUNETEENTH", close="11:30", since="2022-01-01"),
            _on("2018-12-05", "09:30"),
            _on(_MOURNING_2025, "09:30"),
        ),
        "energy": _NYMEX_AND_COMEX,
        "metals": _NYMEX_AND_COMEX,
        "currencies": (
            _rule("GOOD_FRIDAY_WITH_JOBS_REPORT", close="11:15", since="2010-01-01"),
            _GOOD_FRIDAY_CLOSED,
            _rule("EVE_OF_LONG_WEEKEND", close="16:15", since="2009-01-01", until="2015-06-30"),
            _rule("EVE_OF_COLUMBUS", close="16:15", since="2009-01-01", until="2012-12-31"),
            _on("2009-04-09", "16:15"),
            _on("2010-12-31", "13:15"),
            _rule("CHRISTMAS_EVE", close="13:45", since="2025-01-01"),
            *_NEW_FRIDAYS,
        ),
        "rates": (
            _GOOD_FRIDAY_CLOSED,
            _rule("EVE_OF_COLUMBUS", close="16:15", since="2009-01-01", until="2012-12-31"),
            _on(_MOURNING_2025, "13:15"),
        ),
        "crypto": (
            _GOOD_FRIDAY_CLOSED,
            _rule("CHRISTMAS_EVE", close="13:45", since="2024-01-01"),
            _rule("INDEPENDENCE_EVE", close="00:00", since="2025-01-01"),
            *_NEW_FRIDAYS,
        ),
        "grains": (
            _rule("DAY_AFTER_THANKSGIVING", close="13:00", since="2011-01-01", until="2014-12-31"),
            _rule("DAY_AFTER_THANKSGIVING", close="13:05", since="2015-01-01"),
            _rule("CHRISTMAS_EVE", close="13:00", since="2012-01-01", until="2014-12-31"),
            _rule("CHRISTMAS_EVE", close="13:05", since="2015-01-01"),
            _on("2016-12-23", "13:05"),
            _on("2017-12-22", "13:05"),
            _rule("INDEPENDENCE_EVE", close="13:00", since="2013-01-01", until="2015-12-31"),
            _rule("INDEPENDENCE_EVE", close="13:05", since="2016-01-01", until="2020-12-31"),
            _rule("JUNETEENTH", close=None, since="2022-01-01"),
            _on(_MOURNING_2025, "13:15"),
        ),
    }
)


def closes_on(group: str, year: int) -> dict[date, time | None]:
    """Return the days of a year on which the rules of a product group replace the library's close, in order.

    Args:
        group: One of the groups of this module; any other has no rules.
        year: Calendar year.
    """
    closes: dict[date, time | None] = {}
    occasions = list(_occasions(year))
    for rule in _RULES.get(group, ()):
        if rule.occasions == ("ANY_DAY",):
            closes |= {rule.first: rule.close} if rule.first.year == year else {}
        closes |= {
            day: rule.close for name, day in occasions if name in rule.occasions and rule.first <= day <= rule.last
        }
    return dict(sorted(closes.items()))


def _occasions(year: int) -> Iterator[tuple[str, date]]:
    """Yield what each day of a year is called; a day may have several names."""
    thanksgiving = _nth(year, 11, _THURSDAY, nth=4)
    holidays = {
        "MARTIN_LUTHER_KING": _nth(year, 1, _MONDAY, nth=3),
        "PRESIDENTS": _nth(year, 2, _MONDAY, nth=3),
        "MEMORIAL": _nth(year, 6, _MONDAY, nth=1) - timedelta(days=7),
        "JUNETEENTH": _observed(date(year, 6, 19)),
        "INDEPENDENCE": _observed(date(year, 7, 4)),
        "LABOR": _nth(year, 9, _MONDAY, nth=1),
        "THANKSGIVING": thanksgiving,
    }
    yield from holidays.items()
    yield from (("HOLIDAY_ON_FRIDAY", day) for day in holidays.values() if day.weekday() == _FRIDAY)
    mondays = [day for name, day in holidays.items() if day.weekday() == _MONDAY and name != "JUNETEENTH"]
    yield from (("EVE_OF_LONG_WEEKEND", day - timedelta(days=3)) for day in mondays)
    yield "EVE_OF_COLUMBUS", _nth(year, 10, _MONDAY, nth=2) - timedelta(days=3)
    if holidays["INDEPENDENCE"].weekday() != _MONDAY:
        yield "INDEPENDENCE_EVE", holidays["INDEPENDENCE"] - timedelta(days=1)
    yield "DAY_AFTER_THANKSGIVING", thanksgiving + timedelta(days=1)
    if date(year, 12, 24).weekday() < _FRIDAY:
        yield "CHRISTMAS_EVE", date(year, 12, 24)
    good_friday = _easter(year) - timedelta(days=2)
    jobs_report = good_friday.month == 4 and good_friday.day <= 7
    yield f"GOOD_FRIDAY_{'WITH' if jobs_report else 'WITHOUT'}_JOBS_REPORT", good_friday


def _nth(year: int, month: int, weekday: int, *, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _observed(day: date) -> date:
    """Return the weekday on which a holiday that falls on a weekend is kept."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def _easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Gauss's rule in the form of Meeus, *Astronomical Algorithms*)."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
