"""When a candidate may replace its parent: judged on bars no search has seen, deflated for how many were tried.

Belongs here: the verdict. Does not belong here: searching (`services/improvement/search.py`), running (`backtest`).

Can show: that on the held-out bars the candidate earned more than its parent, more surely than the luck of so many
tries would explain. Cannot show: that it will go on; the held-out bars of the next iteration are mostly the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trading.figures.performance import Performance
from trading.money import MICROS_PER_USD, dollars

MIN_TEST_TRADES = 15
MIN_DEFLATED = 0.5
MIN_CONSISTENCY = 0.5


class Outcome(StrEnum):
    """Why a candidate was kept or not."""

    ACCEPTED = "ACCEPTED"
    SAME_AS_PARENT = "SAME_AS_PARENT"
    TOO_FEW_TEST_TRADES = "TOO_FEW_TEST_TRADES"
    NOT_PROFITABLE_OUT_OF_SAMPLE = "NOT_PROFITABLE_OUT_OF_SAMPLE"
    NO_BETTER_THAN_PARENT = "NO_BETTER_THAN_PARENT"
    INCONSISTENT = "INCONSISTENT"
    COULD_BE_LUCK = "COULD_BE_LUCK"
    REVERTED = "REVERTED"
    OVERTAKEN = "OVERTAKEN"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome with its reason in words; accepted only if it leads to a new generation."""

    outcome: Outcome
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the candidate becomes the next generation."""
        return self.outcome in (Outcome.ACCEPTED, Outcome.REVERTED)


def judge(
    candidate: Performance,
    parent: Performance,
    *,
    same_genome: bool,
    deflated: float | None,
    consistency: float,
    tried: int,
) -> Verdict:
    """Judge a candidate on the held-out bars; the first rule it breaks is the reason.

    Args:
        candidate: Its figures on the held-out bars.
        parent: The parent's figures on the same bars.
        same_genome: The search found nothing better than the parent itself.
        deflated: Deflated Sharpe probability of the candidate's held-out returns, 0-1; None where unknown.
        consistency: Share of walk-forward segments in which the search's choice earned money, 0-1.
        tried: How many genomes were tried in all.
    """
    broken = _against_parent(candidate, parent, same_genome=same_genome, tried=tried) or _luck(
        deflated, consistency=consistency, tried=tried
    )
    return broken or Verdict(
        Outcome.ACCEPTED,
        f"held-out Sharpe {_figure(candidate.sharpe)}, deflated probability {_figure(deflated)} of {tried} tried",
    )


def overtaken(generation: int, *, newest: int) -> Verdict:
    """Return the verdict over a candidate judged against a generation that is no longer the newest."""
    return Verdict(Outcome.OVERTAKEN, f"judged against generation {generation}; generation {newest} came meanwhile")


def reversion(current: Performance, ancestors: Mapping[int, Performance]) -> tuple[int, Verdict] | None:
    """Return the ancestor a bot should go back to, or None while its newest generation holds.

    A generation is given up when, on held-out bars, it loses money and an ancestor earns some: the ancestor with the
    best Sharpe ratio (of equals the oldest) takes its place. An ancestor that merely does better is no reason: that is
    what the next search is for.

    Args:
        current: The newest generation on the held-out bars.
        ancestors: Earlier generations on the same bars, by number.
    """
    if current.net_pnl_micros > 0 or current.trades < MIN_TEST_TRADES:
        return None
    earning = {
        number: figures.sharpe
        for number, figures in sorted(ancestors.items())
        if figures.sharpe is not None and figures.net_pnl_micros > 0 and figures.trades >= MIN_TEST_TRADES
    }
    if not earning:
        return None
    best = max(earning, key=lambda number: earning[number])
    lost = dollars(current.net_pnl_micros / MICROS_PER_USD)
    reason = f"held-out net P&L {lost}; generation {best} has Sharpe {earning[best]:.2f} on the same bars"
    return best, Verdict(Outcome.REVERTED, reason)


def _against_parent(candidate: Performance, parent: Performance, *, same_genome: bool, tried: int) -> Verdict | None:
    if same_genome:
        return Verdict(Outcome.SAME_AS_PARENT, f"the parent itself was the best of {tried} tried")
    if candidate.trades < MIN_TEST_TRADES:
        rule = f"held-out trades must be at least {MIN_TEST_TRADES}, was {candidate.trades}"
        return Verdict(Outcome.TOO_FEW_TEST_TRADES, rule)
    if candidate.net_pnl_micros <= 0 or candidate.sharpe is None:
        rule = f"held-out net P&L must be above $0, was {dollars(candidate.net_pnl_micros / MICROS_PER_USD)}"
        return Verdict(Outcome.NOT_PROFITABLE_OUT_OF_SAMPLE, rule)
    if parent.sharpe is not None and candidate.sharpe <= parent.sharpe:
        rule = f"held-out Sharpe must exceed the parent's {parent.sharpe:.2f}, was {candidate.sharpe:.2f}"
        return Verdict(Outcome.NO_BETTER_THAN_PARENT, rule)
    return None


def _luck(deflated: float | None, *, consistency: float, tried: int) -> Verdict | None:
    if consistency < MIN_CONSISTENCY:
        rule = f"walk-forward consistency must be at least {MIN_CONSISTENCY}, was {consistency:.2f}"
        return Verdict(Outcome.INCONSISTENT, rule)
    if deflated is None or deflated <= MIN_DEFLATED:
        rule = f"deflated Sharpe probability after {tried} tries must exceed {MIN_DEFLATED}, was {_figure(deflated)}"
        return Verdict(Outcome.COULD_BE_LUCK, rule)
    return None


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
