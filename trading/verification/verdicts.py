"""What each verification can and cannot show, and what it takes to pass it.

Belongs here: the kinds, their limits in words, their thresholds. Does not belong here: how they are computed (the other
modules of this package), what a stage gate demands (`governance/gates.py`). A verdict is evidence, never a promotion.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trading.figures.performance import Performance
from trading.verification.luck import Overfitting
from trading.verification.monte_carlo import MonteCarlo
from trading.verification.sensitivity import Sensitivity
from trading.verification.stress import StressVerdict
from trading.verification.walk_forward import WalkForward

WALK_FORWARD_CONSISTENCY = 0.5
WALK_FORWARD_OVERFIT_RATIO = 2.5
PLATEAU = 0.5
RUIN_PROBABILITY = 0.05
RESAMPLED_LOSS_PROBABILITY = 0.25
MATRIX_SHARE = 0.5
DEFLATED_PROBABILITY = 0.95
OVERFITTING_PROBABILITY = 0.2


class Kind(StrEnum):
    """A verification."""

    WALK_FORWARD = "WALK_FORWARD"
    SENSITIVITY = "SENSITIVITY"
    GRID = "GRID"
    MONTE_CARLO_TRADES = "MONTE_CARLO_TRADES"
    MONTE_CARLO_BARS = "MONTE_CARLO_BARS"
    STRESS = "STRESS"
    MATRIX = "MATRIX"
    SHARPE = "SHARPE"
    PBO = "PBO"
    LOOK_AHEAD = "LOOK_AHEAD"
    WARM_UP = "WARM_UP"


class Grade(StrEnum):
    """How a verification ended: UNKNOWN where a figure it needs is unknown, INFORMATIVE where it judges nothing."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    INFORMATIVE = "INFORMATIVE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A grade with its reason in one sentence."""

    grade: Grade
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a verification can and cannot show."""

    can_show: str
    cannot_show: str


LIMITS: Mapping[Kind, Limits] = MappingProxyType(
    {
        Kind.WALK_FORWARD: Limits(
            "whether choosing by this search paid on bars the search had not seen, segment after segment",
            "that the archetype was not chosen because of these bars, or what costs and markets will be tomorrow",
        ),
        Kind.SENSITIVITY: Limits(
            "whether small changes of each number keep most of the result: a plateau, not a needle",
            "an edge: a robust loser is robust, and neighbours share the same history and its luck",
        ),
        Kind.GRID: Limits(
            "where the genome ranks among its alternatives on the same bars",
            "that the best will stay the best: every figure is in sample, and the winner of many is partly lucky",
        ),
        Kind.MONTE_CARLO_TRADES: Limits(
            "how far net and drawdown might stray if the same trades or weeks had come in another order or number",
            "a loss larger than the worst one seen, or a market that was not in the record",
        ),
        Kind.MONTE_CARLO_BARS: Limits(
            "what is left of the result when the same trading days come in another order, in blocks",
            "anything longer than a block, a day that was never seen, or the cost of rolls",
        ),
        Kind.STRESS: Limits(
            "how the record behaved when it went worst, in known crises, under more slippage and with harder targets",
            "the next crisis, a market without bids, or a window the bars do not cover (it is left out, not survived)",
        ),
        Kind.MATRIX: Limits(
            "whether the same numbers also earn on other timeframes and over other stretches of the same history",
            "independence: every horizon ends on the same day, and longer bars are made of the shorter ones",
        ),
        Kind.SHARPE: Limits(
            "how likely the Sharpe ratio is real, given length, skew, fat tails and the number of genomes tried",
            "that the future resembles the sample, or trials that nobody counted",
        ),
        Kind.PBO: Limits(
            "whether picking the best of these candidates beats picking blindly",
            "whether any candidate makes money, or a look-ahead that all candidates share",
        ),
        Kind.LOOK_AHEAD: Limits(
            "that a decision moves when only later bars change: a cheat",
            "innocence beyond these bars and cuts, or that the numbers were not chosen with knowledge of the future",
        ),
        Kind.WARM_UP: Limits(
            "that a decision moves when only the beginning of the history moves: a warm-up that is too short",
            "more than the beginnings that were tried",
        ),
    }
)


def of_walk_forward(walk: WalkForward) -> Verdict:
    """Pass with half of the test parts earning and a train Sharpe of at most 2.5 times the test Sharpe."""
    ratio = walk.overfit_ratio
    reason = f"consistency {walk.consistency:.2f}, overfit ratio {_figure(ratio)} over {len(walk.segments)} segments"
    if ratio is None:
        return Verdict(Grade.FAILED, f"{reason}: without a positive test Sharpe nothing was kept of what was promised")
    passed = walk.consistency >= WALK_FORWARD_CONSISTENCY and ratio <= WALK_FORWARD_OVERFIT_RATIO
    return Verdict(_grade(passed), f"{reason}; wanted at least {WALK_FORWARD_CONSISTENCY} and at most 2.5")


def of_sensitivity(figures: Sensitivity | None) -> Verdict:
    """Pass where at least half of the parameters keep half of the Sharpe ratio at their worst neighbour."""
    if figures is None or figures.plateau is None:
        return Verdict(Grade.UNKNOWN, "the genome's own Sharpe ratio is not above zero: there is nothing to keep")
    reason = f"{100.0 * figures.plateau:.0f} % of the parameters keep half of the Sharpe ratio; wanted at least 50 %"
    return Verdict(_grade(figures.plateau >= PLATEAU), reason)


def of_resampled_trades(weeks: MonteCarlo) -> Verdict:
    """Pass where at most 5 % of the paths of resampled weeks touch ruin."""
    reason = (
        f"{100.0 * weeks.ruin_probability:.1f} % of {weeks.paths} paths lose half of the account; wanted at most 5 %"
    )
    return Verdict(_grade(weeks.ruin_probability <= RUIN_PROBABILITY), reason)


def of_resampled_bars(nets_usd: Iterable[float]) -> Verdict:
    """Pass where at most a quarter of the synthetic histories lose money."""
    nets = list(nets_usd)
    losing = sum(net <= 0.0 for net in nets) / len(nets)
    reason = f"{100.0 * losing:.0f} % of {len(nets)} synthetic histories do not earn; wanted at most 25 %"
    return Verdict(_grade(losing <= RESAMPLED_LOSS_PROBABILITY), reason)


def of_stress(judged: StressVerdict) -> Verdict:
    """Pass as the stress suite says."""
    return Verdict(_grade(judged.passed), "; ".join(judged.failures) or "every window and stressed fill within limits")


def of_matrix(cells: Iterable[Performance]) -> Verdict:
    """Pass where at least half of the cells that traded earn."""
    traded = [cell for cell in cells if cell.trades]
    if not traded:
        return Verdict(Grade.UNKNOWN, "no cell traded")
    earning = sum(cell.net_pnl_micros > 0 for cell in traded)
    reason = f"{earning} of {len(traded)} cells that traded earn; wanted at least half"
    return Verdict(_grade(earning / len(traded) >= MATRIX_SHARE), reason)


def of_sharpe(deflated: float | None, *, tried: int) -> Verdict:
    """Pass where the deflated probability is at least 95 %."""
    if deflated is None:
        return Verdict(Grade.UNKNOWN, "the session's daily returns have no Sharpe ratio")
    reason = f"deflated probability {deflated:.3f} after {tried} tried; wanted at least {DEFLATED_PROBABILITY}"
    return Verdict(_grade(deflated >= DEFLATED_PROBABILITY), reason)


def of_overfitting(chance: Overfitting, *, among: str) -> Verdict:
    """Pass where the in-sample winner lands in the lower half out of sample in at most 20 % of the splits.

    Args:
        chance: How likely picking the best is picking luck.
        among: Which genomes were compared, in words: how many of how many, where they were drawn.
    """
    probability = f"probability of backtest overfitting {chance.probability:.2f} among {among}"
    reason = f"{probability}; wanted at most {OVERFITTING_PROBABILITY}"
    return Verdict(_grade(chance.probability <= OVERFITTING_PROBABILITY), reason)


def of_detector(moved: int, *, tried: int, what: str) -> Verdict:
    """Pass where a detector found nothing."""
    return Verdict(_grade(moved == 0), f"{moved} of {tried} {what} moved a decision")


def _grade(passed: bool) -> Grade:
    return Grade.PASSED if passed else Grade.FAILED


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
