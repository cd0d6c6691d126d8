"""The jobs autonomy asks for: each run drains the queue of one type and records what it finished.

Belongs here: ops, run tags, time limits. Does not belong here: the work (`services`).

`bot/kind` is the tag the run queue counts for its limits; `dagster/max_runtime` ends a run that hangs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta

import dagster as dg

from assets.reports import metadata_of
from jobs.materializations import BATCH, record_materializations
from services.backtests import BaselineBacktest
from services.desk import Desk
from services.improvements import Evolution, Improvement
from services.work import Finished, Task, drain, step_back
from trading.jobs import TIMEOUTS, JobStatus, JobType

KIND_TAG = "bot/kind"
RUN_TIME = timedelta(minutes=4)
FLUSH_EVERY = timedelta(seconds=5)


def _events(desk: Desk, finished: Finished) -> Iterator[dg.AssetMaterialization]:
    figures = finished.figures | {"job_id": finished.job_id, "job_type": finished.job_type}
    metadata = metadata_of(figures, public_url=desk.settings.public_url)
    for key in _assets_of(finished):
        yield dg.AssetMaterialization(asset_key=key, partition=str(finished.bot_id), metadata=metadata)


def _assets_of(finished: Finished) -> tuple[str, ...]:
    if finished.job_type is JobType.BACKTEST:
        return ("backtest_sessions", "performance_rollups", "equity_curves")
    return ("improve_iterations", "generations") if finished.figures["accepted"] else ("improve_iterations",)


def _drain(context: dg.OpExecutionContext, desk: Desk, task: Task, job_type: JobType) -> Mapping[str, int]:
    step_back(desk)
    counts: Counter[str] = Counter()
    pending: list[dg.AssetMaterialization] = []
    flushed_at = desk.clock()
    try:
        for finished in drain(desk, task, job_type, run_id=context.run_id, time_limit=RUN_TIME):
            counts[finished.status.lower()] += 1
            if finished.status is JobStatus.COMPLETED:
                pending.extend(_events(desk, finished))
            else:
                context.log.warning(f"{job_type} of bot {finished.bot_id} {finished.status}: {finished.error}")
            if len(pending) >= BATCH or desk.clock() - flushed_at >= FLUSH_EVERY:
                record_materializations(context, pending)
                pending, flushed_at = [], desk.clock()
    finally:
        record_materializations(context, pending)
    context.log.info(f"drained {job_type}: {dict(counts) or 'nothing was queued'}")
    context.add_output_metadata(dict(counts))
    return dict(counts)


@dg.op(description="Claim queued baseline backtests one after another until none is left.")
def drain_backtests(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> Mapping[str, int]:
    """Claim queued baseline backtests one after another until none is left."""
    return _drain(context, desk, BaselineBacktest(), JobType.BACKTEST)


@dg.op(description="Claim queued improve iterations one after another until none is left.")
def drain_improvements(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> Mapping[str, int]:
    """Claim queued improve iterations one after another until none is left."""
    return _drain(context, desk, Improvement(), JobType.IMPROVE)


@dg.op(description="Claim queued evolve iterations one after another until none is left.")
def drain_evolutions(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> Mapping[str, int]:
    """Claim queued evolve iterations one after another until none is left."""
    return _drain(context, desk, Evolution(), JobType.EVOLVE)


def _tags(job_type: JobType) -> dict[str, str]:
    longest = RUN_TIME + TIMEOUTS[job_type]
    return {KIND_TAG: str(job_type), "dagster/max_runtime": str(int(longest.total_seconds()))}


@dg.job(executor_def=dg.in_process_executor, tags=_tags(JobType.BACKTEST))
def baseline_backtests() -> None:
    """Baseline backtests autonomy has queued."""
    drain_backtests()


@dg.job(executor_def=dg.in_process_executor, tags=_tags(JobType.IMPROVE))
def improvements() -> None:
    """Improve iterations autonomy has queued."""
    drain_improvements()


@dg.job(executor_def=dg.in_process_executor, tags=_tags(JobType.EVOLVE))
def evolutions() -> None:
    """Evolve iterations autonomy has queued."""
    drain_evolutions()


JOB_OF: Mapping[JobType, dg.JobDefinition] = {
    JobType.BACKTEST: baseline_backtests,
    JobType.IMPROVE: improvements,
    JobType.EVOLVE: evolutions,
}
