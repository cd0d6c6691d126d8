"""Jobs as people look at them: the queue in its order, what runs, what is stuck, what ended, a page at a time.

Belongs here: every statement that only reads jobs, each on a partial or keyed index of `bot_jobs`. Does not belong
here: claiming and closing (`jobs.py`), how long work waits (`waits.py`), what counts as stuck (`trading.work.jobs`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from store.rows import first_of, rows_of
from store.tables import IS_ACTIVE, Bot, BotJob
from trading.work.jobs import LEASE, JobStatus
from trading.work.reasons import in_words

TROUBLED = (JobStatus.FAILED, JobStatus.TIMEOUT)


class JobRow(NamedTuple):
    """One job and its bot."""

    id: UUID
    bot_id: UUID
    type: str
    status: str
    attempt: int
    iteration: int
    reason_code: str
    dagster_run_id: str | None
    progress_pct: float | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    completed_at: datetime | None
    error: str | None
    name: str
    symbol: str
    timeframe: str
    priority: int
    reclaims: int

    @property
    def words(self) -> str | None:
        """Its reason in words, None for a code of another version."""
        return in_words(self.reason_code)


_JOBS = select(
    BotJob.id,
    BotJob.bot_id,
    BotJob.job_type.label("type"),
    BotJob.status,
    BotJob.attempt,
    BotJob.iteration,
    BotJob.reason_code,
    BotJob.dagster_run_id,
    BotJob.progress_pct,
    BotJob.created_at,
    BotJob.started_at,
    BotJob.heartbeat_at,
    BotJob.completed_at,
    BotJob.error,
    Bot.name,
    Bot.symbol,
    Bot.timeframe,
    BotJob.priority,
    BotJob.reclaims,
).join(Bot, Bot.id == BotJob.bot_id)


class QueuedJob(NamedTuple):
    """A job that waits, and since when."""

    id: UUID
    bot_id: UUID
    type: str
    created_at: datetime


class JobCount(NamedTuple):
    """How many jobs there are of a type and status."""

    job_type: str
    status: str
    jobs: int


def running(db: Session, *, limit: int) -> Sequence[JobRow]:
    """Return the jobs at work, the longest first."""
    own = _JOBS.where(IS_ACTIVE, BotJob.status == JobStatus.RUNNING)
    return rows_of(db.execute(own.order_by(BotJob.started_at, BotJob.id).limit(limit)), JobRow)


def stuck(db: Session, *, now: datetime, limit: int) -> Sequence[JobRow]:
    """Return RUNNING jobs whose lease has run out, the longest silent first."""
    silent = _JOBS.where(IS_ACTIVE, BotJob.status == JobStatus.RUNNING, BotJob.heartbeat_at < now - LEASE)
    return rows_of(db.execute(silent.order_by(BotJob.heartbeat_at, BotJob.id).limit(limit)), JobRow)


def queued(db: Session, job_type: str, *, limit: int) -> Sequence[JobRow]:
    """Return the jobs of a type that wait, in the order in which they will be claimed."""
    own = _JOBS.where(BotJob.job_type == job_type, BotJob.status == JobStatus.QUEUED)
    ordered = own.order_by(BotJob.priority, BotJob.created_at, BotJob.id)
    return rows_of(db.execute(ordered.limit(limit)), JobRow)


def oldest_queued(db: Session) -> QueuedJob | None:
    """Return the job that has waited longest, or None."""
    columns = (BotJob.id, BotJob.bot_id, BotJob.job_type.label("type"), BotJob.created_at)
    waiting = select(*columns).where(BotJob.status == JobStatus.QUEUED, IS_ACTIVE)
    return first_of(db.execute(waiting.order_by(BotJob.created_at, BotJob.id).limit(1)), QueuedJob)


def ended(db: Session, *, troubled: bool, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[JobRow]:
    """Return jobs that ended, the last to end first, before a given end if one is given; or only those in trouble."""
    own = _JOBS.where(BotJob.status.in_(TROUBLED) if troubled else BotJob.completed_at.is_not(None))
    if before is not None:
        own = own.where(tuple_(BotJob.completed_at, BotJob.id) < before)
    return rows_of(db.execute(own.order_by(BotJob.completed_at.desc(), BotJob.id.desc()).limit(limit)), JobRow)


def recent(db: Session, *, limit: int) -> Sequence[JobRow]:
    """Return the newest jobs, newest first."""
    return rows_of(db.execute(_JOBS.order_by(BotJob.created_at.desc(), BotJob.id).limit(limit)), JobRow)


def of_bot(db: Session, bot_id: UUID, *, limit: int) -> Sequence[JobRow]:
    """Return a bot's newest jobs, newest first."""
    own = _JOBS.where(BotJob.bot_id == bot_id)
    return rows_of(db.execute(own.order_by(BotJob.created_at.desc(), BotJob.id).limit(limit)), JobRow)


def last_ended(db: Session, bot_id: UUID, job_type: str) -> JobRow | None:
    """Return a bot's last job of a type that is over, or None."""
    own = _JOBS.where(BotJob.bot_id == bot_id, BotJob.job_type == job_type, BotJob.completed_at.is_not(None))
    return first_of(db.execute(own.order_by(BotJob.created_at.desc(), BotJob.id).limit(1)), JobRow)


def count_by_status(db: Session) -> Sequence[JobCount]:
    """Return how many jobs there are of each type and status that occurs."""
    counted = select(BotJob.job_type, BotJob.status, func.count().label("jobs"))
    return rows_of(db.execute(counted.group_by(BotJob.job_type, BotJob.status)), JobCount)
