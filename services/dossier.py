"""One bot in depth, for the people who ask why.

Belongs here: read-only use cases behind `/api/bots/{id}`. Does not belong here: pages of many bots (`fleet.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.cards import GatedCard, gated_card
from services.desk import Desk
from services.proofs import JobShown, job_shown
from store import dossier, fleet, proofs
from store.database import transaction
from trading.errors import UnknownBots

SHOWN_SESSIONS = 50
SHOWN_GENERATIONS = 200
SHOWN_JOBS = 50
SHOWN_DECISIONS = 50
SHOWN_EVENTS = 50
LAST = 2**31 - 1
LAST_ID = 2**63 - 1

Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """Account equity at the close of each trading day since the baseline, oldest first."""

    book: str
    since: datetime | None
    trading_on: tuple[date, ...]
    equity_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A bot's card and what stands behind it; every list is newest first."""

    bot: GatedCard
    equity: Equity
    sessions: tuple[Columns, ...]
    generations: tuple[Columns, ...]
    jobs: tuple[JobShown, ...]
    decisions: tuple[Columns, ...]
    metrics_events: tuple[Columns, ...]


@dataclass(frozen=True, slots=True)
class TradesPage:
    """Trades of one book since its baseline, newest first, and where the next page starts."""

    book: str
    session_id: UUID | None
    trades: tuple[Columns, ...]
    next_cursor: int | None


def bot_dossier(desk: Desk, bot_id: UUID) -> Dossier:
    """Return one bot in depth, in one transaction.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.sessions) as session:
        row = fleet.read_bots_with_evidence(session, [bot_id]).get(bot_id)
        if row is None:
            raise UnknownBots([str(bot_id)])
        bot = gated_card(row, now=desk.clock())
        curve = dossier.equity_curve(session, bot_id, book=bot.metrics.book)
        jobs = proofs.jobs_of_bot(session, bot_id, limit=SHOWN_JOBS)
        lists = {
            "sessions": dossier.sessions_of_bot(session, bot_id, limit=SHOWN_SESSIONS),
            "generations": dossier.generations_of_bot(session, bot_id, limit=SHOWN_GENERATIONS),
            "decisions": proofs.decisions_of_bot(session, bot_id, limit=SHOWN_DECISIONS),
            "metrics_events": dossier.resets_of_bot(session, bot_id, limit=SHOWN_EVENTS),
        }
    current = curve if curve is not None and curve.since == bot.metrics.since else None
    equity = Equity(
        book=bot.metrics.book,
        since=bot.metrics.since,
        trading_on=tuple(current.trading_on) if current is not None else (),
        equity_usd=tuple(float(usd) for usd in current.equity_usd) if current is not None else (),
    )
    shown = {name: _columns(rows) for name, rows in lists.items()}
    return Dossier(bot=bot, equity=equity, jobs=tuple(job_shown(row) for row in jobs), **shown)


def bot_trades(desk: Desk, bot_id: UUID, *, cursor: int | None, limit: int) -> TradesPage:
    """Return a page of a bot's trades in its current book: of the session its figures show, or of its stage book.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.sessions) as session:
        row = fleet.read_bots(session, [bot_id]).get(bot_id)
        if row is None:
            raise UnknownBots([str(bot_id)])
        if row.book != "BACKTEST":
            trades = dossier.trades_of_stage_book(
                session,
                bot_id,
                book=row.book,
                since=row.since or row.created_at,
                before_id=cursor or LAST_ID,
                limit=limit + 1,
            )
        elif row.session_id is not None:
            trades = dossier.trades_of_session(
                session, row.session_id, before_seq=LAST if cursor is None else min(cursor, LAST), limit=limit + 1
            )
        else:
            trades = []
    shown = _columns(trades[:limit])
    key = "seq" if row.book == "BACKTEST" else "id"
    return TradesPage(row.book, row.session_id, shown, shown[-1][key] if len(trades) > limit else None)


def _columns(rows: Iterable[Row[*tuple[Any, ...]]]) -> tuple[Columns, ...]:
    return tuple(dict(row._mapping) for row in rows)
