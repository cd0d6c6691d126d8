"""Compiled loops behind a look: the stationary bootstrap of a studentised mean.

Belongs here: loops over primitives whose input `looks.py` has checked, and their own stream of chance, which no library
may change. Does not belong here: rules, refusals. Only basic arithmetic and square roots in a fixed order: the same
bytes on every machine.
"""

import math

import numpy as np

from trading.arrays import FloatArray
from trading.compiling import compiled, inlined

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST_MIX = np.uint64(0xBF58476D1CE4E5B9)
SECOND_MIX = np.uint64(0x94D049BB133111EB)
UNIT = 1.0 / 9007199254740992.0


@inlined
def die(seed: int, throw: int) -> float:
    """Return the n-th throw of a seed, uniform in [0, 1): SplitMix64 (Steele, Lea and Flood 2014) as a counter."""
    mixed = np.uint64(seed) + np.uint64(throw) * STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST_MIX
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND_MIX
    mixed = mixed ^ (mixed >> np.uint64(31))
    return float(mixed >> np.uint64(11)) * UNIT


@inlined
def mean_of(column: FloatArray) -> float:
    """Return the mean of one or more values."""
    total = 0.0
    for value in column:
        total += value
    return total / len(column)


@inlined
def squared_error(column: FloatArray, mean: float, lags: int) -> float:
    """Return the squared standard error of a mean of dependent days: Bartlett's weights (Newey and West 1987)."""
    days = len(column)
    total = 0.0
    for lag in range(lags + 1):
        products = 0.0
        for day in range(lag, days):
            products += (column[day] - mean) * (column[day - lag] - mean)
        total += products if lag == 0 else 2.0 * (1.0 - lag / (lags + 1.0)) * products
    return max(0.0, total) / days / days


@inlined
def ratio(away: float, squared: float) -> float:
    """Return a distance in standard errors; endless where there is no error."""
    if squared > 0.0:
        return away / math.sqrt(squared)
    if away == 0.0:
        return 0.0
    return np.inf if away > 0.0 else -np.inf


@compiled
def studentised(column: FloatArray, lags: int) -> float:
    """Return the mean of days in its standard errors."""
    mean = mean_of(column)
    return ratio(mean, squared_error(column, mean, lags))


@inlined
def draw(column: FloatArray, drawn: FloatArray, block_days: float, seed: int, throw: int) -> int:
    """Fill `drawn` with blocks of geometric length that wrap around the end; return the next throw."""
    days = len(column)
    at = 0
    for day in range(days):
        fresh = day == 0 or die(seed, throw) * block_days < 1.0
        throw += 1
        if fresh:
            at = int(die(seed, throw) * days)
            throw += 1
        else:
            at = at + 1 if at + 1 < days else 0
        drawn[day] = column[at]
    return throw


@compiled
def as_far(column: FloatArray, drawn: FloatArray, block_days: float, lags: int, replicates: int, seed: int) -> int:
    """Count the replicates whose mean lies as many standard errors above the record's mean as that lies above zero.

    A record's own standard errors count a little less, by the days that its mean and the length of blocks cost: two
    blocks of a short record are no small part of it, and without this it would be accepted too often.

    Args:
        column: Days of a record, oldest first.
        drawn: As long; written over.
        block_days: Mean length of a block, at least 1.
        lags: Lags of the standard error.
        replicates: How often the record is drawn anew.
        seed: Not negative.
    """
    mean = mean_of(column)
    left = max(UNIT, 1.0 - 2.0 * block_days / len(column))
    seen = ratio(mean, squared_error(column, mean, lags) / left)
    count = 0
    throw = 1
    for _ in range(replicates):
        throw = draw(column, drawn, block_days, seed, throw)
        other = mean_of(drawn)
        count += ratio(other - mean, squared_error(drawn, other, lags)) >= seen
    return count
