"""Rules on bars: every value becomes a column, every condition a column of true, false or unknown.

Belongs here: what expressions mean, on the compiled loops every other strategy uses. Does not belong here: text, types.

A value is unknown (NaN) before its window is complete, where a session has not begun, and where a quotient divides by
zero. A comparison of something unknown is unknown, and `and`, `or`, `not` follow Kleene: unknown only where the known
part does not decide. Only what is known to be true is a signal. A crossing above is: at or below on the bar before,
above on this one. `rsi` is 50 where nothing ever moved. `vwap`, `session_open`, `gap` (today's open less the session
close before) and `bars_since_open` (0 on the first bar) belong to the session of the bar.

A side that mirrors is the same condition on the series with every price negated: open and close change sign, high
and low change sign and places, volume stays. Where both sides are true there is no signal. Without volume in the
series every comparison that reads `volume` is switched off, as if it were not written, and a note says so.
"""

import numpy as np
from numpy.typing import NDArray

from trading.arrays import BoolArray, FloatArray, VerdictArray
from trading.strategies import kernels
from trading.strategies.memory import WARM_UP_TOLERANCE, history_notes
from trading.strategies.rules.syntax import (
    Comparison,
    Direction,
    Junction,
    Literal,
    LookBack,
    Node,
    Pointwise,
    Rule,
    Series,
    Window,
    first_bar,
    operands,
    reads,
    switched_off,
    without,
)
from trading.strategies.signals import Signals
from trading.strategies.tape import WIDEST_TICKS, Scalar, Tape, read_only

_ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": np.minimum,
    "max": np.maximum,
    "negative": np.negative,
    "abs": np.abs,
}
_MIRRORED_NAMES = {"high": "low", "low": "high"}


def rule_signals(tape: Tape, rule: Rule, *, tolerance: float = WARM_UP_TOLERANCE) -> Signals:
    """Return the entry signals of a rule on a whole series, for `engine.run_signals`.

    Args:
        tape: The series.
        rule: As returned by `parse_rule`.
        tolerance: How far the beginning of the history may still move an average when a signal counts, relative.

    Returns:
        A side per bar; both units are the rule's `unit` (mirrored for a sell). Bars outside the session, before
        the warm-up is over, or whose unit is not above zero and at most 2**30 ticks have no signal.
    """
    warm_up = rule.settled_after(tolerance)
    with np.errstate(all="ignore"):
        buys, sells = (_wanted(tape, side) for side in (rule.long, rule.short))
        side = buys.astype(np.int8) - sells.astype(np.int8)
        unit = _unit(tape, rule.unit, side)
    kernels.permit(tape.gate, unit, warm_up, side)
    notes = [] if tape.has_volume else _volume_notes(rule)
    return Signals(side, unit, unit, warm_up, (*notes, *history_notes(len(tape), warm_up, tolerance=tolerance)))


def rule_signal_at(tape: Tape, rule: Rule, *, bar: int) -> int:
    """Return the signal at the close of one bar from the history up to it: the step of a paper or live runner."""
    return int(rule_signals(tape.until(bar), rule).side[bar])


def _wanted(tape: Tape, side: Direction | None) -> BoolArray:
    if side is None:
        return np.zeros(len(tape), np.bool_)
    condition = side.condition if tape.has_volume else without(side.condition, "volume")
    if condition is None:
        return np.zeros(len(tape), np.bool_)
    wanted: BoolArray = _verdicts(tape, condition, side.mirrored) > 0
    return wanted


def _unit(tape: Tape, node: Node, side: VerdictArray) -> FloatArray:
    unit = np.array(_column(tape, node, False))
    sells = side < 0
    if sells.any():
        unit[sells] = _column(tape, node, True)[sells]
    unit[~(unit <= WIDEST_TICKS)] = np.nan
    return unit


def _volume_notes(rule: Rule) -> list[str]:
    off = dict.fromkeys(comparison.text for node in rule.conditions for comparison in switched_off(node, "volume"))
    notes = [f"volume is unknown, switched off: {text}" for text in off]
    for name, side in (("long", rule.long), ("short", rule.short)):
        if side and without(side.condition, "volume") is None:
            notes.append(f"volume is unknown and {name} asks for nothing else: it never trades")
    if any(reads(node, "vwap") for node in (*rule.conditions, rule.unit)):
        notes.append("volume is unknown: VWAP weighs every bar alike")
    if reads(rule.unit, "volume"):
        notes.append("volume is unknown: the unit takes every bar's volume as one contract")
    return notes


def _verdicts(tape: Tape, node: Node, mirrored: bool) -> VerdictArray:
    match node:
        case Comparison():
            return _compared(tape, node, mirrored)
        case Junction(word="not", operands=(operand,)):
            return np.negative(_verdicts(tape, operand, mirrored))
        case LookBack(operand=operand, bars=bars):
            return _moved(_verdicts(tape, operand, mirrored), bars, np.int8(0))
        case _:
            join = np.minimum if isinstance(node, Junction) and node.word == "and" else np.maximum
            verdicts = [_verdicts(tape, operand, mirrored) for operand in operands(node)]
            joined: VerdictArray = join.reduce(verdicts)
            return joined


def _compared(tape: Tape, node: Comparison, mirrored: bool) -> VerdictArray:
    left, right = (_column(tape, operand, mirrored) for operand in (node.left, node.right))
    if node.crosses:
        sign = 1 if node.relation == "above" else -1
        now, before = _decided(left, right, ">", sign), _decided(left, right, "<=", sign)
        crossed: VerdictArray = np.minimum(now, _moved(before, 1, np.int8(0)))
        return crossed
    return _decided(left, right, node.relation, 1)


_RELATIONS = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}


def _decided(left: FloatArray, right: FloatArray, relation: str, sign: int) -> VerdictArray:
    holds = _RELATIONS[relation](sign * left, sign * right)
    verdicts: VerdictArray = np.where(holds, np.int8(1), np.int8(-1))
    verdicts[np.isnan(left) | np.isnan(right)] = 0
    return verdicts


def _moved(values: NDArray[Scalar], bars: int, unknown: Scalar) -> NDArray[Scalar]:
    out = np.full_like(values, unknown)
    out[bars:] = values[: len(values) - bars] if bars < len(values) else values[:0]
    return out


def _column(tape: Tape, node: Node, mirrored: bool) -> FloatArray:
    match node:
        case Literal(value=value):
            return np.broadcast_to(np.float64(value), len(tape))
        case Series(name=name):
            return _series(tape, name, mirrored)
        case Window():
            return _window(tape, node, mirrored)
        case LookBack(operand=operand, bars=bars):
            return _moved(_column(tape, operand, mirrored), bars, np.float64(np.nan))
        case Pointwise(operator=operator, operands=below):
            out: FloatArray = _ARITHMETIC[operator](*(_column(tape, operand, mirrored) for operand in below))
            return out
        case _:
            raise TypeError(f"no value: {node}")


def _series(tape: Tape, name: str, mirrored: bool) -> FloatArray:
    column: FloatArray
    if name == "volume":
        return tape.weight
    if name in ("vwap", "session_open", "gap", "bars_since_open"):
        column = _session_column(tape, name)
        return -column if mirrored and name != "bars_since_open" else column
    column = getattr(tape, _MIRRORED_NAMES.get(name, name) if mirrored else name)
    return -column if mirrored else column


def _session_column(tape: Tape, name: str) -> FloatArray:
    vwap, gap, opened, elapsed = np.empty((4, len(tape)))
    if name == "vwap":
        kernels.session_vwap(tape.high, tape.low, tape.close, tape.weight, tape.gate, vwap)
        return vwap
    kernels.session_gap(tape.open, tape.close, tape.gate, gap, opened, elapsed)
    column: FloatArray = {"gap": gap, "session_open": opened, "bars_since_open": elapsed}[name]
    column[tape.gate & kernels.IN_SESSION == 0] = np.nan
    return column


def _window(tape: Tape, node: Window, mirrored: bool) -> FloatArray:
    out = np.full(len(tape), np.nan)
    if node.operand is None:
        if len(tape) > node.bars:
            kernels.atr(tape.high, tape.low, tape.close, node.bars, out)
        return out
    first = first_bar(node.operand)
    if len(tape) > first_bar(node):
        values = read_only(_column(tape, node.operand, mirrored)[first:])
        _run(node, values, out[first:])
    return out


def _run(node: Window, values: FloatArray, out: FloatArray) -> None:
    if node.name == "rsi":
        kernels.strength(values, node.bars, 50.0, out, np.empty_like(out))
    elif node.name == "sma":
        kernels.sma(values, node.bars, np.empty_like(out), out)
    else:
        loops = {
            "ema": kernels.ema,
            "highest": kernels.highest,
            "lowest": kernels.lowest,
            "momentum": kernels.momentum,
        }
        loops[node.name](values, node.bars, out)
