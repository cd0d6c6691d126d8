"""A genome whose numbers a person changes.

Belongs here: what an edit may name, and the genome it makes. Does not belong here: bounds and steps (`genome.py`),
storing generations.
"""

from collections.abc import Mapping

from trading.errors import BadGenome, BadInput
from trading.strategies.genome import Genome, Number, Style, schema, validated
from trading.words import did_you_mean


def edited(style: Style, genome: Mapping[str, Number], numbers: Mapping[str, float]) -> Genome:
    """Return a genome with some of its numbers replaced, each moved to the nearest step.

    Raises:
        BadGenome: a number the style has not (those spelled alike are offered), out of bounds, or against another one.
        BadInput: no number is given, or every number stays what it was.
    """
    rows = schema(style)
    for name in numbers:
        if name not in rows:
            raise BadGenome(f"it has no number {name!r}{did_you_mean(name, rows)}; it has {', '.join(rows)}")
    if not numbers:
        raise BadInput("an edit names at least one number")
    whole = {name: _whole(value) if rows[name].is_integer else value for name, value in numbers.items()}
    changed = validated(style, {**genome, **whole})
    if changed == validated(style, genome):
        raise BadInput(f"nothing would change: {', '.join(f'{name} is {genome[name]:g}' for name in numbers)}")
    return changed


def _whole(value: float) -> Number:
    return int(value) if float(value).is_integer() else value
