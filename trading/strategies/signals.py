"""Entry signals: one implementation of every family's rules, for backtest, paper and live alike.

Belongs here: from a tape and a genome to one side per bar, and how long a history must be before a signal counts.
Does not belong here: fills, stops, exits (`trading/backtest`), indicator loops (`kernels.py`).

A signal at bar i uses bars 0..i only and is acted on at the next bar's open. Long and short mirror each other: the
series with every price negated gives the negated signals, exactly. A signal needs the bar to be in session, an
average true range above zero, and a history of at least `warm_up_bars`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from trading.arrays import FloatArray, SideArray
from trading.strategies import kernels
from trading.strategies.archetypes import Family, archetype
from trading.strategies.genome import Genome
from trading.strategies.memory import WARM_UP_TOLERANCE, forgotten_after, history_notes
from trading.strategies.tape import CLOSE, Tape

ONE_TICK: FloatArray = np.ones(1)
SPREADS = 512


@dataclass(frozen=True)
class Scratch:
    """Reusable working memory for one thread; what it holds is valid until the next run that uses it.

    Attributes:
        side: Signals, shape (n_bars,).
        rows: Indicator columns, shape (n_rows, n_bars).
    """

    side: SideArray
    rows: FloatArray

    @staticmethod
    def for_bars(n_bars: int) -> "Scratch":
        """Allocate working memory for a series of `n_bars`."""
        return Scratch(np.empty(n_bars, np.int8), np.empty((5, n_bars)))

    def row(self, number: int) -> FloatArray:
        """Return one column."""
        column: FloatArray = self.rows[number]
        return column


@dataclass(frozen=True)
class Signals:
    """What a family wants at each bar's close, shape (n_bars,), oldest first.

    Attributes:
        side: +1 buy, -1 sell, 0 nothing.
        stop_unit_ticks: What `stop_atr` and the other exit multiples are multiples of: the average true range.
        target_unit_ticks: What the target multiple is a multiple of: the average true range, or for gap families the
            distance from the close to the level that fills the wanted fraction of the gap.
        warm_up_bars: No signal before this bar.
        notes: What was switched off and why.
    """

    side: SideArray
    stop_unit_ticks: FloatArray
    target_unit_ticks: FloatArray
    warm_up_bars: int = 0
    notes: tuple[str, ...] = field(default=())


def signals(
    tape: Tape,
    archetype_name: str,
    genome: Genome,
    *,
    scratch: Scratch | None = None,
    tolerance: float = WARM_UP_TOLERANCE,
) -> Signals:
    """Return the entry signals of a validated genome on a whole series.

    Args:
        tape: The series.
        archetype_name: Decides the family.
        genome: As returned by `genome.validated`.
        scratch: Working memory to reuse; the result then lives in it.
        tolerance: How far the beginning of the history may still move an average when a signal counts, relative.

    Raises:
        UnknownArchetype: no archetype has that name.
    """
    family = archetype(archetype_name).family
    scratch = scratch or Scratch.for_bars(len(tape))
    atr, side = scratch.row(0), scratch.side
    kernels.atr(tape.high, tape.low, tape.close, int(genome["atr_period"]), atr)
    target_unit = _FAMILIES[family](tape, genome, scratch)
    warm_up = warm_up_bars(archetype_name, genome, tolerance=tolerance)
    kernels.permit(tape.gate, atr, warm_up, side)
    return Signals(
        side, atr, target_unit, warm_up, _notes(tape, family, history_notes(len(tape), warm_up, tolerance=tolerance))
    )


def sma_cross(tape: Tape, fast_bars: int, slow_bars: int, *, scratch: Scratch | None = None) -> Signals:
    """Return the crossings of two simple averages of raw closes: the strategy every engine knows, for benchmarks.

    The units are one tick, so exit multiples count ticks. `0 < fast_bars < slow_bars`; there is no warm-up beyond the
    window, and the sums are exact integers.
    """
    scratch = scratch or Scratch.for_bars(len(tape))
    kernels.sma_cross(tape.prices[CLOSE], fast_bars, slow_bars, np.empty(SPREADS + 1, np.int64), scratch.side)
    return Signals(scratch.side, ONE_TICK, ONE_TICK, slow_bars)


def signal_at(tape: Tape, archetype_name: str, genome: Genome, *, bar: int) -> int:
    """Return the signal at the close of one bar from the history up to it: +1 buy, -1 sell, 0 nothing.

    This is the step of a paper or live runner. It runs the same rules over the history it is given, so it equals
    `signals(...).side[bar]` of any longer history.
    """
    return int(signals(tape.until(bar), archetype_name, genome).side[bar])


def warm_up_bars(archetype_name: str, genome: Genome, *, tolerance: float = WARM_UP_TOLERANCE) -> int:
    """Return the first bar at which a signal counts: every average has forgotten its beginning (`memory.py`).

    At the usual tolerance that is about 13 periods of a Wilder average and 7 of an exponential one.
    """
    family = archetype(archetype_name).family
    wilder = [int(genome[name]) for name in ("atr_period", "rsi_period") if name in genome]
    needed = [forgotten_after(period, 1.0 / period, tolerance=tolerance) for period in wilder]
    if family is Family.TREND_CONTINUATION:
        slow = int(genome["ema_slow"])
        needed.append(forgotten_after(slow, 2.0 / (slow + 1), tolerance=tolerance))
    windows = ("range_bars", "volume_bars", "extreme_bars", "momentum_bars")
    return max(needed + [int(genome[name]) + 1 for name in windows if name in genome])


def _notes(tape: Tape, family: Family, of_history: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    if not tape.has_volume and family in (Family.BREAKOUT, Family.MOMENTUM_SURGE):
        notes.append("volume is unknown: the volume condition is switched off")
    if not tape.has_volume and family in (Family.MEAN_REVERSION, Family.VWAP_TOUCH):
        notes.append("volume is unknown: VWAP weighs every bar alike")
    return (*notes, *of_history)


def _require_volume(tape: Tape, genome: Genome, scratch: Scratch) -> None:
    ratio = float(genome["volume_ratio"])
    if tape.has_volume and ratio > 0.0:
        average = scratch.row(3)
        kernels.sma(tape.weight, int(genome["volume_bars"]), scratch.row(4), average)
        kernels.require_volume(tape.weight, average, ratio, scratch.side)


def _breakout(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    ceiling, floor = _range(tape, int(genome["range_bars"]), scratch)
    kernels.breakout(tape.close, ceiling, floor, scratch.side)
    _require_volume(tape, genome, scratch)
    return scratch.row(0)


def _mean_reversion(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    strengths, vwap = _strengths(tape, genome, scratch), _vwap(tape, scratch)
    limits = (float(genome["rsi_extreme"]), float(genome["vwap_distance_atr"]))
    kernels.mean_reversion(tape.close, vwap, scratch.row(0), strengths, limits, scratch.side)
    return scratch.row(0)


def _vwap_touch(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    touch_atr = float(genome["touch_atr"])
    kernels.vwap_touch(tape.close, _vwap(tape, scratch), scratch.row(0), tape.gate, touch_atr, scratch.side)
    return scratch.row(0)


def _trend(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    atr, fast, slow, momentum = (scratch.row(number) for number in range(4))
    kernels.ema(tape.close, int(genome["ema_fast"]), fast)
    kernels.ema(tape.close, int(genome["ema_slow"]), slow)
    kernels.momentum(tape.close, int(genome["momentum_bars"]), momentum)
    kernels.trend(fast, slow, momentum, atr, float(genome["momentum_atr"]), scratch.side)
    return atr


def _gap_fade(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    gap, _, elapsed = _gap(tape, scratch)
    kernels.gap_fade(gap, elapsed, scratch.side)
    return _require_gap(tape, genome, scratch)


def _gap_fill(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    gap, opened, elapsed = _gap(tape, scratch)
    kernels.gap_fill(tape.close, gap, opened, elapsed, int(genome["entry_window_bars"]), scratch.side)
    return _require_gap(tape, genome, scratch)


def _reversal(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    ceiling, floor = scratch.row(3), scratch.row(4)
    kernels.highest(tape.high, int(genome["extreme_bars"]), ceiling)
    kernels.lowest(tape.low, int(genome["extreme_bars"]), floor)
    strengths = _strengths(tape, genome, scratch)
    extreme = float(genome["rsi_extreme"])
    kernels.reversal((tape.high, tape.low), (ceiling, floor), strengths, extreme, scratch.side)
    return scratch.row(0)


def _range_scalp(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    ceiling, floor = _range(tape, int(genome["range_bars"]), scratch)
    limits = (float(genome["range_atr"]), float(genome["zone_fraction"]))
    kernels.range_scalp(tape.close, ceiling, floor, scratch.row(0), limits, scratch.side)
    return scratch.row(0)


def _momentum_surge(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    atr, momentum = scratch.row(0), scratch.row(1)
    kernels.momentum(tape.close, int(genome["momentum_bars"]), momentum)
    kernels.momentum_surge(momentum, atr, float(genome["momentum_atr"]), scratch.side)
    _require_volume(tape, genome, scratch)
    return atr


def _range(tape: Tape, period: int, scratch: Scratch) -> tuple[FloatArray, FloatArray]:
    ceiling, floor = scratch.row(1), scratch.row(2)
    kernels.highest(tape.high, period, ceiling)
    kernels.lowest(tape.low, period, floor)
    return ceiling, floor


def _strengths(tape: Tape, genome: Genome, scratch: Scratch) -> tuple[FloatArray, FloatArray]:
    up_pct, down_pct = scratch.row(1), scratch.row(2)
    kernels.strength(tape.close, int(genome["rsi_period"]), 50.0, up_pct, down_pct)
    return up_pct, down_pct


def _vwap(tape: Tape, scratch: Scratch) -> FloatArray:
    vwap = scratch.row(3)
    kernels.session_vwap(tape.high, tape.low, tape.close, tape.weight, tape.gate, vwap)
    return vwap


def _gap(tape: Tape, scratch: Scratch) -> tuple[FloatArray, FloatArray, FloatArray]:
    gap, opened, elapsed = scratch.row(1), scratch.row(2), scratch.row(3)
    kernels.session_gap(tape.open, tape.close, tape.gate, gap, opened, elapsed)
    return gap, opened, elapsed


def _require_gap(tape: Tape, genome: Genome, scratch: Scratch) -> FloatArray:
    atr, gap, opened, remaining = scratch.row(0), scratch.row(1), scratch.row(2), scratch.row(4)
    limits = (float(genome["gap_min_atr"]), float(genome["fill_fraction"]))
    kernels.require_gap(tape.close, gap, opened, atr, limits, remaining, scratch.side)
    return remaining


_FAMILIES: dict[Family, Callable[[Tape, Genome, Scratch], FloatArray]] = {
    Family.BREAKOUT: _breakout,
    Family.MEAN_REVERSION: _mean_reversion,
    Family.VWAP_TOUCH: _vwap_touch,
    Family.TREND_CONTINUATION: _trend,
    Family.GAP_FADE: _gap_fade,
    Family.GAP_FILL: _gap_fill,
    Family.REVERSAL: _reversal,
    Family.RANGE_SCALP: _range_scalp,
    Family.MOMENTUM_SURGE: _momentum_surge,
}
