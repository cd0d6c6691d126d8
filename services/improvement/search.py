"""Searches for better genomes: what proposes the candidates of an improve iteration.

Belongs here: proposing. Does not belong here: the fence that limits what a search may see
(`trading.verification.walk_forward`), the verdict (`trading.improvement.acceptance`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trading.errors import BadGenome
from trading.improvement.breeding import crossover, mutate, tournament, uniqueness_pct
from trading.strategies.genome import Genome, Number, Parameter, Style, schema, validated
from trading.verification.trials import by_sharpe
from trading.verification.walk_forward import Fence, Search

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

TRIALS = 24
RANDOM_TRIALS = 8
NEIGHBOURHOOD = 0.25
WORST = -1e9
BIRTHS = 8
LEAST_UNIQUENESS_PCT = 1.0


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another bot of the same style: its newest genome and its Sharpe ratio since reset (None if unknown)."""

    genome: Genome
    sharpe: float | None


def neighbours_by_optuna(style: Style, parent: Genome, *, trials: int = TRIALS) -> Search:
    """Return a search of the parent's neighbourhood with Optuna's tree-structured Parzen estimator.

    The parent is the first candidate. A neighbour lies within a quarter of each parameter's range around the parent.
    """

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        study = _study(int(chance.integers(2**31)))
        study.enqueue_trial(dict(parent))
        around = _neighbourhood(style, parent)
        best, best_score = parent, -np.inf
        for _ in range(trials):
            trial = study.ask(around)
            genome = _genome(style, trial.params)
            score = by_sharpe(fence(genome)) if genome is not None else -np.inf
            study.tell(trial, max(score, WORST))
            if genome is not None and score > best_score:
                best, best_score = genome, score
        return best

    return search


def stepwise(search: Search, tell: Callable[[], None]) -> Search:
    """Return the search, telling of each segment that it has answered for."""

    def answering(fence: Fence, chance: np.random.Generator) -> Genome:
        chosen = search(fence, chance)
        tell()
        return chosen

    return answering


def _study(seed: int) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _neighbourhood(style: Style, parent: Genome) -> dict[str, BaseDistribution]:
    return {name: _around(row, parent[name]) for name, row in schema(style).items()}


def _around(row: Parameter, value: Number) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    reach = max((row.high - row.low) * NEIGHBOURHOOD, row.step)
    if row.is_integer:
        step = int(row.step)
        steps = max(int(reach // step), 1)
        low = max(int(row.low), int(value) - steps * step)
        high = min(int(row.high), int(value) + steps * step)
        return IntDistribution(low, low + (high - low) // step * step, step=step)
    return FloatDistribution(max(float(row.low), value - reach), min(float(row.high), value + reach))


def _genome(style: Style, numbers: Mapping[str, object]) -> Genome | None:
    """Return the genome of a proposal, or None where its parameters contradict each other."""
    try:
        return validated(style, numbers)
    except BadGenome:
        return None


def offspring(style: Style, parent: Genome, siblings: Sequence[Sibling], *, trials: int = TRIALS) -> Search:
    """Return a search among children of the parent and its siblings: tournament, crossover, mutation.

    Siblings are bots of the same style; with none, the children are mutants of the parent. The parent is the first
    candidate. Of two children the fitter on the train part is kept; children never see held-out figures.
    """

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        best, best_score = parent, by_sharpe(fence(parent))
        for _ in range(trials - 1):
            child = _child(style, best, siblings, chance)
            score = by_sharpe(fence(child))
            if score > best_score:
                best, best_score = child, score
        return best

    return search


def _child(style: Style, mother: Genome, siblings: Sequence[Sibling], chance: np.random.Generator) -> Genome:
    """Return a child that is no near copy of a sibling; after eight near copies, the last one."""
    genomes = [sibling.genome for sibling in siblings]
    child = mother
    for _ in range(BIRTHS):
        child = _born(style, mother, siblings, chance)
        uniqueness = uniqueness_pct(style, child, genomes)
        if uniqueness is None or uniqueness >= LEAST_UNIQUENESS_PCT:
            break
    return child


def _born(style: Style, mother: Genome, siblings: Sequence[Sibling], chance: np.random.Generator) -> Genome:
    if not siblings:
        return mutate(style, mother, chance=chance)
    father = siblings[tournament([sibling.sharpe for sibling in siblings], chance=chance)]
    return mutate(style, crossover(style, mother, father.genome, chance=chance), chance=chance)
