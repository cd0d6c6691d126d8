"""One book of one bot: its figures since the baseline, the trades behind them, and what was shown before.

Belongs here: read-only statements on one bot's books. Does not belong here: the fleet (`bots/fleet.py`), computing
figures (`rollups.py`), what else a bot has lived through (`bots/dossier.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, and_, column, literal_column, select, true, values
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from store.backtests.trades import TradeLog, TradeRow, told_columns
from store.figure_columns import read_figures
from store.rows import first_of, rows_of
from store.tables import (
    Bot,
    BotEquityCurve,
    BotMetricsRollup,
    BotPerformanceSnapshot,
    MetricsBaseline,
)
from trading.books import Book
from trading.figures.declared import Figures

LAST_SEQ = 2**31 - 1
LAST_ID = 2**63 - 1


class BookRow(NamedTuple):
    """One book of a bot: its baseline and its rollup, whose columns are null where nothing counts since."""

    book: str
    since: datetime | None
    name: str
    symbol: str
    stage: str
    account_usd: Decimal
    session_id: UUID | None
    sessions: int | None
    data_source: str | None
    generation_number: int | None
    in_sample: bool | None
    bust_at: datetime | None
    computed_at: datetime | None
    figures: Figures


class CurveRow(NamedTuple):
    """The equity curve of one bot and book, oldest day first."""

    since: datetime | None
    session_id: UUID | None
    trading_on: list[date]
    equity_usd: list[Decimal]


class ShownRow(NamedTuple):
    """Figures as they were shown from a moment on."""

    taken_at: datetime
    since: datetime | None
    session_id: UUID | None
    generation_number: int | None
    net_pnl_usd: Decimal | None
    trades: int


@dataclass(frozen=True, slots=True)
class TradeSource:
    """Where the trades behind a book's figures stand: one session, or a stage book since its baseline."""

    bot_id: UUID
    symbol: str
    book: str
    session_id: UUID | None
    since: datetime | None

    def place_of(self, trade: TradeRow) -> int:
        """Return what orders its trades: `seq` within a session, `id` within a stage book."""
        return trade.seq if self.book == Book.BACKTEST else trade.id

    @property
    def is_empty(self) -> bool:
        """Whether no trade can count: a backtest book without a session since its baseline."""
        return self.book == Book.BACKTEST and self.session_id is None


def books_of_bot(db: Session, bot_id: UUID) -> list[BookRow]:
    """Return one row per book, in the order of the stages, none for an unknown bot.

    Figures are null where the rollup does not belong to the book's present baseline: a reset blanks them at once.
    """
    listed = values(column("book", Text), column("place", Integer), name="listed").data(
        [(book.value, place) for place, book in enumerate(Book)]
    )
    baseline, rollup = MetricsBaseline, BotMetricsRollup
    joined = (
        select(
            listed.c.book,
            baseline.reset_at.label("since"),
            Bot.name,
            Bot.symbol,
            Bot.stage,
            Bot.account_usd,
            rollup.session_id,
            rollup.sessions,
            rollup.data_source,
            rollup.generation_number,
            rollup.in_sample,
            rollup.bust_at,
            rollup.computed_at,
            *read_figures(rollup.__table__),
        )
        .select_from(Bot)
        .join(listed, true())
        .outerjoin(baseline, and_(baseline.bot_id == Bot.id, baseline.book == listed.c.book))
        .outerjoin(
            rollup,
            and_(
                rollup.bot_id == Bot.id,
                rollup.book == listed.c.book,
                rollup.since.is_not_distinct_from(baseline.reset_at),
            ),
        )
    )
    return rows_of(db.execute(joined.where(Bot.id == bot_id).order_by(listed.c.place)), BookRow)


def equity_curve(db: Session, bot_id: UUID, *, book: str) -> CurveRow | None:
    """Return a bot's equity curve in a book, or None; a curve from before the book's curve was reset does not count."""
    curve, baseline = BotEquityCurve, MetricsBaseline
    own = (
        select(curve.since, curve.session_id, curve.trading_on, curve.equity_usd)
        .outerjoin(baseline, and_(baseline.bot_id == curve.bot_id, baseline.book == curve.book))
        .where(curve.bot_id == bot_id, curve.book == book)
    )
    return first_of(db.execute(own.where(curve.since.is_not_distinct_from(baseline.equity_reset_at))), CurveRow)


def shown_before(db: Session, bot_id: UUID, *, book: str, limit: int) -> list[ShownRow]:
    """Return the newest figures that were shown of a book, newest first. Served by the snapshots' index."""
    snapshot = BotPerformanceSnapshot
    columns = (
        snapshot.taken_at,
        snapshot.since,
        snapshot.session_id,
        snapshot.generation_number,
        snapshot.net_pnl_usd,
        snapshot.trades,
    )
    own = select(*columns).where(snapshot.bot_id == bot_id, snapshot.book == book)
    return rows_of(db.execute(own.order_by(snapshot.taken_at.desc(), snapshot.id.desc()).limit(limit)), ShownRow)


def trades_before(db: Session, source: TradeSource, *, before: int | None, limit: int) -> list[TradeRow]:
    """Return trades with a smaller place, newest first."""
    if source.is_empty:
        return []
    at = _place(source)
    last = LAST_SEQ if source.book == Book.BACKTEST else LAST_ID
    earlier = _own(source).where(at < min(last if before is None else before, last))
    return rows_of(db.execute(earlier.order_by(at.desc()).limit(limit)), TradeRow)


def trades_after(db: Session, source: TradeSource, *, after: int, limit: int) -> list[TradeRow]:
    """Return trades with a larger place, oldest first."""
    if source.is_empty:
        return []
    at = _place(source)
    return rows_of(db.execute(_own(source).where(at > after).order_by(at).limit(limit)), TradeRow)


def _place(source: TradeSource) -> ColumnElement[int]:
    return TradeLog.seq.expression if source.book == Book.BACKTEST else TradeLog.id.expression


def _own(source: TradeSource) -> Select[*tuple[Any, ...]]:
    trade = TradeLog
    every: Select[*tuple[Any, ...]] = select(*told_columns(source.symbol))
    if source.book == Book.BACKTEST:
        return every.where(trade.session_id == source.session_id)
    own = every.where(
        trade.bot_id == source.bot_id, trade.book == source.book, trade.book != literal_column("'BACKTEST'")
    )
    return own if source.since is None else own.where(trade.created_at >= source.since)
