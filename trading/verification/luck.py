"""How far a backtest's Sharpe ratio may be believed after many were tried.

Belongs here: probabilistic and deflated Sharpe ratio, minimum track record, probability of backtest overfitting. Does
not belong here: the annualised Sharpe ratio people read (`figures/performance.py`), what a gate makes of the answer.

Convention. Every Sharpe ratio in this module is **per period** (per day when returns are daily) and not annualised:
mean / standard deviation (ddof=1). Only `variance_of_trials` takes annual ones, as trials are stored. Kurtosis is
Pearson's: the normal distribution has 3.

What it can show: how likely a ratio this high is when the truth is a benchmark, given length, skew, fat tails and the
number of trials. What it cannot show: that the future resembles the sample; that returns are independent (runs of
correlated days make every probability here too confident); or trials that nobody counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from statistics import NormalDist

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.errors import BadReturns
from trading.figures import kernels
from trading.figures.performance import TRADING_DAYS_PER_YEAR

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
COMBINATIONS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """A per-period Sharpe ratio with what is needed to judge it.

    Attributes:
        sharpe: Mean over standard deviation, per period.
        observations: Number of returns, at least 2.
        skewness: Third standardised moment (population).
        kurtosis: Fourth standardised moment (population), 3 for the normal distribution.
    """

    sharpe: float
    observations: int
    skewness: float
    kurtosis: float

    @property
    def standard_error(self) -> float:
        """Asymptotic standard deviation of the estimate (Mertens 2002; Bailey and López de Prado 2012, equation 8)."""
        spread = 1.0 - self.skewness * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return math.sqrt(max(spread, 0.0) / (self.observations - 1))


def estimate_sharpe(returns: FloatArray) -> SharpeEstimate | None:
    """Return the per-period Sharpe ratio of returns and its shape; None under two returns or where all are the same.

    Args:
        returns: Fractions or dollars (any one unit), shape (n_periods,), any order, finite.

    Raises:
        BadReturns: not one-dimensional or not finite.
    """
    column = _finite(returns, dimensions=1)
    if len(column) < 2:
        return None
    mean, second, third, fourth = kernels.moments(column)
    if second <= 0.0:
        return None
    deviation = math.sqrt(second * len(column) / (len(column) - 1))
    return SharpeEstimate(mean / deviation, len(column), third / second**1.5, fourth / second**2)


def probabilistic_sharpe(estimate: SharpeEstimate, *, benchmark: float = 0.0) -> float | None:
    """Return the probability (0-1) that the true Sharpe ratio exceeds a benchmark.

    Source: D. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15 (2012).

    Args:
        estimate: Per-period estimate.
        benchmark: Per-period Sharpe ratio to exceed.

    Returns:
        A probability; None where the estimate has no spread (two-valued returns).
    """
    if estimate.standard_error == 0.0:
        return None
    return NORMAL.cdf((estimate.sharpe - benchmark) / estimate.standard_error)


def expected_maximum_sharpe(*, trials: int, sharpe_variance: float) -> float:
    """Return the per-period Sharpe ratio that the best of many worthless independent trials shows on average.

    The approximation is asymptotic in the number of trials; one trial gives 0. Source: Bailey and López de Prado, "The
    Deflated Sharpe Ratio", Journal of Portfolio Management 40 (2014), equation 1.

    Args:
        trials: How many were tried, at least 1.
        sharpe_variance: Variance of the trials' per-period Sharpe ratios, at least 0.

    Raises:
        BadReturns: no trial, or a variance that is negative or not finite.
    """
    if trials < 1:
        raise BadReturns(f"there must be at least one trial, was {trials}")
    if not (math.isfinite(sharpe_variance) and sharpe_variance >= 0.0):
        raise BadReturns(f"the variance of the trials must be finite and not negative, was {sharpe_variance}")
    if trials == 1:
        return 0.0
    typical = -NORMAL.inv_cdf(1.0 / trials)
    extreme = -NORMAL.inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(sharpe_variance) * ((1.0 - EULER_MASCHERONI) * typical + EULER_MASCHERONI * extreme)


def deflated_sharpe(estimate: SharpeEstimate, *, trials: int, sharpe_variance: float) -> float | None:
    """Return the probability (0-1) that a Sharpe ratio is real, given that it is the best of many trials.

    It is the probabilistic Sharpe ratio against `expected_maximum_sharpe`. Trials that resemble each other count in
    full, but their small variance lowers the benchmark. Source: Bailey and López de Prado (2014), equation 2.

    Args:
        estimate: Per-period estimate of the chosen trial.
        trials: How many were tried, the chosen one included.
        sharpe_variance: Variance (ddof=1) of the per-period Sharpe ratios of all trials; 0 for a single trial.

    Returns:
        A probability; None where the estimate has no spread.

    Raises:
        BadReturns: as `expected_maximum_sharpe`.
    """
    benchmark = expected_maximum_sharpe(trials=trials, sharpe_variance=sharpe_variance)
    return probabilistic_sharpe(estimate, benchmark=benchmark)


def variance_of_trials(annual_sharpes: Sequence[float]) -> float | None:
    """Return how far the daily Sharpe ratios of trials spread, for `deflated_sharpe`.

    Args:
        annual_sharpes: The ratio of each trial that has one, annualised over 252 days, any order.

    Returns:
        The variance (ddof=1) of the ratios per day; None of fewer than two, which have no spread: what that means is
        for the caller to say.
    """
    if len(annual_sharpes) < 2:
        return None
    per_day = np.array(annual_sharpes) / np.sqrt(TRADING_DAYS_PER_YEAR)
    return float(per_day.var(ddof=1))


def minimum_track_record(estimate: SharpeEstimate, *, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Return how many periods must be seen before the Sharpe ratio exceeds a benchmark with some confidence.

    Source: Bailey and López de Prado (2012), equation 11.

    Args:
        estimate: Per-period estimate; its own length does not matter.
        benchmark: Per-period Sharpe ratio to exceed.
        confidence: Probability strictly between 0 and 1.

    Returns:
        Periods (fractional); None where the estimate does not exceed the benchmark: no record would ever suffice.

    Raises:
        BadReturns: confidence outside (0, 1).
    """
    if not 0.0 < confidence < 1.0:
        raise BadReturns(f"confidence must lie between 0 and 1, was {confidence}")
    if estimate.sharpe <= benchmark:
        return None
    spread = estimate.standard_error**2 * (estimate.observations - 1)
    return 1.0 + spread * (NORMAL.inv_cdf(confidence) / (estimate.sharpe - benchmark)) ** 2


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What combinatorially symmetric cross-validation says about choosing the best of many.

    Attributes:
        probability: Share of splits whose train winner ranks in the lower half (median included) out of sample, 0-1.
        loss_probability: Share of splits whose train winner has a negative Sharpe ratio out of sample, 0-1.
        logits: Logit of the winner's relative rank out of sample per split, shape (n_splits,).
    """

    probability: float
    loss_probability: float
    logits: FloatArray


def overfitting_probability(returns: FloatArray, *, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting (PBO) of choosing the best Sharpe ratio among strategies.

    The periods are cut into consecutive blocks of as equal length as possible. Every way to take half of the blocks as
    train set picks its best strategy, which is then ranked among all on the other half. A strategy that is flat within
    a part has a Sharpe ratio of 0 there. Ties: the first column wins in train, equal ranks share their mean in test.
    Source: D. Bailey, J. Borwein, M. López de Prado and Q. Zhu, "The Probability of Backtest Overfitting", Journal of
    Computational Finance 20 (2017; preprint 2015).

    Can show: whether picking the winner of this search beats picking blindly. Cannot show: whether any candidate makes
    money, or a look-ahead shared by all candidates.

    Args:
        returns: One column per strategy on the same periods, shape (n_periods, n_strategies), oldest first, finite.
        blocks: Even number of blocks from 2 to 20; 16 gives 12,870 splits.

    Raises:
        BadReturns: fewer than two strategies or two periods per block, an odd number of blocks, not finite.
    """
    matrix = _finite(returns, dimensions=2)
    periods, strategies = matrix.shape
    if blocks % 2 or not 2 <= blocks <= 20:
        raise BadReturns(f"blocks must be even and between 2 and 20, was {blocks}")
    if strategies < 2 or periods < 2 * blocks:
        raise BadReturns(f"{blocks} blocks need 2 strategies and {2 * blocks} periods, was {strategies} and {periods}")
    parts = _Blocks.of(matrix, blocks)
    ranks, losses = [], []
    splits = combinations(range(blocks), blocks // 2)
    while batch := list(islice(splits, COMBINATIONS_AT_ONCE)):
        train = np.array(batch)
        test = np.array([[block for block in range(blocks) if block not in split] for split in batch])
        test_sharpes = parts.sharpes(test)
        winners = np.argmax(parts.sharpes(train), axis=1)
        chosen = np.take_along_axis(test_sharpes, winners[:, None], axis=1)
        below = (test_sharpes < chosen).sum(axis=1)
        level = (test_sharpes == chosen).sum(axis=1)
        ranks.append((below + (level + 1) / 2) / (strategies + 1))
        losses.append(chosen[:, 0] < 0.0)
    rank = np.concatenate(ranks)
    logits = np.log(rank / (1.0 - rank))
    return Overfitting(float(np.mean(rank <= 0.5)), float(np.mean(np.concatenate(losses))), logits)


@dataclass(frozen=True, slots=True)
class _Blocks:
    counts: IntArray
    sums: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, matrix: FloatArray, blocks: int) -> "_Blocks":
        edges = np.linspace(0, len(matrix), blocks + 1).astype(np.int64)
        return cls(
            counts=np.diff(edges),
            sums=np.add.reduceat(matrix, edges[:-1], axis=0),
            squares=np.add.reduceat(matrix**2, edges[:-1], axis=0),
        )

    def sharpes(self, chosen: IntArray) -> FloatArray:
        """Return the Sharpe ratio of each strategy over each choice of blocks, shape (n_choices, n_strategies)."""
        count = self.counts[chosen].sum(axis=1)[:, None].astype(np.float64)
        mean = self.sums[chosen].sum(axis=1) / count
        mean_square = self.squares[chosen].sum(axis=1) / count
        variance = mean_square - mean**2
        moving = variance > 1e-12 * mean_square
        deviation = np.sqrt(np.where(moving, variance * count / (count - 1.0), 1.0))
        return np.where(moving, mean / deviation, 0.0)


def _finite(values: FloatArray, *, dimensions: int) -> FloatArray:
    if np.ndim(values) != dimensions:
        raise BadReturns(f"returns must have {dimensions} dimensions, was {np.ndim(values)}")
    array = np.ascontiguousarray(values, np.float64)
    if not np.isfinite(array).all():
        raise BadReturns("returns must be finite")
    return array
