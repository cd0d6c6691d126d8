"""The search for better genomes as people look at it: iterations over the whole fleet, and every candidate of one.

Belongs here: read-only statements on iterations, candidates and the genomes they started from. Does not belong here:
writing them (`iterations.py`), one bot's own (`bots/dossier.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import FromClause, Select, select, tuple_
from sqlalchemy.orm import Session

from store.rows import first_of, rows_of
from store.tables import Bot, BotGeneration, ImproveCandidate, ImproveIteration

MOST_NAMED = 200


class IterationRow(NamedTuple):
    """One iteration of one bot and its verdict."""

    id: UUID
    bot_id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    job_type: str
    iteration: int
    parent_generation: int
    new_generation: int | None
    accepted: bool
    reason_code: str
    reason: str
    candidates_tried: int
    evidence: dict[str, Any]
    data_source: str
    completed_at: datetime


_ITERATION = (
    ImproveIteration.id,
    ImproveIteration.bot_id,
    ImproveIteration.job_type,
    ImproveIteration.iteration,
    ImproveIteration.parent_generation,
    ImproveIteration.new_generation,
    ImproveIteration.accepted,
    ImproveIteration.reason_code,
    ImproveIteration.reason,
    ImproveIteration.candidates_tried,
    ImproveIteration.evidence,
    ImproveIteration.data_source,
    ImproveIteration.completed_at,
)
_OF_THE_BOT = (Bot.name, Bot.symbol, Bot.timeframe, Bot.archetype)


class CandidateRow(NamedTuple):
    """One genome that was tried on a segment.

    Attributes:
        train_*: On the bars the search saw.
        test_*: Held out; None except where the segment's choice was judged.
    """

    trial: int
    segment: int
    train_sharpe: float | None
    train_net_pnl_usd: Decimal | None
    train_trades: int
    test_sharpe: float | None
    test_net_pnl_usd: Decimal | None
    test_trades: int | None
    genome: dict[str, Any]


_CANDIDATE = (
    ImproveCandidate.trial,
    ImproveCandidate.segment,
    ImproveCandidate.train_sharpe,
    ImproveCandidate.train_net_pnl_usd,
    ImproveCandidate.train_trades,
    ImproveCandidate.test_sharpe,
    ImproveCandidate.test_net_pnl_usd,
    ImproveCandidate.test_trades,
    ImproveCandidate.genome,
)


@dataclass(frozen=True, slots=True)
class IterationFilter:
    """Which iterations; None leaves a filter out. `words` is looked for in the bot's name."""

    accepted: bool | None = None
    job_type: str | None = None
    words: str | None = None


def iterations(
    db: Session, wanted: IterationFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[IterationRow]:
    """Return iterations that ended, youngest first, older than a given one if one is given.

    Words that few bots' names have are looked up first and each of those bots' own iterations read by
    `ix_improve_iterations__bot_completed`: however rare they are, no other bot's are passed over. Words that many have
    are met soon on the way down from the youngest.
    """
    youngest = _youngest(wanted, before).limit(limit)
    if not wanted.words:
        return rows_of(db.execute(_with_bot(youngest.subquery())), IterationRow)
    matches = Bot.name.icontains(wanted.words, autoescape=True)
    named = db.scalars(select(Bot.id).where(matches).limit(MOST_NAMED + 1)).all()
    if len(named) > MOST_NAMED:
        on_the_way = youngest.join(Bot, Bot.id == ImproveIteration.bot_id).where(matches)
        return rows_of(db.execute(_with_bot(on_the_way.subquery())), IterationRow)
    own = youngest.where(ImproveIteration.bot_id == Bot.id).correlate(Bot).lateral()
    return rows_of(db.execute(_with_bot(own).where(Bot.id.in_(named)).limit(limit)), IterationRow)


def iteration(db: Session, iteration_id: UUID) -> IterationRow | None:
    """Return one iteration, or None where there is none."""
    own = select(*_ITERATION).where(ImproveIteration.id == iteration_id)
    return first_of(db.execute(_with_bot(own.subquery())), IterationRow)


def candidates(db: Session, iteration_id: UUID, *, limit: int) -> Sequence[CandidateRow]:
    """Return every genome an iteration tried, in the order of trying; held-out columns only of those it judged."""
    tried = ImproveCandidate
    own = select(*_CANDIDATE).where(tried.iteration_id == iteration_id)
    return rows_of(db.execute(own.order_by(tried.trial).limit(limit)), CandidateRow)


def genome(db: Session, bot_id: UUID, generation_number: int) -> dict[str, Any]:
    """Return the genome of a bot's generation."""
    own = (BotGeneration.bot_id == bot_id, BotGeneration.generation_number == generation_number)
    return dict(db.execute(select(BotGeneration.genome).where(*own)).scalar_one())


def _youngest(wanted: IterationFilter, before: tuple[datetime, UUID] | None) -> Select[*tuple[Any, ...]]:
    iteration = ImproveIteration
    asked: Select[*tuple[Any, ...]] = select(*_ITERATION)
    if before is not None:
        asked = asked.where(tuple_(iteration.completed_at, iteration.id) < before)
    if wanted.accepted is not None:
        asked = asked.where(iteration.accepted if wanted.accepted else ~iteration.accepted)
    if wanted.job_type is not None:
        asked = asked.where(iteration.job_type == wanted.job_type)
    return asked.order_by(iteration.completed_at.desc(), iteration.id.desc())


def _with_bot(iterations: FromClause) -> Select[*tuple[Any, ...]]:
    known = {column.key: column for column in (*iterations.c, *_OF_THE_BOT)}
    joined: Select[*tuple[Any, ...]] = select(*(known[name] for name in IterationRow._fields))
    return (
        joined.select_from(Bot)
        .join(iterations, iterations.c.bot_id == Bot.id)
        .order_by(iterations.c.completed_at.desc(), iterations.c.id.desc())
    )
