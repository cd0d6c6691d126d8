"""The ticks and what each decided, for the people who ask why, a page at a time, and for the proofs.

Belongs here: every statement that reads ticks and decisions, each bounded by their primary keys or by
`ix_autonomy_bot_decisions__bot`. Does not belong here: writing them (`autonomy.py`), what a tick found no room for
(`waits.py`), what counts as silence (`services.work.autonomy_ticks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.rows import first_of, rows_of
from store.tables import AutonomyBotDecision, AutonomyRun, Bot
from trading.work.reasons import in_words


class AutonomyTickRow(NamedTuple):
    """One tick; `summary` is what it wrote down of itself."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions: int
    summary: dict[str, Any]


_TICK = select(
    AutonomyRun.id,
    AutonomyRun.started_at,
    AutonomyRun.completed_at,
    AutonomyRun.candidates,
    AutonomyRun.decisions,
    AutonomyRun.summary,
)


class DecisionRow(NamedTuple):
    """What a tick decided for one bot; name, symbol and timeframe are None where there is no such bot."""

    seq: int
    bot_id: UUID
    name: str | None
    symbol: str | None
    timeframe: str | None
    decision: str
    job_type: str | None
    reason_code: str
    blockers: list[str]

    @property
    def words(self) -> str | None:
        """Its reason in words, None for a code of another version."""
        return in_words(self.reason_code)


_DECIDED = select(
    AutonomyBotDecision.seq,
    AutonomyBotDecision.bot_id,
    Bot.name,
    Bot.symbol,
    Bot.timeframe,
    AutonomyBotDecision.decision,
    AutonomyBotDecision.job_type,
    AutonomyBotDecision.reason_code,
    AutonomyBotDecision.blockers,
).outerjoin(Bot, Bot.id == AutonomyBotDecision.bot_id)


class ReasonCount(NamedTuple):
    """How many bots a tick gave a decision for a reason."""

    decision: str
    reason_code: str
    bots: int


class DecisionOfBot(NamedTuple):
    """What one tick decided for the bot that is asked about."""

    run_id: int
    started_at: datetime
    decision: str
    job_type: str | None
    reason_code: str
    blockers: list[str]

    @property
    def words(self) -> str | None:
        """Its reason in words, None for a code of another version."""
        return in_words(self.reason_code)


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions of a tick; None leaves a filter out. `words` is looked for in the bot's name."""

    decision: str | None = None
    reason_code: str | None = None
    words: str | None = None


EVERY_DECISION = DecisionFilter()


def page(db: Session, *, before: int | None = None, limit: int) -> Sequence[AutonomyTickRow]:
    """Return ticks, newest first, older than a given one if one is given."""
    asked = _TICK.order_by(AutonomyRun.id.desc()).limit(limit)
    return rows_of(db.execute(asked if before is None else asked.where(AutonomyRun.id < before)), AutonomyTickRow)


def newest(db: Session) -> AutonomyTickRow | None:
    """Return the newest tick, or None before the first."""
    return next(iter(page(db, limit=1)), None)


def by_id(db: Session, tick_id: int) -> AutonomyTickRow | None:
    """Return one tick, or None where there is none (any more)."""
    return first_of(db.execute(_TICK.where(AutonomyRun.id == tick_id)), AutonomyTickRow)


def decisions(
    db: Session, tick_id: int, *, wanted: DecisionFilter = EVERY_DECISION, after: int | None = None, limit: int
) -> Sequence[DecisionRow]:
    """Return a tick's decisions in its order, which gives out work first, after a given place if one is given."""
    decided = AutonomyBotDecision
    asked = _DECIDED.where(decided.run_id == tick_id).order_by(decided.seq).limit(limit)
    if after is not None:
        asked = asked.where(decided.seq > after)
    if wanted.decision is not None:
        asked = asked.where(decided.decision == wanted.decision)
    if wanted.reason_code is not None:
        asked = asked.where(decided.reason_code == wanted.reason_code)
    if wanted.words:
        asked = asked.where(Bot.name.icontains(wanted.words, autoescape=True))
    return rows_of(db.execute(asked), DecisionRow)


def count_decisions(db: Session, tick_id: int) -> Sequence[ReasonCount]:
    """Return how many bots a tick gave each decision and reason, most first; none where they are forgotten."""
    decided = AutonomyBotDecision
    counted = select(decided.decision, decided.reason_code, func.count().label("bots")).where(decided.run_id == tick_id)
    grouped = counted.group_by(decided.decision, decided.reason_code)
    return rows_of(db.execute(grouped.order_by(func.count().desc(), decided.reason_code)), ReasonCount)


def decisions_of_bot(db: Session, bot_id: UUID, *, limit: int) -> Sequence[DecisionOfBot]:
    """Return what the latest ticks decided for a bot, newest first."""
    decided, run = AutonomyBotDecision, AutonomyRun
    asked = (
        select(
            decided.run_id, run.started_at, decided.decision, decided.job_type, decided.reason_code, decided.blockers
        )
        .join(run, run.id == decided.run_id)
        .where(decided.bot_id == bot_id)
    )
    return rows_of(db.execute(asked.order_by(decided.run_id.desc()).limit(limit)), DecisionOfBot)
