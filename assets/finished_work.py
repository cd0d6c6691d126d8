"""Finished jobs as Dagster shows them: which assets a job materializes, and what is said of each.

Belongs here: events and the debt to record them. Does not belong here: the work (`drains.py`), how events are written
in batches (`materializations.py`), paying what a run that died left owing (`jobs/late_materializations.py`).

The end of a job and the debt to record it are one transaction of the ledger; the record is Dagster's. A run records and
then settles, so a death in between leaves the debt.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from assets.internals import Context
from assets.keys import BACKTEST_SESSIONS, EQUITY_CURVES, EVOLVE_ITERATIONS, GENERATIONS, IMPROVE_ITERATIONS, ROLLUPS
from assets.materializations import record_materializations
from assets.reports import metadata_of_job
from services.desk import Desk
from services.work.owed_materializations import settle
from services.work.queue import Finished
from trading.work.jobs import JobType

ASSET_OF: Mapping[JobType, dg.AssetKey] = {
    JobType.BACKTEST: BACKTEST_SESSIONS,
    JobType.IMPROVE: IMPROVE_ITERATIONS,
    JobType.EVOLVE: EVOLVE_ITERATIONS,
}
"""The asset a type of job is the work of."""


def record_finished(context: Context, desk: Desk, done: Sequence[Finished]) -> None:
    """Record completed jobs as materializations of this run, and settle that they are."""
    record_materializations(context, desk, [event for finished in done for event in events_of(desk, finished)])
    settle(desk, [finished.job_id for finished in done])


def events_of(desk: Desk, finished: Finished) -> Iterator[dg.AssetMaterialization]:
    """Yield what a completed job materialized."""
    metadata = metadata_of_job(desk, finished)
    for key in _assets_of(finished):
        yield dg.AssetMaterialization(asset_key=key, partition=str(finished.bot_id), metadata=metadata)


def _assets_of(finished: Finished) -> tuple[dg.AssetKey, ...]:
    if finished.job_type is JobType.BACKTEST:
        return (BACKTEST_SESSIONS, ROLLUPS, EQUITY_CURVES)
    asset = ASSET_OF[finished.job_type]
    return (asset, GENERATIONS) if finished.figures["accepted"] else (asset,)
