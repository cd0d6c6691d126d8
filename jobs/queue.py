"""The jobs autonomy asks for: each run drains the queue of one type and records what it finished.

Belongs here: ops, run tags, time limits. Does not belong here: the work (`services`).

`bot/kind` is the tag the run queue counts for its limits; `dagster/max_runtime` ends a run that hangs.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from jobs.finished_work import record_finished
from services.backtests.baselines import BaselineBacktest
from services.bots.registration import names_of
from services.desk import Desk
from services.improvement.iterations import Evolution, Improvement
from services.work.queue import Finished, Task, drain, step_back
from trading.work.jobs import TIMEOUTS, JobStatus, JobType

KIND_TAG = "bot/kind"
RUN_TIME = timedelta(minutes=4)
FLUSH_EVERY = timedelta(seconds=5)
FLUSHED_AT_ONCE = 100


def _drain(context: dg.OpExecutionContext, desk: Desk, task: Task, job_type: JobType) -> None:
    step_back(desk)
    counts: Counter[str] = Counter()
    pending: list[Finished] = []
    flushed_at = desk.clock()
    try:
        for finished in drain(desk, task, job_type, run_id=context.run_id, time_limit=RUN_TIME):
            counts[finished.status.lower()] += 1
            if finished.status is JobStatus.COMPLETED:
                pending.append(finished)
            else:
                name = names_of(desk, [finished.bot_id]).get(finished.bot_id, finished.bot_id)
                context.log.warning(f"{job_type} of bot {name} {finished.status}: {finished.error}")
            if len(pending) >= FLUSHED_AT_ONCE or desk.clock() - flushed_at >= FLUSH_EVERY:
                record_finished(context, desk, pending)
                pending, flushed_at = [], desk.clock()
    finally:
        record_finished(context, desk, pending)
    context.log.info(f"drained {job_type}: {dict(counts) or 'nothing was queued'}")
    context.add_output_metadata(dict(counts))


@dg.op(description="Claim queued baseline backtests one after another until none is left.", out=dg.Out(dg.Nothing))
def drain_backtests(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Claim queued baseline backtests one after another until none is left."""
    _drain(context, desk, BaselineBacktest(), JobType.BACKTEST)


@dg.op(description="Claim queued improve iterations one after another until none is left.", out=dg.Out(dg.Nothing))
def drain_improvements(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Claim queued improve iterations one after another until none is left."""
    _drain(context, desk, Improvement(), JobType.IMPROVE)


@dg.op(description="Claim queued evolve iterations one after another until none is left.", out=dg.Out(dg.Nothing))
def drain_evolutions(context: dg.OpExecutionContext, desk: dg.ResourceParam[Desk]) -> None:
    """Claim queued evolve iterations one after another until none is left."""
    _drain(context, desk, Evolution(), JobType.EVOLVE)


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
