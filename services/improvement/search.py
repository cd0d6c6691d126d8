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
FATHERS = 6
LEAST_UNIQUENESS_PCT = 1.0


def neighbours_by_optuna(style: Style, parent: Genome, trades_a_bar: float = 0.0, *, trials: int = TRIALS) -> Search:
    """Return a search of the parent's neighbourhood with Optuna's tree-structured Parzen estimator.

    The parent is the first candidate. A neighbour lies within a quarter of each parameter's range around the parent.
    A genome with fewer trades a bar of the train part than `trades_a_bar` is never chosen, whatever they earned: else
    the best of many genomes by Sharpe ratio is one that got lucky a few times.
    """

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        study = _study(int(chance.integers(2**31)))
        study.enqueue_trial(dict(parent))
        around = _neighbourhood(style, parent)
        best, best_score = parent, -np.inf
        for _ in range(trials):
            trial = study.ask(around)
            genome = _genome(style, trial.params)
            score = _score(fence, genome, trades_a_bar) if genome is not None else -np.inf
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


def _score(fence: Fence, genome: Genome, trades_a_bar: float) -> float:
    performance = fence(genome)
    return by_sharpe(performance) if performance.trades >= trades_a_bar * len(fence.train) else -np.inf


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


@dataclass(frozen=True, slots=True)
class ScoredGenome:
    """A sibling's genome and how it scores on the train part of the bot that is to be bred."""

    genome: Genome
    score: float


def offspring(
    style: Style, parent: Genome, siblings: Sequence[Genome], *, trades_a_bar: float = 0.0, trials: int = TRIALS
) -> Search:
    """Return a search among children of the parent and its siblings: tournament, crossover, mutation.

    Siblings are genomes of other bots of the style; with none, the children are mutants of the parent. A few of them,
    drawn anew in every search, become fathers by how they do on this bot's train part, which counts as tried. The
    parent is the first candidate. Of two children the fitter on the train part is kept; nothing else is seen. A
    genome with fewer trades a bar than `trades_a_bar` is not fit.
    """

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        best, best_score = parent, _score(fence, parent, trades_a_bar)
        drawn = chance.permutation(len(siblings))[:FATHERS].tolist()
        fathers = [ScoredGenome(siblings[place], _score(fence, siblings[place], trades_a_bar)) for place in drawn]
        for _ in range(trials - 1):
            child = _child(style, best, fathers, siblings, chance=chance)
            score = _score(fence, child, trades_a_bar)
            if score > best_score:
                best, best_score = child, score
        return best

    return search


def _child(
    style: Style,
    mother: Genome,
    fathers: Sequence[ScoredGenome],
    siblings: Sequence[Genome],
    *,
    chance: np.random.Generator,
) -> Genome:
    """Return a child that is no near copy of a sibling; after eight near copies, the last one."""
    child = mother
    for _ in range(BIRTHS):
        child = _born(style, mother, fathers, chance)
        uniqueness = uniqueness_pct(style, child, siblings)
        if uniqueness is None or uniqueness >= LEAST_UNIQUENESS_PCT:
            break
    return child


def _born(style: Style, mother: Genome, fathers: Sequence[ScoredGenome], chance: np.random.Generator) -> Genome:
    if not fathers:
        return mutate(style, mother, chance=chance)
    father = fathers[tournament([father.score for father in fathers], chance=chance)]
    return mutate(style, crossover(style, mother, father.genome, chance=chance), chance=chance)
