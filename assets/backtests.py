"""The assets of baseline work: bars, sessions, and the figures people read.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: rules.
"""

from collections.abc import Collection, Iterator
from typing import Never
from uuid import UUID

import dagster as dg

from assets.checks import check_result
from assets.drains import Work, work_through
from assets.keys import BACKTEST_SESSIONS, BAR_SERIES, EQUITY_CURVES, ROLLUPS
from assets.materializations import record_materializations
from assets.partitions import BY_HUNDREDS, OWNERS, bot_spec, bots_of, named, names_bots
from assets.pools import pool_of
from assets.reports import equity_plot, metadata_of, table
from services.backtests.baselines import BaselineBacktest
from services.bots.dossier import Dossier, bot_dossier
from services.bots.market import ensure_market
from services.desk import Desk
from services.figures.rollups import rebuild_bots
from services.health.invariants import raw_truth_matches_rollup, session_conserves_cash
from trading.figures.declared import exact
from trading.work.jobs import JobType

SHOWN_TRADES = 10
IN_SAMPLE = "IN SAMPLE"


@dg.asset(deps=[BAR_SERIES], group_name="market", kinds={"parquet", "duckdb"}, owners=OWNERS)
def bars(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """Every bar series in the store. Symbols of the fleet without any bars get SIMULATED ones."""
    series = ensure_market(desk, run_id=context.run.run_id)
    rows = [(row.symbol, row.timeframe, row.provider, row.bars, row.fingerprint[:12]) for row in series]
    columns = ("symbol", "timeframe", "provider", "bars", "fingerprint")
    return dg.MaterializeResult(metadata={"series": len(series), "store": table(columns, rows)})


BASELINES = Work(BaselineBacktest, JobType.BACKTEST, takes_seconds=False)


@dg.multi_asset(
    specs=[
        bot_spec(
            BACKTEST_SESSIONS,
            "Finished baseline backtests. Rows are immutable; a job adds one.",
            deps=[bars.key],
            group="backtests",
            kinds={"postgres", "numba"},
        ),
        bot_spec(
            ROLLUPS,
            "The figures of a bot since its reset: what pages, proofs and gates show. Rebuilt from raw truth.",
            deps=[BACKTEST_SESSIONS],
            group="figures",
            kinds={"postgres"},
        ),
        bot_spec(
            EQUITY_CURVES,
            "Account equity of a bot at the close of each trading day since its reset.",
            deps=[BACKTEST_SESSIONS],
            group="figures",
            kinds={"postgres"},
        ),
    ],
    can_subset=True,
    pool=pool_of(JobType.BACKTEST),
    backfill_policy=BY_HUNDREDS,
)
def backtest(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> Iterator[Never]:
    """Baseline backtests of the bots a run names, or of all that wait, with the figures they lead to.

    Where sessions are not asked for, figures and curve alone are rebuilt from those there are.
    """
    if BACKTEST_SESSIONS in context.selected_asset_keys:
        work_through(context, desk, BASELINES)
    else:
        _rebuild(context, desk)
    yield from ()


def _rebuild(context: dg.AssetExecutionContext, desk: Desk) -> None:
    """Rebuild the figures of the bots a run names, once for both assets.

    Raises:
        dg.Failure: the run names no bot.
    """
    if not names_bots(context):
        raise dg.Failure("name the bots whose figures are to be rebuilt: partitions, or a range of them")
    bot_ids = bots_of(context)
    rebuild_bots(desk, bot_ids)
    record_materializations(
        context,
        desk,
        (event for bot_id in bot_ids for event in _figures_of(desk, bot_id, context.selected_asset_keys)),
    )


def _figures_of(desk: Desk, bot_id: UUID, wanted: Collection[dg.AssetKey]) -> Iterator[dg.AssetMaterialization]:
    dossier, name = bot_dossier(desk, bot_id), named(desk, bot_id)
    for key, metadata in ((ROLLUPS, _rollup_metadata), (EQUITY_CURVES, _curve_metadata)):
        if key in wanted:
            yield dg.AssetMaterialization(key, partition=str(bot_id), metadata=name | metadata(dossier))


@dg.asset_check(asset=ROLLUPS, name="raw_truth_matches_rollup", blocking=True)
def raw_truth_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Every figure shown equals a recount of the session and trades behind it."""
    return check_result(raw_truth_matches_rollup(desk))


@dg.asset_check(asset=BACKTEST_SESSIONS, name="session_conserves_cash", blocking=True)
def cash_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Account plus the trades' net P&L is the last equity of every session, to the micro-dollar."""
    return check_result(session_conserves_cash(desk))


CHECKS = (raw_truth_check, cash_check)


def _rollup_metadata(dossier: Dossier) -> dict[str, dg.MetadataValue]:
    metrics = dossier.bot.metrics
    figures = {"book": metrics.book, "since": metrics.since, "generation": metrics.generation, **exact(metrics.figures)}
    figures |= {"in_sample": IN_SAMPLE} if metrics.in_sample else {}
    figures |= {"bust_at": metrics.bust_at} if metrics.bust_at else {}
    return metadata_of(figures) | {"sessions": _sessions(dossier)}


def _curve_metadata(dossier: Dossier) -> dict[str, dg.MetadataValue]:
    curve = dossier.equity
    days = metadata_of({"since": curve.since, "days": len(curve.equity_usd)})
    return days | {"equity": equity_plot(curve.equity_usd)}


def _sessions(dossier: Dossier) -> dg.TableMetadataValue:
    columns = (
        "created_at",
        "generation_number",
        "in_sample",
        "status",
        "data_source",
        "trades",
        "net_pnl_usd",
        "sharpe",
    )
    rows = [
        tuple(IN_SAMPLE if name == "in_sample" and run.in_sample else getattr(run, name) for name in columns)
        for run in dossier.sessions[:SHOWN_TRADES]
    ]
    return table(columns, rows)
