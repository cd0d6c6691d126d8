"""Bots, their generations, and what the planner reads of them.

Belongs here: statements on `bots`, `bot_generations` and `bot_progress`. Does not belong here: the bots page
(`fleet.py`), resets, rollups.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.jobs import ACTIVE
from store.tables import Bot, BotGeneration, BotJob, BotProgress, MetricsBaseline, RuleText
from trading.autonomy import Candidate
from trading.jobs import JobType

SeriesOf = Mapping[tuple[str, str], tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class BotAtWork:
    """A bot and the genome of its newest generation: what a job needs to run it.

    Attributes:
        rule_text, rule_fingerprint: Where its archetype is `rule`, the text it trades by.
    """

    id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    session_mode: str
    account_usd: Decimal
    contracts: int
    generation: int
    genome: dict[str, Any]
    genome_hash: str
    rule_text: str | None
    rule_fingerprint: str | None


def register(session: Session, bots: Sequence[dict[str, Any]], generations: Sequence[dict[str, Any]]) -> int:
    """Insert bots with their first generation; known names stay as they are. Returns how many are new."""
    if not bots:
        return 0
    created = set(session.execute(upsert(Bot).on_conflict_do_nothing().returning(Bot.id), bots).scalars())
    if created:
        first = [row for row in generations if row["bot_id"] in created]
        session.execute(upsert(BotGeneration).on_conflict_do_nothing(), first)
        session.execute(upsert(BotProgress).on_conflict_do_nothing(), [{"bot_id": bot_id} for bot_id in created])
    return len(created)


def keep_rule(session: Session, *, fingerprint: str, text: str, now: datetime) -> None:
    """Keep a rule text; one that is known stays as it is."""
    kept = upsert(RuleText).values(fingerprint=fingerprint, text=text, created_at=now)
    session.execute(kept.on_conflict_do_nothing())


def ids_by_name(session: Session, name: str) -> list[UUID]:
    """Return the bots of that name, capitals aside, that are not archived."""
    same = func.lower(Bot.name) == func.lower(name)
    return list(session.scalars(select(Bot.id).where(same, Bot.archived_at.is_(None)).order_by(Bot.id)))


def bot_ids(session: Session) -> list[UUID]:
    """Return every bot that is not archived, by id."""
    return list(session.execute(select(Bot.id).where(Bot.archived_at.is_(None)).order_by(Bot.id)).scalars())


def fleet_mark(session: Session) -> str:
    """Return a text that changes whenever a bot is added or archived."""
    present = func.count().filter(Bot.archived_at.is_(None))
    counted = session.execute(select(present, func.count(), func.max(Bot.created_at))).one()
    return "/".join(map(str, counted))


def symbols(session: Session) -> list[str]:
    """Return every symbol some bot trades, sorted."""
    return list(
        session.execute(select(Bot.symbol).where(Bot.archived_at.is_(None)).distinct().order_by(Bot.symbol)).scalars()
    )


def lock(session: Session, bot_id: UUID) -> None:
    """Hold a bot's row against resets and other jobs until the transaction ends."""
    session.execute(select(Bot.id).where(Bot.id == bot_id).with_for_update(key_share=True))


def at_work(session: Session, bot_id: UUID) -> BotAtWork | None:
    """Return a bot with its newest genome, or None where there is no such bot."""
    newest = (
        select(BotGeneration)
        .where(BotGeneration.bot_id == Bot.id)
        .order_by(BotGeneration.generation_number.desc())
        .limit(1)
        .lateral()
    )
    row = session.execute(
        select(
            Bot.id,
            Bot.name,
            Bot.symbol,
            Bot.timeframe,
            Bot.archetype,
            Bot.session_mode,
            Bot.account_usd,
            Bot.contracts,
            newest.c.generation_number.label("generation"),
            newest.c.genome,
            newest.c.genome_hash,
            RuleText.text.label("rule_text"),
            Bot.rule_fingerprint,
        )
        .select_from(Bot)
        .join(newest, onclause=true())
        .outerjoin(RuleText, RuleText.fingerprint == Bot.rule_fingerprint)
        .where(Bot.id == bot_id)
    ).first()
    return BotAtWork(**row._mapping) if row is not None else None


def ancestors(session: Session, bot_id: UUID, *, before: int, limit: int) -> dict[int, dict[str, Any]]:
    """Return the genomes of a bot's generations before one, newest first, by number."""
    earlier = (
        select(BotGeneration.generation_number, BotGeneration.genome)
        .where(BotGeneration.bot_id == bot_id, BotGeneration.generation_number < before)
        .order_by(BotGeneration.generation_number.desc())
        .limit(limit)
    )
    return {row[0]: row[1] for row in session.execute(earlier)}


def add_generation(session: Session, generation: Mapping[str, Any]) -> None:
    """Append a generation; its number must be the next one."""
    session.execute(upsert(BotGeneration), [dict(generation)])


def progress(session: Session, bot_id: UUID) -> BotProgress:
    """Return a bot's counters, locked for this transaction's update."""
    session.execute(upsert(BotProgress).values(bot_id=bot_id).on_conflict_do_nothing())
    return session.execute(
        select(BotProgress)
        .where(BotProgress.bot_id == bot_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def set_progress(session: Session, bot_id: UUID, **values: object) -> None:
    """Set some of a bot's counters."""
    session.execute(update(BotProgress).where(BotProgress.bot_id == bot_id).values(**values))


def counts_since_baseline(session: Session, bot_id: UUID, *, created_at: datetime) -> bool:
    """Return whether a session that started then counts for the bot: not before its BACKTEST baseline."""
    later = select(MetricsBaseline.bot_id).where(
        MetricsBaseline.bot_id == bot_id, MetricsBaseline.book == "BACKTEST", MetricsBaseline.reset_at > created_at
    )
    return session.execute(later).first() is None


def candidates(session: Session, series: SeriesOf) -> Iterator[Candidate]:
    """Yield every bot that is not archived as the planner sees it; two set-based statements.

    Args:
        session: Open transaction.
        series: Fingerprint and arrival of the best bars per (symbol, timeframe).
    """
    newest = (
        select(
            BotGeneration.bot_id,
            func.max(BotGeneration.generation_number).label("generation"),
            func.max(BotGeneration.created_at).label("generation_since"),
        )
        .group_by(BotGeneration.bot_id)
        .subquery()
    )
    active = _active_types(session)
    rows = session.execute(
        select(
            Bot.id,
            Bot.symbol,
            Bot.timeframe,
            Bot.stage,
            Bot.created_at,
            Bot.killed_at,
            newest.c.generation,
            newest.c.generation_since,
            *(column for column in BotProgress.__table__.columns if column.name != "bot_id"),
        )
        .join(newest, newest.c.bot_id == Bot.id)
        .outerjoin(BotProgress, BotProgress.bot_id == Bot.id)
        .where(Bot.archived_at.is_(None))
    )
    for row in rows:
        yield _candidate(row, series, active.get(row.id, frozenset()))


def _active_types(session: Session) -> Mapping[UUID, frozenset[JobType]]:
    """Return the types of each bot's waiting and running jobs.

    Apart from the fleet, because the queue's size changes faster than the planner's statistics of it.
    """
    types = func.array_agg(BotJob.job_type)
    rows = session.execute(select(BotJob.bot_id, types).where(BotJob.status.in_(ACTIVE)).group_by(BotJob.bot_id))
    return {bot_id: frozenset(JobType(kind) for kind in kinds) for bot_id, kinds in rows}


def _candidate(row: Row[Any], series: SeriesOf, active: frozenset[JobType]) -> Candidate:
    fingerprint, since = series.get((row.symbol, row.timeframe), (None, None))
    return Candidate(
        bot_id=row.id,
        symbol=row.symbol,
        stage=row.stage,
        created_at=row.created_at,
        killed=row.killed_at is not None,
        active=active,
        bars_fingerprint=fingerprint,
        bars_since=since,
        generation=row.generation,
        generation_since=row.generation_since,
        backtests_completed=row.backtests_completed or 0,
        backtest_attempts=row.backtest_attempts or 0,
        backtest_failures_in_row=row.backtest_failures_in_row or 0,
        last_backtest_at=row.last_backtest_at,
        last_session_generation=row.last_session_generation,
        last_session_fingerprint=row.last_session_fingerprint,
        last_session_trades=row.last_session_trades or 0,
        improve_iterations=row.improve_iterations or 0,
        improve_failures_in_row=row.improve_failures_in_row or 0,
        improves_since_evolve=row.improves_since_evolve or 0,
        last_improve_at=row.last_improve_at,
        evolve_iterations=row.evolve_iterations or 0,
        evolve_failures_in_row=row.evolve_failures_in_row or 0,
        last_evolve_at=row.last_evolve_at,
    )
