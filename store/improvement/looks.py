"""Epochs and looks: which trading days of a bot are sealed, and what was judged on them. Raw truth.

Belongs here: both tables and their statements, and what each generation of a lineage knows. Does not belong here: when
an epoch opens and what a look must show (`trading.improvement.looks`).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base
from store.rows import first_of, rows_of
from store.tables import BotGeneration, BotProgress


class SealedEpoch(Base):
    """A stretch of trading days of a bot that no search reads: from `sealed_from` until a later epoch opens them.

    `looks_before` are looks that the lineage of a copy had lost at these days before it was copied.
    """

    __tablename__ = "sealed_epochs"
    __table_args__ = (CheckConstraint("epoch >= 1 AND looks_before >= 0", name="counts_are_sane"),)

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    sealed_from: Mapped[date]
    looks_before: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    opened_at: Mapped[datetime]


class SealedLook(Base):
    """One look: a candidate against the newest generation on the sealed days of an epoch, and how it came out."""

    __tablename__ = "sealed_looks"
    __table_args__ = (
        CheckConstraint("number >= 1 AND days >= 1 AND active_days <= days", name="counts_are_sane"),
        CheckConstraint("first_on <= last_on", name="days_follow_each_other"),
        CheckConstraint("level > 0 AND level < 1 AND p_value >= 0 AND p_value <= 1", name="chances_are_chances"),
        CheckConstraint("passed = (new_generation IS NOT NULL)", name="passed_has_a_generation"),
        ForeignKeyConstraint(["bot_id", "epoch"], ["sealed_epochs.bot_id", "sealed_epochs.epoch"]),
        ForeignKeyConstraint(
            ["bot_id", "generation_number"], ["bot_generations.bot_id", "bot_generations.generation_number"]
        ),
        Index("ix_sealed_looks__bot_created", "bot_id", "created_at"),
    )

    bot_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    iteration_id: Mapped[UUID] = mapped_column(ForeignKey("improve_iterations.id"), unique=True)
    first_on: Mapped[date]
    last_on: Mapped[date]
    days: Mapped[int]
    active_days: Mapped[int]
    genome_hash: Mapped[str]
    generation_number: Mapped[int]
    new_generation: Mapped[int | None]
    statistic: Mapped[float | None]
    p_value: Mapped[float]
    level: Mapped[float]
    passed: Mapped[bool]
    reason: Mapped[str]
    created_at: Mapped[datetime]


class EpochRow(NamedTuple):
    """The newest epoch of a bot with the looks taken at its days; `last_on` is the last day a look has touched."""

    epoch: int
    sealed_from: date
    looks_before: int
    looks: int
    passed: bool
    last_on: date | None

    @property
    def lost(self) -> int:
        """How many looks at its days were lost, those before a copy was made too."""
        return self.looks_before + self.looks - self.passed


class LookRow(NamedTuple):
    """One look as people are shown it."""

    epoch: int
    number: int
    first_on: date
    last_on: date
    days: int
    active_days: int
    genome_hash: str
    generation_number: int
    new_generation: int | None
    statistic: float | None
    p_value: float
    level: float
    passed: bool
    reason: str
    created_at: datetime


class LineageRow(NamedTuple):
    """A generation of a bot and the last trading date it was chosen on."""

    generation_number: int
    knows_until: date | None
    genome: dict[str, Any]
    genome_hash: str


def newest_epoch(db: Session, bot_id: UUID) -> EpochRow | None:
    """Return the newest epoch of a bot with its looks counted, or None before its first."""
    epoch, look = SealedEpoch, SealedLook
    counted = (
        select(
            epoch.epoch,
            epoch.sealed_from,
            epoch.looks_before,
            func.count(look.number).label("looks"),
            func.coalesce(func.bool_or(look.passed), False).label("passed"),
            func.max(look.last_on).label("last_on"),
        )
        .outerjoin(look, (look.bot_id == epoch.bot_id) & (look.epoch == epoch.epoch))
        .where(epoch.bot_id == bot_id)
        .group_by(epoch.bot_id, epoch.epoch)
        .order_by(epoch.epoch.desc())
        .limit(1)
    )
    return first_of(db.execute(counted), EpochRow)


def looks_of(db: Session, bot_id: UUID) -> list[LookRow]:
    """Return every look of a bot, newest first."""
    look = SealedLook
    own = select(*(getattr(look, name) for name in LookRow._fields)).where(look.bot_id == bot_id)
    return rows_of(db.execute(own.order_by(look.epoch.desc(), look.number.desc())), LookRow)


def waits_until(db: Session, bot_id: UUID) -> date | None:
    """Return the trading date whose bars give a bot a look again, or None where it has one."""
    return db.scalar(select(BotProgress.evidence_waits_until).where(BotProgress.bot_id == bot_id))


def open_epoch(db: Session, bot_id: UUID, *, epoch: int, sealed_from: date, now: datetime, before: int = 0) -> None:
    """Append an epoch; the bot's row is to be locked, and the number the next one."""
    opened = {"epoch": epoch, "sealed_from": sealed_from, "looks_before": before, "opened_at": now}
    db.execute(insert(SealedEpoch).values(bot_id=bot_id, **opened))


def lost_genomes(db: Session, bot_id: UUID, *, epoch: int) -> frozenset[str]:
    """Return the hashes of the genomes that lost a look of an epoch of a bot."""
    look = SealedLook
    lost = select(look.genome_hash).where(look.bot_id == bot_id, look.epoch == epoch, look.passed.is_(False))
    return frozenset(db.scalars(lost))


def append_look(db: Session, look: Mapping[str, Any]) -> None:
    """Append one look."""
    db.execute(insert(SealedLook).values(**look))


def lineage_of(db: Session, bot_id: UUID) -> list[LineageRow]:
    """Return every generation of a bot with the last trading date it was chosen on, oldest first."""
    generation = BotGeneration
    columns = (getattr(generation, name) for name in LineageRow._fields)
    known = select(*columns).where(generation.bot_id == bot_id).order_by(generation.generation_number)
    return rows_of(db.execute(known), LineageRow)
