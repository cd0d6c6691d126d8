from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.days import day_number, on_day
from trading.errors import BadInput, UnknownSessionMode
from trading.market import sessions
from trading.market.bars import TIMEFRAME_SECONDS, Bars
from trading.market.sessions import (
    SESSION_MODES,
    Market,
    SessionIndex,
    TradingSessions,
    exchange_days,
    session_index,
    session_mode,
    session_spans,
)

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = date(1970, 1, 1)


def ns(*when: int, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime(*when, tzinfo=zone).timestamp()) * 1_000_000_000  # type: ignore[misc, arg-type]


def bars_at(symbol: str, timeframe: str, instants: list[int]) -> Bars:
    price = np.full(len(instants), 100, np.int64)
    times = np.array(instants, np.int64)
    return Bars(symbol, timeframe, "TEST", times, price, price, price, price, price, price, "")


def minutes(symbol: str, first: int, last: int) -> Bars:
    return bars_at(symbol, "1m", list(range(first, last, 60_000_000_000)))


def open_times(index: SessionIndex, bars: Bars) -> list[str]:
    opened = bars.ts_event[index.is_open]
    edges = [opened[0], opened[-1]]
    return [datetime.fromtimestamp(int(at) // 10**9, NEW_YORK).strftime("%m-%d %H:%M") for at in edges]


def days_of(index: SessionIndex) -> list[date]:
    return [EPOCH + timedelta(days=int(day)) for day in np.unique(index.trading_day)]


@pytest.mark.parametrize(
    ("symbol", "hours"),
    [("ES", ("09:30", "15:59")), ("CL", ("09:00", "14:29")), ("GC", ("08:20", "13:29")), ("MGC", ("08:20", "13:29"))],
)
def test_regular_hours_are_those_of_the_root(symbol: str, hours: tuple[str, str]) -> None:
    bars = minutes(symbol, ns(2024, 3, 5, 18), ns(2024, 3, 6, 17))
    assert open_times(session_index(bars, mode="rth"), bars) == [f"03-06 {at}" for at in hours]


def test_an_evening_bar_belongs_to_the_next_date() -> None:
    bars = bars_at("ES", "1m", [ns(2024, 3, 5, 17, 59), ns(2024, 3, 5, 18), ns(2024, 3, 6, 0), ns(2024, 3, 6, 16, 59)])
    days = session_index(bars, mode="FULL_24x5").trading_day
    assert [EPOCH + timedelta(days=int(day)) for day in days] == [date(2024, 3, 5)] + [date(2024, 3, 6)] * 3


def test_the_week_opens_on_sunday_evening_and_the_weekend_is_closed() -> None:
    bars = minutes("ES", ns(2024, 3, 1, 12), ns(2024, 3, 4, 12))
    index = session_index(bars, mode="globex")
    closed = bars.ts_event[~index.is_open]
    assert int(closed[0]) == ns(2024, 3, 1, 17)
    assert int(closed[-1]) == ns(2024, 3, 3, 17, 59)
    assert bars.ts_event[index.is_last].tolist() == [ns(2024, 3, 1, 16, 59)]


@pytest.mark.parametrize(
    ("sunday", "utc_hour_before", "utc_hour_after"), [((2024, 3, 10), 23, 22), ((2024, 11, 3), 22, 23)]
)
def test_the_open_stays_at_six_local_when_the_clocks_change(
    sunday: tuple[int, int, int], utc_hour_before: int, utc_hour_after: int
) -> None:
    day = (date(*sunday) - EPOCH).days
    spans = session_spans("ES", mode="ETH", first_day=day - 2, last_day=day + 1)
    hours = [datetime.fromtimestamp(int(at) // 10**9, UTC).hour for at in spans.open_ns]
    assert hours == [utc_hour_before, utc_hour_after]
    rth = session_spans("ES", mode="RTH_US", first_day=day - 2, last_day=day + 1)
    assert [datetime.fromtimestamp(int(at) // 10**9, NEW_YORK).time() for at in rth.open_ns] == [time(9, 30)] * 2


def test_the_day_after_thanksgiving_ends_early() -> None:
    bars = minutes("MES", ns(2023, 11, 23, 18), ns(2023, 11, 24, 17))
    index = session_index(bars, mode="RTH_US")
    assert open_times(index, bars) == ["11-24 09:30", "11-24 13:14"]
    assert bars.ts_event[index.is_last].tolist() == [ns(2023, 11, 24, 13, 14)]


@pytest.mark.parametrize("mode", ["RTH_US", "ETH"])
def test_christmas_has_no_session(mode: str) -> None:
    bars = minutes("ES", ns(2023, 12, 25, 0), ns(2023, 12, 25, 17))
    assert not session_index(bars, mode=mode).is_open.any()
    assert session_index(bars, mode="full").is_open.all()


def test_good_friday_with_a_morning_session_has_no_regular_hours() -> None:
    bars = minutes("ES", ns(2023, 4, 6, 18), ns(2023, 4, 7, 17))
    assert open_times(session_index(bars, mode="ETH"), bars)[1] == "04-07 09:14"
    assert not session_index(bars, mode="RTH_US").is_open.any()


def test_the_pause_of_the_grains_is_closed_but_ends_no_session() -> None:
    bars = minutes("ZC", ns(2024, 3, 5, 20), ns(2024, 3, 6, 14, 20))
    index = session_index(bars, mode="ETH")
    assert bars.ts_event[~index.is_open].tolist() == list(
        range(ns(2024, 3, 6, 8, 45), ns(2024, 3, 6, 9, 30), 60_000_000_000)
    )
    assert index.is_last.sum() == 1


@pytest.mark.parametrize("mode", ["rth", "globex", "full"])
def test_a_session_whose_last_minute_is_missing_has_no_last_bar(mode: str) -> None:
    close = 16 if mode == "rth" else 17
    times = [ns(2024, 3, 6, close - 1, 58), ns(2024, 3, 6, close - 1, 59), ns(2024, 3, 6, 19), ns(2024, 3, 7, 10)]
    assert session_index(bars_at("ES", "1m", times), mode=mode).is_last.tolist() == [False, True, False, False]
    del times[1]
    assert not session_index(bars_at("ES", "1m", times), mode=mode).is_last.any()


@pytest.mark.parametrize("mode", ["RTH_US", "ETH", "FULL_24x5"])
def test_which_bar_is_last_does_not_depend_on_the_bars_after_it(mode: str) -> None:
    bars = minutes("ES", ns(2024, 7, 3, 9), ns(2024, 7, 5, 12))
    whole = session_index(bars, mode=mode).is_last
    assert whole.sum() == (4 if mode == "FULL_24x5" else 2)
    for place in np.flatnonzero(whole).tolist():
        alone = bars_at("ES", "1m", bars.ts_event[: place + 1].tolist())
        assert session_index(alone, mode=mode).is_last.tolist() == whole[: place + 1].tolist()


def test_a_day_around_the_clock_ends_with_the_exchange_and_where_it_goes_on_with_the_day() -> None:
    half_day = [ns(2024, 7, 3, 13, 14), ns(2024, 7, 3, 13, 15), ns(2024, 7, 3, 17, 59)]
    assert session_index(bars_at("ES", "1m", half_day), mode="full").is_last.tolist() == [True, False, True]
    christmas = [ns(2023, 12, 25, 12, 59), ns(2023, 12, 25, 16, 59), ns(2023, 12, 25, 17, 59)]
    assert session_index(bars_at("ES", "1m", christmas), mode="full").is_last.tolist() == [False, False, True]


def test_the_final_bar_is_last_only_where_it_reaches_the_close() -> None:
    assert not session_index(bars_at("ES", "1m", [ns(2024, 3, 6, 15, 58)]), mode="rth").is_last.any()
    assert session_index(bars_at("ES", "1m", [ns(2024, 3, 6, 15, 59)]), mode="rth").is_last.all()
    assert session_index(bars_at("ES", "1h", [ns(2024, 3, 6, 15)]), mode="rth").is_last.all()


def test_a_custom_window_may_cross_midnight_but_not_the_start_of_the_day() -> None:
    bars = minutes("ES", ns(2024, 3, 5, 18), ns(2024, 3, 6, 17))
    index = session_index(bars, mode="custom", window=(time(22), time(2)))
    assert open_times(index, bars) == ["03-05 22:00", "03-06 01:59"]
    with pytest.raises(BadInput, match="start of the trading day"):
        session_index(bars, mode="custom", window=(time(16), time(19)))


@pytest.mark.parametrize(("mode", "window"), [("CUSTOM", None), ("RTH_US", (time(9), time(10)))])
def test_a_window_belongs_to_custom_and_only_there(mode: str, window: tuple[time, time] | None) -> None:
    with pytest.raises(BadInput, match="window belongs to CUSTOM"):
        session_index(bars_at("ES", "1m", [ns(2024, 3, 6, 10)]), mode=mode, window=window)


@pytest.mark.parametrize("symbol", ["ES", "YM", "CL", "ZC", "VX", "FESX"])
def test_a_days_session_is_the_same_whichever_years_were_asked_for_before(symbol: str) -> None:
    first, last = ((date(2019, month, day) - EPOCH).days for month, day in ((1, 1), (12, 31)))
    later, decades = (date(2022, 6, 1) - EPOCH).days, (date(1999, 6, 1) - EPOCH).days
    sessions._worked_out.clear()
    alone = session_spans(symbol, mode="ETH", first_day=first, last_day=last)
    session_spans(symbol, mode="ETH", first_day=later, last_day=later)
    session_spans(symbol, mode="ETH", first_day=decades, last_day=later)
    among_decades = session_spans(symbol, mode="ETH", first_day=first, last_day=last)
    for column in ("trading_day", "open_ns", "close_ns", "pause_open_ns", "pause_close_ns"):
        assert np.array_equal(getattr(alone, column), getattr(among_decades, column)), column


def test_years_that_are_known_are_not_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    of_years = sessions._sessions_of_years

    def counted(market: Market, first_year: int, last_year: int) -> TradingSessions:
        asked.append((first_year, last_year))
        return of_years(market, first_year, last_year)

    sessions._worked_out.clear()
    monkeypatch.setattr(sessions, "_sessions_of_years", counted)
    for symbol, years in (("EMD", (2008, 2012)), ("NQ", (2010, 2011)), ("YM", (2009, 2012)), ("ES", (2013, 2014))):
        first, last = ((date(year, 7, 1) - EPOCH).days for year in years)
        session_spans(symbol, mode="ETH", first_day=first, last_day=last)
    assert asked == [(2008, 2012), (2008, 2014)]


def test_every_mode_and_alias_is_known_in_any_case() -> None:
    assert [session_mode(mode) for mode in SESSION_MODES] == list(SESSION_MODES)
    assert [session_mode(name) for name in (" RTH", "Globex", "24x5", "us-rth", "Extended Hours")] == [
        "RTH_US",
        "ETH",
        "FULL_24x5",
        "RTH_US",
        "ETH",
    ]
    with pytest.raises(UnknownSessionMode, match="was 'lunch'"):
        session_mode("lunch")


def test_a_daily_bar_is_open_on_days_with_a_session_and_ends_its_own() -> None:
    midnights = [ns(2023, 12, day, 0, zone=ZoneInfo("UTC")) for day in (22, 25, 26)]
    index = session_index(bars_at("ES", "1d", midnights), mode="ETH")
    assert index.is_open.tolist() == [True, False, True]
    assert index.is_last.tolist() == [True, False, True]
    assert days_of(index) == [date(2023, 12, day) for day in (22, 25, 26)]


def test_eurex_opens_at_a_quarter_past_midnight_utc_since_december_2018() -> None:
    first, last = (date(2018, 12, 7) - EPOCH).days, (date(2018, 12, 10) - EPOCH).days
    spans = session_spans("FESX", mode="ETH", first_day=first, last_day=last)
    opens = [datetime.fromtimestamp(int(at) // 10**9, UTC).strftime("%d %H:%M") for at in spans.open_ns]
    assert opens == ["07 07:00", "10 00:15"]


def test_spot_currencies_trade_from_sunday_to_friday_five_in_the_evening() -> None:
    bars = minutes("EURUSD", ns(2024, 3, 1, 16), ns(2024, 3, 3, 18))
    index = session_index(bars, mode="ETH")
    assert open_times(index, bars) == ["03-01 16:00", "03-03 17:59"]
    assert int(bars.ts_event[~index.is_open][0]) == ns(2024, 3, 1, 17)
    assert int(bars.ts_event[~index.is_open][-1]) == ns(2024, 3, 3, 16, 59)


@pytest.mark.parametrize("year", [1990, 2001, 2015, 2030])
@pytest.mark.parametrize("symbol", ["ES", "CL", "6E", "ZN", "FESX", "BTC", "??"])
def test_four_decades_have_about_250_sessions_a_year(symbol: str, year: int) -> None:
    first, last = ((date(year, month, day) - EPOCH).days for month, day in ((1, 1), (12, 31)))
    spans = session_spans(symbol, mode="ETH", first_day=first, last_day=last)
    assert 248 <= len(spans) <= 262
    assert (spans.open_ns[1:] >= spans.close_ns[:-1]).all()
    assert (spans.close_ns > spans.open_ns).all()


@given(
    start=st.integers(0, 40 * 365 * 24),
    timeframe=st.sampled_from(["1m", "5m", "15m", "1h"]),
    symbol=st.sampled_from(["ES", "CL", "GC", "ZC", "FESX", "EURUSD"]),
    mode=st.sampled_from(["FULL_24x5", "RTH_US", "ETH"]),
)
def test_agrees_with_asking_bar_by_bar(start: int, timeframe: str, symbol: str, mode: str) -> None:
    step = TIMEFRAME_SECONDS[timeframe] * 10**9
    first = (631_152_000 + start * 3_600) * 10**9
    bars = bars_at(symbol, timeframe, [first + place * step for place in range(60)])
    index = session_index(bars, mode=mode)
    days = index.trading_day
    spans = session_spans(symbol, mode=mode, first_day=int(days[0]) - 1, last_day=int(days[-1]) + 1)
    for place, at in enumerate(bars.ts_event):
        holding = [
            span
            for span in range(len(spans))
            if spans.open_ns[span] <= at < spans.close_ns[span]
            and not spans.pause_open_ns[span] <= at < spans.pause_close_ns[span]
        ]
        assert bool(holding) == index.is_open[place]
        assert all(spans.trading_day[span] == days[place] for span in holding)
    assert not (index.is_last & ~index.is_open).any()


def test_the_days_of_an_exchange_are_those_it_trades_on_and_none_backwards() -> None:
    first, last = day_number(date(2024, 12, 23)), day_number(date(2024, 12, 29))
    traded = [on_day(day) for day in exchange_days("MES", first_day=first, last_day=last).tolist()]
    assert traded == [date(2024, 12, 23), date(2024, 12, 24), date(2024, 12, 26), date(2024, 12, 27)]
    assert len(exchange_days("MES", first_day=last, last_day=first)) == 0
