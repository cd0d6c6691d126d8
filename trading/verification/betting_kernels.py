"""Compiled loops behind the evidence of a bot.

Belongs here: loops over primitives whose input `betting.py` has checked. Does not belong here: rules, refusals.
Only additions, multiplications, divisions, square roots and scaling by powers of two are used, in a fixed order and
without `fastmath`: IEEE 754 rounds each of them the same way everywhere, so evidence is the same bytes on every
machine.
"""

import math

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.compiling import compiled, inlined

DAYS, LOSING_DAYS, WEIGHT, SQUARES, PRODUCTS, BEFORE, WORST, CAPITAL = range(8)
"""Columns of a state; from `CAPITAL` on the capital of each bet."""

BETS = (0.05, 0.10, 0.15)
"""What each bettor stakes a day: its capital times this, per deviation of the days before."""

SHARES = (0.30, 0.40, 0.30)
"""What each bettor starts with; they add up to one."""

FIRST_DAYS = 20
"""Days that only show a scale."""

LOSING_DAYS_SHOWN = 5
"""Losing days a record must have shown before a bet: without losers its scale says nothing of what a day may lose."""

KEPT, WORST_KEPT = 0.999, 0.9995
"""What is left of a day's weight, and of the worst loss, a day later: memories of four and eight years."""

LOSS_RESERVE = 2.0
"""A loss so many times the worst one in memory takes no more than the whole capital."""

MOST_FOLLOWING = 0.9
LARGEST = 1e280
LN_2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476


@inlined
def logarithm(value: float) -> float:
    """Return the natural logarithm of a number that is not negative, to the last digit or two, by basic arithmetic."""
    if value <= 0.0:
        return -np.inf
    fraction, exponent = math.frexp(value)
    if fraction < SQRT_HALF:
        fraction *= 2.0
        exponent -= 1
    ratio = (fraction - 1.0) / (fraction + 1.0)
    square = ratio * ratio
    series = 0.0
    for odd in range(29, 0, -2):
        series = series * square + 1.0 / odd
    return 2.0 * ratio * series + exponent * LN_2


@inlined
def clustering(state: FloatArray) -> float:
    """Return by how much runs of like days widen a record, as a share of its variance, at least 0.

    Days that follow the day before with correlation r widen the mean of many by 2 r / (1 - r).
    """
    if state[SQUARES] <= 0.0 or state[PRODUCTS] <= 0.0:
        return 0.0
    following: float = min(MOST_FOLLOWING, state[PRODUCTS] / state[SQUARES])
    return 2.0 * following / (1.0 - following)


@inlined
def bet_a_day(state: FloatArray, net_pnl: float) -> None:
    """Let every bettor win or lose by one day, at stakes set by the days before."""
    square = state[SQUARES] / state[WEIGHT]
    scale = math.sqrt(square)
    most = 1.0 / (LOSS_RESERVE * state[WORST])
    charge = 0.5 * square * clustering(state)
    for at in range(len(BETS)):
        stake = min(BETS[at] / scale, most)
        won = stake * (net_pnl - stake * charge)
        state[CAPITAL + at] = min(LARGEST, state[CAPITAL + at] * (1.0 + min(1.0, max(-1.0, won))))


@inlined
def remember(state: FloatArray, net_pnl: float) -> None:
    """Add a day to what sets the stakes of the days after it."""
    state[DAYS] += 1.0
    state[WEIGHT] = KEPT * state[WEIGHT] + 1.0
    state[SQUARES] = KEPT * state[SQUARES] + net_pnl * net_pnl
    state[PRODUCTS] = KEPT * state[PRODUCTS] + net_pnl * state[BEFORE]
    state[BEFORE] = net_pnl
    state[WORST] = max(WORST_KEPT * state[WORST], -net_pnl)
    if net_pnl < 0.0:
        state[LOSING_DAYS] += 1.0


@inlined
def one_day(state: FloatArray, net_pnl: float) -> None:
    """Bet on a day, then learn from it."""
    if state[DAYS] >= FIRST_DAYS and state[LOSING_DAYS] >= LOSING_DAYS_SHOWN:
        bet_a_day(state, net_pnl)
    remember(state, net_pnl)


@inlined
def log_e(state: FloatArray) -> float:
    """Return the logarithm of what all bettors hold together."""
    held = 0.0
    for at in range(len(BETS)):
        held += state[CAPITAL + at]
    return logarithm(held)


@compiled
def advance(states: FloatArray, net_pnl: FloatArray, written: FloatArray) -> None:
    """Move the state of each bot on by its one day; write each log e-value."""
    for bot in range(len(states)):
        one_day(states[bot], net_pnl[bot])
        written[bot] = log_e(states[bot])


@compiled
def walk(states: FloatArray, net_pnl: FloatArray, ends: IntArray, written: FloatArray) -> None:
    """Move the state of each bot on by its own days; write the log e-value after every day.

    Args:
        states: One row a bot; moved on in place.
        net_pnl: Days of all bots, one bot after another.
        ends: For each bot the place after its last day.
        written: As `net_pnl`.
    """
    day = 0
    for bot in range(len(ends)):
        while day < ends[bot]:
            one_day(states[bot], net_pnl[day])
            written[day] = log_e(states[bot])
            day += 1
