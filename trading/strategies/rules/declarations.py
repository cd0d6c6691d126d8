"""What a rule text declares before it says when to trade: parameters of its own, and where exit genes begin.

Belongs here: declarations as rows of a genome's schema, and as the numbers expressions are made with. Does not belong
here: expressions (`checking.py`), where in the text something stands (`parser.py`).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from fractions import Fraction

from lark import Token, Tree

from trading.strategies.genome import Number, Parameter, common_exits
from trading.strategies.rules.checking import FUNCTIONS, SERIES, Unfit
from trading.strategies.rules.grammar import KEYWORDS, MOST_PARAMETERS
from trading.strategies.rules.syntax import Literal, Spread, Type, ValueKind

Branch = Tree[Token]

TIME_STOP_BARS = 20
EXITS: Mapping[str, Parameter] = {row.name: row for row in common_exits(TIME_STOP_BARS)}
ATR_PERIOD = EXITS["atr_period"]
FINE_STEP = Fraction(1, 20)

_KINDS = {"ticks": ValueKind.PRICE, "contracts": ValueKind.VOLUME}
_TAKEN = frozenset({*SERIES, *FUNCTIONS, *EXITS, *KEYWORDS})


def parameter(branch: Branch, *, known: Collection[str], read: Collection[str]) -> Parameter:
    """Return the row of a `param` line.

    Args:
        branch: The line.
        known: Parameters declared before it.
        read: Names that expressions read.

    Raises:
        Unfit: a name that is taken or never read, bounds that hold nothing, or a number off its step.
    """
    name, *measure = (str(child) for child in branch.children if isinstance(child, Token))
    if name in _TAKEN or name in known:
        raise Unfit("a name of its own", f"'{name}', which is taken")
    if name not in read:
        raise Unfit(f"a parameter that the rule reads, by the name of '{name}'", "no place that reads it")
    if len(known) == MOST_PARAMETERS:
        raise Unfit(f"at most {MOST_PARAMETERS} parameters", "one more")
    unit = measure[0] if measure else "number"
    start, low, high, *given = map(_number, numbers_of(branch))
    step = _step(given, unit, (start, low, high))
    if low >= high:
        raise Unfit(f"an upper bound above {_plain(low)}", _plain(high), operand=2)
    if not low <= start <= high:
        raise Unfit(f"a number from {_plain(low)} to {_plain(high)}", _plain(start), operand=0)
    default, lowest, highest, by = (
        _as_gene(number, whole=step.denominator == 1) for number in (start, low, high, step)
    )
    return Parameter(name, default, lowest, highest, by, unit)


def started(branch: Branch, *, exits: Mapping[str, Parameter]) -> Parameter:
    """Return the row of an `exit` line: a common gene of the exits that begins elsewhere.

    Raises:
        Unfit: no such gene (`atr_period` is none where the rule has its own unit), out of its bounds or off its step.
    """
    name, number = str(branch.children[0]), _number(numbers_of(branch)[0])
    if name not in exits:
        raise Unfit(f"one of {', '.join(exits)}, once", f"'{name}'")
    row = exits[name]
    low, high, step = (exact(value) for value in (row.low, row.high, row.step))
    if not low <= number <= high or number % step:
        raise Unfit(f"{row.low:g} to {row.high:g} in steps of {row.step:g}", _plain(number), operand=0)
    return replace(row, default=_as_gene(number, whole=row.is_integer))


def filled(row: Parameter, number: Number) -> Literal:
    """Return what a parameter stands for in a genome, knowing where it may lie in others."""
    kind = _KINDS.get(row.unit, ValueKind.NUMBER)
    spread = Spread(exact(row.low), exact(row.high), row.is_integer)
    return Literal(Type(kind, is_fixed=True), exact(number), spread)


def numbers_of(branch: Branch) -> list[Branch]:
    """Return the numbers of a line, in order."""
    return [child for child in branch.children if isinstance(child, Tree)]


def exact(number: Number) -> Fraction:
    """Return a gene as the decimal number it is written as."""
    return Fraction(str(number))


def _step(given: list[Fraction], unit: str, numbers: tuple[Fraction, ...]) -> Fraction:
    whole = unit == "bars" or all(number.denominator == 1 for number in numbers)
    step = given[0] if given else Fraction(1) if whole else FINE_STEP
    if step <= 0 or (unit == "bars" and step.denominator != 1):
        raise Unfit("a whole step above zero" if unit == "bars" else "a step above zero", _plain(step), operand=3)
    for place, number in enumerate(numbers):
        if number % step:
            raise Unfit(f"a multiple of the step, {_plain(step)}", _plain(number), operand=place)
    return step


def _number(branch: Branch) -> Fraction:
    return Fraction("".join(map(str, branch.children)))


def _as_gene(number: Fraction, *, whole: bool) -> Number:
    return int(number) if whole else float(number)


def _plain(number: Fraction) -> str:
    return f"{float(number):g}"
