"""Jobs as people look at them: the queue in its order, what runs, what ended, a page at a time.

Belongs here: statements behind the jobs page, each on a partial or keyed index of `bot_jobs`. Does not belong here:
claiming and closing (`jobs.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.orm import Session

from store.bots.fleet import IS_ACTIVE
from store.tables import Bot, BotJob
from store.work.proofs import JOB_COLUMNS
from trading.work.jobs import JobStatus

TROUBLED = (JobStatus.FAILED, JobStatus.TIMEOUT)
_JOBS = select(*JOB_COLUMNS, Bot.name, Bot.symbol, Bot.timeframe, BotJob.priority, BotJob.reclaims).join(
    Bot, Bot.id == BotJob.bot_id
)


def running(session: Session, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the jobs at work, the longest first."""
    own = _JOBS.where(IS_ACTIVE, BotJob.status == JobStatus.RUNNING)
    return session.execute(own.order_by(BotJob.started_at, BotJob.id).limit(limit)).all()


def queued(session: Session, job_type: str, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the jobs of a type that wait, in the order in which they will be claimed."""
    own = _JOBS.where(BotJob.job_type == job_type, BotJob.status == JobStatus.QUEUED)
    return session.execute(own.order_by(BotJob.priority, BotJob.created_at, BotJob.id).limit(limit)).all()


def ended(
    session: Session, *, troubled: bool, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return jobs that ended, the last to end first, before a given end if one is given; or only those in trouble."""
    own = _JOBS.where(BotJob.status.in_(TROUBLED) if troubled else BotJob.completed_at.is_not(None))
    if before is not None:
        own = own.where(tuple_(BotJob.completed_at, BotJob.id) < before)
    return session.execute(own.order_by(BotJob.completed_at.desc(), BotJob.id.desc()).limit(limit)).all()
