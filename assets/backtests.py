"""The assets of baseline work: bars, sessions, and the figures people read.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.partitions import bot_of, bots, named
from assets.reports import equity_plot, metadata_of, result_of, table
from services.audit.pages import verify_now
from services.backtests.baselines import run_baseline
from services.bots.dossier import Dossier, bot_dossier
from services.bots.market import ensure_market
from services.desk import Desk
from services.figures.rollups import rebuild_bots
from services.health.invariants import Invariant, no_stuck_jobs, raw_truth_matches_rollup, session_conserves_cash
from trading.actors import Actor, ActorKind
from trading.figures.declared import exact

OWNERS = ["team:quant-operators"]
WHEN_REFUSED = dg.RetryPolicy(max_retries=5, delay=5)
SHOWN_TRADES = 10
IN_SAMPLE = "IN SAMPLE"
CHECKER = Actor(ActorKind.AUTONOMY, "ledger_audit")
ROLLUPS, CURVES = "performance_rollups", "equity_curves"


@dg.asset(group_name="market", kinds={"parquet", "duckdb"}, owners=OWNERS)
def bars(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """Every bar series in the store. Symbols of the fleet without any bars get SIMULATED ones."""
    series = ensure_market(desk, run_id=context.run.run_id)
    rows = [(row.symbol, row.timeframe, row.provider, row.bars, row.fingerprint[:12]) for row in series]
    columns = ("symbol", "timeframe", "provider", "bars", "fingerprint")
    return dg.MaterializeResult(metadata={"series": len(series), "store": table(columns, rows)})


@dg.asset(
    partitions_def=bots,
    deps=[bars],
    group_name="backtests",
    kinds={"postgres", "numba"},
    owners=OWNERS,
    retry_policy=WHEN_REFUSED,
)
def backtest_sessions(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """Finished baseline backtests, one partition per bot. Rows are immutable; a run adds one."""
    finished = run_baseline(desk, bot_of(context), run_id=context.run.run_id)
    return result_of(desk, finished)


def _figures_spec(name: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        description=description,
        deps=[backtest_sessions],
        group_name="figures",
        kinds={"postgres"},
        owners=OWNERS,
        partitions_def=bots,
    )


@dg.multi_asset(
    specs=[
        _figures_spec(
            ROLLUPS,
            "The figures of one bot since its reset: what pages, proofs and gates show. Rebuilt from raw truth.",
        ),
        _figures_spec(CURVES, "Account equity of one bot at the close of each trading day since its reset."),
    ],
    can_subset=True,
)
def bot_figures(
    context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]
) -> Iterator[dg.MaterializeResult[None]]:
    """The figures of one bot and its equity curve since its reset, rebuilt once for both."""
    bot_id = bot_of(context)
    rebuild_bots(desk, [bot_id])
    dossier, name = bot_dossier(desk, bot_id), named(desk, bot_id)
    for key, metadata in ((ROLLUPS, _rollup_metadata), (CURVES, _curve_metadata)):
        if dg.AssetKey(key) in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=name | metadata(dossier))


@dg.asset_check(asset=ROLLUPS, name="raw_truth_matches_rollup")
def raw_truth_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Every figure shown equals a recount of the session and trades behind it."""
    return _result(raw_truth_matches_rollup(desk))


@dg.asset_check(asset=backtest_sessions, name="session_conserves_cash")
def cash_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Account plus the trades' net P&L is the last equity of every session, to the micro-dollar."""
    return _result(session_conserves_cash(desk))


@dg.asset_check(asset=backtest_sessions, name="no_stuck_jobs")
def stuck_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """No RUNNING job has been silent for longer than the tick needs to take it back."""
    return _result(no_stuck_jobs(desk))


@dg.asset_check(asset=backtest_sessions, name="audit_chain_is_whole")
def chain_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Every audit event follows from the one before it; the pages show this verdict until the next one."""
    verdict = verify_now(desk, actor=CHECKER)
    return _judged(verdict.is_whole, verdict.events, verdict.breaks)


CHECKS = (raw_truth_check, cash_check, stuck_check, chain_check)


def _result(invariant: Invariant) -> dg.AssetCheckResult:
    return _judged(invariant.holds, invariant.checked, invariant.broken)


def _judged(holds: bool, checked: int, broken: Sequence[Mapping[str, Any]]) -> dg.AssetCheckResult:
    columns = tuple(broken[0]) if broken else ()
    rows = table(columns, [tuple(row.values()) for row in broken])
    return dg.AssetCheckResult(passed=holds, metadata={"checked": checked, "broken": rows})


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


def _sessions(dossier: Dossier) -> dg.MarkdownMetadataValue:
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
