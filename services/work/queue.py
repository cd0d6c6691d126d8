"""Working through the queue: claim a job, do it, close it together with what it produced, until nothing is left.

Belongs here: the life of a claim: lease, heartbeat, fence, failure. Does not belong here: what a type of job does
(`backtests/baselines.py`, `improvement/iterations.py`), which job is queued (`autonomy.py`).

What commits together: a job's end, its result and the debt to record it in Dagster, in one transaction that holds the
bot's row. A run that lost its
lease commits nothing. Two runs never own one job, and at most cap jobs of a type are RUNNING.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.desk import Desk
from services.heartbeats import heartbeats
from services.progress import Progress, Step
from store.bots import registry
from store.control import kill_switch
from store.database import storable, transaction
from store.tables import BotProgress
from store.work import jobs, owed_materializations
from store.work.jobs import Claim
from trading.errors import KillSwitchOn, LeaseLost, ProvingError, Refused, Unavailable, UnknownBots
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import Decision, Reason

log = structlog.get_logger()

HEARTBEAT_SECONDS = 20.0


class Result(Protocol):
    """What a job produced, able to write itself inside the transaction that closes the job."""

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        """Write the result and return its headline figures, as Dagster shows them; called with the bot's row held."""


class Task(Protocol):
    """One type of work."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Do the work; raise a ProvingError where it cannot be done."""

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return what is written where the work could not be done."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One closed job."""

    job_id: UUID
    bot_id: UUID
    job_type: JobType
    status: JobStatus
    figures: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def figures_and_job(self) -> dict[str, Any]:
        """Its figures and which job it was, by which its record in Dagster is known."""
        return self.figures | {"job_id": self.job_id, "job_type": self.job_type}


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a job ended and what it leaves behind."""

    status: JobStatus
    result: Result
    error: str | None = None


def step_back(desk: Desk) -> None:
    """Let people go first: lower this process by the setting `run_nice`, and connect anew (`backends_follow`)."""
    further = desk.settings.run_nice - os.getpriority(os.PRIO_PROCESS, 0)
    if further > 0:
        os.nice(further)
        desk.database.kw["bind"].dispose()


def drain(
    desk: Desk,
    task: Task,
    job_type: JobType,
    *,
    run_id: str,
    time_limit: timedelta,
    claimed: Callable[[UUID], None] = lambda _: None,
) -> Iterator[Finished]:
    """Yield one finished job after another until none is queued, none may be claimed or the time is up.

    Args:
        desk: The desk.
        task: What is done for each bot.
        job_type: Which queue.
        run_id: Who works.
        time_limit: After that long no further job is claimed.
        claimed: Called with the bot of each claim before the work begins.

    Raises:
        Unavailable: the database went away; the job in hand is taken back when its lease runs out.
    """
    until = desk.clock() + time_limit
    while desk.clock() < until:
        claim = _claim(desk, job_type, run_id=run_id)
        if claim is None:
            return
        claimed(claim.bot_id)
        finished = _work(desk, task, claim)
        if finished is not None:
            yield finished


def work_by_hand(desk: Desk, task: Task, job_type: JobType, *, bot_id: UUID, run_id: str) -> Finished:
    """Queue one job for a bot ahead of the rest and do it now: what a person asks for in the UI or on the command line.

    Raises:
        UnknownBots: there is no such bot.
        KillSwitchOn: the kill switch is engaged; nothing is queued.
        Refused: the bot has such a job at work, or the cap is reached; a queued job stays and autonomy will do it.
        LeaseLost: another run did it.
    """
    with transaction(desk.database) as db:
        if not kill_switch.admits_work(db):
            raise KillSwitchOn(f"the kill switch is engaged: no {job_type} is queued before it is released")
        if registry.newest_generation(db, bot_id) is None:
            raise UnknownBots([str(bot_id)])
        wish = _wish(registry.progress(db, bot_id), bot_id, job_type)
        job = jobs.enqueue_by_hand(db, wish, now=desk.clock())
    if job.status == JobStatus.RUNNING:
        raise Refused(f"a {job_type} of this bot is at work already")
    claim = _claim(desk, job_type, run_id=run_id, job_id=job.id)
    if claim is None:
        cap = desk.settings.caps.running[job_type]
        raise Refused(f"{job_type} is queued and waits: at most {cap} run at once, and none under the kill switch")
    finished = _work(desk, task, claim)
    if finished is None:
        raise LeaseLost(f"job {job.id} was taken over by another run")
    return finished


def _wish(counters: BotProgress, bot_id: UUID, job_type: JobType) -> Decision:
    iterations = {JobType.IMPROVE: counters.improve_iterations + 1, JobType.EVOLVE: counters.evolve_iterations + 1}
    attempt = counters.backtest_attempts + 1 if job_type is JobType.BACKTEST else 1
    return Decision(bot_id, Reason.BY_HAND, job_type, attempt=attempt, iteration=iterations.get(job_type, 0))


def _claim(desk: Desk, job_type: JobType, *, run_id: str, job_id: UUID | None = None) -> Claim | None:
    with transaction(desk.database) as db:
        cap = desk.settings.caps.running[job_type]
        return jobs.claim(db, job_type, run_id=run_id, cap=cap, now=desk.clock(), job_id=job_id)


def _work(desk: Desk, task: Task, claim: Claim) -> Finished | None:
    try:
        return _finished(desk, task, claim)
    except LeaseLost as lost:
        log.warning("lease lost", job_id=str(claim.job_id), reason=str(lost))
        return None


def _finished(desk: Desk, task: Task, claim: Claim) -> Finished:
    """Do the job and record how it ended; work that raises, or a result that cannot be recorded, is a failed job."""
    try:
        with _heartbeats(desk, claim) as progress:
            done = _Ended(JobStatus.COMPLETED, task.perform(desk, claim, progress))
        return _close(desk, claim, done)
    except (Unavailable, LeaseLost):
        raise
    except ProvingError as refusal:
        error = storable(f"{refusal.code}: {refusal}")
    except Exception as bug:
        log.exception("job failed", job_id=str(claim.job_id), job_type=claim.job_type)
        error = storable(f"{type(bug).__name__}: {bug}")
    return _close(desk, claim, _Ended(JobStatus.FAILED, task.failure(desk, claim, error), error))


def _close(desk: Desk, claim: Claim, ended: _Ended) -> Finished:
    with transaction(desk.database) as db:
        registry.lock(db, claim.bot_id)
        now = desk.clock()
        if not jobs.close(db, claim.job_id, run_id=claim.run_id, status=ended.status, now=now, error=ended.error):
            raise LeaseLost(f"job {claim.job_id} belongs to another run now")
        figures = dict(ended.result.record(db, claim, now=now))
        if ended.status is JobStatus.COMPLETED:
            owed_materializations.owe(db, claim, figures, now=now)
    return Finished(claim.job_id, claim.bot_id, claim.job_type, ended.status, figures, ended.error)


def _heartbeats(desk: Desk, claim: Claim) -> AbstractContextManager[Progress]:
    """Renew the lease from a thread while the work goes on, carrying its progress."""

    def beat(step: Step | None) -> bool:
        done_pct = step.done_pct if step is not None else None
        try:
            with transaction(desk.database) as db:
                return jobs.heartbeat(db, claim.job_id, run_id=claim.run_id, now=desk.clock(), progress_pct=done_pct)
        except (Unavailable, SQLAlchemyError) as away:  # the work goes on, and the next beat may pass
            log.warning("heartbeat missed", job_id=str(claim.job_id), reason=str(away))
            return True

    return heartbeats(
        beat, name=f"heartbeat-{claim.job_id}", every_seconds=HEARTBEAT_SECONDS, first_seconds=HEARTBEAT_SECONDS
    )
