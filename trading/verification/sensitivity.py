"""Parameter sensitivity: whether a genome stands on a plateau or on a needle, and grids of genomes around it.

Belongs here: neighbours, grids, and the verdict over their figures. Does not belong here: how a genome is run (passed
in), bounds and steps (`strategies/genome.py`).

Can show: that small changes of the numbers, which tomorrow's market will make for you, keep most of the result. Cannot
show: an edge. A robust loser is robust, and neighbours share the same history and its luck.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trading.errors import BadGenome
from trading.figures.performance import Performance
from trading.strategies.genome import Genome, Number, Parameter, Style, schema, validated
from trading.verification.trials import Score, Trial, by_sharpe

GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A genome that differs in one parameter by a number of steps."""

    parameter: str
    steps: int
    genome: Genome


def neighbours(style: Style, genome: Genome, *, reach: int = 2) -> tuple[Neighbour, ...]:
    """Return every valid genome one parameter away by 1..reach steps, by parameter name, then from low to high.

    Raises:
        BadGenome, UnknownArchetype: the genome itself is not valid.
    """
    home = validated(style, genome)
    valid = []
    for name, row in schema(style).items():
        for steps in range(-reach, reach + 1):
            moved = _valid(style, {**home, name: home[name] + steps * row.step}) if steps else None
            if moved is not None and moved != home:
                valid.append(Neighbour(name, steps, moved))
    return tuple(valid)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Figures of a genome and of its neighbours.

    Attributes:
        home: The genome itself.
        around: Neighbours with their figures, in the order of `neighbours`.
        retained: For each parameter the worst neighbour's score over the genome's own, by name; 1 loses nothing, 0
            loses everything, below 0 turns into its opposite. Unknown neighbours count as 0.
    """

    home: Trial
    around: tuple[tuple[Neighbour, Performance], ...]
    retained: Mapping[str, float]

    @property
    def plateau(self) -> float | None:
        """Share of parameters whose worst neighbour keeps at least half of the score, 0-1; None without neighbours."""
        if not self.retained:
            return None
        return sum(kept >= 0.5 for kept in self.retained.values()) / len(self.retained)


def sensitivity(
    style: Style,
    genome: Genome,
    *,
    evaluate: Callable[[Genome], Performance],
    reach: int = 2,
    score: Score = by_sharpe,
) -> Sensitivity | None:
    """Run a genome and its neighbours; None where the genome's own score is not above zero: there is nothing to keep.

    Raises:
        BadGenome, UnknownArchetype: the genome is not valid.
    """
    home = Trial(validated(style, genome), evaluate(genome))
    own = score(home.performance)
    if not own > 0.0:
        return None
    around = tuple((near, evaluate(near.genome)) for near in neighbours(style, genome, reach=reach))
    retained: dict[str, float] = {}
    for near, performance in around:
        reached = score(performance)
        kept = reached / own if math.isfinite(reached) else 0.0
        retained[near.parameter] = min(kept, retained.get(near.parameter, math.inf))
    return Sensitivity(home, around, retained)


def axis(row: Parameter, *, points: int) -> tuple[Number, ...]:
    """Return up to `points` distinct values of a parameter, evenly spread from its low to its high bound, ascending."""
    if points < 1:
        raise BadGenome(f"an axis needs at least one point, was {points}")
    middle = (row.low + row.high) / 2.0
    spread = (row.high - row.low) / max(points - 1, 1)
    wanted = [row.low + position * spread for position in range(points)] if points > 1 else [middle]
    return tuple(sorted({row.snapped(min(max(value, row.low), row.high)) for value in wanted}))


def grid(style: Style, genome: Genome, *, axes: Mapping[str, Sequence[Number]], cap: int = 1_000) -> tuple[Genome, ...]:
    """Return the valid genomes on a grid, in the order of the grid: names alphabetical, values as listed, last fastest.

    A grid of more than `cap` points is thinned to `cap` of them, spread over all axes by a golden-ratio walk: without
    chance, leaving no axis out. Invalid combinations (a fast average slower than the slow one) are dropped after that.

    Args:
        style: Whose parameters they are.
        genome: Gives the parameters that are not on an axis.
        axes: Values by parameter name.
        cap: Most genomes to return.

    Raises:
        BadGenome: an unknown parameter, an axis without values, or a cap below one.
    """
    names = sorted(axes)
    unknown = sorted(set(names) - set(schema(style)))
    empty = [name for name in names if not axes[name]]
    if unknown or empty or cap < 1:
        raise BadGenome(
            f"a grid needs known parameters with values and a cap above zero, was {unknown or empty or cap}"
        )
    points = (_point(index, names, axes) for index in _chosen(math.prod(len(axes[name]) for name in names), cap))
    made = (_valid(style, {**genome, **point}) for point in points)
    return tuple(neighbour for neighbour in made if neighbour is not None)


def _point(index: int, names: Sequence[str], axes: Mapping[str, Sequence[Number]]) -> dict[str, Number]:
    point = {}
    for name in reversed(names):
        index, position = divmod(index, len(axes[name]))
        point[name] = axes[name][position]
    return point


def _chosen(total: int, cap: int) -> Iterator[int]:
    if total <= cap:
        return iter(range(total))
    stride = max(1, round(total * GOLDEN_RATIO))
    while math.gcd(stride, total) != 1:
        stride += 1
    return iter(sorted(step * stride % total for step in range(cap)))


def _valid(style: Style, numbers: Mapping[str, Number]) -> Genome | None:
    try:
        return validated(style, numbers)
    except BadGenome:
        return None
