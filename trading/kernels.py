"""Compiled loops behind the measures of performance.

Belongs here: loops over primitives whose input `performance.py` has checked. Does not belong here: rules, refusals.
Results are the same bytes on every machine: strict order, no fast mathematics, no threads.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Return the loop as machine code, kept on disk between processes."""
    return cast(Loop, numba.njit(cache=True)(loop))


@compiled
def scan_equity(
    equity: NDArray[np.int64], day: NDArray[np.int64], account: int, closes: NDArray[np.int64]
) -> tuple[int, float, int, int]:
    """Walk an equity curve once; write the last equity of each day into `closes`.

    Returns:
        The deepest fall, the deepest fall as a fraction of its own peak, the number of days, and the first bar whose
        day is before the day of the bar ahead of it (-1 when there is none).
    """
    peak = account
    trough = account
    deepest = 0
    deepest_fraction = 0.0
    days = 0
    for bar in range(len(equity)):
        value = equity[bar]
        if bar > 0 and day[bar] != day[bar - 1]:
            if day[bar] < day[bar - 1]:
                return deepest, deepest_fraction, days, bar
            closes[days] = equity[bar - 1]
            days += 1
        if value > peak:
            deepest = max(deepest, peak - trough)
            deepest_fraction = max(deepest_fraction, (peak - trough) / peak)
            peak = value
            trough = value
        elif value < trough:
            trough = value
    closes[days] = equity[-1]
    deepest = max(deepest, peak - trough)
    deepest_fraction = max(deepest_fraction, (peak - trough) / peak)
    return deepest, deepest_fraction, days + 1, -1


@compiled
def sum_trades(pnl: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Return gross profit, gross loss (as a positive number), winners and losers."""
    profit = 0
    loss = 0
    winners = 0
    losers = 0
    for trade in range(len(pnl)):
        if pnl[trade] > 0:
            profit += pnl[trade]
            winners += 1
        elif pnl[trade] < 0:
            loss -= pnl[trade]
            losers += 1
    return profit, loss, winners, losers


@compiled
def spread(returns: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return mean, standard deviation (ddof=1) and downside deviation about zero of two or more returns.

    The sums are taken about the first value, so a constant series has a deviation of exactly zero.
    """
    count = len(returns)
    first = returns[0]
    shifted = 0.0
    downside = 0.0
    for value in returns:
        shifted += value - first
        if value < 0.0:
            downside += value * value
    mean = first + shifted / count
    squares = 0.0
    for value in returns:
        squares += (value - mean) ** 2
    return mean, np.sqrt(squares / (count - 1)), np.sqrt(downside / count)


@compiled
def moments(returns: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return mean and the second, third and fourth central moments (population) of one or more returns."""
    count = len(returns)
    first = returns[0]
    shifted = 0.0
    for value in returns:
        shifted += value - first
    mean = first + shifted / count
    second = 0.0
    third = 0.0
    fourth = 0.0
    for value in returns:
        away = value - mean
        square = away * away
        second += square
        third += square * away
        fourth += square * square
    return mean, second / count, third / count, fourth / count


@compiled
def walk_paths(
    pnl: NDArray[np.int64], account: int, floor: int, fall: NDArray[np.int64], fall_fraction: NDArray[np.float64]
) -> int:
    """Walk each row of P&L from the account; write its deepest falls, return how many rows touched the floor."""
    paths, steps = pnl.shape
    ruined = 0
    for path in range(paths):
        equity = account
        peak = account
        lowest = account
        for step in range(steps):
            equity += pnl[path, step]
            peak = max(peak, equity)
            lowest = min(lowest, equity)
            if peak - equity > fall[path]:
                fall[path] = peak - equity
            if (peak - equity) > fall_fraction[path] * peak:
                fall_fraction[path] = (peak - equity) / peak
        ruined += lowest <= floor
    return ruined
