"""The prequential record of each bot, a stretch of days a row, and what it is worth as evidence.

Belongs here: the table of stretches, raw truth, and the statements on it and on `bot_evidence`. Does not belong here:
which days a record has (`trading.verification.record`), who is proven (`trading.verification.discoveries`).

A stretch names the last day of the one it follows, and no two follow the same: days of a record cannot overlap, and
none comes between two that are there.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    UniqueConstraint,
    Update,
    any_,
    bindparam,
    cast,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, one_of
from store.rows import first_of, rows_of
from store.tables import BARS_KINDS, Bot, BotEvidence
from trading.figures.declared import Figures

STRETCH_ORIGINS = ("WALK_FORWARD", "IN_FORCE")


class RecordStretch(Base):
    """Days of the prequential record of a bot that one genome traded without having been chosen on them. Raw truth."""

    __tablename__ = "record_stretches"
    __table_args__ = (
        one_of("bars_kind", BARS_KINDS),
        one_of("origin", STRETCH_ORIGINS),
        CheckConstraint(
            "cardinality(days_on) >= 1 AND cardinality(pnl_micros) = cardinality(days_on)"
            " AND days_on[1] = first_on AND days_on[cardinality(days_on)] = last_on",
            name="days_are_its_days",
        ),
        CheckConstraint("follows_on < first_on AND first_on <= last_on", name="days_follow_each_other"),
        CheckConstraint(
            "winners >= 0 AND losers >= 0 AND winners + losers <= trades AND profit_micros >= 0 AND loss_micros >= 0",
            name="counts_are_sane",
        ),
        UniqueConstraint("bot_id", "bars_kind", "last_on", name="uq_record_stretches__last_on"),
        UniqueConstraint(
            *("bot_id", "bars_kind", "follows_on"),
            name="uq_record_stretches__follows_on",
            postgresql_nulls_not_distinct=True,
        ),
        ForeignKeyConstraint(
            ["bot_id", "bars_kind", "follows_on"],
            ["record_stretches.bot_id", "record_stretches.bars_kind", "record_stretches.last_on"],
            name="fk_record_stretches__follows",
        ),
        ForeignKeyConstraint(
            ["bot_id", "generation_number"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name="fk_record_stretches__generation",
        ),
    )

    bot_id: Mapped[UUID] = mapped_column(primary_key=True)
    bars_kind: Mapped[str] = mapped_column(primary_key=True)
    first_on: Mapped[date] = mapped_column(primary_key=True)
    last_on: Mapped[date]
    follows_on: Mapped[date | None] = mapped_column(doc="the last day of the stretch before it; null in the first")
    origin: Mapped[str]
    generation_number: Mapped[int]
    genome_hash: Mapped[str]
    days_on: Mapped[list[date]] = mapped_column(ARRAY(Date()))
    pnl_micros: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()))
    trades: Mapped[int]
    winners: Mapped[int]
    losers: Mapped[int]
    bars_held: Mapped[int] = mapped_column(BigInteger)
    profit_micros: Mapped[int] = mapped_column(BigInteger)
    loss_micros: Mapped[int] = mapped_column(BigInteger)
    data_source: Mapped[str]
    data_fingerprint: Mapped[str]
    engine_version: Mapped[str]
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("bot_jobs.id"))
    created_at: Mapped[datetime]


class EvidenceRow(NamedTuple):
    """The record of a bot on one kind of bars as it stands, to go on with it."""

    is_newest: bool
    first_on: date
    last_on: date
    pnl_micros: list[int]
    trades: int
    winners: int
    losers: int
    bars_held: int
    profit_micros: int
    loss_micros: int


class StretchRow(NamedTuple):
    """One stretch as people are shown it."""

    origin: str
    generation_number: int
    genome_hash: str
    days_on: list[date]
    pnl_micros: list[int]
    trades: int
    data_source: str


class JudgedRow(NamedTuple):
    """The evidence of one bot as a judgement over many reads it."""

    bot_id: UUID
    log_e: float
    proven: bool


class ProvenRow(NamedTuple):
    """A proven bot and what proves it."""

    bot_id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    bars_kind: str
    days: int
    log_e: float
    sharpe: float | None
    proven_since: datetime


class RecordCount(NamedTuple):
    """The records of the bots of one symbol on one kind of bars."""

    symbol: str
    bars_kind: str
    records: int
    proven: int
    found_at: datetime | None


_OWN = (BotEvidence.bot_id == bindparam("of_bot"), BotEvidence.bars_kind == bindparam("on"))
_ENDS_ON = select(BotEvidence.last_on).where(*_OWN)
_EVIDENCE_OF = select(*(getattr(BotEvidence, name) for name in EvidenceRow._fields)).where(*_OWN)
_OTHERS_ARE_OLDER = (
    update(BotEvidence)
    .where(BotEvidence.bot_id == bindparam("of_bot"), BotEvidence.bars_kind != bindparam("on"), BotEvidence.is_newest)
    .values(is_newest=False)
)
_APPEND, _BEGIN = insert(RecordStretch), insert(BotEvidence)
_KEPT = ("bot_id", "bars_kind", "first_on")
"""Every job of a bot advances its record: its statements are worked out once, and go past the mapper."""


def ends_on(db: Session, bot_id: UUID, *, bars_kind: str) -> date | None:
    """Return the last day of a bot's record on one kind of bars, or None before it has begun."""
    return db.connection().execute(_ENDS_ON, {"of_bot": bot_id, "on": bars_kind}).scalar()


def evidence_of(db: Session, bot_id: UUID, *, bars_kind: str) -> EvidenceRow | None:
    """Return a bot's record on one kind of bars as it stands, or None before it has begun."""
    known = db.connection().execute(_EVIDENCE_OF, {"of_bot": bot_id, "on": bars_kind})
    return first_of(known, EvidenceRow)


def grow(
    db: Session, stretches: Sequence[Mapping[str, Any]], row: Mapping[str, Any], *, known: EvidenceRow | None
) -> None:
    """Add stretches to a bot's record and write what it amounts to now; it is the newest of its records from here on.

    A record that has begun gets its newest stretch and its evidence by one statement: most growths are a stretch.

    Args:
        db: An open transaction that holds the bot's row.
        stretches: Every column of each, at least one, oldest first, the first to follow the last day of the record.
        row: Every column of its evidence but `is_newest` and those that a judgement writes.
        known: The record as it stood, read in this transaction; None where it begins.
    """
    connection, own = db.connection(), {"of_bot": row["bot_id"], "on": row["bars_kind"]}
    if known is None or not known.is_newest:
        connection.execute(_OTHERS_ARE_OLDER, own)
    *older, newest = map(dict, stretches)
    if known is None:
        connection.execute(_APPEND, [*older, newest])
        connection.execute(_BEGIN, {**row, "is_newest": True})
        return
    if older:
        connection.execute(_APPEND, older)
    grown = {name: value for name, value in row.items() if name not in _KEPT} | {"is_newest": True}
    appended = {f"appended_{name}": value for name, value in newest.items()}
    connection.execute(_going_on(tuple(grown), tuple(newest)), own | grown | appended)


@cache
def _going_on(columns: tuple[str, ...], of_stretch: tuple[str, ...]) -> Update:
    stretch: dict[str, Any] = {name: bindparam(f"appended_{name}") for name in of_stretch}
    grown = update(BotEvidence).where(*_OWN).values({name: bindparam(name) for name in columns})
    return grown.add_cte(insert(RecordStretch).values(stretch).cte("appended"))


def stretches_of(db: Session, bot_id: UUID, *, bars_kind: str) -> list[StretchRow]:
    """Return the stretches of a bot's record on one kind of bars, oldest first."""
    stretch = RecordStretch
    columns = (getattr(stretch, name) for name in StretchRow._fields)
    own = select(*columns).where(stretch.bot_id == bot_id, stretch.bars_kind == bars_kind)
    return rows_of(db.execute(own.order_by(stretch.first_on)), StretchRow)


def figures_of(db: Session, bot_id: UUID, *, bars_kind: str) -> Figures:
    """Return the figures of a bot's record on one kind of bars, all of them unknown without one."""
    own = db.get(BotEvidence, (bot_id, bars_kind))
    return Figures() if own is None else own.figures


def every_record(db: Session, *, bars_kind: str) -> list[JudgedRow]:
    """Return the evidence of every bot that has a record on a kind of bars, archived ones too, by id."""
    columns = (getattr(BotEvidence, name) for name in JudgedRow._fields)
    records = select(*columns).where(BotEvidence.bars_kind == bars_kind)
    return rows_of(db.execute(records.order_by(BotEvidence.bot_id)), JudgedRow)


def proven_bots(db: Session, *, limit: int) -> list[ProvenRow]:
    """Return the proven bots, archived ones too, in the order in which they became so."""
    chosen = (
        select(
            Bot.id.label("bot_id"),
            *(Bot.name, Bot.symbol, Bot.timeframe, Bot.archetype),
            *(getattr(BotEvidence, name) for name in ("bars_kind", "days", "log_e", "sharpe", "proven_since")),
        )
        .join(BotEvidence, BotEvidence.bot_id == Bot.id)
        .where(BotEvidence.proven)
        .order_by(BotEvidence.proven_since, Bot.name, BotEvidence.bars_kind)
        .limit(limit)
    )
    return rows_of(db.execute(chosen), ProvenRow)


def record_counts(db: Session) -> list[RecordCount]:
    """Return how many bots have a record, archived ones too, and how many are proven, by symbol and kind of bars."""
    is_proven = BotEvidence.proven
    counted = (
        select(
            Bot.symbol,
            BotEvidence.bars_kind,
            func.count().label("records"),
            func.count().filter(is_proven).label("proven"),
            func.min(BotEvidence.proven_since).filter(is_proven).label("found_at"),
        )
        .join(BotEvidence, BotEvidence.bot_id == Bot.id)
        .group_by(Bot.symbol, BotEvidence.bars_kind)
        .order_by(Bot.symbol, BotEvidence.bars_kind)
    )
    return rows_of(db.execute(counted), RecordCount)


def newest_growth(db: Session) -> datetime | None:
    """Return when a record last grew, or None without records."""
    return db.scalar(select(func.max(BotEvidence.computed_at)))


def set_proven(db: Session, bot_ids: Collection[UUID], *, bars_kind: str, since: datetime | None) -> None:
    """Say of some bots that they are proven since a moment, or where it is None that they are not."""
    listed = any_(cast(list(bot_ids), ARRAY(PG_UUID(as_uuid=True))))
    chosen = update(BotEvidence).where(BotEvidence.bars_kind == bars_kind, BotEvidence.bot_id == listed)
    db.execute(chosen.values(proven=since is not None, proven_since=since))
