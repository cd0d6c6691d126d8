"""Discoveries: which bots of a fleet are proven, with a stated share of false ones.

From the e-values of all bots the largest set is taken whose expected share of bots without an edge is at most q. The
e-BH rule (Wang and Ramdas 2022) takes k bots whose e-values are at least m / (q k) each. The closed rule used here
(Xu, Solari, Fischer, de Heide, Ramdas and Goeman 2025) asks of a set R only what its promise needs: every group of
bots, were it all those without an edge, must have a mean e-value of at least the share it has of R, over q. Both hold
for any dependence between bots and at any time; the closed rule never takes fewer bots.

Belongs here: the rule over a fleet's e-values. Does not belong here: where e-values come from (`betting.py`), who
counts as of the fleet.
"""

import math

import numpy as np

from trading.arrays import BoolArray, FloatArray
from trading.errors import BadReturns
from trading.verification import discovery_kernels as kernels

FALSE_SHARE = 0.10


def proven(log_e: FloatArray, *, q: float = FALSE_SHARE) -> BoolArray:
    """Return which bots are proven at a false discovery rate of q.

    The set is the largest that the closed rule allows and that parts no equal e-values: bots with the same evidence
    share one answer. More evidence for a bot never takes its proof.

    Args:
        log_e: Natural logarithm of each bot's e-value, shape (n_bots,), any order; -inf for one that lost everything,
            inf for certainty. Every bot that was ever judged belongs here.
        q: Expected share of false ones among the proven, above 0 and below 1.

    Returns:
        Shape (n_bots,).

    Raises:
        BadReturns: not one-dimensional, NaN, or q outside (0, 1).
    """
    values = _checked(log_e, q)
    if len(values) == 0:
        return np.zeros(0, np.bool_)
    return np.greater_equal(values, threshold(values, q=q))


def threshold(log_e: FloatArray, *, q: float = FALSE_SHARE) -> float:
    """Return the least natural log e-value that is proof in this fleet.

    It is that of the least proven bot, and where none is proven m / q, which is proof whatever the other bots have.

    Args and raises: as `proven`; an empty fleet counts as one bot.
    """
    values = _checked(log_e, q)
    ordered = np.sort(values)[::-1]
    count = kernels.largest_proven(_scaled(ordered), q) if len(values) else 0
    return float(ordered[count - 1]) if count else math.log(max(1, len(values)) / q)


def _scaled(ordered: FloatArray) -> FloatArray:
    """Return e-values, as large as anything that m / q asks for where they are larger than numbers can be added."""
    e_values: FloatArray = np.exp(np.minimum(ordered, 600.0))
    return e_values


def _checked(log_e: FloatArray, q: float) -> FloatArray:
    values = np.ascontiguousarray(log_e, np.float64)
    if values.ndim != 1 or np.isnan(values).any():
        raise BadReturns(f"log e-values must be one column without NaN, was {values.ndim} dimensions")
    if not 0.0 < q < 1.0:
        raise BadReturns(f"the share of false discoveries must lie between 0 and 1, was {q}")
    return values
