"""Compiled loops behind the measures of performance.

Belongs here: loops over primitives whose input `performance.py` has checked. Does not belong here: rules, refusals.
Results are the same bytes on every machine: strict order, no fast mathematics, no threads.
"""

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.compiling import BLOCK, compiled, inlined, span


@inlined
def changes(day: IntArray, bar: int) -> bool:
    """Return whether a block of bars, the bar before it included, has more than one day."""
    changed = False
    for i in span(bar, bar + BLOCK):
        changed |= day[i] != day[i - np.uint64(1)]
    return changed


@compiled
def day_closes(equity: IntArray, day: IntArray, closes: IntArray) -> tuple[int, int]:
    """Write the last equity of each day into `closes`.

    Returns:
        The number of days, and the first bar whose day is before the day of the bar ahead of it (-1: there is none).
    """
    n = len(day)
    days = 0
    for start in range(1, n, BLOCK):
        end = start + BLOCK
        if end <= n and not changes(day, start):
            continue
        for bar in range(start, min(end, n)):
            if day[bar] < day[bar - 1]:
                return days, bar
            if day[bar] != day[bar - 1]:
                closes[days] = equity[bar - 1]
                days += 1
    closes[days] = equity[n - 1]
    return days + 1, -1


@inlined
def block_range(equity: IntArray, bar: int) -> tuple[int, int]:
    """Return the lowest and the highest equity of a block."""
    lowest, highest = equity[bar], equity[bar]
    for i in span(bar, bar + BLOCK):
        lowest = min(lowest, equity[i])
        highest = max(highest, equity[i])
    return lowest, highest


@compiled
def deepest_falls(equity: IntArray, account: int) -> tuple[int, float]:
    """Return the deepest fall from the running peak, and the deepest as a fraction of its own peak.

    A block without a new peak only matters by its lowest value; most blocks are done with that.
    """
    n = len(equity)
    peak = account
    trough = account
    deepest = 0
    deepest_fraction = 0.0
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        if end - start == BLOCK:
            lowest, highest = block_range(equity, start)
            if highest <= peak:
                trough = min(trough, lowest)
                continue
        for bar in range(start, end):
            value = equity[bar]
            if value > peak:
                deepest = max(deepest, peak - trough)
                deepest_fraction = max(deepest_fraction, (peak - trough) / peak)
                peak = value
                trough = value
            trough = min(trough, value)
    deepest = max(deepest, peak - trough)
    return deepest, max(deepest_fraction, (peak - trough) / peak)


@compiled
def sum_trades(pnl: IntArray) -> tuple[int, int, int, int]:
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
def spread(returns: FloatArray) -> tuple[float, float, float]:
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
def moments(returns: FloatArray) -> tuple[float, float, float, float]:
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
def walk_paths(pnl: IntArray, account: int, floor: int, fall: IntArray, fall_fraction: FloatArray) -> int:
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
