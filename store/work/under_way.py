"""Long work under way that is no bot's job: a row while it goes on, renewed by its heartbeat, gone with its end.

Belongs here: the table and its statements. Does not belong here: jobs (`jobs.py`), what came of the work
(`verification/verifications.py`, `market/bars.py`). It is no raw truth: a row only says what somebody is doing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, one_of
from store.rows import rows_of
from store.tables import Bot

RENEWED = ("step", "done", "of", "heartbeat_at")


class WorkKind(StrEnum):
    """What long work is about."""

    VERIFICATION = "VERIFICATION"
    IMPORT = "IMPORT"
    SIMULATION = "SIMULATION"


class WorkUnderWay(Base):
    """One piece of long work while it goes on; `step`, `done` and `of` are NULL until it says how far it is."""

    __tablename__ = "work_under_way"
    __table_args__ = (
        one_of("kind", tuple(WorkKind)),
        CheckConstraint("num_nonnulls(step, done, of) IN (0, 3)", name="place_is_whole"),
        CheckConstraint("0 <= done AND done <= of", name="done_is_within"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    bot_id: Mapped[UUID | None] = mapped_column(ForeignKey("bots.id"))
    step: Mapped[str | None]
    done: Mapped[int | None]
    of: Mapped[int | None]
    dagster_run_id: Mapped[str | None]
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]


class WorkRow(NamedTuple):
    """One piece of work under way with the name of its bot, if it is about one."""

    id: UUID
    kind: str
    title: str
    bot_id: UUID | None
    bot_name: str | None
    step: str | None
    done: int | None
    of: int | None
    dagster_run_id: str | None
    started_at: datetime
    heartbeat_at: datetime

    @property
    def progress_pct(self) -> float | None:
        """How much of it is done, None until it says how far it is."""
        return 100.0 * self.done / self.of if self.done is not None and self.of else None


def tell(db: Session, work: Mapping[str, Any]) -> None:
    """Write how far a piece of work is: its first row, or its own row renewed, which may have been swept away."""
    row = upsert(WorkUnderWay).values(**work)
    renewed = {name: row.excluded[name] for name in RENEWED}
    db.execute(row.on_conflict_do_update(index_elements=[WorkUnderWay.id], set_=renewed))


def forget(db: Session, work_id: UUID) -> None:
    """Delete the row of a piece of work that ended."""
    db.execute(delete(WorkUnderWay).where(WorkUnderWay.id == work_id))


def forget_silent(db: Session, *, before: datetime) -> int:
    """Delete what gave its last heartbeat before a moment, its process being dead; return how many rows."""
    silent = delete(WorkUnderWay).where(WorkUnderWay.heartbeat_at < before).returning(WorkUnderWay.id)
    return len(db.execute(silent).all())


def heard_since(db: Session, since: datetime, *, limit: int) -> Sequence[WorkRow]:
    """Return the work that gave a heartbeat since a moment, with the name of its bot, the longest under way first."""
    work = WorkUnderWay
    about = (work.id, work.kind, work.title, work.bot_id, Bot.name.label("bot_name"))
    place = (work.step, work.done, work.of, work.dagster_run_id, work.started_at, work.heartbeat_at)
    heard = select(*about, *place).outerjoin(Bot, Bot.id == work.bot_id).where(work.heartbeat_at >= since)
    return rows_of(db.execute(heard.order_by(work.started_at, work.id).limit(limit)), WorkRow)
