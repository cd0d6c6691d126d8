"""Trials: a genome with the figures it earned, and how trials are ordered.

Belongs here: what an optimiser maximises, and a ranking that does not depend on the order of arrival.
Does not belong here: which genomes are tried (`sensitivity.py`, `walk_forward.py`, `trading/improvement/breeding.py`).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trading.figures.performance import Performance
from trading.strategies.genome import Genome

Score = Callable[[Performance], float]


@dataclass(frozen=True, slots=True)
class Trial:
    """A genome and the figures it earned."""

    genome: Genome
    performance: Performance


def by_sharpe(performance: Performance) -> float:
    """Score by annualised Sharpe ratio; an unknown one ranks below every known one."""
    return -math.inf if performance.sharpe is None else performance.sharpe


def ranked(trials: Iterable[Trial], *, score: Score = by_sharpe) -> tuple[Trial, ...]:
    """Return trials best first. Ties go to the smaller genome (names, then numbers, in alphabetical order)."""
    return tuple(sorted(trials, key=lambda trial: (-score(trial.performance), sorted(trial.genome.items()))))
