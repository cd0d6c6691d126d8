"""The search for better genomes as people look at it: iterations over the whole fleet, and every candidate of one.

Belongs here: read-only statements on iterations, candidates and the genomes they started from. Does not belong here:
writing them (`iterations.py`), one bot's own (`dossier.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.orm import Session

from store.tables import Bot, BotGeneration, ImproveCandidate, ImproveIteration

Rows = Sequence[Row[*tuple[Any, ...]]]
_ITERATIONS = select(*ImproveIteration.__table__.columns, Bot.name, Bot.symbol, Bot.timeframe, Bot.archetype).join(
    Bot, Bot.id == ImproveIteration.bot_id
)


@dataclass(frozen=True, slots=True)
class IterationFilter:
    """Which iterations; None leaves a filter out. `words` is looked for in the bot's name."""

    accepted: bool | None = None
    job_type: str | None = None
    words: str | None = None


def iterations(session: Session, wanted: IterationFilter, *, before: tuple[datetime, UUID] | None, limit: int) -> Rows:
    """Return iterations that ended, youngest first, older than a given one if one is given."""
    iteration = ImproveIteration
    asked = _ITERATIONS.order_by(iteration.completed_at.desc(), iteration.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(tuple_(iteration.completed_at, iteration.id) < before)
    if wanted.accepted is not None:
        asked = asked.where(iteration.accepted == wanted.accepted)
    if wanted.job_type is not None:
        asked = asked.where(iteration.job_type == wanted.job_type)
    if wanted.words:
        asked = asked.where(Bot.name.icontains(wanted.words, autoescape=True))
    return session.execute(asked).all()


def iteration(session: Session, iteration_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """Return one iteration, or None where there is none."""
    return session.execute(_ITERATIONS.where(ImproveIteration.id == iteration_id)).first()


def candidates(session: Session, iteration_id: UUID, *, limit: int) -> Rows:
    """Return every genome an iteration tried, in the order of trying; held-out columns only of those it judged."""
    tried = ImproveCandidate
    own = select(*tried.__table__.columns).where(tried.iteration_id == iteration_id)
    return session.execute(own.order_by(tried.trial).limit(limit)).all()


def genome(session: Session, bot_id: UUID, generation_number: int) -> dict[str, Any]:
    """Return the genome of a bot's generation."""
    own = (BotGeneration.bot_id == bot_id, BotGeneration.generation_number == generation_number)
    return dict(session.execute(select(BotGeneration.genome).where(*own)).scalar_one())
