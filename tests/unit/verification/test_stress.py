"""Stress: the worst stretches against a search of all of them, covered history only, and costs that turn worse."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.errors import BadEquityCurve
from trading.figures.performance import Performance
from trading.market.instruments import Instrument, instrument
from trading.verification.stress import (
    HISTORIC_WINDOWS,
    CostStress,
    NamedWindow,
    Record,
    cost_stress,
    historic_windows,
    judge,
    stressed,
    worst_windows,
)

USD = 1_000_000
ACCOUNT = 10_000 * USD
BLANK = Performance(0, 0, 0, 0, None, None, None, 0.0, 0.0, None, None, 0.0, None)
MONDAY = date(2020, 1, 6)
days_of_pnl = st.lists(st.integers(-100, 100), min_size=1, max_size=40)


def record(daily_usd: list[int], *, first_on: date = MONDAY, bars_per_day: int = 2) -> Record:
    """One bar without result and then the day's P&L, on consecutive dates."""
    steps = np.zeros((len(daily_usd), bars_per_day), np.int64)
    steps[:, -1] = np.array(daily_usd) * USD
    day = np.repeat((first_on - date(1970, 1, 1)).days + np.arange(len(daily_usd)), bars_per_day)
    return Record(ACCOUNT + np.cumsum(steps.ravel()), day, ACCOUNT)


@settings(deadline=None)
@given(days_of_pnl, st.integers(1, 10))
def test_the_worst_window_is_the_worst_of_all_windows(daily: list[int], days: int) -> None:
    windows = worst_windows(record(daily), days=days)
    every = [sum(daily[i : i + days]) for i in range(len(daily) - days + 1)]
    if not every or min(every) >= 0:
        assert windows == ()
    else:
        assert windows[0].net_usd == min(every)
        assert windows[0].first_on == MONDAY + timedelta(days=every.index(min(every)))
        assert (windows[0].last_on - windows[0].first_on).days == days - 1


@settings(deadline=None)
@given(days_of_pnl, st.integers(1, 6), st.integers(1, 5))
def test_worst_windows_get_milder_and_never_overlap(daily: list[int], days: int, count: int) -> None:
    windows = worst_windows(record(daily), days=days, count=count)
    nets = [window.net_usd for window in windows]
    assert len(windows) <= count
    assert nets == sorted(nets)
    assert all(net < 0 for net in nets)
    dates = [window.first_on + timedelta(days=d) for window in windows for d in range(days)]
    assert len(dates) == len(set(dates))


def test_worst_windows_may_touch() -> None:
    first, second = worst_windows(record([-1, -2, -4, -3]), days=2, count=2)
    assert (first.net_usd, second.net_usd) == (-7, -3)


def test_a_later_window_does_not_count_what_was_lost_before_it() -> None:
    _, later = worst_windows(record([-500, 100, -50]), days=1, count=2)
    assert (later.net_usd, later.max_drawdown_usd) == (-50, 50)


def test_a_window_falls_from_the_equity_before_it() -> None:
    (window, *_) = worst_windows(record([500, -300, 100, -250, 900]), days=3)
    assert (window.net_usd, window.net_pct, window.max_drawdown_usd) == (-450, -4.5, 450)
    assert (window.first_on, window.last_on) == (date(2020, 1, 7), date(2020, 1, 9))


def test_finds_a_named_window_and_measures_only_its_days() -> None:
    window = NamedWindow("three days", date(2020, 1, 8), date(2020, 1, 10))
    (net,) = historic_windows(record([50, 60, -10, 20, -70, 80]), [window])
    assert net.name == "three days"
    assert (net.net_usd, net.max_drawdown_usd) == (-60, 70)


@pytest.mark.parametrize(
    ("first_on", "last_on", "covered"),
    [
        (date(2020, 1, 6), date(2020, 1, 10), True),
        (date(2020, 1, 5), date(2020, 1, 10), False),
        (date(2020, 1, 6), date(2020, 1, 11), False),
        (date(2019, 1, 1), date(2019, 2, 1), False),
    ],
)
def test_a_window_counts_only_when_the_bars_cover_all_of_it(first_on: date, last_on: date, covered: bool) -> None:
    assert bool(historic_windows(record([1] * 5), [NamedWindow("w", first_on, last_on)])) is covered


def test_a_window_without_any_bar_is_left_out() -> None:
    weekend = NamedWindow("weekend", date(2020, 1, 11), date(2020, 1, 12))
    week = record([1] * 5)
    gap = Record(np.append(week.equity_micros, ACCOUNT), np.append(week.trading_day, week.trading_day[-1] + 3), ACCOUNT)
    assert historic_windows(gap, [weekend]) == ()


def test_history_is_listed_in_order_and_ends_after_it_begins() -> None:
    assert all(window.first_on <= window.last_on for window in HISTORIC_WINDOWS)
    assert list(HISTORIC_WINDOWS) == sorted(HISTORIC_WINDOWS, key=lambda window: window.first_on)
    twenty_years = record([1] * 7_305, first_on=date(2005, 1, 1), bars_per_day=1)
    assert [window.name for window in historic_windows(twenty_years)] == [window.name for window in HISTORIC_WINDOWS]


def test_stressed_costs_change_costs_and_nothing_else() -> None:
    mes = instrument("MES")
    worse = stressed(mes, slippage_times=4, commission_times=Decimal("1.5"))
    assert (worse.slippage_ticks, worse.commission_usd) == (4, Decimal("0.93"))
    assert replace(worse, slippage_ticks=mes.slippage_ticks, commission_usd=mes.commission_usd) == mes
    assert stressed(mes) == mes
    assert stressed(replace(mes, slippage_ticks=0), slippage_times=2).slippage_ticks == 2
    assert stressed(replace(mes, slippage_ticks=0)).slippage_ticks == 0


def test_runs_the_strategy_under_each_cost_in_the_order_given() -> None:
    seen = []

    def evaluate(contract: Instrument) -> Performance:
        seen.append(contract.slippage_ticks)
        return replace(BLANK, net_pnl_micros=-contract.slippage_ticks)

    assert [stress.slippage_times for stress in cost_stress(instrument("MES"), evaluate=evaluate)] == [1, 2, 4]
    seen.clear()
    answers = cost_stress(instrument("MES"), evaluate=evaluate, slippage_times=(4, 1))
    assert seen == [4, 1]
    assert [(a.slippage_times, a.performance.net_pnl_micros) for a in answers] == [(4, -4), (1, -1)]


EARNING = replace(BLANK, net_pnl_micros=1)


def costs(*, net: int = 1, drawdown_pct: float = 25.0) -> list[CostStress]:
    return [
        CostStress(2, replace(BLANK, net_pnl_micros=net)),
        CostStress(4, replace(BLANK, max_drawdown_pct=drawdown_pct)),
    ]


def test_passes_on_the_right_side_of_every_limit() -> None:
    stretches = worst_windows(record([-1_500]), days=1)
    assert judge(costs(), stretches, traded_through=EARNING).passed


@pytest.mark.parametrize(
    ("stresses", "daily", "failure"),
    [
        (costs(net=0), [0], "net P&L at slippage x2 must be above 0, was 0.00"),
        (costs(drawdown_pct=25.1), [0], "drawdown at slippage x4 must be at most 25 %, was 25.1 %"),
        (costs(drawdown_pct=426.3), [0], "drawdown at slippage x4 must be at most 25 %, was bust"),
        (costs(), [-1_510], "Worst 1 days #1 must not lose more than 15 %, was -15.1 %"),
        (costs()[:1], [0], "slippage x4 was not run"),
        (costs()[1:], [0], "slippage x2 was not run"),
    ],
)
def test_fails_on_the_wrong_side_of_each_limit_and_says_why(
    stresses: list[CostStress], daily: list[int], failure: str
) -> None:
    verdict = judge(stresses, worst_windows(record(daily), days=1), traded_through=EARNING)
    assert not verdict.passed
    assert verdict.failures == (failure,)


@pytest.mark.parametrize("net", [0, -12_340_000])
def test_fails_where_only_touched_targets_earned(net: int) -> None:
    verdict = judge(costs(), [], traded_through=replace(BLANK, net_pnl_micros=net))
    was = {0: "0.00", -12_340_000: "-12.34"}[net]
    assert verdict.failures == (f"net P&L where a touch fills no target must be above 0, was {was}",)


def test_refuses_an_empty_record_and_windows_without_days() -> None:
    empty = Record(np.array([], np.int64), np.array([], np.int64), ACCOUNT)
    with pytest.raises(BadEquityCurve):
        historic_windows(empty)
    with pytest.raises(BadEquityCurve):
        worst_windows(empty, days=1)
    with pytest.raises(BadEquityCurve):
        worst_windows(record([1]), days=0)
