"""The search for better genomes as people look at it: iterations over the whole fleet, and every candidate of one.

Belongs here: read-only statements on iterations, candidates and the genomes they started from. Does not belong here:
writing them (`iterations.py`), one bot's own (`bots/dossier.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FromClause, Row, Select, select, tuple_
from sqlalchemy.orm import Session

from store.tables import Bot, BotGeneration, ImproveCandidate, ImproveIteration

Rows = Sequence[Row[*tuple[Any, ...]]]
MOST_NAMED = 200
_OF_THE_BOT = (Bot.name, Bot.symbol, Bot.timeframe, Bot.archetype)


@dataclass(frozen=True, slots=True)
class IterationFilter:
    """Which iterations; None leaves a filter out. `words` is looked for in the bot's name."""

    accepted: bool | None = None
    job_type: str | None = None
    words: str | None = None


def iterations(session: Session, wanted: IterationFilter, *, before: tuple[datetime, UUID] | None, limit: int) -> Rows:
    """Return iterations that ended, youngest first, older than a given one if one is given.

    Words that few bots' names have are looked up first and each of those bots' own iterations read by
    `ix_improve_iterations__bot_completed`: however rare they are, no other bot's are passed over. Words that many have
    are met soon on the way down from the youngest.
    """
    youngest = _youngest(wanted, before).limit(limit)
    if not wanted.words:
        return session.execute(_with_bot(youngest.subquery())).all()
    matches = Bot.name.icontains(wanted.words, autoescape=True)
    named = session.scalars(select(Bot.id).where(matches).limit(MOST_NAMED + 1)).all()
    if len(named) > MOST_NAMED:
        on_the_way = youngest.join(Bot, Bot.id == ImproveIteration.bot_id).where(matches)
        return session.execute(_with_bot(on_the_way.subquery())).all()
    own = youngest.where(ImproveIteration.bot_id == Bot.id).correlate(Bot).lateral()
    return session.execute(_with_bot(own).where(Bot.id.in_(named)).limit(limit)).all()


def iteration(session: Session, iteration_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """Return one iteration, or None where there is none."""
    own = select(*ImproveIteration.__table__.columns).where(ImproveIteration.id == iteration_id)
    return session.execute(_with_bot(own.subquery())).first()


def candidates(session: Session, iteration_id: UUID, *, limit: int) -> Rows:
    """Return every genome an iteration tried, in the order of trying; held-out columns only of those it judged."""
    tried = ImproveCandidate
    own = select(*tried.__table__.columns).where(tried.iteration_id == iteration_id)
    return session.execute(own.order_by(tried.trial).limit(limit)).all()


def genome(session: Session, bot_id: UUID, generation_number: int) -> dict[str, Any]:
    """Return the genome of a bot's generation."""
    own = (BotGeneration.bot_id == bot_id, BotGeneration.generation_number == generation_number)
    return dict(session.execute(select(BotGeneration.genome).where(*own)).scalar_one())


def _youngest(wanted: IterationFilter, before: tuple[datetime, UUID] | None) -> Select[*tuple[Any, ...]]:
    iteration = ImproveIteration
    asked: Select[*tuple[Any, ...]] = select(*iteration.__table__.columns)
    if before is not None:
        asked = asked.where(tuple_(iteration.completed_at, iteration.id) < before)
    if wanted.accepted is not None:
        asked = asked.where(iteration.accepted if wanted.accepted else ~iteration.accepted)
    if wanted.job_type is not None:
        asked = asked.where(iteration.job_type == wanted.job_type)
    return asked.order_by(iteration.completed_at.desc(), iteration.id.desc())


def _with_bot(found: FromClause) -> Select[*tuple[Any, ...]]:
    told: Select[*tuple[Any, ...]] = select(*found.c, *_OF_THE_BOT)
    return (
        told.select_from(Bot)
        .join(found, found.c.bot_id == Bot.id)
        .order_by(found.c.completed_at.desc(), found.c.id.desc())
    )
