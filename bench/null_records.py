"""Records of daily net P&L with a known truth: worth nothing on average, in every way that tests are fooled by.

Belongs here: the records `judgement.py` measures with; every one has mean 0 by construction. Does not belong here: what
is measured on them.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from trading.arrays import FloatArray

TRADING_DAYS = 252
FLAT_SHARE = 0.85

Records = Callable[[Generator, int, int], FloatArray]
"""Draws so many records of so many days, shape (n_records, n_days)."""


def normal(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw independent normal days."""
    return chance.normal(0.0, 1.0, (records, days))


def fat_tails(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw independent days of Student's t with three degrees of freedom: no fourth moment."""
    return chance.standard_t(3.0, (records, days))


def rare_losses(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw many small wins and, one day in twenty, a loss of nineteen of them."""
    return np.where(chance.random((records, days)) < 0.05, -19.0, 1.0)


def leaning_left(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw days that lose seldom and far: one less an exponential variable."""
    return 1.0 - chance.exponential(1.0, (records, days))


def mostly_flat(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw days of which 85 % have no trade."""
    return normal(chance, records, days) * (chance.random((records, days)) >= FLAT_SHARE)


def following(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw days that follow the day before with correlation 0.2."""
    made = normal(chance, records, days)
    for day in range(1, days):
        made[:, day] = 0.2 * made[:, day - 1] + made[:, day] * np.sqrt(1.0 - 0.2**2)
    return made


def siblings(chance: Generator, records: int, days: int, *, together: int = 8) -> FloatArray:
    """Draw records of which so many at a time share half of their variance with each other."""
    shared = np.repeat(normal(chance, -(-records // together), days), together, axis=0)[:records]
    alike: FloatArray = np.sqrt(0.5) * (shared + normal(chance, records, days))
    return alike


def clustered(chance: Generator, records: int, days: int) -> FloatArray:
    """Draw days whose spread comes in waves: GARCH(1,1) with 0.08 and 0.89."""
    made = normal(chance, records, days)
    variance = np.ones(records)
    for day in range(days):
        made[:, day] *= np.sqrt(variance)
        variance = 0.03 + 0.08 * made[:, day] ** 2 + 0.89 * variance
    return made


NULLS: dict[str, Records] = {
    "independent normal days": normal,
    "fat tails (t3)": fat_tails,
    "many small wins, rare big losses": rare_losses,
    "leaning left": leaning_left,
    "85 % of days flat": mostly_flat,
    "each day follows the last (0.2)": following,
    "spread in waves (GARCH)": clustered,
    "eight siblings (correlation 0.5)": siblings,
}


def planted(made: FloatArray, sharpe: float) -> FloatArray:
    """Return records with an annual Sharpe ratio planted into their active days."""
    active = made != 0.0
    earning: FloatArray = made + active * (sharpe / np.sqrt(TRADING_DAYS) * made.std() / active.mean())
    return earning
