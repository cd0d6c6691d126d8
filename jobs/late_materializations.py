"""Finished work whose run died before Dagster was told: recorded late.

Belongs here: who owes, looking up what stands, paying. Does not belong here: what a job materializes
(`assets.finished_work`), how events are written in batches (`assets.materializations`).

The end of a job and the debt to record it are one transaction of the ledger; the record is Dagster's. A run records and
then settles, so a death in between leaves the debt. `late_materializations` pays it once the run is over, and records
only what does not stand already: a materialization is known by its asset, its partition and the id of its job.
"""

import dagster as dg

from assets.finished_work import events_of
from assets.materializations import record_materializations
from jobs.runs import BY_HAND, over
from services.desk import Desk
from services.work.owed_materializations import owed_by, owing_runs, settle

PAID_AT_ONCE = 100
LOOKED_BACK = 100


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
        events = [event for finished in owed for event in events_of(desk, finished)]
        missing = [event for event in events if not _stands(context.instance, event)]
        record_materializations(context, desk, missing)
        settle(desk, [finished.job_id for finished in owed])
        jobs, recorded = jobs + len(owed), recorded + len(missing)
    context.add_output_metadata({"jobs": jobs, "materializations": recorded})


@dg.job(executor_def=dg.in_process_executor, tags={"dagster/max_runtime": "600"})
def late_materializations() -> None:
    """Records of finished work that its own run could not write."""
    pay_owed()


def _stands(instance: dg.DagsterInstance, event: dg.AssetMaterialization) -> bool:
    partition = dg.AssetRecordsFilter(asset_key=event.asset_key, asset_partitions=[str(event.partition)])
    records = instance.fetch_materializations(partition, limit=LOOKED_BACK).records
    known = [record.asset_materialization for record in records]
    return any(record is not None and record.metadata.get("job_id") == event.metadata["job_id"] for record in known)
