"""Indicators over numpy arrays: the public, documented face of the compiled loops.

Belongs here: validation, allocation, meaning. Does not belong here: the loops (`kernels.py`), what a signal does with
an indicator (`signals.py`).

All inputs are finite, one-dimensional, of equal shape (n_bars,), oldest first, in any unit; the result has the same
shape and unit unless it says otherwise. A bar whose window is not complete is NaN. Every function raises `BadInput`
for another shape, values that are not finite, or a period under its minimum. Where TA-Lib has the indicator the
results agree to 1e-9.

Rounding decides no comparison: a simple average is the exact one of its window rounded once, so it lies within the
window, is the same bits wherever the history begins, and of values all alike is exactly that value. Exponential and
Wilder averages of a value that stays arrive at it and stop there.
"""

import numpy as np
from numpy.typing import ArrayLike

from trading.arrays import FloatArray, GateArray
from trading.errors import BadInput
from trading.strategies import kernels
from trading.strategies.tape import read_only


def sma(values: ArrayLike, period: int) -> FloatArray:
    """Return the simple moving average of the last `period` values, the current one included (TA-Lib SMA)."""
    (column,), out = _columns(period, values)
    kernels.sma(column, period, np.empty_like(out), out)
    return out


def ema(values: ArrayLike, period: int) -> FloatArray:
    """Return the exponential moving average with weight 2 / (period + 1) (TA-Lib EMA).

    It begins at bar `period - 1` with the simple average, and forgets that beginning to 1e-9 after about 10.4 periods.
    """
    (column,), out = _columns(period, values)
    kernels.ema(column, period, out)
    return out


def rsi(close: ArrayLike, period: int) -> FloatArray:
    """Return Wilder's relative strength index: the share of rises in the average move, 0-100 (TA-Lib RSI).

    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978). The first value is at bar `period`.
    Where nothing ever moved it is 0, as in TA-Lib; entry rules take that as 50, so that both sides mirror.
    `period >= 2`.
    """
    (column,), up_pct = _columns(period, close, minimum=2)
    kernels.strength(column, period, 0.0, up_pct, np.empty_like(up_pct))
    return up_pct


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int) -> FloatArray:
    """Return Wilder's average true range (TA-Lib ATR).

    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978). The first value is at bar `period`,
    because the true range needs a previous close.
    """
    (highs, lows, closes), out = _columns(period, high, low, close)
    kernels.atr(highs, lows, closes, period, out)
    return out


def highest(values: ArrayLike, period: int) -> FloatArray:
    """Return the largest of the last `period` values, the current one included (TA-Lib MAX)."""
    (column,), out = _columns(period, values)
    kernels.highest(column, period, out)
    return out


def lowest(values: ArrayLike, period: int) -> FloatArray:
    """Return the smallest of the last `period` values, the current one included (TA-Lib MIN)."""
    (column,), out = _columns(period, values)
    kernels.lowest(column, period, out)
    return out


def momentum(values: ArrayLike, period: int) -> FloatArray:
    """Return the change over `period` bars (TA-Lib MOM)."""
    (column,), out = _columns(period, values)
    kernels.momentum(column, period, out)
    return out


def session_vwap(
    prices: tuple[ArrayLike, ArrayLike, ArrayLike], volume: ArrayLike, *, session_starts: ArrayLike
) -> FloatArray:
    """Return the volume-weighted average of (high + low + close) / 3 since the session began.

    Args:
        prices: High, low and close.
        volume: Weight of each bar, not negative.
        session_starts: True on the first bar of each session.

    Returns:
        NaN before the first start, and until a session has traded.
    """
    (high, low, close, weight), out = _columns(1, *prices, volume)
    starts = np.asarray(session_starts, np.bool_)
    if starts.shape != out.shape:
        raise BadInput(f"session_starts must have shape {out.shape}, was {starts.shape}")
    gate: GateArray = np.where(starts, kernels.SESSION_START | kernels.IN_SESSION, kernels.IN_SESSION)
    kernels.session_vwap(high, low, close, weight, read_only(gate.astype(np.uint8)), out)
    return out


def _columns(period: int, *inputs: ArrayLike, minimum: int = 1) -> tuple[list[FloatArray], FloatArray]:
    if type(period) is not int or period < minimum:
        raise BadInput(f"period must be a whole number of at least {minimum}, was {period!r}")
    columns = [np.array(values, np.float64) for values in inputs]
    if any(column.ndim != 1 or column.shape != columns[0].shape for column in columns):
        raise BadInput(f"inputs must be columns of one length, had shapes {[column.shape for column in columns]}")
    if not all(np.isfinite(column).all() for column in columns):
        raise BadInput("inputs must be finite")
    return [read_only(column) for column in columns], np.empty(len(columns[0]))
