"""One bot in depth: its sessions, generations, trades and equity curve.

Belongs here: the statements behind `/api/bots/{id}`; read-only. Does not belong here: the fleet (`fleet.py`), jobs and
decisions (`proofs.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal_column, select
from sqlalchemy.orm import Session

from store.tables import BacktestSession, BotEquityCurve, BotGeneration, BotMetricsEvent, TradeLog


def sessions_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a bot's newest backtest sessions, newest first, before and after any reset."""
    run = BacktestSession
    columns = [c for c in run.__table__.columns if c.name not in {"equity_on", "equity_usd", "costs"}]
    own = select(*columns).where(run.bot_id == bot_id)
    return session.execute(own.order_by(run.created_at.desc(), run.id).limit(limit)).all()


def generations_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a bot's newest generations, newest first."""
    own = select(*BotGeneration.__table__.columns).where(BotGeneration.bot_id == bot_id)
    return session.execute(own.order_by(BotGeneration.generation_number.desc()).limit(limit)).all()


def resets_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the newest events in the life of a bot's figures, newest first."""
    event = BotMetricsEvent
    own = select(event.event_type, event.reason_code, event.actor, event.created_at).where(event.bot_id == bot_id)
    return session.execute(own.order_by(event.created_at.desc(), event.id.desc()).limit(limit)).all()


def equity_curve(session: Session, bot_id: UUID, *, book: str) -> Row[*tuple[Any, ...]] | None:
    """Return a bot's equity curve in a book since its baseline, or None."""
    curve = BotEquityCurve
    columns = (curve.since, curve.session_id, curve.trading_on, curve.equity_usd)
    return session.execute(select(*columns).where(curve.bot_id == bot_id, curve.book == book)).first()


def trades_of_session(
    session: Session, session_id: UUID, *, before_seq: int, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a session's trades with a smaller seq, newest first."""
    trade = TradeLog
    own = select(*trade.__table__.columns).where(trade.session_id == session_id, trade.seq < before_seq)
    return session.execute(own.order_by(trade.seq.desc()).limit(limit)).all()


def trades_of_stage_book(
    session: Session, bot_id: UUID, *, book: str, since: datetime, before_id: int, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a bot's trades in a stage book since a moment and with a smaller id, newest first."""
    trade = TradeLog
    own = select(*trade.__table__.columns).where(
        trade.bot_id == bot_id,
        trade.book == book,
        trade.book != literal_column("'BACKTEST'"),
        trade.created_at >= since,
        trade.id < before_id,
    )
    return session.execute(own.order_by(trade.id.desc()).limit(limit)).all()
