"""`/api/bots/{id}/...` and `/api/bots.csv`: what stands behind one bot's page, and exports.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: pages of the fleet
(`fleet.py`), tear sheets (`backtests/tear_sheets.py`), rules, SQL.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.bots.dossier_contract import TradesAnswer
from api.bots.life_contract import BookAnswer, LifeAnswer, RecordCurveAnswer, SessionsAnswer
from api.edge.contract import BotId, PageLimit, Sort, Written
from api.edge.csv_files import CsvFile
from api.edge.deps import AtDesk, WantedBots
from api.edge.problems import documented
from api.live.rows import filterable
from services.bots.books import TRADE_FACTS, all_trades, bot_book, bot_sessions, bot_trades
from services.bots.cards import BotCard
from services.bots.exports import each_matching_bot
from services.bots.fleet import FleetOrder
from services.bots.life import bot_life
from services.bots.records import bot_record
from trading.books import Book
from trading.bots.filter import bot_filter
from trading.figures.declared import FIGURES, at_rest, exact
from trading.work.badges import State

BOT_COLUMNS = (
    "id",
    "name",
    "stage",
    "symbol",
    "timeframe",
    "archetype",
    "generation",
    "promotion_mode",
    "stage_locked_until",
    "metrics_reset_at",
    "confidence_pct",
    "uniqueness_pct",
)
BOOK_COLUMNS = ("book", "since", "data_source")
WHOSE_FIGURES = {"figures_generation": "generation", "in_sample": "in_sample", "bust_at": "bust_at"}
FilterText = Annotated[
    str,
    Written(r"^[ -~]{0,200}$", "up to 200 printable ASCII characters"),
    Query(alias="filter", description="As typed on the board"),
]

router = APIRouter(prefix="/api", tags=["bot page"])


@router.get("/bots.csv", response_class=CsvFile, responses=documented(422))
def bots_file(
    desk: AtDesk,
    wanted: WantedBots,
    *,
    state: Annotated[list[State] | None, Query(max_length=len(State))] = None,
    sort: Sort = "name",
    written: FilterText = "",
) -> Response:
    """List the bots a filter leaves with what they do now and their figures since reset; `state` may be repeated.

    `filter` is the board's: words, `field:word`, `figure>number`, `-` before what is not wanted.
    """
    passing = bot_filter(written)
    order = FleetOrder(sort.removeprefix("-"), sort.startswith("-"))
    cards = each_matching_bot(desk, wanted, order, states=state or ())
    rows = (_bot_row(card) for card in cards if passing.passes(filterable(card)))
    heads = (*BOT_COLUMNS, "now", *BOOK_COLUMNS, *WHOSE_FIGURES, *map(at_rest, FIGURES))
    return CsvFile("bots.csv", heads, rows)


@router.get("/bots/{bot_id}/life", response_model=LifeAnswer, responses=documented(404, 422))
def life(desk: AtDesk, bot_id: BotId) -> Response:
    """Show all a bot has lived through: gate, generations, iterations, decisions, events, verifications."""
    lived = bot_life(desk, bot_id)
    columns = {name: getattr(lived, name) for name in LifeAnswer.model_fields if name != "now"}
    return LifeAnswer.reply(columns | {"now": desk.clock()})


@router.get("/bots/{bot_id}/books/{book}", response_model=BookAnswer, responses=documented(404, 422))
def one_book(desk: AtDesk, bot_id: BotId, book: Book) -> Response:
    """Show one book of a bot since its baseline: figures, equity, drawdown, and what was shown before."""
    return BookAnswer.reply(bot_book(desk, bot_id, book))


@router.get("/bots/{bot_id}/record", response_model=RecordCurveAnswer, responses=documented(404, 422))
def record(desk: AtDesk, bot_id: BotId) -> Response:
    """Show the prequential record of a bot: days traded by genomes that were not chosen on them, and their evidence."""
    return RecordCurveAnswer.reply(bot_record(desk, bot_id))


@router.get("/bots/{bot_id}/sessions", response_model=SessionsAnswer, responses=documented(404, 422))
def sessions(desk: AtDesk, bot_id: BotId, *, cursor: UUID | None = None, limit: PageLimit = 50) -> Response:
    """List a bot's backtest sessions, newest first, those from before its reset too."""
    page = bot_sessions(desk, bot_id, cursor=cursor, limit=limit)
    listed = [
        view.run._asdict() | {"in_sample": view.run.in_sample, "counts_since_reset": view.counts_since_reset}
        for view in page.sessions
    ]
    return SessionsAnswer.reply({"sessions": listed, "next_cursor": page.next_cursor})


@router.get("/bots/{bot_id}/trades", response_model=TradesAnswer, responses=documented(404, 422))
def trades(
    desk: AtDesk,
    bot_id: BotId,
    *,
    book: Book | None = None,
    cursor: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    limit: PageLimit = 100,
) -> Response:
    """List the trades behind a book's figures, newest first; without a book, the bot's current one."""
    return TradesAnswer.reply(bot_trades(desk, bot_id, book=book, cursor=cursor, limit=limit))


@router.get("/bots/{bot_id}/trades.csv", response_class=CsvFile, responses=documented(404, 422))
def bot_trades_file(desk: AtDesk, bot_id: BotId, *, book: Book | None = None) -> Response:
    """List every trade behind a book's figures, oldest first; dollars and prices are exact."""
    file = all_trades(desk, bot_id, book)
    rows = ([getattr(trade, name) for name in TRADE_FACTS] for trade in file.trades)
    return CsvFile(f"trades-{file.bot_name}-{file.book}.csv", TRADE_FACTS, rows)


def _bot_row(card: BotCard) -> list[Any]:
    return [
        *(getattr(card, name) for name in BOT_COLUMNS),
        card.bot_now.state,
        *(getattr(card.metrics, name) for name in (*BOOK_COLUMNS, *WHOSE_FIGURES.values())),
        *exact(card.metrics.figures).values(),
    ]
