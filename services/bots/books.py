"""One book of one bot: figures, curve, sessions and trades since its baseline.

Belongs here: read-only use cases behind a bot's book tabs and its exports. Does not belong here: what else the bot has
lived through (`life.py`), many bots (`fleet.py`), files and JSON.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.bots.cards import BookFigures, book_figures
from services.desk import Desk
from services.paging import page_of
from store.backtests.sessions import TRADE_FACTS as TRADE_FACTS
from store.backtests.trades import TradeRow as TradeRow
from store.bots import dossier
from store.bots.dossier import SessionRow
from store.bots.fleet import CardRow
from store.database import transaction
from store.figures import books
from store.figures.books import BookRow, CurveRow, TradeSource
from store.figures.books import ShownRow as ShownRow
from trading.books import Book, Stage
from trading.errors import UnknownBots
from trading.figures.baselines import counts
from trading.figures.performance import drawdown_pct
from trading.market.instruments import instrument

SHOWN_BEFORE = 1_000
TRADES_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """Account equity at the close of each trading day since the baseline, oldest first.

    Attributes:
        since: Since when the curve counts; earlier than its book's baseline where a reset spared it.
        session_id: The backtest session it belongs to.
        account_usd: What the account began with.
        drawdown_pct: How far each close stands below the highest before it, the account included; at most 0.
    """

    book: str
    since: datetime | None
    session_id: UUID | None = None
    account_usd: float
    trading_on: tuple[date, ...] = ()
    equity_usd: tuple[float, ...] = ()
    drawdown_pct: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookView:
    """One book of a bot: its figures, its curve, and the figures that were shown before, oldest first."""

    figures: BookFigures
    session_id: UUID | None
    equity: Equity
    shown_before: tuple[ShownRow, ...]


@dataclass(frozen=True, slots=True)
class TradesPage:
    """Trades of one book since its baseline, newest first, the decimals of their prices, where the next page starts."""

    book: str
    session_id: UUID | None
    price_decimals: int
    trades: tuple[TradeRow, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A backtest session, and whether it counts since the reset."""

    run: SessionRow
    counts_since_reset: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Backtest sessions, newest first, and where the next page starts."""

    sessions: tuple[SessionView, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class TradeFile:
    """Every trade of a book since its baseline, oldest first, read in portions as it is consumed."""

    bot_name: str
    book: str
    trades: Iterator[TradeRow]


def bot_book(desk: Desk, bot_id: UUID, book: Book) -> BookView:
    """Return one book of a bot, in one transaction.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        row = _row(db, bot_id, book)
        curve = books.equity_curve(db, bot_id, book=book)
        before = books.shown_before(db, bot_id, book=book, limit=SHOWN_BEFORE)
    return BookView(
        figures=book_figures(row),
        session_id=row.session_id,
        equity=equity(row, curve),
        shown_before=tuple(before[::-1]),
    )


def bot_trades(desk: Desk, bot_id: UUID, *, book: Book | None = None, cursor: int | None, limit: int) -> TradesPage:
    """Return a page of the trades behind a bot's book, its current one unless named.

    A backtest book's trades are those of the session its figures show, a stage book's those since its baseline.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        source = _source(bot_id, _row(db, bot_id, book))
        trades = books.trades_before(db, source, before=cursor, limit=limit + 1)
    listed, last = page_of(trades, limit)
    decimals = instrument(source.symbol).price_decimals
    more = source.place_of(last) if last is not None else None
    return TradesPage(source.book, source.session_id, decimals, listed, more)


def bot_sessions(desk: Desk, bot_id: UUID, *, cursor: UUID | None, limit: int) -> SessionsPage:
    """Return a page of a bot's backtest sessions, those from before its reset too.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        since = _row(db, bot_id, Book.BACKTEST).since
        runs = dossier.sessions_of_bot(db, bot_id, before=cursor, limit=limit + 1)
    portion, last = page_of(runs, limit)
    listed = tuple(SessionView(run, counts(run.created_at, reset_at=since)) for run in portion)
    return SessionsPage(listed, last.id if last is not None else None)


def all_trades(desk: Desk, bot_id: UUID, book: Book | None = None) -> TradeFile:
    """Return every trade of a bot's book, its current one unless named, as of now.

    The session or baseline is chosen once, so a backtest or reset that comes in between cannot mix two records; no
    connection is held while the reader is slow.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        row = _row(db, bot_id, book)
        source = _source(bot_id, row)
        first = books.trades_after(db, source, after=0, limit=TRADES_AT_A_TIME)
    return TradeFile(row.name, source.book, _portions(desk, source, first))


def equity(row: CardRow | BookRow, curve: CurveRow | None) -> Equity:
    """Return the curve of a book from its row and the curve that counts, if there is one."""
    account = float(row.account_usd)
    if curve is None:
        return Equity(book=row.book, since=row.since, account_usd=account)
    closes = tuple(float(usd) for usd in curve.equity_usd)
    return Equity(
        book=row.book,
        since=curve.since,
        session_id=curve.session_id,
        account_usd=account,
        trading_on=tuple(curve.trading_on),
        equity_usd=closes,
        drawdown_pct=tuple(drawdown_pct((account, *closes))[1:]),
    )


def _row(db: Session, bot_id: UUID, book: Book | None) -> BookRow:
    for row in books.books_of_bot(db, bot_id):
        if row.book == (book or Stage(row.stage).book):
            return row
    raise UnknownBots([str(bot_id)])


def _source(bot_id: UUID, row: BookRow) -> TradeSource:
    return TradeSource(bot_id, row.symbol, row.book, row.session_id, row.since)


def _portions(desk: Desk, source: TradeSource, portion: Sequence[TradeRow]) -> Iterator[TradeRow]:
    while portion:
        yield from portion
        if len(portion) < TRADES_AT_A_TIME:
            return
        last = source.place_of(portion[-1])
        with transaction(desk.database) as db:
            portion = books.trades_after(db, source, after=last, limit=TRADES_AT_A_TIME)
