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

NOTHING, MOMENTUM, REVERSION, OPENING_RANGE, SESSION_DRIFT, GAP = range(6)
"""What `walk_prices` may plant; see `plants.EdgeKind`."""

BLOCK_MINUTES = 60
RANGE_MINUTES = 30
EARLY_MINUTES = 120


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
    course: IntArray,
    start_ticks: float,
    push: tuple[float, int, float],
    filled: IntArray,
    variance: FloatArray,
) -> None:
    """Fill open, high, low and close in ticks, which way a planted edge pushed, and the variance of each minute.

    An edge knows nothing but prices before the minute it pushes, so whoever knows it can be there in time.

    Args:
        draws: Shape (4, n_minutes): close shock, upper and lower wick (all unit normals), and the relative gap between
            the close before and this open.
        scale: Standard deviation of each minute as a fraction of price, before clustering and regime, (n_minutes,).
        course: Shape (3, n_minutes): regime and direction (+1 or −1) from `walk_regimes`, and minutes since the regular
            session opened, −1 outside it.
        start_ticks: Price before the first minute.
        push: 1 for regimes that trend and pull back or 0 for regimes that are only loud or quiet; what is planted,
            `NOTHING` to `GAP`; how far that moves each of its minutes, in the minute's standard deviations.
        filled: Filled, shape (5, n_minutes); the last row is +1, −1, or 0 where no edge pushed.
        variance: Filled, in units of its mean, (n_minutes,).
    """
    follows, kind, lift = push
    price = anchor = start_ticks
    block = high = low = closed = start_ticks
    clustered = 1.0
    before, pushed = -1, 0
    for minute in range(len(scale)):
        regime, place = course[0, minute], course[2, minute]
        if regime != before:
            anchor = price
            before = regime
        loudness = _loudness(regime)
        sigma = scale[minute] * loudness * np.sqrt(clustered)
        opened = price * (1.0 + draws[3, minute])
        anchor = anchor * (1.0 + draws[3, minute])
        if place == 0:
            block = high = low = opened
        pushed = _pushed(kind, place, pushed, opened, block, high, low, closed)
        if place > 0 and place % BLOCK_MINUTES == 0:
            block = opened
        drift = follows * _drift(regime, course[1, minute], sigma, (anchor - opened) / opened) + pushed * lift * sigma
        shock = draws[0, minute]
        price = opened * (1.0 + drift + sigma * shock)
        if 0 <= place < RANGE_MINUTES:
            high, low = max(high, price), min(low, price)
        if place >= 0:
            closed = price
        _fill(filled[:, minute], opened, price, 0.5 * sigma * opened, draws[1:3, minute])
        filled[4, minute] = pushed
        variance[minute] = clustered * loudness * loudness
        felt = min(shock * shock, 16.0)
        clustered = 1.0 - SHOCK_WEIGHT - PERSISTENCE + SHOCK_WEIGHT * felt * clustered + PERSISTENCE * clustered


@njit(cache=True)
def _loudness(regime: int) -> float:
    if regime == TRENDING:
        return 1.0
    if regime == SPIKE:
        return 2.2
    return 0.5 if regime == COMPRESSION else 0.85


@njit(cache=True)
def _drift(regime: int, direction: int, sigma: float, back: float) -> float:
    """Return the drift of a regime, `back` being the relative way to where it began."""
    if regime == TRENDING:
        return direction * TREND_STRENGTH * sigma
    return RANGE_PULL * back if regime == RANGE_BOUND else 0.0


@njit(cache=True)
def _fill(bar: IntArray, opened: float, price: float, reach: float, wicks: FloatArray) -> None:
    open_ticks = np.int64(np.floor(opened + 0.5))
    close_ticks = np.int64(np.floor(price + 0.5))
    bar[0] = open_ticks
    bar[1] = max(open_ticks, close_ticks) + np.int64(np.floor(abs(wicks[0]) * reach + 0.5))
    bar[2] = min(open_ticks, close_ticks) - np.int64(np.floor(abs(wicks[1]) * reach + 0.5))
    bar[3] = close_ticks


@njit(cache=True)
def _pushed(
    kind: int, place: int, before: int, opened: float, block: float, high: float, low: float, closed: float
) -> int:
    """Return which way an edge pushes a minute that opens at a price, given which way it pushed the one before.

    `block` is where the last full hour of the session began, `high` and `low` bound the closes of its first half hour,
    and `closed` is the last regular close before the session.
    """
    if kind == NOTHING or place < 0:
        return 0
    if kind == SESSION_DRIFT:
        side = 1 if place < EARLY_MINUTES else 0
    elif kind == GAP:
        side = (before if place > 0 else _sign(closed - opened)) if place < EARLY_MINUTES else 0
    elif kind == OPENING_RANGE:
        side = _outside(before, opened, high, low) if place >= RANGE_MINUTES else 0
    elif place < BLOCK_MINUTES or place % BLOCK_MINUTES:
        side = before if place >= BLOCK_MINUTES else 0
    else:
        side = _sign(opened - block) if kind == MOMENTUM else _sign(block - opened)
    return side


@njit(cache=True)
def _outside(before: int, opened: float, high: float, low: float) -> int:
    if before != 0:
        return before
    return 1 if opened > high else -1 if opened < low else 0


@njit(cache=True)
def _sign(move: float) -> int:
    return 1 if move > 0.0 else -1 if move < 0.0 else 0
