"""The ticks and what each decided, a page at a time, for the people who ask why.

Belongs here: statements behind the decisions page, each bounded by the primary keys of ticks and decisions. Does not
belong here: writing them (`autonomy.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from store.tables import AutonomyBotDecision, AutonomyRun, Bot

_DECIDED = (
    AutonomyBotDecision.seq,
    AutonomyBotDecision.bot_id,
    AutonomyBotDecision.decision,
    AutonomyBotDecision.job_type,
    AutonomyBotDecision.reason_code,
    AutonomyBotDecision.blockers,
)
_TICK = (
    AutonomyRun.id,
    AutonomyRun.started_at,
    AutonomyRun.completed_at,
    AutonomyRun.candidates,
    AutonomyRun.decisions,
    AutonomyRun.summary,
)


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions of a tick; None leaves a filter out. `words` is looked for in the bot's name."""

    decision: str | None = None
    reason_code: str | None = None
    words: str | None = None


def ticks(session: Session, *, before: int | None, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return ticks, newest first, older than a given one if one is given."""
    asked = select(*_TICK).order_by(AutonomyRun.id.desc()).limit(limit)
    return session.execute(asked if before is None else asked.where(AutonomyRun.id < before)).all()


def tick(session: Session, tick_id: int) -> Row[*tuple[Any, ...]] | None:
    """Return one tick, or None where there is none (any more)."""
    return session.execute(select(*_TICK).where(AutonomyRun.id == tick_id)).first()


def decisions(
    session: Session, tick_id: int, *, wanted: DecisionFilter, after: int | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a tick's decisions in its order, which gives out work first, after a given place if one is given."""
    one = AutonomyBotDecision
    asked = (
        select(*_DECIDED, Bot.name, Bot.symbol, Bot.timeframe)
        .outerjoin(Bot, Bot.id == one.bot_id)
        .where(one.run_id == tick_id)
        .order_by(one.seq)
        .limit(limit)
    )
    if after is not None:
        asked = asked.where(one.seq > after)
    if wanted.decision is not None:
        asked = asked.where(one.decision == wanted.decision)
    if wanted.reason_code is not None:
        asked = asked.where(one.reason_code == wanted.reason_code)
    if wanted.words:
        asked = asked.where(Bot.name.icontains(wanted.words, autoescape=True))
    return session.execute(asked).all()


def count_decisions(session: Session, tick_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return how many bots a tick gave each decision and reason, most first; none where they are forgotten."""
    one = AutonomyBotDecision
    counted = select(one.decision, one.reason_code, func.count().label("bots")).where(one.run_id == tick_id)
    grouped = counted.group_by(one.decision, one.reason_code)
    return session.execute(grouped.order_by(func.count().desc(), one.reason_code)).all()
