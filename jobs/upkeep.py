"""The jobs that keep the house: figures after a reset, forgetting what is old, recounting the ledger.

Belongs here: ops and their selection. Does not belong here: the work (`services`).
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.autonomy import LEDGER_CHECKS
from assets.backtests import CHECKS
from assets.materializations import record_materializations
from jobs.event_trim import forget_logs, forget_runs, trim_evaluations, trim_events
from services.bots.registration import names_of
from services.desk import Desk
from services.figures.rollups import rebuild_requested
from services.health.retention import forget_the_old

KEEP_RUNS = timedelta(days=7)


@dg.op(
    description="Rebuild the figures every open reset asks for, and record them as materialized.",
    out=dg.Out(dg.Nothing),
)
def rebuild_after_resets(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Rebuild the figures every open reset asks for, and record them as materialized."""
    bots = 0
    for rebuilt in rebuild_requested(desk, run_id=context.run_id):
        keys = ("performance_rollups", "equity_curves") if rebuilt.also_equity_curves else ("performance_rollups",)
        why = {"request_id": rebuilt.request_id, "reason": "reset"}
        names = names_of(desk, rebuilt.bot_ids)
        record_materializations(
            context,
            desk,
            [
                dg.AssetMaterialization(
                    asset_key=key, partition=str(bot_id), metadata=why | {"bot": names.get(bot_id, "—")}
                )
                for key in keys
                for bot_id in rebuilt.bot_ids
            ],
        )
        bots += len(rebuilt.bot_ids)
    context.add_output_metadata({"bots": bots})


@dg.job(executor_def=dg.in_process_executor, tags={"dagster/max_runtime": "600"})
def rebuild_figures() -> None:
    """Figures and equity curves after a reset."""
    rebuild_after_resets()


@dg.op(
    description="Trim Dagster's log and our working papers of what is old and needed no more.",
    out=dg.Out(dg.Nothing),
)
def delete_the_old(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Trim Dagster's log of what is older than a week and needed no more, and what `services.health` forgets."""
    before = datetime.now(UTC) - KEEP_RUNS
    trimmed = {
        "evaluations": trim_evaluations(context.instance, before=before),
        "events": trim_events(context.instance, before=before),
        "runs": forget_runs(context.instance, before=before),
        "captured_logs": forget_logs(context.instance, before=before),
    }
    context.add_output_metadata(trimmed | asdict(forget_the_old(desk)))


@dg.job(executor_def=dg.in_process_executor, tags={"dagster/max_runtime": "1800"})
def retention() -> None:
    """Event retention: Dagster's event log grows by 1.6 KB an event and would grow for ever; newest events stay."""
    delete_the_old()


ledger_audit = dg.define_asset_job(
    "ledger_audit",
    selection=dg.AssetSelection.checks(*CHECKS, *LEDGER_CHECKS),
    executor_def=dg.in_process_executor,
    description="Recount figures, cash and leases from raw truth, and verify the audit chain.",
    tags={"dagster/max_runtime": "900"},
)
