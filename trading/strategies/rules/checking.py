"""What a rule may say: every node is made here, with its type, or refused with what was found and expected.

Prices have no fixed size here. Indicator prices are shifted at contract rolls and negated for the other side, so only
what does not depend on their level has a meaning: a price compared with a price, a distance with a distance, a ratio
with a number. `close > 4000` and `close > 1.01 * vwap` are refused; `close - vwap > 0.5 * atr(14)` is what to write.

Belongs here: types, bounds of numbers and windows. Does not belong here: text (`parser.py`), bars (`columns.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from trading.strategies.rules.grammar import LONGEST_WINDOW_BARS
from trading.strategies.rules.syntax import (
    ATR,
    MOMENTUM,
    RSI,
    WINDOWS,
    Comparison,
    Junction,
    Literal,
    LookBack,
    Node,
    Pointwise,
    Series,
    Spread,
    Type,
    ValueKind,
    Window,
)
from trading.words import counted

_NUMBER = Type(ValueKind.NUMBER)
_DISTANCE = Type(ValueKind.PRICE)
_PRICE = Type(ValueKind.PRICE, Fraction(1))
_CONDITION = Type(ValueKind.CONDITION)

SERIES: dict[str, Type] = {
    **dict.fromkeys(("open", "high", "low", "close"), _PRICE),
    "volume": Type(ValueKind.VOLUME),
    "vwap": Type(ValueKind.PRICE, Fraction(1), is_steady=False),
    "session_open": Type(ValueKind.PRICE, Fraction(1), is_steady=False),
    "gap": Type(ValueKind.PRICE, is_steady=False),
    "bars_since_open": Type(ValueKind.NUMBER, is_steady=False),
}

FUNCTIONS: dict[str, int] = {**dict.fromkeys(WINDOWS, 2), ATR: 1, "abs": 1, "min": 2, "max": 2}
EXAMPLES: dict[str, str] = {
    **{name: f"{name}(close, 20)" for name in WINDOWS},
    "highest": "highest(high, 20)",
    "lowest": "lowest(low, 20)",
    ATR: "atr(14)",
    "abs": "abs(close - open)",
    "min": "min(open, close)",
    "max": "max(open, close)",
}

_LARGEST_PART = 10**24


class Unfit(Exception):
    """What was written does not fit; the parser adds where.

    Attributes:
        operand: Index of the child it is about; None is the whole expression.
        fix: What to write instead, where that is known.
    """

    def __init__(self, expected: str, was: str, *, operand: int | None = None, fix: str | None = None) -> None:
        super().__init__(expected, was)
        self.expected, self.was, self.operand, self.fix = expected, was, operand, fix


def in_words(type_: Type) -> str:
    """Name a type as a desk would."""
    if type_.kind is not ValueKind.PRICE:
        return f"a {type_.kind}"
    if type_.levels == 0:
        return "a price distance"
    return "a price" if type_.levels == 1 else f"{float(type_.levels):g} times a price"


def literal(text: str, measure: str) -> Literal:
    """Make a number, a distance in `ticks` or a volume in `contracts`."""
    kind = {"ticks": ValueKind.PRICE, "contracts": ValueKind.VOLUME}.get(measure, ValueKind.NUMBER)
    return Literal(Type(kind, is_fixed=True), Fraction(text))


def named(name: str, parameters: Mapping[str, Literal]) -> Series | Literal:
    """Make a column of the tape, or the number of a parameter."""
    if name in parameters:
        return parameters[name]
    if name not in SERIES:
        raise Unfit(f"one of {', '.join((*SERIES, *parameters))}, or a function", f"'{name}'")
    return Series(SERIES[name], name)


def call(name: str, arguments: Sequence[Node]) -> Node:
    """Make a function of values."""
    if name not in FUNCTIONS:
        raise Unfit(f"one of {', '.join(FUNCTIONS)}", f"'{name}('")
    if len(arguments) != FUNCTIONS[name]:
        wanted = counted(FUNCTIONS[name], "argument")
        raise Unfit(f"{name} with {wanted}", f"{len(arguments)}", fix=f"write {EXAMPLES[name]}")
    for place, argument in enumerate(arguments):
        _require_value(argument, place)
    if name in ("min", "max"):
        return _extreme(name, arguments)
    if name == "abs":
        return _absolute(arguments[0])
    return _window(name, arguments)


def look_back(operand: Node, ago: str, parameters: Mapping[str, Literal]) -> LookBack:
    """Make the value some bars ago: a number, or a parameter."""
    if not ago.isdigit() and ago not in parameters:
        raise Unfit(f"a whole number of bars ago{_or_one_of(parameters)} (a rule never looks forward)", f"'{ago}'")
    number = parameters[ago] if ago in parameters else literal(ago, "")
    reach = number.reach
    if (
        number.type.kind is not ValueKind.NUMBER
        or not reach.is_whole
        or reach.low < 0
        or reach.high > LONGEST_WINDOW_BARS
    ):
        raise Unfit(f"a whole number of at most {LONGEST_WINDOW_BARS} bars ago, 0 or more", _in_figures(number))
    return LookBack(operand.type, operand, int(number.value), int(reach.high))


def negative(operand: Node) -> Node:
    """Make a value with the other sign."""
    _require_value(operand, 0)
    if isinstance(operand, Literal):
        return _folded("-", Literal(operand.type, Fraction(0)), operand, operand.type)
    return Pointwise(_levels(operand.type, -operand.type.levels), "negative", (operand,))


def arithmetic(operator: str, left: Node, right: Node) -> Node:
    """Make a sum, difference, product or quotient."""
    for place, operand in enumerate((left, right)):
        _require_value(operand, place)
    type_ = _TYPES[operator](left, right)
    if isinstance(left, Literal) and isinstance(right, Literal):
        return _folded(operator, left, right, type_)
    _bounded(type_.levels)
    return Pointwise(type_, operator, (left, right))


def comparison(relation: str, left: Node, right: Node, *, text: str) -> Comparison:
    """Make a comparison or a crossing of two values alike; zero compares with every distance and volume."""
    for place, operand in enumerate((left, right)):
        _require_value(operand, place)
    if not (_is_zero_of(left, right) or _is_zero_of(right, left)):
        _alike(left, right)
    return Comparison(_CONDITION, relation, left, right, text)


def junction(word: str, operands: Sequence[Node]) -> Junction:
    """Join conditions."""
    for place, operand in enumerate(operands):
        require_condition(operand, place)
    return Junction(_CONDITION, word, tuple(operands))


def require_condition(node: Node, place: int | None = None) -> None:
    """Refuse a value where a condition must stand."""
    if node.type.kind is not ValueKind.CONDITION:
        raise Unfit("a condition such as a comparison", in_words(node.type), operand=place)


def require_distance(node: Node) -> None:
    """Refuse what is no price distance."""
    if node.type.kind is not ValueKind.PRICE or node.type.levels != 0:
        raise Unfit("a price distance", in_words(node.type))


def _require_value(node: Node, place: int) -> None:
    if node.type.kind is ValueKind.CONDITION:
        raise Unfit("a value", "a condition", operand=place)


def _alike(left: Node, right: Node) -> Type:
    wanted, given = left.type, right.type
    if (wanted.kind, wanted.levels) != (given.kind, given.levels):
        raise Unfit(f"{in_words(wanted)} like the left side{_advice(wanted, given)}", in_words(given), operand=1)
    return _joined(wanted, given, levels=wanted.levels)


def _advice(wanted: Type, given: Type) -> str:
    kinds = {wanted.kind, given.kind}
    if kinds == {ValueKind.PRICE, ValueKind.NUMBER} and wanted.levels == given.levels:
        return " (write ticks behind a number to make it a distance)"
    if kinds == {ValueKind.VOLUME, ValueKind.NUMBER}:
        return " (write contracts behind a number to make it a volume)"
    if ValueKind.PRICE in kinds:
        return " (prices have no fixed level here: compare prices with prices, distances with distances)"
    return ""


def _is_zero_of(zero: Node, other: Node) -> bool:
    if not isinstance(zero, Literal) or zero.spread is not None:
        return False
    return zero.value == 0 and zero.type.kind is ValueKind.NUMBER and other.type.levels == 0


def _joined(left: Type, right: Type, *, kind: ValueKind | None = None, levels: Fraction = Fraction(0)) -> Type:
    return Type(kind or left.kind, levels, left.is_fixed and right.is_fixed, left.is_steady and right.is_steady)


def _levels(type_: Type, levels: Fraction) -> Type:
    return Type(type_.kind, levels, type_.is_fixed, type_.is_steady)


def _sum(left: Node, right: Node) -> Type:
    return _joined(left.type, right.type, levels=_same_kind(left, right) + right.type.levels)


def _difference(left: Node, right: Node) -> Type:
    return _joined(left.type, right.type, levels=_same_kind(left, right) - right.type.levels)


def _same_kind(left: Node, right: Node) -> Fraction:
    if left.type.kind is not right.type.kind:
        raise Unfit(f"a {left.type.kind} to add or take away{_advice(left.type, right.type)}", in_words(right.type))
    return left.type.levels


def _product(left: Node, right: Node) -> Type:
    if left.type.kind is not ValueKind.NUMBER and right.type.kind is not ValueKind.NUMBER:
        raise Unfit("a number on one side of '*'", f"{in_words(left.type)} and {in_words(right.type)}")
    factor, scaled = (left, right) if left.type.kind is ValueKind.NUMBER else (right, left)
    return _joined(scaled.type, factor.type, levels=_scaled(scaled, factor, Fraction.__mul__))


def _quotient(left: Node, right: Node) -> Type:
    if isinstance(right, Literal) and right.reach.low <= 0 <= right.reach.high:
        raise Unfit("a divisor other than zero", _in_figures(right), operand=1)
    if right.type.kind is ValueKind.NUMBER:
        type_ = _joined(left.type, right.type, levels=_scaled(left, right, Fraction.__truediv__))
    elif right.type.kind is left.type.kind and left.type.levels == right.type.levels == 0:
        type_ = _joined(left.type, right.type, kind=ValueKind.NUMBER)
    else:
        raise Unfit(
            "a number, or two distances or volumes to divide", f"{in_words(left.type)} by {in_words(right.type)}"
        )
    return type_ if isinstance(right, Literal) else Type(type_.kind, type_.levels, type_.is_fixed, is_steady=False)


def _scaled(scaled: Node, factor: Node, by: Callable[[Fraction, Fraction], Fraction]) -> Fraction:
    if scaled.type.levels == 0:
        return Fraction(0)
    if not isinstance(factor, Literal) or factor.spread is not None:
        raise Unfit("a price distance to scale (take a difference of two prices first)", in_words(scaled.type))
    return by(scaled.type.levels, factor.value)


_TYPES: dict[str, Callable[[Node, Node], Type]] = {"+": _sum, "-": _difference, "*": _product, "/": _quotient}


_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": Fraction.__add__,
    "-": Fraction.__sub__,
    "*": Fraction.__mul__,
    "/": Fraction.__truediv__,
}


def _folded(operator: str, left: Literal, right: Literal, type_: Type) -> Literal:
    """Return what two numbers make, and where that may lie: the extremes of these operations lie at bounds."""
    operate = _OPERATIONS[operator]
    value = operate(left.value, right.value)
    if left.spread is right.spread is None:
        return Literal(type_, _bounded(value))
    first, second = left.reach, right.reach
    corners = [operate(a, b) for a in (first.low, first.high) for b in (second.low, second.high)]
    low, high = _bounded(min(corners)), _bounded(max(corners))
    return Literal(type_, value, Spread(low, high, first.is_whole and second.is_whole and operator != "/"))


def _in_figures(number: Literal) -> str:
    low, high = (f"{float(bound):g}" for bound in (number.reach.low, number.reach.high))
    if low == high:
        return low
    return f"{low} to {high}" if number.reach.is_whole else f"{low} to {high}, fractions among them"


def _or_one_of(parameters: Mapping[str, Literal]) -> str:
    return f" or one of {', '.join(parameters)}" if parameters else ""


def _bounded(value: Fraction) -> Fraction:
    if max(abs(value.numerator), value.denominator) > _LARGEST_PART:
        raise Unfit("a number of at most 24 digits", "a longer one")
    return value


def _extreme(name: str, arguments: Sequence[Node]) -> Node:
    left, right = arguments
    if isinstance(right, Literal) and right.type.kind is ValueKind.NUMBER and left.type.kind is not ValueKind.NUMBER:
        window = EXAMPLES["lowest" if name == "min" else "highest"]
        fix = f"{name} is of two values on one bar; over bars it is {window}"
        raise Unfit(f"{in_words(left.type)} like the left side", in_words(right.type), operand=1, fix=fix)
    return Pointwise(_alike(left, right), name, (left, right))


def _absolute(operand: Node) -> Node:
    if operand.type.levels != 0:
        raise Unfit("a price distance (a price itself has no size here)", in_words(operand.type), operand=0)
    return Pointwise(operand.type, "abs", (operand,))


def _window(name: str, arguments: Sequence[Node]) -> Window:
    bars, longest = _whole_bars(arguments[-1], len(arguments) - 1, least=2 if name == RSI else 1)
    if name == ATR:
        return Window(_DISTANCE, name, None, bars, longest)
    operand = arguments[0]
    if operand.type.is_fixed:
        raise Unfit("a value that changes from bar to bar", "the same on every bar", operand=0)
    if not operand.type.is_steady:
        raise Unfit("a value known on every bar", "one that sessions or a division can leave unknown", operand=0)
    return Window(_window_type(name, operand), name, operand, bars, longest)


def _window_type(name: str, operand: Node) -> Type:
    if name == RSI:
        return _NUMBER
    return _levels(operand.type, Fraction(0)) if name == MOMENTUM else operand.type


def _whole_bars(node: Node, place: int, *, least: int) -> tuple[int, int]:
    """Return a window's bars, and the most there may be in any genome."""
    bounds = f"a whole number of bars from {least} to {LONGEST_WINDOW_BARS}"
    if not isinstance(node, Literal) or node.type.kind is not ValueKind.NUMBER:
        raise Unfit(bounds, in_words(node.type), operand=place)
    reach = node.reach
    if not reach.is_whole or not least <= reach.low <= reach.high <= LONGEST_WINDOW_BARS:
        raise Unfit(bounds, _in_figures(node), operand=place)
    return int(node.value), int(reach.high)
