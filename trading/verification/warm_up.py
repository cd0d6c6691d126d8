"""The warm-up detector: begin the history later and see whether today's decisions move.

Belongs here: later beginnings, and the comparison of what was decided after the stated warm-up. Does not belong here:
how long a warm-up is (`strategies/memory.py`), whose tolerance is the one that is judged here.

An indicator that never forgets its first value makes a backtest depend on where the file happens to begin, and a live
runner with a short history trade something else. It can show that a warm-up is too short on these bars; silence shows
that it was long enough at the beginnings that were tried.

A history may also be too short to decide at all: a gap needs the session before, a session's VWAP its first bar. Until
the second full trading day has begun, saying nothing is allowed and counted as a refusal; saying something else is not.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trading.arrays import BoolArray, FloatArray
from trading.errors import BadInput
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.tape import Tape

Known = Callable[[Tape], FloatArray]
"""From a tape to what is known at each close, shape (n_bars, n_columns); column 0 is the signal, 0 where there is
none, and the others count only where it is not 0."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A decision that moved when only the beginning of the history moved.

    Attributes:
        first_bar: Where the later history begins.
        bar: The earliest decision that moved, counted on the whole history.
        by: Largest relative difference of its columns; infinite where the signal itself differs.
    """

    first_bar: int
    bar: int
    by: float


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What the detector found.

    Attributes:
        drifts: At most one per beginning, oldest beginning first.
        beginnings: How many later beginnings were tried.
        compared: How many decisions were compared in all.
        refused: How many signals a later beginning did not give because its history was too short to decide.
        largest: Largest relative difference that was tolerated.
    """

    drifts: tuple[Drift, ...]
    beginnings: int
    compared: int
    refused: int
    largest: float


def warm_up_drifts(
    tape: Tape, known: Known, *, warm_up_bars: int, tolerance: float = WARM_UP_TOLERANCE, beginnings: int = 12
) -> WarmUp:
    """Begin a history at several later trading days and compare what is decided from the warm-up on.

    Args:
        tape: A history longer than the warm-up and two trading days.
        known: What is to be tried; called once per beginning and once for the whole.
        warm_up_bars: First bar, counted from a beginning, at which a decision counts.
        tolerance: Largest relative difference of a unit that is none; a signal that differs always is one.
        beginnings: How many trading days, spread evenly over the history, are tried as the first.

    Raises:
        BadInput: a history too short to try even one later beginning.
    """
    day_starts = np.append(0, np.flatnonzero(np.diff(tape.trading_day)) + 1)
    possible = [place for place in range(1, len(day_starts) - 2) if day_starts[place] + warm_up_bars < len(tape)]
    if not possible:
        raise BadInput(f"a warm-up of {warm_up_bars} bars leaves nothing to compare in {len(tape)} bars")
    whole = known(tape)
    chosen = [possible[at] for at in np.unique(np.linspace(0, len(possible) - 1, beginnings).astype(np.int64))]
    tried = [
        _compared(
            whole,
            known(tape.part(int(day_starts[place]), len(tape))),
            first_bar=int(day_starts[place]),
            tolerance=tolerance,
            warm_up_bars=warm_up_bars,
            decides_from=int(day_starts[place + 2]),
        )
        for place in chosen
    ]
    return WarmUp(
        drifts=tuple(each.drift for each in tried if each.drift is not None),
        beginnings=len(tried),
        compared=sum(each.compared for each in tried),
        refused=sum(each.refused for each in tried),
        largest=max(each.largest for each in tried),
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    drift: Drift | None
    compared: int
    refused: int
    largest: float


def _compared(
    whole: FloatArray, later: FloatArray, *, first_bar: int, warm_up_bars: int, decides_from: int, tolerance: float
) -> _Compared:
    from_bar = first_bar + warm_up_bars
    early, late = whole[from_bar:], later[warm_up_bars:]
    may_refuse = np.arange(from_bar, len(whole)) < decides_from
    refused = may_refuse & (late[:, 0] == 0) & (early[:, 0] != 0)
    off = np.where(refused, 0.0, _difference(early, late))
    moved = off > tolerance
    at = int(np.argmax(moved)) if moved.any() else None
    drift = None if at is None else Drift(first_bar, from_bar + at, float(off[at]))
    return _Compared(drift, len(early), int(refused.sum()), float(off[~moved].max(initial=0.0)))


def _difference(early: FloatArray, late: FloatArray) -> FloatArray:
    """Return the largest relative difference per row: infinite where signals differ or only one side is known."""
    scale = np.maximum(np.maximum(np.abs(early), np.abs(late)), 1.0)
    both_unknown: BoolArray = np.isnan(early) & np.isnan(late)
    off = np.where(both_unknown, 0.0, np.abs(early - late) / scale)
    off = np.where(np.isnan(off), np.inf, off)
    counts = (early[:, :1] != 0) & (np.arange(early.shape[1]) > 0)
    inner = np.where(counts, off, 0.0).max(axis=1)
    return np.where(early[:, 0] != late[:, 0], np.inf, inner)
