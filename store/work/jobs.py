"""The job queue: enqueue, claim, heartbeat, close, reclaim.

Belongs here: statements on `bot_jobs`, each safe against every other run and tick. Does not belong here: which job to
enqueue (`trading.work.planner`), what a job does (`services`).

One lock per job type (`lock_type`) makes "at most cap jobs RUNNING" true for claims from any number of runs. The
fence is `dagster_run_id` plus status: a run that lost its lease changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Label, ScalarSelect, case, func, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.base import uuid_array
from store.control import kill_switch
from store.database import hold
from store.rows import first_of, rows_of
from store.tables import IS_ACTIVE, Bot, BotJob, BotProgress, MetricsBaseline
from trading.work.jobs import ITERATIONS, LEASE, MAX_RECLAIMS, TIMEOUTS, JobStatus, JobType
from trading.work.planner import Decision, Load, Priority

TYPE_LOCK = {JobType.BACKTEST: 7_216_384_511, JobType.IMPROVE: 7_216_384_512, JobType.EVOLVE: 7_216_384_513}


@dataclass(frozen=True, slots=True)
class Claim:
    """A job this run owns until its lease runs out."""

    job_id: UUID
    bot_id: UUID
    job_type: JobType
    run_id: str
    attempt: int
    iteration: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """A job taken back from a run that died or went silent; `status` is QUEUED (again), TIMEOUT or CANCELED."""

    job_id: UUID
    bot_id: UUID
    job_type: JobType
    status: JobStatus
    run_id: str | None


class ActiveJobs(NamedTuple):
    """How many jobs wait and how many run, by type, every type present."""

    queued: Mapping[JobType, int]
    running: Mapping[JobType, int]


class JobAtWork(NamedTuple):
    """A job that waits or runs."""

    id: UUID
    status: str


class ClaimedJob(NamedTuple):
    """A job as its claim left it."""

    id: UUID
    bot_id: UUID
    attempt: int
    iteration: int
    started_at: datetime


class LostJob(NamedTuple):
    """A job whose run was lost; `counts` and `at_rest` say what has become of its bot since it began."""

    id: UUID
    bot_id: UUID
    job_type: str
    reclaims: int
    dagster_run_id: str | None
    counts: bool
    at_rest: bool


def enqueue(db: Session, decisions: Iterable[Decision], *, now: datetime) -> int:
    """Insert the decided jobs and count their attempts; a bot with an active job of the type keeps that one.

    Returns:
        How many jobs are new.
    """
    rows = [
        {
            "bot_id": decision.bot_id,
            "job_type": decision.job_type,
            "attempt": decision.attempt,
            "iteration": decision.iteration,
            "priority": decision.priority,
            "reason_code": decision.reason,
            "created_at": now,
        }
        for decision in decisions
        if decision.job_type is not None
    ]
    if not rows:
        return 0
    new = upsert(BotJob).on_conflict_do_nothing().returning(BotJob.bot_id, BotJob.job_type)
    inserted = db.execute(new, rows).all()
    _count_attempts(db, [bot_id for bot_id, job_type in inserted if job_type == JobType.BACKTEST])
    return len(inserted)


def enqueue_by_hand(db: Session, wish: Decision, *, now: datetime) -> JobAtWork:
    """Queue a person's wish before the rest and return the bot's active job of that type.

    That is the new one, or the one it had.
    """
    active = (BotJob.bot_id == wish.bot_id, BotJob.job_type == wish.job_type, IS_ACTIVE)
    while True:  # the job it had may end between the two statements
        enqueue(db, [replace(wish, priority=Priority.BY_HAND)], now=now)
        jobs = db.execute(select(BotJob.id, BotJob.status).where(*active))
        if (job := first_of(jobs, JobAtWork)) is not None:
            return job


def lock_type(db: Session, job_type: JobType) -> None:
    """Wait until no other transaction claims jobs of this type; held to the end of the transaction."""
    hold(db, TYPE_LOCK[job_type])


def claim(
    db: Session, job_type: JobType, *, run_id: str, cap: int, now: datetime, job_id: UUID | None = None
) -> Claim | None:
    """Take the next queued job (or the named one) if fewer than `cap` jobs of its type are RUNNING.

    Returns:
        The claim, or None when nothing is queued, the cap is reached or the kill switch is engaged.
    """
    if not kill_switch.admits_work(db):
        return None
    lock_type(db, job_type)
    if count_running(db, job_type) >= cap:
        return None
    queued = select(BotJob.id).where(BotJob.job_type == job_type, BotJob.status == JobStatus.QUEUED)
    if job_id is not None:
        queued = queued.where(BotJob.id == job_id)
    first = queued.order_by(BotJob.priority, BotJob.created_at, BotJob.id).limit(1).with_for_update(skip_locked=True)
    started_at = func.greatest(now, _baseline_of_job())
    claimed = db.execute(
        update(BotJob)
        .where(BotJob.id == first.scalar_subquery())
        .values(
            status=JobStatus.RUNNING, dagster_run_id=run_id, started_at=started_at, heartbeat_at=now, progress_pct=None
        )
        .returning(BotJob.id, BotJob.bot_id, BotJob.attempt, BotJob.iteration, BotJob.started_at)
    )
    job = first_of(claimed, ClaimedJob)
    if job is None:
        return None
    return Claim(job.id, job.bot_id, job_type, run_id, job.attempt, job.iteration, job.started_at)


def tries_of(db: Session, claim: Claim) -> int:
    """Return how many attempts an iteration of a bot has had, this one included; by ix_bot_jobs__bot.

    Every job of the iteration counts with its attempts, however it ended: a retry may be the same job, taken back, or
    one that a later tick planned.
    """
    mine = (BotJob.bot_id == claim.bot_id, BotJob.job_type == claim.job_type, BotJob.iteration == claim.iteration)
    return db.execute(select(func.coalesce(func.sum(BotJob.attempt), 0)).where(*mine)).scalar_one()


def heartbeat(db: Session, job_id: UUID, *, run_id: str, now: datetime, progress_pct: float | None = None) -> bool:
    """Renew a lease; return False if this run no longer owns the job."""
    renewed = db.execute(
        update(BotJob)
        .where(BotJob.id == job_id, BotJob.dagster_run_id == run_id, BotJob.status == JobStatus.RUNNING)
        .values(heartbeat_at=now, progress_pct=func.coalesce(progress_pct, BotJob.progress_pct))
        .returning(BotJob.id)
    )
    return renewed.first() is not None


def close(
    db: Session, job_id: UUID, *, run_id: str, status: JobStatus, now: datetime, error: str | None = None
) -> bool:
    """Close a job; return False if this run lost its lease and another run took the job."""
    closed = db.execute(
        update(BotJob)
        .where(BotJob.id == job_id, BotJob.dagster_run_id == run_id, BotJob.status == JobStatus.RUNNING)
        .values(status=status, completed_at=now, error=error)
        .returning(BotJob.id)
    )
    return closed.first() is not None


def cancel_queued(db: Session, bot_id: UUID, *, error: str, now: datetime) -> list[JobType]:
    """Cancel a bot's QUEUED jobs and return their types; a job that runs, or is claimed just now, runs to its end."""
    canceled = db.scalars(
        update(BotJob)
        .where(BotJob.bot_id == bot_id, BotJob.status == JobStatus.QUEUED)
        .values(status=JobStatus.CANCELED, completed_at=now, error=error)
        .returning(BotJob.job_type)
    )
    return sorted(JobType(kind) for kind in canceled)


def reclaim(db: Session, *, now: datetime, dead_runs: Sequence[str] = ()) -> list[Reclaimed]:
    """Take back every RUNNING job whose lease ran out, whose time is up or whose run is dead.

    A job is queued again once, with attempt + 1; the second time it ends as TIMEOUT and counts as a failure of its bot,
    so that a bot whose work kills its worker backs off like any other. What began before a reset does not count after
    it: an iteration that did ends as CANCELED, like those that waited at the reset; so does any job whose bot was
    paused or archived. A job whose run is just closing it, or was stopped while closing it, is left to a later tick:
    waiting for its row would hold up the whole fleet.
    """
    overdue = case(
        *((BotJob.job_type == kind, BotJob.started_at < now - limit) for kind, limit in TIMEOUTS.items()), else_=False
    )
    lost = (BotJob.heartbeat_at < now - LEASE) | overdue | BotJob.dagster_run_id.in_(dead_runs)
    columns = (BotJob.id, BotJob.bot_id, BotJob.job_type, BotJob.reclaims, BotJob.dagster_run_id)
    lost_jobs = db.execute(
        select(*columns, _counts(), _at_rest())
        .where(BotJob.status == JobStatus.RUNNING, lost)
        .order_by(BotJob.id)
        .with_for_update(skip_locked=True)
    )
    stuck = rows_of(lost_jobs, LostJob)
    taken = [Reclaimed(row.id, row.bot_id, JobType(row.job_type), _once_lost(row), row.dagster_run_id) for row in stuck]
    again, ended, canceled = (
        [job for job in taken if job.status is status]
        for status in (JobStatus.QUEUED, JobStatus.TIMEOUT, JobStatus.CANCELED)
    )
    _queue_again(db, [job.job_id for job in again])
    _count_attempts(db, [job.bot_id for job in again if job.job_type is JobType.BACKTEST])
    _time_out(db, [job.job_id for job in ended], now=now)
    resting = {row.id for row in stuck if row.at_rest}
    for ids, what in (({job.job_id for job in canceled} - resting, "reset"), (resting, "paused or archived")):
        cancel(db, sorted(ids), error=f"its run died and its bot had been {what}", now=now)
    counting = {row.id for row in stuck if row.counts}
    for job_type in JobType:
        failed = [job.bot_id for job in ended if job.job_type is job_type and job.job_id in counting]
        _count_failures(db, failed, job_type, now=now)
    return taken


def cancel(db: Session, job_ids: Sequence[UUID], *, error: str, now: datetime) -> None:
    """End jobs whose rows are locked as CANCELED, and say why; no failure is counted."""
    db.execute(
        update(BotJob)
        .where(BotJob.id == text("ANY(CAST(:job_ids AS uuid[]))"))
        .values(status=JobStatus.CANCELED, completed_at=now, error=error),
        {"job_ids": uuid_array(job_ids)},
        execution_options={"synchronize_session": False},
    )


def running_runs(db: Session) -> set[str]:
    """Return the Dagster runs that hold RUNNING jobs."""
    held = select(BotJob.dagster_run_id).where(BotJob.status == JobStatus.RUNNING, BotJob.dagster_run_id.is_not(None))
    return {run for run in db.execute(held).scalars() if run is not None}


def count_running(db: Session, job_type: JobType) -> int:
    """Return how many jobs of a type are RUNNING."""
    running = select(func.count()).where(BotJob.job_type == job_type, BotJob.status == JobStatus.RUNNING)
    return db.execute(running).scalar_one()


def count_active(db: Session) -> ActiveJobs:
    """Return how many jobs wait and run."""
    counted = select(BotJob.job_type, BotJob.status, func.count()).where(IS_ACTIVE)
    counts = {
        (kind, status): count for kind, status, count in db.execute(counted.group_by(BotJob.job_type, BotJob.status))
    }
    return ActiveJobs(
        queued={kind: counts.get((kind, JobStatus.QUEUED), 0) for kind in JobType},
        running={kind: counts.get((kind, JobStatus.RUNNING), 0) for kind in JobType},
    )


def load(db: Session) -> Load:
    """Return the work that waits or runs, as the planner wants it."""
    by_symbol = (
        select(BotJob.job_type, Bot.symbol, func.count())
        .join(Bot, Bot.id == BotJob.bot_id)
        .where(IS_ACTIVE)
        .group_by(BotJob.job_type, Bot.symbol)
    )
    active = {(JobType(kind), symbol): count for kind, symbol, count in db.execute(by_symbol)}
    return Load(queued=count_active(db).queued, active_by_symbol=active)


def _baseline_of_job() -> ScalarSelect[datetime]:
    """The bot's BACKTEST baseline: work that starts after a reset counts, also where the clock was set back."""
    return (
        select(MetricsBaseline.reset_at)
        .where(MetricsBaseline.bot_id == BotJob.bot_id, MetricsBaseline.book == "BACKTEST")
        .correlate(BotJob)
        .scalar_subquery()
    )


def _counts() -> Label[bool]:
    """Whether a job began since its bot's BACKTEST baseline."""
    return func.coalesce(BotJob.started_at >= _baseline_of_job(), true()).label("counts")


def _at_rest() -> Label[bool]:
    """Whether a person paused or archived the bot of a job."""
    resting = select(Bot.id).where(Bot.id == BotJob.bot_id, Bot.paused_at.is_not(None) | Bot.archived_at.is_not(None))
    return resting.correlate(BotJob).exists().label("at_rest")


def _once_lost(row: LostJob) -> JobStatus:
    """Where a job goes whose run was lost."""
    if row.at_rest or (row.job_type in ITERATIONS and not row.counts):
        return JobStatus.CANCELED
    return JobStatus.QUEUED if row.reclaims < MAX_RECLAIMS else JobStatus.TIMEOUT


def _queue_again(db: Session, job_ids: Sequence[UUID]) -> None:
    db.execute(
        update(BotJob)
        .where(BotJob.id.in_(job_ids))
        .values(
            status=JobStatus.QUEUED,
            attempt=case((_counts(), BotJob.attempt), else_=0) + 1,
            reclaims=BotJob.reclaims + 1,
            dagster_run_id=None,
            started_at=None,
            heartbeat_at=None,
            progress_pct=None,
        )
    )


def _time_out(db: Session, job_ids: Sequence[UUID], *, now: datetime) -> None:
    db.execute(
        update(BotJob)
        .where(BotJob.id.in_(job_ids))
        .values(status=JobStatus.TIMEOUT, completed_at=now, error="twice its run died, went silent or took too long")
    )


def _count_attempts(db: Session, bot_ids: Sequence[UUID]) -> None:
    db.execute(
        update(BotProgress)
        .where(BotProgress.bot_id.in_(bot_ids))
        .values(backtest_attempts=BotProgress.backtest_attempts + 1)
    )


def _count_failures(db: Session, bot_ids: Sequence[UUID], job_type: JobType, *, now: datetime) -> None:
    counted = {
        JobType.BACKTEST: (BotProgress.backtest_failures_in_row, BotProgress.last_backtest_at),
        JobType.IMPROVE: (BotProgress.improve_failures_in_row, BotProgress.last_improve_at),
        JobType.EVOLVE: (BotProgress.evolve_failures_in_row, BotProgress.last_evolve_at),
    }
    failures, last_at = counted[job_type]
    failed = update(BotProgress).where(BotProgress.bot_id.in_(bot_ids))
    db.execute(failed.values({failures: failures + 1, last_at: now}))
