"""Searches for walk-forwards: proposals tried one after another, and what they are judged by."""

from collections.abc import Callable, Iterable

import numpy as np

from trading.errors import BadGenome
from trading.figures.performance import Performance
from trading.strategies.genome import Genome
from trading.verification.trials import Score, Trial, by_sharpe
from trading.verification.walk_forward import Fence, Search

Propose = Callable[[tuple[Trial, ...], np.random.Generator], Genome | None]
"""Answer the trials so far (figures of the train part) with the next genome to try, or None to stop."""


def by_net_pnl(performance: Performance) -> float:
    """Score by net P&L in micro-dollars."""
    return float(performance.net_pnl_micros)


def best_of(propose: Propose, *, trials: int, score: Score = by_sharpe) -> Search:
    """Return a search that tries proposals one after another and keeps the best; of equals, the first.

    Args:
        propose: Source of genomes.
        trials: At most this many; the search needs at least one proposal.
        score: What to maximise, on the train part.
    """

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        for _ in range(trials):
            genome = propose(fence.trials, chance)
            if genome is None:
                break
            fence(genome)
        if not fence.trials:
            raise BadGenome("a search needs at least one proposal, had none")
        return max(fence.trials, key=lambda trial: score(trial.performance)).genome

    return search


def in_order(genomes: Iterable[Genome]) -> Propose:
    """Return a proposer that goes through genomes in their order, from the first one again in every segment."""
    listed = tuple(genomes)
    return lambda trials, _: listed[len(trials)] if len(trials) < len(listed) else None
