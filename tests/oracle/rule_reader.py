"""Rules read by hand: nested tuples, one bar at a time, None for unknown. Knows neither the parser nor the columns.

("close",) ("number", 1.5) ("ticks", 4) ("contracts", 500) ("sma", x, 20) ("atr", 14) ("back", x, 2)
("+", x, y) ("-", x) ("abs", x) ("min", x, y) (">", x, y) ("above", x, y) ("and", a, b) ("or", a, b) ("not", a)
"""

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.harness.known import known
from tests.oracle.rules import Chart, average_true_range, exponential, opening_gap, vwap, wilder

Node = tuple[Any, ...]
"""What it is, then its parts: trees and numbers."""

CLOSE_CALL = 1e-7
FIXED = ("number", "ticks", "contracts")
FUNCTIONS = ("sma", "ema", "rsi", "atr", "highest", "lowest", "momentum", "abs", "min", "max")
OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "min": min,
    "max": max,
}
INEXACT = ("sma", "ema", "rsi", "atr", "vwap", "/", "number")


class TooCloseToCall(Exception):
    """Two values differ by rounding alone: no second opinion is possible."""


def written(node: Node) -> str:
    """Return the text of a rule's tree, with more brackets than needed."""
    kind, *rest = node
    if kind in FIXED:
        return f"{rest[0]:g}" + ("" if kind == "number" else f" {kind}")
    if kind == "back":
        return f"({written(rest[0])})[{rest[1]}]"
    if kind in FUNCTIONS:
        return f"{kind}({', '.join(drawn(part) for part in rest)})"
    if len(rest) == 1:
        return f"({kind} {written(rest[0])})"
    word = f"crosses {kind}" if kind in ("above", "below") else kind
    return "(" + f" {word} ".join(written(part) for part in rest) + ")" if rest else kind


def drawn(part: Node | int) -> str:
    """Return an argument: a tree or a number of bars."""
    return written(part) if isinstance(part, tuple) else str(part)


class Reader:
    """Reads trees on one chart; with `mirrored`, on the chart turned upside down."""

    def __init__(self, chart: Chart, *, mirrored: bool = False) -> None:
        """Keep what was read before: the same tree is read at many bars."""
        self.chart, self.sign, self.mirrored = chart, -1 if mirrored else 1, mirrored
        self.columns: dict[Node, dict[int, float | None]] = {}

    def value(self, node: Node, i: int) -> float | None:
        """Return a number or None."""
        if i < 0:
            return None
        column = self.columns.setdefault(node, {})
        if i not in column:
            column[i] = self._value(node, i)
        return column[i]

    def _value(self, node: Node, i: int) -> float | None:
        kind, *rest = node
        if kind in FIXED:
            return float(rest[0])
        if not rest:
            return self._series(kind, i)
        if kind == "back":
            return self.value(rest[0], i - rest[1])
        if kind == "atr":
            return average_true_range(self.chart, rest[0])[i]
        if kind in ("sma", "ema", "rsi", "highest", "lowest", "momentum"):
            return self._window(kind, [self.value(rest[0], j) for j in range(i + 1)], rest[1])
        return self._arithmetic(kind, [self.value(part, i) for part in rest])

    def _series(self, name: str, i: int) -> float | None:
        if name == "volume":
            return self.chart.volume[i]
        if name == "vwap":
            fair = vwap(self.chart, i)
            return None if fair is None else self.sign * fair
        if name in ("session_open", "gap", "bars_since_open"):
            return self._opening(name, i)
        if self.mirrored and name in ("high", "low"):
            name = "low" if name == "high" else "high"
        return self.sign * float(getattr(self.chart, name)[i])

    def _opening(self, name: str, i: int) -> float | None:
        today = self.chart.session_bars(i)
        if not today:
            return None
        if name == "bars_since_open":
            return len(today) - 1
        if name == "session_open":
            return self.sign * self.chart.open[today[0]]
        facts = opening_gap(self.chart, i)
        return None if facts is None else self.sign * facts[0]

    def _window(self, kind: str, history: list[float | None], bars: int) -> float | None:
        known = [value for value in history if value is not None]
        if kind == "momentum":
            return known[-1] - known[-1 - bars] if len(known) > bars else None
        if kind == "rsi":
            return self._rsi(known, bars)
        if len(known) < bars:
            return None
        last = known[-bars:]
        if kind == "ema":
            return exponential(known, bars)[-1]
        return {"sma": sum(last) / bars, "highest": max(last), "lowest": min(last)}[kind]

    def _rsi(self, values: list[float], bars: int) -> float | None:
        moves = [b - a for a, b in pairwise(values)]
        if len(moves) < bars:
            return None
        up = known(wilder([max(move, 0) for move in moves], bars)[-1])
        down = known(wilder([max(-move, 0) for move in moves], bars)[-1])
        return 100 * up / (up + down) if up + down > 1e-14 else 50.0

    def _arithmetic(self, kind: str, parts: list[float | None]) -> float | None:
        values = [value for value in parts if value is not None]
        if len(values) < len(parts):
            return None
        if kind == "abs":
            return abs(values[0])
        if len(values) == 1:
            return -values[0]
        first, other = values
        if kind == "/" and other == 0:
            if first == 0:
                return None
            raise TooCloseToCall
        return OPERATIONS[kind](first, other)

    def verdict(self, node: Node, i: int) -> bool | None:
        """Return True, False or None."""
        if i < 0:
            return None
        kind, *rest = node
        if kind == "back":
            return self.verdict(rest[0], i - rest[1])
        if kind == "not":
            inner = self.verdict(rest[0], i)
            return None if inner is None else not inner
        if kind in ("and", "or"):
            return self._joined(kind, [self.verdict(part, i) for part in rest])
        if kind in ("above", "below"):
            now, then = (">", "<=") if kind == "above" else ("<", ">=")
            return self._joined("and", [self._compared(now, rest, i), self._compared(then, rest, i - 1)])
        return self._compared(kind, rest, i)

    def _joined(self, kind: str, verdicts: list[bool | None]) -> bool | None:
        decisive = kind == "or"
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive

    def _compared(self, relation: str, sides: list[Node], i: int) -> bool | None:
        left, right = (self.value(side, i) for side in sides)
        if left is None or right is None:
            return None
        if abs(left - right) < CLOSE_CALL * max(1, abs(left), abs(right)) and any(map(is_inexact, sides)):
            raise TooCloseToCall
        return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[relation]


def is_inexact(node: Node) -> bool:
    """Return whether reading a tree can round."""
    return any(
        part in INEXACT if isinstance(part, str) else isinstance(part, tuple) and is_inexact(part) for part in node
    )
