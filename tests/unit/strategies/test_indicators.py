from random import Random
from typing import Any

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.arrays import FloatArray
from trading.errors import BadInput
from trading.strategies import indicators

prices = st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=200).map(lambda ticks: np.array(ticks, np.float64))
periods = st.integers(2, 40)


def agree(ours: FloatArray, theirs: FloatArray) -> None:
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(prices, periods)
def test_averages_extremes_and_momentum_agree_with_talib(close: FloatArray, period: int) -> None:
    agree(indicators.sma(close, period), talib.SMA(close, period))
    agree(indicators.ema(close, period), talib.EMA(close, period))
    agree(indicators.highest(close, period), talib.MAX(close, period))
    agree(indicators.lowest(close, period), talib.MIN(close, period))
    agree(indicators.momentum(close, period), talib.MOM(close, period))
    agree(indicators.rsi(close, period), talib.RSI(close, period))


@settings(deadline=None)
@given(prices, periods, st.randoms(use_true_random=False))
def test_average_true_range_agrees_with_talib(close: FloatArray, period: int, chance: Random) -> None:
    high = close + [chance.randint(0, 90) for _ in close]
    low = close - [chance.randint(0, 90) for _ in close]
    agree(indicators.atr(high, low, close, period), talib.ATR(high, low, close, period))


def test_a_long_walk_agrees_with_talib() -> None:
    rng = np.random.default_rng(7)
    close = 20_000 + np.cumsum(rng.integers(-9, 10, 200_000)).astype(np.float64)
    high, low = close + rng.integers(0, 9, close.size), close - rng.integers(0, 9, close.size)
    for period in (2, 14, 50):
        agree(indicators.ema(close, period), talib.EMA(close, period))
        agree(indicators.rsi(close, period), talib.RSI(close, period))
        agree(indicators.atr(high, low, close, period), talib.ATR(high, low, close, period))
        agree(indicators.highest(high, period), talib.MAX(high, period))


def test_session_vwap_starts_anew_with_each_session_and_knows_nothing_before_the_first() -> None:
    close = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    starts = [False, True, False, True, False]
    vwap = indicators.session_vwap((close, close, close), [5, 1, 3, 0, 2], session_starts=starts)
    np.testing.assert_array_equal(vwap, [np.nan, 20.0, 27.5, np.nan, 50.0])


@settings(deadline=None)
@given(prices, periods)
def test_a_window_longer_than_the_history_is_never_known(close: FloatArray, period: int) -> None:
    assert np.isnan(indicators.sma(close[: period - 1], period)).all()
    assert np.isnan(indicators.atr(close[:period], close[:period], close[:period], period)).all()


@pytest.mark.parametrize("values", [[[1.0]], [1.0, np.nan], [np.inf]])
def test_refuses_tables_and_values_that_are_not_finite(values: list[float | list[float]]) -> None:
    with pytest.raises(BadInput):
        indicators.sma(values, 2)


@pytest.mark.parametrize("period", [0, -1, 1.5, True])
def test_refuses_a_period_that_is_not_a_whole_number_above_zero(period: Any) -> None:
    with pytest.raises(BadInput, match="period"):
        indicators.ema([1.0, 2.0], period)


def test_refuses_columns_of_unequal_length() -> None:
    with pytest.raises(BadInput, match="one length"):
        indicators.atr([1.0], [1.0, 2.0], [1.0, 2.0], 1)
