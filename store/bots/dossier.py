"""One bot in depth: its sessions, generations, iterations, stage moves, resets, and what people did to it.

Belongs here: the statements behind `/api/bots/{id}`; read-only. Does not belong here: the fleet (`fleet.py`), figures,
curves and trades of a book (`figures/books.py`), jobs and decisions (`work/job_pages.py`, `work/ticks.py`).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from store.tables import (
    AuditEvent,
    BacktestSession,
    Bot,
    BotGeneration,
    BotMetricsEvent,
    BotStageEvent,
    ImproveCandidate,
    ImproveIteration,
    RuleText,
)

Rows = Sequence[Row[*tuple[Any, ...]]]


def beside_bot(session: Session, name: str, *, after: bool) -> Row[*tuple[Any, ...]] | None:
    """Return id and name of the bot next after, or next before, a name; archived ones are passed over."""
    further, nearest = (Bot.name > name, Bot.name) if after else (Bot.name < name, Bot.name.desc())
    asked = select(Bot.id, Bot.name).where(further, Bot.archived_at.is_(None))
    return session.execute(asked.order_by(nearest).limit(1)).first()


def sessions_of_bot(session: Session, bot_id: UUID, *, before: UUID | None = None, limit: int) -> Rows:
    """Return a bot's backtest sessions older than one of them, newest first, before and after any reset."""
    run = BacktestSession
    columns = [c for c in run.__table__.columns if c.name not in {"equity_on", "equity_usd", "costs"}]
    own = select(*columns).where(run.bot_id == bot_id)
    if before is not None:
        last = aliased(BacktestSession)
        earlier = or_(run.created_at < last.created_at, and_(run.created_at == last.created_at, run.id > last.id))
        own = own.join(last, and_(last.id == before, last.bot_id == bot_id)).where(earlier)
    return session.execute(own.order_by(run.created_at.desc(), run.id).limit(limit)).all()


def generations_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Rows:
    """Return a bot's newest generations, newest first."""
    own = select(*BotGeneration.__table__.columns).where(BotGeneration.bot_id == bot_id)
    return session.execute(own.order_by(BotGeneration.generation_number.desc()).limit(limit)).all()


def iterations_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Rows:
    """Return a bot's newest improve and evolve iterations, newest first, each with the candidate it judged.

    The candidate is the genome chosen on the last segment, where it met its parent on bars no search had seen; its
    columns are null where an ancestor came back without a search.
    """
    iteration, tried = ImproveIteration, ImproveCandidate
    judged = (
        select(tried.genome, tried.test_sharpe, tried.test_net_pnl_usd, tried.test_trades)
        .where(tried.iteration_id == iteration.id, tried.test_trades.is_not(None))
        .order_by(tried.segment.desc(), tried.trial)
        .limit(1)
        .lateral("judged")
    )
    own = (
        select(*iteration.__table__.columns, *judged.c)
        .select_from(iteration)
        .outerjoin(judged, true())
        .where(iteration.bot_id == bot_id)
    )
    return session.execute(own.order_by(iteration.completed_at.desc(), iteration.id).limit(limit)).all()


def resets_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Rows:
    """Return the newest events in the life of a bot's figures, newest first."""
    event = BotMetricsEvent
    columns = (event.event_type, event.reason_code, event.actor, event.payload_json, event.created_at)
    own = select(*columns).where(event.bot_id == bot_id)
    return session.execute(own.order_by(event.created_at.desc(), event.id.desc()).limit(limit)).all()


def stage_moves_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Rows:
    """Return a bot's newest moves from stage to stage, newest first."""
    move = BotStageEvent
    columns = (move.from_stage, move.to_stage, move.reason_code, move.actor, move.created_at)
    own = select(*columns).where(move.bot_id == bot_id)
    return session.execute(own.order_by(move.created_at.desc(), move.id.desc()).limit(limit)).all()


def acts_on_bot(session: Session, bot_id: UUID, *, limit: int) -> Rows:
    """Return the newest links of the audit chain whose subject is this bot, newest first.

    An act on many bots, such as a reset, names their number in the chain; its rows per bot are `resets_of_bot`. Served
    by `ix_audit_events__subject`.
    """
    event = AuditEvent
    columns = (event.seq, event.at, event.actor, event.action, event.payload)
    own = select(*columns).where(event.subject == str(bot_id))
    return session.execute(own.order_by(event.seq.desc()).limit(limit)).all()


def rule_of_bot(session: Session, bot_id: UUID) -> str | None:
    """Return the text a bot trades by, or None where it trades by an archetype."""
    own = select(RuleText.text).join(Bot, Bot.rule_fingerprint == RuleText.fingerprint)
    return session.scalar(own.where(Bot.id == bot_id))
