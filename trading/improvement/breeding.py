"""Evolution of genomes inside one style: crossover, mutation, tournament, uniqueness, confidence.

Belongs here: how genomes make genomes, how alike they are, how far a result is to be trusted. Does not belong here:
when a bot evolves (`work/planner.py`), how a genome is judged (`backtest/`). All chance comes from the generator passed
in.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from trading.arrays import FloatArray
from trading.errors import BadGenome, BadReturns
from trading.strategies.genome import Genome, Number, Parameter, Style, schema, validated

ATTEMPTS = 32
TRADES_FOR_HALF_CONFIDENCE = 50


def crossover(style: Style, mother: Genome, father: Genome, *, chance: np.random.Generator) -> Genome:
    """Return a child that takes each parameter from one parent or the other with equal chance.

    A mixture that breaks a rule between parameters is drawn again; after 32 broken ones the child is the mother.

    Raises:
        BadGenome, UnknownArchetype: a parent is not valid.
    """
    mother, father = validated(style, mother), validated(style, father)
    for _ in range(ATTEMPTS):
        from_father = chance.random(len(mother)) < 0.5
        child = {name: (father if taken else mother)[name] for name, taken in zip(mother, from_father, strict=True)}
        if (born := _valid(style, child)) is not None:
            return born
    return mother


def mutate(style: Style, genome: Genome, *, chance: np.random.Generator, rate: float = 0.2, reach: int = 3) -> Genome:
    """Return a genome in which at least one parameter moved by 1..reach steps, each parameter with the given chance.

    Values stay inside their bounds. A mutant that breaks a rule or equals its parent is drawn again; after 32 such the
    parent itself is returned.

    Args:
        style: Whose parameters they are.
        genome: The parent.
        chance: Source of all chance.
        rate: Chance of each parameter to move, 0-1.
        reach: Most steps a parameter moves, at least 1.

    Raises:
        BadGenome, UnknownArchetype: the parent, the rate or the reach is not valid.
    """
    if not 0.0 <= rate <= 1.0 or reach < 1:
        raise BadGenome(f"a mutation needs a rate between 0 and 1 and a reach of at least 1, was {rate} and {reach}")
    parent = validated(style, genome)
    rows = schema(style)
    for _ in range(ATTEMPTS):
        moving = chance.random(len(parent)) < rate
        moving[chance.integers(len(parent))] = True
        steps = chance.integers(1, reach + 1, len(parent)) * chance.choice([-1, 1], len(parent))
        moved = {
            name: _stepped(rows[name], parent[name], int(step)) if moves else parent[name]
            for name, moves, step in zip(parent, moving, steps, strict=True)
        }
        born = _valid(style, moved)
        if born is not None and born != parent:
            return born
    return parent


def tournament(scores: Sequence[float | None], *, chance: np.random.Generator, entrants: int = 3) -> int:
    """Return the index of the best of some candidates drawn without replacement; unknown scores lose to known ones.

    Of equal scores the lower index wins.

    Args:
        scores: One score per candidate, at least one.
        chance: Source of all chance.
        entrants: How many are drawn, at most all.

    Raises:
        BadReturns: no candidates or no entrants.
    """
    if not scores or entrants < 1:
        raise BadReturns(f"a tournament needs candidates and entrants, was {len(scores)} and {entrants}")
    drawn = chance.choice(len(scores), size=min(entrants, len(scores)), replace=False)

    def standing(index: int) -> tuple[bool, float, int]:
        score = scores[index]
        return (score is not None, 0.0 if score is None else score, -index)

    return max((int(index) for index in drawn), key=standing)


def distance(style: Style, left: Genome, right: Genome) -> float:
    """Return how far two genomes are apart: the mean over parameters of the difference over its range, 0-1."""
    rows = schema(style)
    return float(np.abs(_position(rows, left) - _position(rows, right)).mean())


def uniqueness_pct(style: Style, genome: Genome, siblings: Sequence[Genome]) -> float | None:
    """Return the distance to the nearest sibling in percent of the largest possible, 0-100.

    A copy of a sibling has 0. None without siblings: there is nothing to differ from.
    """
    if not siblings:
        return None
    rows = schema(style)
    others = np.array([_position(rows, sibling) for sibling in siblings])
    return 100.0 * float(np.abs(others - _position(rows, genome)).mean(axis=1).min())


def confidence_pct(
    *, deflated_probability: float | None, trades: int | None, consistency: float | None
) -> float | None:
    """Return how far a result is to be trusted, 0-100; None where any part is unknown.

    `100 x P x n / (n + 50) x C`: P the deflated Sharpe probability, n the number of trades (50, the first gate's
    minimum, give half weight), C the share of walk-forward test segments that earned. It is never above its weakest
    part, grows with each, and is a discount, not a probability.

    Raises:
        BadReturns: a probability or share outside 0-1, or a negative count.
    """
    if deflated_probability is None or trades is None or consistency is None:
        return None
    if not (0.0 <= deflated_probability <= 1.0 and 0.0 <= consistency <= 1.0 and trades >= 0):
        raise BadReturns(f"confidence needs shares of 0-1, was {deflated_probability}, {trades}, {consistency}")
    return 100.0 * deflated_probability * trades / (trades + TRADES_FOR_HALF_CONFIDENCE) * consistency


def _position(rows: Mapping[str, Parameter], genome: Genome) -> FloatArray:
    return np.array([(genome[name] - row.low) / (row.high - row.low) for name, row in rows.items()])


def _stepped(row: Parameter, value: Number, steps: int) -> Number:
    return row.snapped(min(max(value + steps * row.step, row.low), row.high))


def _valid(style: Style, numbers: dict[str, Number]) -> Genome | None:
    try:
        return validated(style, numbers)
    except BadGenome:
        return None
