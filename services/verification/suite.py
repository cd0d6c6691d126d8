"""The checks that run a bot's genome, or its neighbours, over its own history.

Belongs here: walk-forward, sensitivity, grid, stress, timeframe x horizon. Does not belong here: checks that resample
(`luck.py`), detectors of cheats (`detectors.py`), thresholds
(`trading.verification.verdicts`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from services.backtests.workbench import Workbench
from services.desk import Desk
from services.progress import Progress, counted
from services.verification.findings import Finding, curve_of, figures_of, seed_of
from services.verification.walk_forwards import as_the_bot_searches, segment_figures, walk_history
from store.bots import registry
from store.database import transaction
from trading.arrays import IntArray
from trading.backtests.engine import Account
from trading.backtests.parts import Part
from trading.errors import NoMarketData
from trading.figures.performance import Performance
from trading.improvement.acceptance import MIN_TEST_TRADES
from trading.market.bars import TIMEFRAME_SECONDS
from trading.strategies.genome import Genome, Number, schema, validated
from trading.verification import verdicts
from trading.verification.sensitivity import Sensitivity, axis, grid, sensitivity
from trading.verification.stress import (
    TRADED_THROUGH_TICKS,
    Record,
    Stretch,
    cost_stress,
    historic_windows,
    judge,
    worst_windows,
)
from trading.verification.trials import Trial, by_sharpe, ranked
from trading.verification.verdicts import Grade, Kind, Verdict
from trading.verification.walk_forward import DAY_NS

GRID_CAP = 512
GRID_POINTS = 4
GRID_AXES = 5
SHOWN_RANKS = 20
WORST_WINDOW_DAYS = (5, 20)
HORIZON_DAYS = (90, 180, 365, 730, 1_825)


def check_walk_forward(desk: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Walk forward over the bot's open days as its improvement does, from its first genome.

    Each search sees every bar before its test part and chooses no genome that trades too seldom for the screening. A
    later genome was chosen on these days, and a walk that begins with it has seen its own test parts.
    """
    with transaction(desk.database) as db:
        first = validated(bench.style, registry.first_genome(db, bench.bot.id))
    segments = as_the_bot_searches(bench.at_hand.bars.ts_event)
    walked = walk_history(
        bench.backtester,
        segments,
        account=bench.account,
        style=bench.style,
        parent=first,
        seed=seed_of(bench.bot, Kind.WALK_FORWARD),
        progress=progress,
        trades_a_bar=MIN_TEST_TRADES / len(segments[-1].test),
    )
    day = bench.at_hand.tape.trading_day
    consistency, overfit_ratio = walked.walk.consistency, walked.walk.overfit_ratio
    figures = {
        "begins_with_generation": 1,
        "consistency": consistency,
        "overfit_ratio": overfit_ratio,
        "tried": walked.walk.trials,
        "out_of_sample": figures_of(walked.joined),
        "segments": [segment_figures(result, day) for result in walked.walk.segments],
        "curve": curve_of(walked.equity_micros, walked.trading_day),
    }
    for_gates = {"walk_forward_consistency": consistency, "walk_forward_overfit_ratio": overfit_ratio}
    return Finding(verdicts.of_walk_forward(walked.walk), figures, for_gates=for_gates)


def check_sensitivity(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Move each number of the genome by one and two steps and see how much of the Sharpe ratio is left."""
    tell = counted(progress, "neighbours", of=1 + 4 * len(schema(bench.style)))

    def evaluate(genome: Genome) -> Performance:
        tell()
        return bench.backtester.run(genome, bench.whole).performance

    around = sensitivity(bench.style, bench.genome, evaluate=evaluate)
    tried = 1 if around is None else 1 + len(around.around)
    return Finding(verdicts.of_sensitivity(around), _sensitivity_figures(around) | {"tried": tried})


def check_grid(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Rank the genome among a grid over its first parameters' whole ranges, all of it in sample."""
    genomes = grid_around(bench)
    own = bench.run().performance
    trials = list(_evaluated(bench, genomes, progress))
    order = ranked(trials)
    better = sum(by_sharpe(trial.performance) > by_sharpe(own) for trial in trials)
    figures = {
        "tried": len(trials),
        "axes": {name: list(values) for name, values in axes_of(bench).items()},
        "own": figures_of(own),
        "better_than_own": better,
        "best": [dict(trial.genome) | figures_of(trial.performance) for trial in order[:SHOWN_RANKS]],
        "earning_share": sum(trial.performance.net_pnl_micros > 0 for trial in trials) / len(trials),
    }
    reason = f"{better} of {len(trials)} genomes on the grid have a higher Sharpe ratio, all in sample"
    return Finding(Verdict(Grade.INFORMATIVE, reason), figures)


def check_stress(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Look at the worst and the historic windows, at more slippage, and at targets that price must trade through."""
    run, own = bench.run(), bench.account
    record = Record(run.equity_micros.copy(), run.trading_day, own.account_micros)
    stretches = [
        *(stretch for days in WORST_WINDOW_DAYS for stretch in worst_windows(record, days=days)),
        *historic_windows(record),
    ]
    costs = cost_stress(own.instrument, evaluate=lambda worse: _under(bench, replace(own, instrument=worse), progress))
    strict = replace(own, through_ticks=TRADED_THROUGH_TICKS)
    traded_through = _under(bench, strict, progress)
    judged = judge(costs, stretches, traded_through=traded_through)
    figures = {
        "windows": [_stretch_figures(stretch) for stretch in stretches],
        "slippage": [{"times": cost.slippage_times} | figures_of(cost.performance) for cost in costs],
        "traded_through": {"ticks": strict.through_ticks} | figures_of(traded_through),
        "failures": list(judged.failures),
    }
    return Finding(verdicts.of_stress(judged), figures)


def check_matrix(_: Desk, bench: Workbench, progress: Progress) -> Finding:
    """Run the same numbers on every timeframe there are bars of, over horizons that end with the last bar."""
    cells: list[dict[str, Any]] = []
    measured: list[Performance] = []
    tell = counted(progress, "timeframes", of=len(TIMEFRAME_SECONDS))
    for timeframe in TIMEFRAME_SECONDS:
        for horizon, performance in _horizons(bench, timeframe):
            cells.append({"timeframe": timeframe, "horizon": horizon} | figures_of(performance))
            measured.append(performance)
        tell()
    return Finding(verdicts.of_matrix(measured), {"cells": cells})


def axes_of(bench: Workbench) -> Mapping[str, tuple[Number, ...]]:
    """Return the axes of the bot's grid: its entry parameters, then its stop, target and time stop, at most five."""
    rows = schema(bench.style)
    entry = [name for name, row in rows.items() if row.unit != "switch"]
    first = [name for name in ("stop_atr", "target_atr", "time_stop_bars") if name in rows]
    off = ("atr_period", "trailing_atr", "break_even_atr")
    names = [*(name for name in entry if name not in (*first, *off)), *first][:GRID_AXES]
    return {name: axis(rows[name], points=GRID_POINTS) for name in names}


def grid_around(bench: Workbench) -> tuple[Genome, ...]:
    """Return the valid genomes on the bot's grid, at most 512."""
    return grid(bench.style, bench.genome, axes=axes_of(bench), cap=GRID_CAP)


def _evaluated(bench: Workbench, genomes: tuple[Genome, ...], progress: Progress) -> Iterator[Trial]:
    tell = counted(progress, "grid", of=len(genomes))
    for genome in genomes:
        yield Trial(genome, bench.backtester.run(genome, bench.whole).performance)
        tell()


def _under(bench: Workbench, account: Account, progress: Progress) -> Performance:
    slippage = f"slippage of {account.instrument.slippage_ticks} ticks"
    progress("targets traded through" if account.through_ticks else slippage, 1, 1)
    backtester = bench.backtester_on(bench.at_hand.tape, account=account)
    return backtester.run(bench.genome, bench.whole).performance


def _horizons(bench: Workbench, timeframe: str) -> Iterator[tuple[str, Performance]]:
    try:
        at_hand = bench.supply.read(timeframe)
    except NoMarketData:
        return
    if at_hand.series.provider != bench.at_hand.series.provider:
        return
    backtester = bench.backtester_on(at_hand.tape)
    for name, part in _parts(at_hand.bars.ts_event):
        yield name, backtester.run(bench.genome, part).performance


def _parts(ts_event: IntArray) -> Iterator[tuple[str, Part]]:
    """Yield the last days of a history, as long as they are shorter than it, then all of it."""
    for days in HORIZON_DAYS:
        begins = int(np.searchsorted(ts_event, ts_event[-1] - days * DAY_NS))
        if 0 < begins < len(ts_event) - 1:
            yield f"{days} d", Part(begins, len(ts_event))
    yield "all", Part(0, len(ts_event))


def _sensitivity_figures(own: Sensitivity | None) -> dict[str, Any]:
    if own is None:
        return {"plateau": None, "retained": {}, "around": []}
    around = [
        {"parameter": near.parameter, "steps": near.steps, "value": near.genome[near.parameter], "sharpe": at.sharpe}
        for near, at in own.around
    ]
    return {
        "plateau": own.plateau,
        "retained": dict(own.retained),
        "own": figures_of(own.home.performance),
        "around": around,
    }


def _stretch_figures(stretch: Stretch) -> dict[str, Any]:
    return {
        "name": stretch.name,
        "first_on": stretch.first_on.isoformat(),
        "last_on": stretch.last_on.isoformat(),
        "net_usd": stretch.net_usd,
        "net_pct": stretch.net_pct,
        "max_drawdown_usd": stretch.max_drawdown_usd,
    }
