"""Walking forward over a history: choose on each train part, judge on what came next, join what came next.

Belongs here: the use of the search that improvement uses, the joined out-of-sample record. Does not belong here: the
plan, the fence and the verdict (`trading.verification`), storing a result (`verifications.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.improvement.search import neighbours_by_optuna, stepwise
from services.progress import Progress, counted
from services.verification.findings import figures_of
from trading.arrays import IntArray
from trading.backtests.engine import Account
from trading.backtests.parts import Part, PartBacktester
from trading.days import on_day
from trading.figures.performance import Performance, measure
from trading.strategies.genome import Genome, Style
from trading.verification.walk_forward import (
    DEFAULT_WINDOWS,
    Segment,
    SegmentResult,
    WalkForward,
    Windows,
    anchored,
    as_many_as_fit,
    plan,
    walk_forward,
)


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk-forward and the record its test parts make when they are joined.

    Attributes:
        walk: Segment by segment, oldest first.
        joined: Figures of the joined test parts.
        equity_micros: Account equity at each close of the joined test parts, shape (n_bars,), oldest first.
        trading_day: Trading date of each of these bars, days since 1970-01-01.
    """

    walk: WalkForward
    joined: Performance
    equity_micros: IntArray
    trading_day: IntArray


def walk_history(
    backtester: PartBacktester,
    segments: Sequence[Segment],
    *,
    account: Account,
    style: Style,
    parent: Genome,
    seed: int,
    progress: Progress,
    trades_a_bar: float = 0.0,
) -> Walked:
    """Walk forward with the search that improvement uses, from the parent, anew in every segment.

    Nothing is carried from one segment to the next: not the genome, not what was tried.

    Args:
        backtester: Runs genomes of the style over the history.
        segments: As `as_the_bot_searches` or `by_the_last_year` cuts them.
        account: What the joined record begins with.
        style: What is walked.
        parent: Where every search begins.
        seed: Of all chance.
        progress: Hears of every segment.
        trades_a_bar: As `neighbours_by_optuna`.

    Raises:
        BadBars: no segments.
    """
    tell = counted(progress, "walk forward", of=len(segments))
    search = stepwise(neighbours_by_optuna(style, parent, trades_a_bar), tell)
    walk = walk_forward(segments, evaluate=backtester, search=search, seed=seed)
    return joined(backtester, walk, account=account)


def by_the_last_year(ts_event: IntArray) -> tuple[Segment, ...]:
    """Cut a history so that each search sees the year before its test part.

    A history long enough for more than four segments of 365 and 90 days gets as many as fit, a shorter one four scaled
    ones.

    Raises:
        BadBars: too few bars to cut.
    """
    return plan(ts_event, windows_for(ts_event))


def as_the_bot_searches(ts_event: IntArray) -> tuple[Segment, ...]:
    """Cut the same test parts, each after all the bars before it, which is what an iteration's search trains on.

    Raises:
        BadBars: too few bars to cut.
    """
    return anchored(by_the_last_year(ts_event))


def windows_for(ts_event: IntArray) -> Windows:
    """Return the default windows, with as many segments as fit where more than the default fit."""
    fitting = as_many_as_fit(ts_event)
    return fitting if fitting.segments > DEFAULT_WINDOWS.segments else DEFAULT_WINDOWS


def joined(backtester: PartBacktester, walk: WalkForward, *, account: Account) -> Walked:
    """Join the test parts to one record: each begins with the equity the one before it ended with."""
    equities, days, pnl, held, in_position = [], [], [], [], 0
    carried = account.account_micros
    for result in walk.segments:
        run = backtester.run(result.genome, result.segment.test)
        equities.append(run.equity_micros - account.account_micros + carried)
        carried = int(equities[-1][-1])
        days.append(run.trading_day.copy())
        pnl.append(run.trades.net_micros.copy())
        held.append(run.trades.bars_held)
        in_position += round(run.performance.exposure_pct / 100.0 * len(run.equity_micros))
    equity, day = np.concatenate(equities), np.concatenate(days)
    performance = measure(
        trade_pnl_micros=np.concatenate(pnl),
        trade_bars=np.concatenate(held),
        equity_micros=equity,
        trading_day=day,
        account_micros=account.account_micros,
        bars_in_position=in_position,
    )
    return Walked(walk, performance, equity, day)


def segment_figures(result: SegmentResult, trading_day: IntArray) -> dict[str, object]:
    """Return one segment as JSON keeps it."""
    return {
        "train": _span(result.segment.train, trading_day) | figures_of(result.train),
        "test": _span(result.segment.test, trading_day) | figures_of(result.test),
        "genome": dict(result.genome),
        "tried": len(result.trials),
    }


def _span(part: Part, trading_day: IntArray) -> dict[str, object]:
    first, last = trading_day[part.first_bar], trading_day[part.end_bar - 1]
    return {"first_on": on_day(first).isoformat(), "last_on": on_day(last).isoformat(), "bars": len(part)}
