"""When a candidate may replace its parent: screened on open days, where asking is free, then judged by a look.

Belongs here: the verdict. Does not belong here: searching (`services/improvement/search.py`), the look itself
(`looks.py`), running (`backtests`).

Can show: that on sealed days, which no search has read, the candidate earned more than its parent and more than
nothing, beyond luck. Cannot show: that it will go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trading.figures.performance import Performance
from trading.improvement.looks import LEAST_DAYS, NEW_EPOCH_DAYS, Budget, Look
from trading.money import MICROS_PER_USD, dollars
from trading.words import counted

MIN_TEST_TRADES = 15
MIN_CONSISTENCY = 0.5


class Outcome(StrEnum):
    """Why a candidate was kept or not.

    Iterations from before sealed days also say NOT_PROFITABLE_OUT_OF_SAMPLE and COULD_BE_LUCK.
    """

    ACCEPTED = "ACCEPTED"
    REVERTED = "REVERTED"
    SAME_AS_PARENT = "SAME_AS_PARENT"
    TOO_FEW_TEST_TRADES = "TOO_FEW_TEST_TRADES"
    NOT_PROFITABLE_ON_TEST_DAYS = "NOT_PROFITABLE_ON_TEST_DAYS"
    NO_BETTER_THAN_PARENT = "NO_BETTER_THAN_PARENT"
    INCONSISTENT = "INCONSISTENT"
    CANNOT_WIN = "CANNOT_WIN"
    LOOK_LOST = "LOOK_LOST"
    LOST_BEFORE = "LOST_BEFORE"
    EVIDENCE_SPENT = "EVIDENCE_SPENT"
    TOO_FEW_DAYS = "TOO_FEW_DAYS"
    OVERTAKEN = "OVERTAKEN"


@dataclass(frozen=True, slots=True)
class AcceptanceVerdict:
    """The outcome with its reason in words; accepted only if it leads to a new generation."""

    outcome: Outcome
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the candidate becomes the next generation."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.REVERTED)


def screened(
    candidate: Performance, parent: Performance, *, same_genome: bool, consistency: float, tried: int
) -> AcceptanceVerdict | None:
    """Return why a candidate is not worth a look, the first rule it breaks; None where it is.

    Args:
        candidate: Its figures on the last test days of the walk-forward, which are open.
        parent: The parent's figures on the same days.
        same_genome: The search found nothing better than the parent itself.
        consistency: Share of walk-forward segments in which the search's choice earned money, 0-1.
        tried: How many genomes the search tried.
    """
    broken = _against_parent(candidate, parent, same_genome=same_genome, tried=tried)
    if broken is None and consistency < MIN_CONSISTENCY:
        rule = f"walk-forward consistency must be at least {MIN_CONSISTENCY}, was {consistency:.2f}"
        return AcceptanceVerdict(Outcome.INCONSISTENT, rule)
    return broken


def cannot_win(level: float, *, sealed_days: int) -> AcceptanceVerdict:
    """Return the verdict over a candidate whose open days are too weak to win a look with."""
    rule = f"days like its open ones would not win a look at the level of {level:.4f} over {sealed_days} sealed days"
    return AcceptanceVerdict(Outcome.CANNOT_WIN, rule)


def lost_before() -> AcceptanceVerdict:
    """Return the verdict over a candidate that has lost a look of the same epoch: another would spend for nothing."""
    return AcceptanceVerdict(Outcome.LOST_BEFORE, "it has lost a look at these sealed days before")


def judged(look: Look, *, reverts_to: int | None = None) -> AcceptanceVerdict:
    """Return the verdict of a look; won by an ancestor it brings that generation back."""
    if not look.passed:
        return AcceptanceVerdict(Outcome.LOOK_LOST, look.reason)
    if reverts_to is not None:
        return AcceptanceVerdict(Outcome.REVERTED, f"generation {reverts_to} won against the newest one: {look.reason}")
    return AcceptanceVerdict(Outcome.ACCEPTED, look.reason)


def spent(budget: Budget) -> AcceptanceVerdict:
    """Return the verdict where the looks of an epoch are spent, or one was won."""
    waits = counted(budget.waits_for_days, "more trading day")
    return AcceptanceVerdict(Outcome.EVIDENCE_SPENT, f"no look is left at its sealed days; it waits for {waits}")


def too_few_days(days: int) -> AcceptanceVerdict:
    """Return the verdict over a history too short to seal days of it."""
    return AcceptanceVerdict(
        Outcome.TOO_FEW_DAYS, f"a history needs {LEAST_DAYS} whole trading days to seal some, was {days}"
    )


def overtaken(generation: int, *, newest: int) -> AcceptanceVerdict:
    """Return the verdict over a candidate judged against a generation that is no longer the newest."""
    return AcceptanceVerdict(
        Outcome.OVERTAKEN, f"judged against generation {generation}; generation {newest} came meanwhile"
    )


def too_few_sealed(days: int) -> AcceptanceVerdict:
    """Return the verdict over bars that end before enough sealed days are over, as after a series was withdrawn."""
    return AcceptanceVerdict(
        Outcome.TOO_FEW_DAYS, f"a look needs {NEW_EPOCH_DAYS} whole sealed days, its bars have {days}"
    )


def reversion(current: Performance, ancestors: Mapping[int, Performance]) -> int | None:
    """Return the ancestor that should meet the newest generation in a look, or None while the newest one holds.

    A generation is doubted when, on the last test days of the walk-forward, it loses money and an ancestor earns some:
    the ancestor with the best Sharpe ratio (of equals the oldest) is put forward. An ancestor that merely does better
    is no reason: that is what the next search is for.

    Args:
        current: The newest generation on these days, which are open.
        ancestors: Earlier generations on the same days, by number.
    """
    if current.net_pnl_micros > 0 or current.trades < MIN_TEST_TRADES:
        return None
    earning = {
        number: figures.sharpe
        for number, figures in sorted(ancestors.items())
        if figures.sharpe is not None and figures.net_pnl_micros > 0 and figures.trades >= MIN_TEST_TRADES
    }
    return max(earning, key=lambda number: earning[number]) if earning else None


def _against_parent(
    candidate: Performance, parent: Performance, *, same_genome: bool, tried: int
) -> AcceptanceVerdict | None:
    if same_genome:
        return AcceptanceVerdict(Outcome.SAME_AS_PARENT, f"the parent itself was the best of {tried} tried")
    if candidate.trades < MIN_TEST_TRADES:
        rule = f"trades on the test days must be at least {MIN_TEST_TRADES}, was {candidate.trades}"
        return AcceptanceVerdict(Outcome.TOO_FEW_TEST_TRADES, rule)
    if candidate.net_pnl_micros <= 0 or candidate.sharpe is None:
        rule = f"net P&L on the test days must be above $0, was {dollars(candidate.net_pnl_micros / MICROS_PER_USD)}"
        return AcceptanceVerdict(Outcome.NOT_PROFITABLE_ON_TEST_DAYS, rule)
    if parent.sharpe is not None and candidate.sharpe <= parent.sharpe:
        rule = f"Sharpe on the test days must exceed the parent's {parent.sharpe:.2f}, was {candidate.sharpe:.2f}"
        return AcceptanceVerdict(Outcome.NO_BETTER_THAN_PARENT, rule)
    return None
