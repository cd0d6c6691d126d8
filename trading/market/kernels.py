"""The market simulator's inner loop, compiled.

Belongs here: the one loop that cannot be vectorised. Does not belong here: randomness (drawn beforehand), calendars.

Only additions, multiplications, divisions, square roots and floor are used, in a fixed order and without `fastmath`:
IEEE 754 rounds each of them the same way everywhere, so the bars are the same bytes on every machine.
"""

import numpy as np
from numba import njit

from trading.arrays import FloatArray, IntArray

RANGE_BOUND, TRENDING, SPIKE, COMPRESSION = 0, 1, 2, 3

SHOCK_WEIGHT, PERSISTENCE = 0.07, 0.91
"""GARCH(1,1) per minute: tomorrow's variance is 0.02 + 0.07 shock² + 0.91 variance, in units of its mean."""

TREND_STRENGTH = 0.03
"""Drift of a trending regime, in standard deviations per minute: plain in hindsight, less than chasing it costs."""

RANGE_PULL = 0.002
"""Share of the way back to where a range-bound regime began, per minute."""


@njit(cache=True)
def walk_regimes(dice: FloatArray, leave: FloatArray, regimes: IntArray, direction: IntArray) -> None:
    """Fill regime and trend direction of each minute from uniform dice in [0, 1).

    A regime is left with probability `leave[regime]` per minute; where to, and which way a trend points, is read from
    the same die: what is left of it is uniform again.
    """
    regime = RANGE_BOUND
    sign = 1
    for minute in range(len(dice)):
        if dice[minute] < leave[regime]:
            rest = dice[minute] / leave[regime]
            choice = int(rest * 6.0)
            regime = (regime + 1 + choice % 3) % 4
            sign = 1 if choice < 3 else -1
        regimes[minute] = regime
        direction[minute] = sign


@njit(cache=True)
def walk_prices(
    draws: FloatArray,
    scale: FloatArray,
    regimes: IntArray,
    direction: IntArray,
    start_ticks: float,
    ticks: IntArray,
    variance: FloatArray,
) -> None:
    """Fill open, high, low and close in ticks, and the variance of each minute.

    Args:
        draws: Shape (4, n_minutes): close shock, upper and lower wick (all unit normals), and the relative gap between
            the close before and this open.
        scale: Standard deviation of each minute as a fraction of price, before clustering and regime, (n_minutes,).
        regimes: From `walk_regimes`, (n_minutes,).
        direction: From `walk_regimes`, +1 or −1, (n_minutes,).
        start_ticks: Price before the first minute.
        ticks: Filled, shape (4, n_minutes).
        variance: Filled, in units of its mean, (n_minutes,).
    """
    price = start_ticks
    anchor = price
    clustered = 1.0
    before = -1
    for minute in range(len(scale)):
        regime = regimes[minute]
        if regime != before:
            anchor = price
            before = regime
        loudness = 0.85
        if regime == TRENDING:
            loudness = 1.0
        elif regime == SPIKE:
            loudness = 2.2
        elif regime == COMPRESSION:
            loudness = 0.5
        sigma = scale[minute] * loudness * np.sqrt(clustered)
        opened = price * (1.0 + draws[3, minute])
        anchor = anchor * (1.0 + draws[3, minute])
        drift = 0.0
        if regime == TRENDING:
            drift = direction[minute] * TREND_STRENGTH * sigma
        elif regime == RANGE_BOUND:
            drift = RANGE_PULL * (anchor - opened) / opened
        shock = draws[0, minute]
        price = opened * (1.0 + drift + sigma * shock)
        reach = 0.5 * sigma * opened
        open_ticks = np.int64(np.floor(opened + 0.5))
        close_ticks = np.int64(np.floor(price + 0.5))
        ticks[0, minute] = open_ticks
        ticks[1, minute] = max(open_ticks, close_ticks) + np.int64(np.floor(abs(draws[1, minute]) * reach + 0.5))
        ticks[2, minute] = min(open_ticks, close_ticks) - np.int64(np.floor(abs(draws[2, minute]) * reach + 0.5))
        ticks[3, minute] = close_ticks
        variance[minute] = clustered * loudness * loudness
        felt = min(shock * shock, 16.0)
        clustered = 1.0 - SHOCK_WEIGHT - PERSISTENCE + SHOCK_WEIGHT * felt * clustered + PERSISTENCE * clustered
