"""Work given up after too many failures in a row, and putting it back.

Belongs here: statements on `bot_progress` that find and forgive repeated failures. Does not belong here: the limits
(`trading.work.planner`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, true, union_all, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.tables import Bot, BotJob, BotProgress
from trading.work.jobs import JobType
from trading.work.planner import MAX_FAILURES_IN_ROW, MAX_IMPROVE_FAILURES_IN_ROW


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One kind of work of one bot that autonomy has given up."""

    bot_id: UUID
    name: str
    job_type: JobType
    failures_in_row: int
    last_error: str | None
    last_failed_at: datetime | None


def dead_letters(db: Session) -> list[DeadLetter]:
    """Return everything given up, by bot name and type, with the last error of its kind."""
    rows = db.execute(union_all(*(_given_up(job_type) for job_type in JobType)).order_by("name", "job_type"))
    return [
        DeadLetter(bot_id, name, JobType(job_type), failures, error, failed_at)
        for bot_id, name, job_type, failures, error, failed_at in rows
    ]


def lock_failures(db: Session, bot_id: UUID) -> None:
    """Lock a bot's failures in a row, so that what is read of them next stands until the transaction ends."""
    db.execute(select(BotProgress.bot_id).where(BotProgress.bot_id == bot_id).with_for_update())


def forgive(db: Session, bot_id: UUID, job_types: Sequence[JobType]) -> None:
    """Forget the failures in a row of some kinds of a bot's work, so that the next tick plans it again."""
    zeroed = {_failures(job_type): 0 for job_type in job_types}
    db.execute(update(BotProgress).where(BotProgress.bot_id == bot_id).values(zeroed))


def _given_up(job_type: JobType) -> Select[UUID, str, str, int, str | None, datetime | None]:
    failures = _failures(job_type)
    limit = MAX_FAILURES_IN_ROW if job_type is JobType.BACKTEST else MAX_IMPROVE_FAILURES_IN_ROW
    last = (
        select(BotJob.error, BotJob.completed_at, BotJob.job_type)
        .where(BotJob.bot_id == Bot.id, BotJob.job_type == job_type, BotJob.error.is_not(None))
        .order_by(BotJob.created_at.desc())
        .limit(1)
        .lateral()
    )
    return (
        select(Bot.id, Bot.name, last.c.job_type, failures.label("failures"), last.c.error, last.c.completed_at)
        .join(BotProgress, BotProgress.bot_id == Bot.id)
        .join(last, true())
        .where(failures >= limit, Bot.archived_at.is_(None))
    )


def _failures(job_type: JobType) -> InstrumentedAttribute[int]:
    return {
        JobType.BACKTEST: BotProgress.backtest_failures_in_row,
        JobType.IMPROVE: BotProgress.improve_failures_in_row,
        JobType.EVOLVE: BotProgress.evolve_failures_in_row,
    }[job_type]
