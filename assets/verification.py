"""The assets of verification: one per check, one partition per bot. A run adds one immutable row.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: checks, thresholds, limits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Never
from uuid import UUID

import dagster as dg

from assets.failures import failure_of
from assets.keys import BACKTEST_SESSIONS, EVOLVE_ITERATIONS, IMPROVE_ITERATIONS
from assets.materializations import record_materializations
from assets.partitions import BY_HUNDREDS, bot_spec, bots_of, named
from assets.pools import VERIFICATION_POOL
from assets.reports import equity_plot, metadata_of, table
from services.desk import Desk
from services.verification.verifications import Verification, verify
from trading.errors import ProvingError, Unavailable
from trading.verification.verdicts import Kind

SHOWN_ROWS = 60

Names = Mapping[Kind, tuple[str, str]]

NAMES: Names = {
    Kind.WALK_FORWARD: ("walk_forwards", "Choosing on the past, judged on what came next, segment after segment."),
    Kind.SENSITIVITY: ("parameter_sensitivities", "How much of the Sharpe ratio is left one and two steps away."),
    Kind.GRID: ("parameter_grids", "Where the genome ranks among a grid of its alternatives, in sample."),
    Kind.MONTE_CARLO_TRADES: ("resampled_trades", "The same trades and weeks in other orders: drawdown, ruin."),
    Kind.MONTE_CARLO_BARS: ("resampled_histories", "The genome on synthetic histories of the same trading days."),
    Kind.STRESS: ("stress_tests", "Worst windows, crises the bars cover, more slippage, targets traded through."),
    Kind.MATRIX: ("timeframe_matrices", "The same numbers on other timeframes and over other horizons."),
    Kind.SHARPE: ("sharpe_tests", "Probabilistic and deflated Sharpe ratio of the session the figures show."),
    Kind.PBO: ("overfitting_tests", "Probability that picking the best candidate picked luck."),
    Kind.LOOK_AHEAD: ("lookahead_checks", "Whether a decision moves when only the future changes."),
    Kind.WARM_UP: ("warm_up_checks", "Whether a decision moves when only the history's beginning moves."),
}
ON_CANDIDATES = (Kind.SHARPE, Kind.PBO)


def _asset(kind: Kind) -> dg.AssetsDefinition:
    name, sentence = NAMES[kind]
    deps = [IMPROVE_ITERATIONS, EVOLVE_ITERATIONS] if kind in ON_CANDIDATES else [BACKTEST_SESSIONS]

    @dg.multi_asset(
        name=name,
        specs=[
            bot_spec(
                dg.AssetKey(name),
                f"{sentence} One immutable row per run, with what it can and cannot show.",
                deps=deps,
                group="verification",
                kinds={"postgres", "numba"},
            )
        ],
        can_subset=True,
        pool=VERIFICATION_POOL,
        backfill_policy=BY_HUNDREDS,
    )
    def verification(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> Iterator[Never]:
        _verify_named(context, desk, kind)
        yield from ()

    return verification


def _verify_named(context: dg.AssetExecutionContext, desk: Desk, kind: Kind) -> None:
    """Run one check for each bot a run names; a bot it cannot be run for fails alone.

    Raises:
        dg.Failure: the run names no bot, or the check could not be run for some.
        Unavailable: the database is away.
    """
    name, _ = NAMES[kind]
    refused: dict[UUID, str] = {}
    for bot_id in bots_of(context):
        try:
            done = verify(desk, bot_id, kind, run_id=context.run.run_id)
        except Unavailable:
            raise
        except ProvingError as refusal:
            refused[bot_id] = f"{refusal.code}: {refusal}"
            continue
        metadata = named(desk, bot_id) | _metadata(done)
        record_materializations(
            context, desk, [dg.AssetMaterialization(name, partition=str(bot_id), metadata=metadata)]
        )
    if refused:
        raise failure_of(desk, refused, missing=name)


def _metadata(done: Verification) -> dict[str, Any]:
    plain = {name: value for name, value in done.figures.items() if isinstance(value, int | float) or value is None}
    said = {
        "verdict": str(done.grade),
        "reason": done.reason,
        "can_show": done.limits.can_show,
        "cannot_show": done.limits.cannot_show,
        "data_source": done.data_source,
        "generation": done.generation,
        "seed": done.seed,
    }
    tables = {name: _rows(value) for name, value in done.figures.items() if _is_table(value)}
    nested = {name: _pairs(value) for name, value in done.figures.items() if _is_record(name, value)}
    return metadata_of(said | plain) | tables | nested | _plots(done.figures)


def _plots(figures: Mapping[str, Any]) -> dict[str, dg.MarkdownMetadataValue]:
    plots = {}
    if "curve" in figures:
        plots["out_of_sample_equity"] = equity_plot(figures["curve"]["equity_usd"])
    if "nets_usd" in figures:
        plots["net_of_each_history"] = equity_plot(sorted(figures["nets_usd"]))
    return plots


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_record(name: str, value: object) -> bool:
    return isinstance(value, dict) and bool(value) and name != "curve"


def _rows(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    flat = [_flat(row) for row in rows[:SHOWN_ROWS]]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    return table(columns, [[row.get(name) for name in columns] for row in flat])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with train and test figures side by side and without its genome."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            kept = ("last_on", "net_pnl_usd", "sharpe", "trades")
            flat |= {f"{name} {inner}": value[inner] for inner in kept if inner in value}
        else:
            flat[name] = value
    return flat


def _pairs(record: Mapping[str, Any]) -> dg.TableMetadataValue:
    rows = [(name, value) for name, value in record.items() if not isinstance(value, dict | list)]
    nested = [
        (f"{name} {inner}", value)
        for name, values in record.items()
        if isinstance(values, dict)
        for inner, value in values.items()
    ]
    return table(("figure", "value"), [*rows, *nested])


VERIFICATIONS = tuple(_asset(kind) for kind in Kind)
