"""Evidence that a bot earns money: what betting on its days would have won, if it does not.

A bettor stakes part of its capital on each day's net P&L before it is known. Against a bot whose next day is worth
nothing on average no bettor can expect to win, whatever it saw before, so a capital of 20 times the first happens to
at most one such bot in 20, ever, however often one looks (Ville 1939). The capital is the **e-value**.

Three bettors with fixed stakes share the first capital (a mixture, so nothing has to be chosen afterwards). Stakes are
in deviations of the days before, so the unit of money does not matter. A day may double a stake's capital at most,
and take no more than all of it. Sources: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables
by betting", JRSS B 86 (2024); A. Ramdas, P. Grünwald, V. Vovk and G. Shafer, "Game-theoretic statistics and safe
anytime-valid inference", Statistical Science 38 (2023). How stakes were chosen and what they find: ADR 21.

Can show: that the days of a record are worth more than nothing, at any time one cares to look. Cannot show: that they
will stay so; nor a loss far beyond the worst of the record, which no record can rule out (Bahadur and Savage 1956).

Belongs here: the e-value of one record and of many. Does not belong here: whose record it is, and who is proven
(`discoveries.py`).
"""

from dataclasses import dataclass

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.errors import BadReturns
from trading.verification import betting_kernels as kernels

STATE_WIDTH = kernels.CAPITAL + len(kernels.BETS)


@dataclass(frozen=True, slots=True)
class Bettor:
    """What is to be kept of a record to go on betting: a few numbers, moved on a day at a time.

    Attributes:
        state: Columns as in `betting_kernels`; finite. Written down and read back it goes on to the same bytes.
    """

    state: tuple[float, ...]

    @classmethod
    def new(cls) -> "Bettor":
        """Return a bettor that has seen no day."""
        return cls(tuple(new_states(1)[0].tolist()))

    @property
    def log_e(self) -> float:
        """Natural logarithm of the e-value; 0 before the first bet, -inf where all is lost."""
        return float(kernels.log_e(np.array(self.state)))

    @property
    def days(self) -> int:
        """How many days were seen."""
        return int(self.state[kernels.DAYS])

    def advance(self, net_pnl: float) -> "Bettor":
        """Return the bettor after one more day.

        Raises:
            BadReturns: the day's net P&L is not finite.
        """
        states = np.array([self.state])
        advance_states(states, np.array([net_pnl], np.float64))
        return Bettor(tuple(states[0].tolist()))


def new_states(bots: int) -> FloatArray:
    """Return the state of so many bettors that have seen no day, shape (n_bots, STATE_WIDTH)."""
    states = np.zeros((bots, STATE_WIDTH))
    states[:, kernels.CAPITAL :] = kernels.SHARES
    return states


def log_e_values(net_pnl: FloatArray) -> FloatArray:
    """Return the natural logarithm of the e-value after each day.

    Args:
        net_pnl: Net P&L of each day, any one unit, shape (n_days,), oldest first, finite. Days without a trade are 0.

    Returns:
        Shape (n_days,); 0 while nothing was bet, -inf from the day that took everything.

    Raises:
        BadReturns: not one-dimensional or not finite.
    """
    return log_e_values_of_many(net_pnl, np.array([len(net_pnl)]))


def log_e_values_of_many(net_pnl: FloatArray, days: IntArray) -> FloatArray:
    """Return the natural logarithm of the e-value of many bots after each of their days.

    Args:
        net_pnl: Net P&L of each day of the first bot, oldest first, then of the second, and so on; finite.
        days: How many days each bot has, shape (n_bots,), not negative.

    Returns:
        As `log_e_values` for each bot, in the order of `net_pnl`.

    Raises:
        BadReturns: not one-dimensional, not finite, or days that do not add up.
    """
    column = _finite(net_pnl)
    counts = np.asarray(days, np.int64)
    if counts.ndim != 1 or (counts < 0).any() or counts.sum() != len(column):
        raise BadReturns(f"the days of all bots must add up to {len(column)}, was {int(counts.sum())}")
    written = np.empty(len(column))
    kernels.walk(new_states(len(counts)), column, np.cumsum(counts), written)
    return written


def advance_states(states: FloatArray, net_pnl: FloatArray) -> FloatArray:
    """Move many bettors on by one day each, in place; return their log e-values, shape (n_bots,).

    Args:
        states: Shape (n_bots, STATE_WIDTH), from `new_states` or `Bettor.state`.
        net_pnl: The day's net P&L of each bot, shape (n_bots,), finite.

    Raises:
        BadReturns: shapes that do not fit, or not finite.
    """
    column = _finite(net_pnl)
    if states.shape != (len(column), STATE_WIDTH):
        raise BadReturns(f"states must have the shape {(len(column), STATE_WIDTH)}, was {states.shape}")
    written = np.empty(len(column))
    kernels.advance(states, column, written)
    return written


def _finite(net_pnl: FloatArray) -> FloatArray:
    column = np.ascontiguousarray(net_pnl, np.float64)
    if column.ndim != 1 or not np.isfinite(column).all():
        raise BadReturns(f"net P&L must be one finite column, was {column.ndim} dimensions")
    return column
