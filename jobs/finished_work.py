"""Finished work as Dagster shows it: recorded by the run that did it, or later where that run died first.

Belongs here: which assets a job materializes, recording them, looking up what stands. Does not belong here: the work
(`queue.py`), how events are written in batches (`materializations.py`).

The end of a job and the debt to record it are one transaction of the ledger; the record is Dagster's. A run records and
then settles, so a death in between leaves the debt. `late_materializations` pays it once the run is over, and records
only what does not stand already: a materialization is known by its asset, its partition and the id of its job.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.reports import metadata_of_job
from jobs.materializations import record_materializations
from jobs.runs import BY_HAND, over
from services.desk import Desk
from services.work.owed_materializations import owed_by, owing_runs, settle
from services.work.queue import Finished
from trading.work.jobs import JobType

PAID_AT_ONCE = 100
LOOKED_BACK = 100


def record_finished(context: dg.OpExecutionContext, desk: Desk, done: Sequence[Finished]) -> None:
    """Record completed jobs as materializations of this run, and settle that they are."""
    record_materializations(context, [event for finished in done for event in _events(desk, finished)])
    settle(desk, [finished.job_id for finished in done])


def debtors(instance: dg.DagsterInstance, desk: Desk) -> list[str]:
    """Return the runs that finished work without a record of it and will not write one any more."""
    owing = owing_runs(desk)
    return sorted(over(instance, owing) | {run_id for run_id in owing if run_id.startswith(BY_HAND)})


@dg.op(
    description="Record finished work whose run died before it could, and work done on the command line.",
    out=dg.Out(dg.Nothing),
)
def pay_owed(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Record finished work whose run died before it could, and work done on the command line."""
    jobs = recorded = 0
    while owed := owed_by(desk, debtors(context.instance, desk), limit=PAID_AT_ONCE):
        events = [event for finished in owed for event in _events(desk, finished)]
        missing = [event for event in events if not _stands(context.instance, event)]
        record_materializations(context, missing)
        settle(desk, [finished.job_id for finished in owed])
        jobs, recorded = jobs + len(owed), recorded + len(missing)
    context.add_output_metadata({"jobs": jobs, "materializations": recorded})


@dg.job(executor_def=dg.in_process_executor, tags={"dagster/max_runtime": "600"})
def late_materializations() -> None:
    """Records of finished work that its own run could not write."""
    pay_owed()


def _events(desk: Desk, finished: Finished) -> Iterator[dg.AssetMaterialization]:
    metadata = metadata_of_job(desk, finished)
    for key in _assets_of(finished):
        yield dg.AssetMaterialization(asset_key=key, partition=str(finished.bot_id), metadata=metadata)


def _assets_of(finished: Finished) -> tuple[str, ...]:
    if finished.job_type is JobType.BACKTEST:
        return ("backtest_sessions", "performance_rollups", "equity_curves")
    return ("improve_iterations", "generations") if finished.figures["accepted"] else ("improve_iterations",)


def _stands(instance: dg.DagsterInstance, event: dg.AssetMaterialization) -> bool:
    partition = dg.AssetRecordsFilter(asset_key=event.asset_key, asset_partitions=[str(event.partition)])
    records = instance.fetch_materializations(partition, limit=LOOKED_BACK).records
    known = [record.asset_materialization for record in records]
    return any(record is not None and record.metadata.get("job_id") == event.metadata["job_id"] for record in known)
