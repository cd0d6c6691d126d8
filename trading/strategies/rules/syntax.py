"""The typed tree of a rule, and what can be read off it without any bars: warm-up, volume.

Belongs here: values. Does not belong here: text (`parser.py`), what is refused (`checking.py`), bars (`columns.py`).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from trading.strategies.memory import WARM_UP_TOLERANCE, forgotten_after

ATR, EMA, RSI, MOMENTUM = "atr", "ema", "rsi", "momentum"
WINDOWS = ("sma", EMA, RSI, "highest", "lowest", MOMENTUM)


class ValueKind(StrEnum):
    """What a value measures."""

    PRICE = "price"
    VOLUME = "volume"
    NUMBER = "number"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Type:
    """What may be done with a value.

    Attributes:
        kind: What it measures.
        levels: Of a price, how many price levels it is worth: close 1, close - open 0, high + low 2. If every price
            rises by one tick the value rises by `levels` ticks.
        is_fixed: The same on every bar.
        is_steady: Known on every bar from its first value on; a session's average or a quotient may be unknown later.
    """

    kind: ValueKind
    levels: Fraction = Fraction(0)
    is_fixed: bool = False
    is_steady: bool = True


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a number may lie in another genome: inclusive bounds, and whether it is a whole number in every one."""

    low: Fraction
    high: Fraction
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, or a fixed distance in ticks or contracts; with a spread, what a parameter is in this genome."""

    type: Type
    value: Fraction
    spread: Spread | None = None

    @property
    def reach(self) -> Spread:
        """Where it may lie: its spread, or itself."""
        return self.spread or Spread(self.value, self.value, self.value.denominator == 1)


@dataclass(frozen=True, slots=True)
class Series:
    """A column of the tape or of its sessions."""

    type: Type
    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """An indicator over the last `bars` values, up to `longest` in another genome; the true range has no operand."""

    type: Type
    name: str
    operand: "Node | None"
    bars: int
    longest: int


@dataclass(frozen=True, slots=True)
class LookBack:
    """The value `bars` bars ago, up to `longest` in another genome."""

    type: Type
    operand: "Node"
    bars: int
    longest: int


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Arithmetic on values of one bar: `+ - * / negative abs min max`."""

    type: Type
    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared: `> >= < <= above below`; the last two ask for a crossing. Keeps its text for notes."""

    type: Type
    relation: str
    left: "Node"
    right: "Node"
    text: str

    @property
    def crosses(self) -> bool:
        """Whether the bar before counts as well."""
        return self.relation in ("above", "below")


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `and`, `or` or `not`."""

    type: Type
    word: str
    operands: tuple["Node", ...]


Node = Literal | Series | Window | LookBack | Pointwise | Comparison | Junction


@dataclass(frozen=True, slots=True)
class Direction:
    """When one side is entered: a condition, read on the market as it is or with every price negated."""

    condition: Node
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule.

    Attributes:
        text: As written.
        long, short: When to buy and to sell; None is never.
        unit: The distance exit multiples are multiples of.
    """

    text: str
    long: Direction | None
    short: Direction | None
    unit: Node

    @property
    def conditions(self) -> tuple[Node, ...]:
        """The conditions of both sides."""
        return tuple(side.condition for side in (self.long, self.short) if side)

    @property
    def warm_up_bars(self) -> int:
        """The first bar at which a signal counts, at the usual tolerance."""
        return self.settled_after(WARM_UP_TOLERANCE)

    @property
    def longest_warm_up_bars(self) -> int:
        """The same in the genome that needs most."""
        return max(warm_up_bars(node, longest=True) for node in (*self.conditions, self.unit))

    def settled_after(self, tolerance: float) -> int:
        """Return the first bar from which a longer history moves averages by at most a tolerance."""
        return max(warm_up_bars(node, tolerance=tolerance) for node in (*self.conditions, self.unit))


def operands(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below."""
    match node:
        case Literal() | Series():
            return ()
        case Window(operand=operand):
            return (operand,) if operand else ()
        case LookBack(operand=operand):
            return (operand,)
        case Comparison(left=left, right=right):
            return left, right
        case _:
            return node.operands


def warm_up_bars(node: Node, *, longest: bool = False, tolerance: float = WARM_UP_TOLERANCE) -> int:
    """Return the first bar from which a node no longer depends on where the history begins.

    Args:
        node: Any.
        longest: Take every window as long as it is in the genome that makes it longest.
        tolerance: How far each average may still be moved by its beginning, relative.
    """
    below = (warm_up_bars(operand, longest=longest, tolerance=tolerance) for operand in operands(node))
    return max(below, default=0) + _own_warm_up(node, longest=longest, tolerance=tolerance)


def _own_warm_up(node: Node, *, longest: bool, tolerance: float) -> int:
    match node:
        case Window():
            return _window_warm_up(node.name, node.longest if longest else node.bars, tolerance=tolerance)
        case LookBack():
            return node.longest if longest else node.bars
        case Comparison(crosses=True):
            return 1
        case _:
            return 0


def first_bar(node: Node) -> int:
    """Return the first bar at which a steady node has a value."""
    below = max(map(first_bar, operands(node)), default=0)
    match node:
        case Window(name=name, bars=bars):
            return below + (bars if name in (ATR, RSI, MOMENTUM) else bars - 1)
        case LookBack(bars=bars):
            return below + bars
        case _:
            return below


def reads(node: Node, name: str) -> bool:
    """Return whether a node reads a series of that name."""
    return (isinstance(node, Series) and node.name == name) or any(reads(below, name) for below in operands(node))


def switched_off(node: Node, name: str) -> tuple[Comparison, ...]:
    """Return the comparisons that read a series, in order of the text."""
    if isinstance(node, Comparison):
        return (node,) if reads(node, name) else ()
    return tuple(comparison for below in operands(node) for comparison in switched_off(below, name))


def without(node: Node, name: str) -> Node | None:
    """Return a condition without the comparisons that read a series: `and` and `or` keep what else they join.

    None if nothing is left.
    """
    match node:
        case Comparison():
            return None if reads(node, name) else node
        case LookBack(operand=operand):
            kept = without(operand, name)
            return kept and replace(node, operand=kept)
        case Junction(type=type_, word=word, operands=below):
            left = tuple(kept for kept in (without(operand, name) for operand in below) if kept)
            return Junction(type_, word, left) if left and (len(left) > 1 or word == "not") else next(iter(left), None)
        case _:
            return node


def _window_warm_up(name: str, bars: int, *, tolerance: float) -> int:
    weights = {ATR: 1.0 / bars, RSI: 1.0 / bars, EMA: 2.0 / (bars + 1)}
    if name in weights:
        return forgotten_after(bars, weights[name], tolerance=tolerance)
    return bars if name == MOMENTUM else bars - 1
