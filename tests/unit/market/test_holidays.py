from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from trading.market.holidays import closes_on
from trading.market.sessions import session_spans

EPOCH = date(1970, 1, 1)


def close_of(symbol: str, day: str, *, zone: str = "America/New_York") -> str:
    on = (date.fromisoformat(day) - EPOCH).days
    spans = session_spans(symbol, mode="ETH", first_day=on, last_day=on)
    if len(spans) == 0:
        return "closed"
    return datetime.fromtimestamp(int(spans.close_ns[0]) // 10**9, ZoneInfo(zone)).strftime("%H:%M")


@pytest.mark.parametrize(
    ("symbols", "day", "close"),
    [
        ("CL NG GC SI HG PL", "2010-05-31", "13:15"),
        ("CL GC", "2010-05-28", "16:15"),
        ("CL GC", "2009-02-16", "17:15"),
        ("CL GC HG", "2016-09-05", "13:00"),
        ("CL NG GC MGC SI HG PL", "2023-09-04", "14:30"),
        ("CL GC", "2024-06-19", "14:30"),
        ("CL GC 6E BTC", "2026-07-03", "13:00"),
        ("CL GC", "2024-11-29", "13:45"),
        ("CL GC 6E 6J BTC", "2026-11-27", "14:45"),
        ("CL NG GC HG", "2018-12-24", "13:45"),
        ("CL GC ES ZN 6E", "2024-03-29", "closed"),
        ("CL GC ES ZN 6E BTC ZC", "2025-04-18", "closed"),
        ("CL GC ES ZN 6E ZC", "2025-12-25", "closed"),
        ("6E 6J ZN ZB", "2015-04-03", "11:15"),
        ("ES NQ YM", "2015-04-03", "09:15"),
        ("6E 6J", "2014-08-29", "16:15"),
        ("6E ZN", "2019-12-24", "13:15"),
        ("6E BTC CL GC", "2025-12-24", "13:45"),
        ("ES", "2014-02-17", "11:30"),
        ("ES", "2014-05-26", "13:00"),
        ("VX", "2019-05-27", "11:30"),
        ("VX", "2019-06-19", "17:00"),
        ("ES YM VX", "2018-12-05", "09:30"),
        ("ES YM", "2012-10-30", "09:15"),
        ("ES NQ", "2025-01-09", "09:30"),
        ("ZN ZC", "2025-01-09", "13:15"),
        ("CL GC 6E BTC", "2025-01-09", "17:00"),
        ("BTC", "2025-07-03", "17:00"),
        ("ZC ZS ZW", "2018-07-03", "13:05"),
        ("ZC ZS", "2014-12-24", "13:00"),
        ("ZC ZS", "2016-12-23", "13:05"),
        ("ZC", "2024-11-29", "13:05"),
        ("ZC", "2023-06-19", "closed"),
        ("ZC", "2023-07-03", "14:20"),
    ],
)
def test_a_shortened_day_ends_as_its_exchange_announced(symbols: str, day: str, close: str) -> None:
    assert {symbol: close_of(symbol, day) for symbol in symbols.split()} == dict.fromkeys(symbols.split(), close)


@pytest.mark.parametrize(
    ("symbol", "day", "close"),
    [
        ("ES", "2012-11-15", "17:30"),
        ("ES", "2012-11-16", "16:15"),
        ("ES", "2012-11-19", "17:15"),
        ("ES", "2015-09-18", "17:15"),
        ("ES", "2015-09-21", "17:00"),
        ("GC", "2013-10-08", "17:15"),
        ("6E", "2013-10-08", "17:00"),
        ("RTY", "2017-07-07", "18:00"),
        ("RTY", "2017-07-10", "17:00"),
    ],
)
def test_a_regular_day_ends_at_the_close_of_its_era(symbol: str, day: str, close: str) -> None:
    assert close_of(symbol, day) == close


@pytest.mark.parametrize(
    ("day", "close"),
    [
        ("2024-12-24", "closed"),
        ("2024-12-31", "closed"),
        ("2024-05-01", "closed"),
        ("2024-04-01", "closed"),
        ("2024-12-27", "22:00"),
        ("2026-12-28", "22:00"),
        ("2023-12-22", "22:00"),
        ("2023-12-29", "22:00"),
        ("2024-10-03", "22:00"),
    ],
)
def test_eurex_keeps_its_own_holidays(day: str, close: str) -> None:
    assert close_of("FESX", day, zone="Europe/Berlin") == close


def test_groups_without_rules_and_days_without_a_market_are_left_alone() -> None:
    assert closes_on("", 2024) == {}
    assert all(day.weekday() < 5 for year in range(2009, 2040) for day in closes_on("energy", year))


@pytest.mark.parametrize(("year", "good_friday"), [(2024, "03-29"), (2025, "04-18"), (2027, "03-26"), (2038, "04-23")])
def test_good_friday_without_a_jobs_report_is_closed(year: int, good_friday: str) -> None:
    assert closes_on("currencies", year)[date.fromisoformat(f"{year}-{good_friday}")] is None
    assert close_of("6E", f"{year}-{good_friday}") == "closed"
