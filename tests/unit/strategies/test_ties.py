"""What is equal is equal: averages of values all alike, and windows that do not know where the history begins."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.series import endless, then_alike
from trading.arrays import FloatArray
from trading.strategies import indicators
from trading.strategies.rules import parse_rule, rule_signals
from trading.strategies.tape import Tape
from trading.verification.warm_up import warm_up_drifts

CONSTANTS = (0.1, 20_000 + 1 / 3, -7.7, 4e-9, 2**31 / 3, 26_000.0)
WINDOWS = (1, 2, 3, 7, 20, 50)

numbers = st.one_of(
    st.integers(-90_000, 90_000).map(lambda ticks: ticks / 3),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from((1e15, -1e15, 1e-9, 0.0)),
)
columns = st.lists(numbers, min_size=1, max_size=120).map(lambda values: np.array(values, np.float64))


def wild_then(constant: float, n: int = 900, at: int = 200) -> FloatArray:
    """Return values that move wildly for a while and then stay."""
    rng = np.random.default_rng(11)
    values = constant + rng.normal(0.0, 1.0 + 1e-3 * abs(constant), n)
    values[at:] = constant
    return values


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("period", WINDOWS)
def test_values_all_alike_are_their_own_average_and_extremes(constant: float, period: int) -> None:
    values = wild_then(constant)
    settled = slice(200 + period - 1, None)
    for of in (indicators.sma, indicators.highest, indicators.lowest):
        assert (of(values, period)[settled] == constant).all(), of.__name__
    assert (indicators.momentum(values, period)[200 + period :] == 0.0).all()


@pytest.mark.parametrize("period", [2, 7, 14, 20])
def test_averages_beside_zeros_arrive_at_zero(period: int) -> None:
    values = wild_then(0.0, n=2_000)
    assert (indicators.ema(values, period)[1_500:] == 0.0).all()
    low = np.cumsum(np.abs(values))
    assert (indicators.atr(low + np.abs(values), low, low, period)[1_500:] == 0.0).all()


@pytest.mark.parametrize("constant", CONSTANTS)
@pytest.mark.parametrize("period", [2, 7, 14, 20])
def test_exponential_averages_arrive_at_a_value_that_stays_and_stop_there(constant: float, period: int) -> None:
    values = wild_then(constant, n=2_000)
    assert (indicators.ema(values, period)[1_500:] == constant).all()
    assert (indicators.ema(values[200:], period)[period - 1 :] == constant).all()
    ranges = np.abs(values)
    atr = indicators.atr(ranges, np.zeros_like(ranges), np.zeros_like(ranges), period)
    assert (atr[1_500:] == abs(constant)).all()


@pytest.mark.parametrize("period", [2, 5, 14])
def test_strength_stays_what_it_was_while_nothing_moves(period: int) -> None:
    values = wild_then(100.0, n=300)
    assert len(set(indicators.rsi(values, period)[200:230])) == 1
    assert (indicators.rsi(np.full(60, 0.1), period)[period:] == 0.0).all()
    assert indicators.rsi([0, 3, -4, *([-4] * 20)], 2)[-1] == 30.0


def test_the_session_average_of_bars_all_alike_is_their_typical_price() -> None:
    high, low, close = (np.full(400, 2**29 + ticks, np.float64) for ticks in (2, -1, 0))
    volume = np.random.default_rng(2).integers(0, 900_000, 400)
    starts = np.arange(400) % 130 == 0
    vwap = indicators.session_vwap((high, low, close), volume, session_starts=starts)
    assert set(vwap[~np.isnan(vwap)]) == {(high[0] + low[0] + close[0]) / 3}


@settings(deadline=None)
@given(columns, st.integers(1, 40))
def test_a_simple_average_is_the_exact_one_rounded_once_and_within_its_window(values: FloatArray, period: int) -> None:
    means = indicators.sma(values, period)
    for i in range(period - 1, len(values)):
        window = values[i - period + 1 : i + 1]
        exact = sum(map(Fraction, window.tolist())) / period
        assert abs(means[i] - float(exact)) <= 2.0**-100 * float(np.abs(window).max())
        assert window.min() <= means[i] <= window.max()


@settings(deadline=None)
@given(columns, st.integers(1, 30), st.integers(1, 60))
def test_a_window_is_the_same_to_the_last_bit_wherever_the_history_begins(
    values: FloatArray, period: int, later: int
) -> None:
    for of in (indicators.sma, indicators.highest, indicators.lowest, indicators.momentum):
        whole, part = of(values, period)[later:], of(values[later:], period)
        known = ~np.isnan(part)
        assert (whole[known] == part[known]).all(), of.__name__


@pytest.mark.parametrize(
    "condition",
    [
        "close > sma(close, 20)",
        "(high + low + close) / 3 > sma((high + low + close) / 3, 20)",
        "sma((high + low + close) / 3, 7) > sma((high + low + close) / 3, 20)",
        "close > ema(close, 20) or close < ema(close, 20)",
        "high - low > atr(14) or high - low < atr(14)",
        "rsi(close, 14) > rsi(close, 14)[1] or rsi(close, 14) < rsi(close, 14)[1]",
        "close > vwap and bars_since_open < 1",
        "volume > sma(volume, 20)",
        "momentum(close, 10) > 0",
        "close crosses above ema(close, 9)",
        "ema(close, 9) > ema(close, 20)",
    ],
)
def test_no_rule_finds_a_difference_on_bars_all_alike(condition: str) -> None:
    rule = parse_rule(f"long: {condition}\nshort: never\nunit: 4 ticks")
    assert [int((rule_signals(then_alike(seed), rule).side[1_400:] != 0).sum()) for seed in range(12)] == [0] * 12


def test_the_warm_up_detector_passes_a_rule_of_thirds() -> None:
    rng = np.random.default_rng(1)
    step = np.where(rng.random(20_000) < 0.25, rng.choice([-1, 1], 20_000), 0)
    close = 26_000 + np.cumsum(step)
    open_ = np.where(step == 0, close, np.concatenate([close[:1], close[:-1]]))
    tape = endless(open_, np.maximum(open_, close), np.minimum(open_, close), close)
    typical = "(high + low + close) / 3"
    rule = parse_rule(f"long: {typical} crosses above sma({typical}, 20)\nshort: mirror\nunit: 4 ticks")

    def known(part: Tape) -> FloatArray:
        wishes = rule_signals(part, rule)
        return np.column_stack([wishes.side, wishes.stop_unit_ticks * (wishes.side != 0)]).astype(np.float64)

    memory = warm_up_drifts(tape, known, warm_up_bars=rule.warm_up_bars)
    assert (memory.drifts, memory.largest) == ((), 0.0)
