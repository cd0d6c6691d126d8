"""The detectors as checks of one bot: does it know the future, does it remember the beginning.

Belongs here: what of a bot is held against the detectors. Does not belong here: the detectors (`trading.verification`).

What counts as a decision: the entry signal, the units its stop and target are set in, and, for look-ahead, the marked
equity, so that exits are watched too. What the bot wants at each close is asked of its own style, unless something else
is handed in, as tests do to prove that a cheat is caught.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np

from services.backtests.workbench import Workbench
from services.desk import Desk
from services.progress import Progress, counted
from services.verification.findings import Finding
from trading.arrays import FloatArray
from trading.backtests.engine import run_tape
from trading.market.bars import Bars
from trading.strategies.genome import Genome, Style
from trading.strategies.signals import Signals
from trading.strategies.styles import entry_signals, warm_up_bars
from trading.strategies.tape import Tape, tape_of
from trading.verification import verdicts
from trading.verification.lookahead import FUTURES, leaks
from trading.verification.warm_up import warm_up_drifts

CUTS = 16
SHOWN_FINDS = 10

Wanting = Callable[[Tape, Style, Genome], Signals]


def check_look_ahead(_: Desk, bench: Workbench, progress: Progress, *, wanting: Wanting | None = None) -> Finding:
    """Change the future at several bars and see whether a decision before them moves."""
    bars = bench.at_hand.bars
    futures = 1 + CUTS * len(FUTURES)
    tell = counted(progress, "futures", of=futures)

    def decide(changed: Bars) -> FloatArray:
        tell()
        tape = tape_of(changed, bench.at_hand.sessions)
        wishes = (wanting or _wanting(bench))(tape, bench.style, bench.genome)
        run = run_tape(tape, bench.strategy, account=bench.account, wishes=wishes)
        return np.column_stack([_known(wishes), run.equity_micros.astype(np.float64)])

    leaking = leaks(bars, decide, cuts=CUTS)
    figures = {
        "cuts": CUTS,
        "futures": list(FUTURES),
        "bars": len(bars),
        "leaks": [asdict(leak) for leak in leaking[:SHOWN_FINDS]],
        "found": len(leaking),
    }
    return Finding(verdicts.of_detector(len(leaking), tried=futures - 1, what="changed futures"), figures)


def check_warm_up(_: Desk, bench: Workbench, progress: Progress, *, wanting: Wanting | None = None) -> Finding:
    """Begin the history later at several days and see whether a decision after the warm-up moves."""
    warm_up = warm_up_bars(bench.style, bench.genome, tolerance=bench.strategy.tolerance)

    def known(tape: Tape) -> FloatArray:
        progress("beginnings", 0, 1)
        return _known((wanting or _wanting(bench))(tape, bench.style, bench.genome))

    warm_up_drift = warm_up_drifts(bench.at_hand.tape, known, warm_up_bars=warm_up, tolerance=bench.strategy.tolerance)
    progress("beginnings", 1, 1)
    figures = {
        "warm_up_bars": warm_up,
        "tolerance": bench.strategy.tolerance,
        "beginnings": warm_up_drift.beginnings,
        "compared": warm_up_drift.compared,
        "refused": warm_up_drift.refused,
        "largest_difference": warm_up_drift.largest,
        "drifts": [
            {"first_bar": drift.first_bar, "bar": drift.bar, "by": drift.by if np.isfinite(drift.by) else None}
            for drift in warm_up_drift.drifts[:SHOWN_FINDS]
        ],
        "found": len(warm_up_drift.drifts),
    }
    return Finding(
        verdicts.of_detector(len(warm_up_drift.drifts), tried=warm_up_drift.beginnings, what="later beginnings"),
        figures,
    )


def _wanting(bench: Workbench) -> Wanting:
    return partial(entry_signals, tolerance=bench.strategy.tolerance)


def _known(wishes: Signals) -> FloatArray:
    """Return signal and units per bar; a unit counts only where there is a signal."""
    acts = wishes.side != 0
    units = [np.where(acts, unit, 0.0) for unit in (wishes.stop_unit_ticks, wishes.target_unit_ticks)]
    return np.column_stack([wishes.side.astype(np.float64), *units])
