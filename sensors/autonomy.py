"""The autonomy tick and the reset watch: what makes the platform move with no one touching it.

Belongs here: asking Dagster which runs are over, one service call, run requests. Does not belong here: rules.

A run here is a request to drain a queue, keyed by the tick that asks, the queue and the slot: should the daemon hand in
the same answer twice, one run comes of it, and the next tick asks anew for what is missing.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol, runtime_checkable
from uuid import uuid4

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus

from assets.autonomy import observation
from assets.pools import keep_limits
from jobs.queue import JOB_OF, KIND_TAG
from jobs.runs import over, unfinished
from jobs.upkeep import rebuild_figures
from sensors.starts import dead_starts_ended, overdue_starts_failed, starts_of
from services.desk import Desk
from services.figures.rollups import open_requests
from services.market.owed_acts import record_owed
from services.work.automations import note_automations
from services.work.autonomy import AutonomyTick, run_autonomy_tick, running_runs
from trading.errors import Unavailable


@runtime_checkable
class KnowsWorkers(Protocol):
    """A launcher that finds the worker of a run, also of one that is over."""

    def end_worker(self, run_id: str) -> bool:
        """Kill the worker of a run that is over; return False where none lives."""


def autonomy_tick(*, every_seconds: int) -> dg.SensorDefinition:
    """Return the sensor that runs the tick."""

    @dg.sensor(
        name="autonomy_tick",
        jobs=list(JOB_OF.values()),
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Decide for every bot, queue what is due, take back what died, ask for runs that drain the queue.",
    )
    def sensor(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> dg.SensorResult:
        _look_at_the_others(context, desk, name="autonomy_tick")
        keep_limits(context.instance, desk.settings.caps.running)
        for run_id in overdue_starts_failed(context.instance, now=datetime.now(UTC)):
            context.log.warning(f"failed run {run_id}: it never came up")
        dead = sorted(over(context.instance, running_runs(desk)))
        tick = run_autonomy_tick(desk, dead_runs=dead, starts=starts_of(context.instance))
        _record_owed(context, desk)
        for job in tick.reclaimed:
            context.log.warning(f"took back {job.job_type} job {job.job_id} of run {job.run_id}: now {job.status}")
        for run_id in {job.run_id for job in tick.reclaimed if job.run_id} - running_runs(desk):
            _end(context.instance, run_id)
        for pid in dead_starts_ended(context.instance):
            context.log.warning(f"ended process {pid}: its run never came up")
        requests = list(islice(_wanted(context.instance, desk, tick), tick.allowed.runs))
        observed = observation(tick, runs=len(requests), last=context.cursor, now=desk.clock())
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else f"tick {tick.run_id} decided, and no further run is wanted",
            cursor=observed.cursor,
            asset_events=[observed.event] if observed.event else [],
        )

    return sensor


def _record_owed(context: dg.SensorEvaluationContext, desk: Desk) -> None:
    """Tell the audit chain of acts on bars whose process died, or that were done while no database ran."""
    try:
        record_owed(desk)
    except Unavailable as failure:
        context.log.warning(f"acts on bars are not in the audit chain yet: {failure}")


@dg.sensor(
    job=rebuild_figures,
    minimum_interval_seconds=4,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="See resets that were committed (with Dagster up or down) and have their figures materialized.",
)
def reset_watch(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> Iterator[dg.RunRequest]:
    """Ask for one rebuild while a reset waits for it; look whether somebody stopped a sensor, the tick's above all."""
    _look_at_the_others(context, desk, name="reset_watch")
    if open_requests(desk) and not unfinished(context.instance, dg.RunsFilter(job_name=rebuild_figures.name)):
        yield dg.RunRequest(run_key=f"rebuild/{uuid4()}")


def _look_at_the_others(context: dg.SensorEvaluationContext, desk: Desk, *, name: str) -> None:
    """Record what was stopped or started; what cannot be recorded now is noticed again at the next look."""
    try:
        note_automations(desk, stopped_automations(context.instance), noticed_by=name)
    except Unavailable as failure:
        context.log.warning(f"could not record which sensors were stopped: {failure}")


def stopped_automations(instance: dg.DagsterInstance) -> dict[str, bool]:
    """Return whether each sensor and schedule that Dagster keeps a state of is stopped, by name."""
    states = instance.all_instigator_state() if instance.schedule_storage is not None else ()
    return {state.instigator_name: state.status is InstigatorStatus.STOPPED for state in states}


def _end(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run whose job was taken back and that holds no other: asleep or hung, it would keep a slot.

    Where the run is over already and its worker is not, the worker is ended alone.
    """
    if _at_work(instance, run_id) is None:
        if isinstance(instance.run_launcher, KnowsWorkers):
            instance.run_launcher.end_worker(run_id)
        return
    with suppress(dg.DagsterError):
        instance.run_launcher.terminate(run_id)
    if (run := _at_work(instance, run_id)) is not None:
        instance.report_run_failed(run, "its job was taken back: it was silent past its lease, or its time was up")


def _at_work(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun | None:
    run = instance.get_run_by_id(run_id)
    return None if run is None or run.is_finished else run


def _wanted(instance: dg.DagsterInstance, desk: Desk, tick: AutonomyTick) -> Iterator[dg.RunRequest]:
    """Yield as many runs as are missing: never more than the free slots, never more than jobs that wait.

    A run at work may be asleep, so a job that waits is worth a run of its own while a slot is free. Types without any
    run come first: where a tick may ask for one alone, none of them waits for another's second.
    """
    at_work = {kind: unfinished(instance, dg.RunsFilter(tags={KIND_TAG: str(kind)})) for kind in tick.queued}
    for kind in sorted(tick.queued, key=lambda kind: at_work[kind]):
        for slot in range(min(desk.settings.caps.running[kind] - at_work[kind], tick.queued[kind])):
            yield dg.RunRequest(run_key=f"{tick.run_id}/{kind}/{slot}", job_name=JOB_OF[kind].name)
