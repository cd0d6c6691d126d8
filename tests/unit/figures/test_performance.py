"""Measures of performance: one example by hand, refusals by name, slow independent oracles, invariances."""

import math
import statistics
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from itertools import groupby, pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.known import known
from trading.arrays import FloatArray, IntArray
from trading.errors import BadEquityCurve
from trading.figures.performance import (
    Performance,
    calmar_ratio,
    daily_pnl,
    daily_returns,
    expectancy,
    max_drawdown,
    measure,
    profit_factor,
    sharpe_ratio,
    sortino_ratio,
    win_pct,
)

ACCOUNT = 10_000_000_000
MICROS = 1_000_000

eighths = st.integers(-24, 24).map(lambda eighth: eighth * ACCOUNT // 8)
steps = st.lists(st.one_of(eighths, st.integers(-3 * ACCOUNT, 3 * ACCOUNT)), min_size=1, max_size=60)
small_steps = st.lists(st.integers(-50 * MICROS, 50 * MICROS), min_size=1, max_size=200)
trades = st.lists(st.integers(-500 * MICROS, 500 * MICROS), max_size=80)
returns = st.lists(st.floats(-0.2, 0.2).map(lambda r: round(r, 6)), min_size=20, max_size=80)


def curve(moves: list[int]) -> np.ndarray:
    return ACCOUNT + np.cumsum(np.array(moves, np.int64))


def record(moves: list[int], *, pnl: list[int] | None = None, bars_per_day: int = 7) -> Performance:
    pnl = [] if pnl is None else pnl
    return measure(
        trade_pnl_micros=np.array(pnl, np.int64),
        trade_bars=np.arange(1, len(pnl) + 1),
        equity_micros=curve(moves),
        trading_day=np.arange(len(moves)) // bars_per_day,
        account_micros=ACCOUNT,
        bars_in_position=len(moves) // 2,
    )


def quadratic_drawdown(equity: list[int], account: int) -> tuple[Fraction, Fraction]:
    points = [account, *equity]
    peaks = [max(points[: bar + 1]) for bar in range(len(points))]
    falls = [peak - point for peak, point in zip(peaks, points, strict=True)]
    pct = max(Fraction(100 * fall, peak) for fall, peak in zip(falls, peaks, strict=True))
    return Fraction(max(falls), MICROS), pct


def test_measures_a_record_small_enough_to_check_by_hand() -> None:
    figures = measure(
        trade_pnl_micros=np.array([300, -100, 0, 50]) * MICROS,
        trade_bars=np.array([2, 4, 1, 3]),
        equity_micros=np.array([10_300, 10_200, 10_200, 10_250]) * MICROS,
        trading_day=np.array([1, 1, 2, 2]),
        account_micros=ACCOUNT,
        bars_in_position=3,
    )
    assert figures == Performance(
        net_pnl_micros=250 * MICROS,
        trades=4,
        winners=2,
        losers=1,
        win_pct=50.0,
        profit_factor=3.5,
        expectancy_usd=62.5,
        max_drawdown_usd=100.0,
        max_drawdown_pct=figures.max_drawdown_pct,
        sharpe=None,
        sortino=None,
        exposure_pct=75.0,
        average_trade_bars=2.5,
    )
    assert figures.max_drawdown_pct == pytest.approx(100 * 100 / 10_300)


def test_the_calmar_ratio_is_a_years_return_over_the_deepest_fall_by_hand() -> None:
    # 21 days: up 300, down 100 from a peak of 10,300, up 50 and then still: 2.5 % in a twelfth of a year, 30 % in one
    figures = record([300 * MICROS, -100 * MICROS, 50 * MICROS, *[0] * 18], bars_per_day=1)
    assert figures.calmar == pytest.approx(30.0 / (100 * 100 / 10_300))


def test_the_calmar_ratio_is_unknown_for_a_short_record_and_for_one_that_never_fell() -> None:
    assert record([-MICROS, *[MICROS] * 18], bars_per_day=1).calmar is None
    assert record([-MICROS, *[MICROS] * 19], bars_per_day=1).calmar is not None
    assert record([MICROS] * 30, bars_per_day=1).calmar is None
    assert record([0] * 30, bars_per_day=1).calmar is None


@given(moves=st.lists(st.integers(-3 * ACCOUNT, 3 * ACCOUNT), min_size=20, max_size=60))
def test_the_calmar_ratio_is_what_exact_fractions_give(moves: list[int]) -> None:
    figures, (_, pct) = record(moves, bars_per_day=1), quadratic_drawdown(curve(moves).tolist(), ACCOUNT)
    if pct == 0:
        assert figures.calmar is None
    else:
        assert figures.calmar == pytest.approx(float(Fraction(100 * sum(moves), ACCOUNT) * 252 / len(moves) / pct))


def test_the_calmar_ratio_of_a_lost_account_is_below_zero_and_no_larger_account_changes_it() -> None:
    lost = calmar_ratio(gain_micros=-2 * ACCOUNT, days=252, account_micros=ACCOUNT, max_drawdown_pct=200.0)
    assert lost == -1.0
    assert lost == calmar_ratio(gain_micros=-6 * ACCOUNT, days=252, account_micros=3 * ACCOUNT, max_drawdown_pct=200.0)


def test_a_record_may_hold_a_position_on_every_bar_or_on_none() -> None:
    bars = len(GOOD["equity_micros"])
    assert measure(**GOOD | {"bars_in_position": bars}).exposure_pct == 100.0
    assert measure(**GOOD | {"bars_in_position": 0}).exposure_pct == 0.0


def test_the_smallest_amount_of_money_decides_who_won() -> None:
    figures = record([0], pnl=[1, 1, -1])
    assert (figures.winners, figures.losers, figures.profit_factor, figures.net_pnl_micros) == (2, 1, 2.0, 1)


def test_leaves_every_figure_of_an_empty_record_unknown_rather_than_zero() -> None:
    figures = record([0, 0, 0])
    assert (figures.win_pct, figures.profit_factor, figures.expectancy_usd) == (None, None, None)
    assert (figures.sharpe, figures.sortino, figures.average_trade_bars) == (None, None, None)
    assert (figures.trades, figures.net_pnl_micros, figures.max_drawdown_usd) == (0, 0, 0.0)


def test_has_no_profit_factor_without_a_losing_trade() -> None:
    assert record([1] * 5, pnl=[10, 20]).profit_factor is None
    assert record([1] * 5, pnl=[-10, -20]).profit_factor == 0.0


def test_measures_the_first_loss_against_the_account() -> None:
    assert max_drawdown(curve([-ACCOUNT // 4]), account_micros=ACCOUNT).pct == 25.0


def test_measures_each_fall_against_its_own_peak_not_the_highest_one() -> None:
    equity = np.array([5, 10, 100, 80]) * ACCOUNT
    drawdown = max_drawdown(np.concatenate([[ACCOUNT, ACCOUNT // 2], equity]), account_micros=ACCOUNT)
    assert drawdown.pct == 50.0
    assert drawdown.usd == 20 * ACCOUNT / MICROS


def test_lets_a_drawdown_exceed_the_account() -> None:
    assert max_drawdown(curve([-2 * ACCOUNT]), account_micros=ACCOUNT).pct == 200.0


@settings(deadline=None)
@given(steps)
def test_drawdown_matches_the_obvious_quadratic_definition(moves: list[int]) -> None:
    equity = curve(moves)
    drawdown = max_drawdown(equity, account_micros=ACCOUNT)
    usd, pct = quadratic_drawdown(equity.tolist(), ACCOUNT)
    assert drawdown.usd == pytest.approx(float(usd), rel=1e-12)
    assert drawdown.pct == pytest.approx(float(pct), rel=1e-12)


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(-30, 30), st.randoms(use_true_random=False))
def test_long_curves_fall_as_deep_as_a_walk_along_their_peak_says(n_bars: int, drift: int, chance: Random) -> None:
    equity = curve([(drift + chance.randint(-40, 40)) * MICROS for _ in range(n_bars)])
    peak, usd, pct = ACCOUNT, 0, Fraction(0)
    for value in equity.tolist():
        peak = max(peak, value)
        usd, pct = max(usd, peak - value), max(pct, Fraction(100 * (peak - value), peak))
    drawdown = max_drawdown(equity, account_micros=ACCOUNT)
    assert drawdown.usd == usd / MICROS
    assert drawdown.pct == pytest.approx(float(pct), rel=1e-12)


@pytest.mark.parametrize("falling_bar", [1, 63, 64, 65, 128, 129, 199])
def test_a_trading_day_that_falls_is_refused_wherever_it_stands(falling_bar: int) -> None:
    day = np.full(200, 7)
    day[falling_bar:] = 6
    with pytest.raises(BadEquityCurve, match=f"bar {falling_bar}: the trading day must not fall"):
        daily_pnl(curve([0] * 200), day, account_micros=ACCOUNT)


@settings(deadline=None)
@given(steps, st.integers(2, 1000))
def test_scaling_the_account_leaves_the_drawdown_percentage_alone(moves: list[int], scale: int) -> None:
    before = max_drawdown(curve(moves), account_micros=ACCOUNT)
    after = max_drawdown(curve(moves) * scale, account_micros=ACCOUNT * scale)
    assert after.pct == pytest.approx(before.pct, rel=1e-12)
    assert after.usd == pytest.approx(before.usd * scale, rel=1e-12)


@settings(deadline=None)
@given(steps, st.integers(0, 59), st.integers(1, 5))
def test_a_bar_that_repeats_its_equity_moves_no_drawdown(moves: list[int], where: int, times: int) -> None:
    equity = curve(moves)
    at = where % len(equity)
    stretched = np.insert(equity, at, [equity[at]] * times)
    assert max_drawdown(stretched, account_micros=ACCOUNT) == max_drawdown(equity, account_micros=ACCOUNT)


@settings(deadline=None)
@given(small_steps, st.integers(1, 30))
def test_daily_pnl_matches_a_grouped_recount_and_adds_up(moves: list[int], bars_per_day: int) -> None:
    equity = curve(moves)
    day = np.arange(len(moves)) // bars_per_day
    closes = [
        list(group)[-1][1] for _, group in groupby(zip(day, equity.tolist(), strict=True), key=lambda bar: bar[0])
    ]
    expected = [after - before for before, after in pairwise([ACCOUNT, *closes])]
    pnl = daily_pnl(equity, day, account_micros=ACCOUNT)
    assert pnl.tolist() == expected
    assert pnl.sum() == equity[-1] - ACCOUNT
    assert daily_returns(equity, day, account_micros=ACCOUNT).tolist() == [p / ACCOUNT for p in expected]


@settings(deadline=None)
@given(trades)
def test_trade_figures_match_exact_arithmetic(pnl: list[int]) -> None:
    figures = record([0], pnl=pnl)
    wins, losses = [p for p in pnl if p > 0], [-p for p in pnl if p < 0]
    assert figures.net_pnl_micros == sum(pnl)
    assert (figures.trades, figures.winners, figures.losers) == (len(pnl), len(wins), len(losses))
    assert figures.win_pct == (float(Fraction(100 * len(wins), len(pnl))) if pnl else None)
    assert figures.profit_factor == (float(Fraction(sum(wins), sum(losses))) if losses else None)
    expected = float(Fraction(sum(pnl), len(pnl) * MICROS)) if pnl else None
    assert figures.expectancy_usd == (None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-15))


@settings(deadline=None)
@given(trades)
def test_the_free_functions_agree_with_measure(pnl: list[int]) -> None:
    figures = record([0], pnl=pnl)
    column = np.array(pnl, np.int64)
    assert profit_factor(column) == figures.profit_factor
    assert win_pct(column) == figures.win_pct
    assert expectancy(column) == figures.expectancy_usd


@settings(deadline=None)
@given(trades, st.randoms())
def test_the_order_of_trades_changes_no_trade_figure(pnl: list[int], chance: Random) -> None:
    shuffled = pnl.copy()
    chance.shuffle(shuffled)
    assert record([0], pnl=shuffled) == record([0], pnl=pnl)


@settings(deadline=None)
@given(returns)
def test_sharpe_matches_the_statistics_module(daily: list[float]) -> None:
    ratio = sharpe_ratio(np.array(daily))
    if len(set(daily)) == 1:
        assert ratio is None
    else:
        expected = statistics.fmean(daily) / statistics.stdev(daily) * math.sqrt(252)
        assert ratio == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(returns)
def test_sortino_counts_gains_as_zero_over_all_days(daily: list[float]) -> None:
    ratio = sortino_ratio(np.array(daily))
    downside = math.sqrt(statistics.fmean([min(r, 0.0) ** 2 for r in daily]))
    if downside == 0.0:
        assert ratio is None
    else:
        expected = statistics.fmean(daily) / downside * math.sqrt(252)
        assert ratio == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(returns, st.integers(2, 64))
def test_leverage_leaves_the_ratios_alone(daily: list[float], leverage: int) -> None:
    single, many = np.array(daily), np.array(daily) * leverage
    for ratio in (sharpe_ratio, sortino_ratio):
        assert ratio(many) == (None if ratio(single) is None else pytest.approx(ratio(single), rel=1e-9, abs=1e-12))


@settings(deadline=None)
@given(st.lists(st.integers(-100, 100), min_size=20, max_size=60).filter(lambda pnl: len(set(pnl)) > 1))
def test_the_sign_of_every_day_flips_the_sign_of_sharpe(pnl: list[int]) -> None:
    daily = np.array(pnl) / 1000
    assert sharpe_ratio(-daily) == pytest.approx(-known(sharpe_ratio(daily)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, -0.1, 1e-9, 1 / 3])
def test_a_constant_return_has_no_sharpe_instead_of_an_enormous_one(constant: float) -> None:
    assert sharpe_ratio(np.full(250, constant)) is None


@pytest.mark.parametrize("ratio", [sharpe_ratio, sortino_ratio])
def test_needs_twenty_days_for_a_ratio(ratio: Callable[..., Any]) -> None:
    daily = np.tile([0.01, -0.005], 10)
    assert ratio(daily[:19]) is None
    assert ratio(daily) is not None


def test_measure_takes_its_ratios_from_daily_not_from_bar_returns() -> None:
    moves = np.random.default_rng(3).integers(-40 * MICROS, 45 * MICROS, 24 * 40).tolist()
    figures = record(moves, bars_per_day=24)
    daily = daily_returns(curve(moves), np.arange(len(moves)) // 24, account_micros=ACCOUNT)
    assert len(daily) == 40
    assert figures.sharpe == sharpe_ratio(daily)
    assert figures.sortino == sortino_ratio(daily)


@settings(deadline=None)
@given(small_steps, trades)
def test_never_answers_nan_or_infinity(moves: list[int], pnl: list[int]) -> None:
    figures = record(moves, pnl=pnl, bars_per_day=3)
    for field in fields(figures):
        figure = getattr(figures, field.name)
        assert figure is None or math.isfinite(figure), field.name


def test_does_not_touch_what_it_measures_and_reads_frozen_columns() -> None:
    equity, day = curve([5, -3, 2]), np.arange(3)
    for column in (equity, day):
        column.flags.writeable = False
    assert max_drawdown(equity, account_micros=ACCOUNT).usd == 3 / MICROS
    assert daily_pnl(equity, day, account_micros=ACCOUNT).tolist() == [5, -3, 2]


GOOD: dict[str, Any] = {
    "trade_pnl_micros": np.array([1, 2]),
    "trade_bars": np.array([1, 1]),
    "equity_micros": np.array([ACCOUNT, ACCOUNT]),
    "trading_day": np.array([1, 2]),
    "account_micros": ACCOUNT,
    "bars_in_position": 1,
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"equity_micros": np.array([], np.int64), "trading_day": np.array([], np.int64)}, "at least one bar"),
        ({"equity_micros": np.array([[1, 2]])}, "column of integers"),
        ({"equity_micros": np.array([1.0, math.nan])}, "column of integers"),
        ({"trading_day": np.array([1])}, "one value per bar"),
        ({"trading_day": np.array([2, 1])}, "bar 1: the trading day must not fall"),
        ({"trade_bars": np.array([1])}, "one value per trade"),
        ({"account_micros": 0}, "above zero"),
        ({"account_micros": -1}, "above zero"),
        ({"bars_in_position": -1}, "between 0 and 2"),
        ({"bars_in_position": 3}, "between 0 and 2"),
    ],
)
def test_refuses_a_record_that_breaks_a_rule(change: dict[str, FloatArray | IntArray | int], rule: str) -> None:
    measure(**GOOD)
    with pytest.raises(BadEquityCurve, match=rule):
        measure(**(GOOD | change))


@pytest.mark.parametrize("bad", [[[0.1] * 30], [0.1, math.nan], [0.1, math.inf]])
def test_refuses_returns_that_are_not_a_finite_column(bad: list[float | list[float]]) -> None:
    for ratio in (sharpe_ratio, sortino_ratio):
        with pytest.raises(BadEquityCurve):
            ratio(np.array(bad))
