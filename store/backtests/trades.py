"""Trades and fills: their tables, and what the price of an old row was.

Belongs here: the two tables that hold prices, how a price is read, the trades of a session. Does not belong here:
writing trades (`sessions.py`), which trades count (`figures/books.py`, `figures/rollups.py`).

A price is its ticks times the tick, exactly; the ledger keeps all three, and the database refuses a row where they
disagree. Before migration 0013 a price was its ticks times the whole micro-dollars of a tick, with six decimals and no
ticks beside it. Such rows stay as they are and are told by their missing ticks. They are read as what they meant: where
a tick has whole micro-dollars the price was right; where it has some, the ticks still stand in it; where it has none
(the yen), the price is unknown.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    case,
    func,
    null,
    select,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from store.base import Base, one_of
from store.rows import rows_of
from store.tables import BOOKS, EXIT_REASONS, SIDES, STAGES
from trading.market.instruments import instrument
from trading.money import MICROS_PER_USD


def prices_are_ticks(*ends: str) -> CheckConstraint:
    """Return the CHECK that a price is its ticks times the tick; rows from before it are not asked.

    Args:
        ends: What the prices are of (`entry`, `exit`); none where the table has one price.
    """
    pairs = [(f"{end}_price", f"{end}_ticks") for end in ends] or [("price", "price_ticks")]
    known = ", ".join([*(ticks for _, ticks in pairs), "tick_size"])
    exact = " AND ".join(f"{price} = {ticks} * tick_size" for price, ticks in pairs)
    rule = f"num_nulls({known}) = 0 AND {exact}"
    return CheckConstraint(rule, name="prices_are_ticks", postgresql_not_valid=True)


class TradeLog(Base):
    """One round trip of one session or stage book. Raw truth."""

    __tablename__ = "trade_logs"
    __table_args__ = (
        one_of("book", BOOKS),
        one_of("side", SIDES),
        one_of("exit_reason", EXIT_REASONS),
        CheckConstraint("(book = 'BACKTEST') = (session_id IS NOT NULL)", name="backtests_have_a_session"),
        CheckConstraint("exit_at >= entry_at", name="exit_follows_entry"),
        CheckConstraint("net_pnl_usd = gross_pnl_usd - commission_usd - slippage_usd", name="net_is_gross_less_costs"),
        prices_are_ticks("entry", "exit"),
        UniqueConstraint("session_id", "seq"),
        Index("ix_trade_logs__stage_book", "bot_id", "created_at", postgresql_where=text("book <> 'BACKTEST'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("backtest_sessions.id"))
    bot_id: Mapped[UUID]
    book: Mapped[str]
    seq: Mapped[int]
    side: Mapped[str]
    contracts: Mapped[int] = mapped_column(SmallInteger)
    entry_at: Mapped[datetime]
    exit_at: Mapped[datetime]
    entry_price: Mapped[Decimal] = mapped_column(Numeric())
    exit_price: Mapped[Decimal] = mapped_column(Numeric())
    entry_ticks: Mapped[int | None] = mapped_column(BigInteger)
    exit_ticks: Mapped[int | None] = mapped_column(BigInteger)
    tick_size: Mapped[Decimal | None] = mapped_column(Numeric())
    bars_held: Mapped[int]
    gross_pnl_usd: Mapped[Decimal]
    commission_usd: Mapped[Decimal]
    slippage_usd: Mapped[Decimal]
    net_pnl_usd: Mapped[Decimal]
    mae_usd: Mapped[Decimal]
    mfe_usd: Mapped[Decimal]
    exit_reason: Mapped[str]
    created_at: Mapped[datetime]


class ExecutionFill(Base):
    """One fill of a stage book (paper and above). Raw truth."""

    __tablename__ = "execution_fills"
    __table_args__ = (
        one_of("book", STAGES[1:]),
        CheckConstraint("side IN ('BUY', 'SELL')", name="side_is_known"),
        CheckConstraint("quantity_contracts > 0", name="quantity_is_positive"),
        prices_are_ticks(),
        UniqueConstraint("venue", "venue_fill_id"),
        Index("ix_execution_fills__bot_book", "bot_id", "book", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    book: Mapped[str]
    client_order_id: Mapped[str]
    venue: Mapped[str]
    venue_fill_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity_contracts: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric())
    price_ticks: Mapped[int | None] = mapped_column(BigInteger)
    tick_size: Mapped[Decimal | None] = mapped_column(Numeric())
    commission_usd: Mapped[Decimal]
    realised_pnl_usd: Mapped[Decimal]
    filled_at: Mapped[datetime]
    created_at: Mapped[datetime]


class TradeRow(NamedTuple):
    """One round trip as `told_columns` reads it; a price is None where it is unknown."""

    id: int
    session_id: UUID | None
    bot_id: UUID
    book: str
    seq: int
    side: str
    contracts: int
    entry_at: datetime
    exit_at: datetime
    entry_price: Decimal | None
    exit_price: Decimal | None
    entry_ticks: int | None
    exit_ticks: int | None
    tick_size: Decimal | None
    bars_held: int
    gross_pnl_usd: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal
    net_pnl_usd: Decimal
    mae_usd: Decimal
    mfe_usd: Decimal
    exit_reason: str
    created_at: datetime


def trades_of_session(db: Session, session_id: UUID, *, symbol: str) -> list[TradeRow]:
    """Return every trade of a session in entry order. Served by the unique key (session_id, seq)."""
    own = select(*told_columns(symbol)).where(TradeLog.session_id == session_id)
    return rows_of(db.execute(own.order_by(TradeLog.seq)), TradeRow)


def told_columns(symbol: str) -> Sequence[ColumnElement[Any]]:
    """Return the columns of `trade_logs`, with prices as they were where a row is from before there were ticks.

    Args:
        symbol: What the trades are of.
    """
    prices = {price.key: _told(price, symbol) for price in (TradeLog.entry_price, TradeLog.exit_price)}
    return [prices.get(column.name, column) for column in TradeLog.__table__.columns]


def _told(price: InstrumentedAttribute[Decimal], symbol: str) -> ColumnElement[Any]:
    tick = instrument(symbol).tick_size
    whole = int(tick * MICROS_PER_USD)
    if whole == tick * MICROS_PER_USD:
        return price.expression
    meant = func.round(price * MICROS_PER_USD / whole) * tick if whole else null()
    return case((TradeLog.tick_size.is_(None), meant), else_=price.expression).label(price.key)
