"""How Dagster's newest runs came up, as the rule wants it, and the end of what is left of dead starts.

Belongs here: asking the instance. Does not belong here: what follows from it (`trading.work.starts`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Protocol, runtime_checkable

import dagster as dg

from trading.work.starts import Starts

NEWEST = 25  # older runs say nothing about the machine as it is now
ASKED = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
COMING_UP = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
CAME_UP = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


WORKER_PATIENCE = timedelta(minutes=1)
"""How long after its launch a run may be without any process, on a machine that others keep busy."""


@runtime_checkable
class EndsDeadStarts(Protocol):
    """A launcher that finds workers which never came up, and runs that have none."""

    def end_dead_starts(self) -> Sequence[int]:
        """End such workers; return their process numbers."""

    def may_come_up(self, run_id: str) -> bool:
        """Say whether a process lives that works on a run or may yet."""


def starts_of(instance: dg.DagsterInstance) -> Starts:
    """Return what the newest runs say of starts; runs a person canceled say nothing."""
    newest = instance.get_run_records(limit=NEWEST)
    starting = [run for run in newest if run.dagster_run.status is dg.DagsterRunStatus.STARTING]
    ended = [run for run in newest if run.dagster_run.status in CAME_UP]
    failed = list(takewhile(_never_came_up, ended))
    came_up = ended[len(failed) :][:1]
    return Starts(
        asked=sum(run.dagster_run.status in ASKED for run in newest),
        starting=len(starting),
        starting_since=min((_launched_at(instance, run) for run in starting), default=None),
        last_took=next((_took(instance, run) for run in came_up), None),
        failed_in_row=len(failed),
        last_failed_at=max((_moment(run.end_time) for run in failed), default=None),
    )


def overdue_starts_failed(instance: dg.DagsterInstance, *, now: datetime) -> Iterator[str]:
    """Fail the runs that will not come up, and yield their ids.

    A run is given Dagster's patience with a start while a process lives that may become its worker, and
    `WORKER_PATIENCE` where none does: the code server was killed, or the disk was full when the worker wanted to say
    that it fails. Dagster's monitor cannot fail a run of whose launch there is no event; such a run would count as
    asked for, and keep its slot, for ever.
    """
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=list(COMING_UP), created_before=now - min(WORKER_PATIENCE, _patience(instance)))
    ):
        run_id = record.dagster_run.run_id
        waited = now - _launched_at(instance, record)
        if waited < _patience(instance) and (waited < WORKER_PATIENCE or _may_come_up(instance, run_id)):
            continue
        run = instance.get_run_by_id(run_id)  # it may have come up meanwhile
        if run is not None and run.status in COMING_UP:
            instance.report_run_failed(run, f"It was not up {waited.total_seconds():.0f} s after it was launched.")
            yield run_id


def _patience(instance: dg.DagsterInstance) -> timedelta:
    return timedelta(seconds=instance.run_monitoring_start_timeout_seconds)


def _may_come_up(instance: dg.DagsterInstance, run_id: str) -> bool:
    launcher = instance.run_launcher
    return not isinstance(launcher, EndsDeadStarts) or launcher.may_come_up(run_id)


def dead_starts_ended(instance: dg.DagsterInstance) -> Iterator[int]:
    """End the workers that never came up, and yield their process numbers."""
    if isinstance(instance.run_launcher, EndsDeadStarts):
        yield from instance.run_launcher.end_dead_starts()


def _never_came_up(record: dg.RunRecord) -> bool:
    return record.dagster_run.status is dg.DagsterRunStatus.FAILURE and record.start_time is None


def _launched_at(instance: dg.DagsterInstance, record: dg.RunRecord) -> datetime:
    launched = instance.get_run_stats(record.dagster_run.run_id).launch_time
    return _moment(launched) if launched is not None else record.create_timestamp.astimezone(UTC)


def _took(instance: dg.DagsterInstance, record: dg.RunRecord) -> timedelta | None:
    if record.start_time is None:
        return None
    return max(timedelta(), _moment(record.start_time) - _launched_at(instance, record))


def _moment(seconds: float | None) -> datetime:
    return datetime.fromtimestamp(seconds or 0.0, UTC)
