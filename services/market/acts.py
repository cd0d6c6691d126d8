"""Acts on the choice of bars as one request: done, recorded in the audit chain, answered once for a key.

Belongs here: the receipt, and what commits together. Does not belong here: what an act changes, what it moves
(`choice.py`).

The catalog is a file: an act takes effect first, with the debt of its event, and its event and its answer commit
together after it. Where the database goes away in between, the act stands and the audit chain is owed it; the database
is asked first, so that one that is away already refuses. Two at once wait for each other at the catalog.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from services.acts import once
from services.desk import Desk
from services.market.choice import BarWish, SeriesMove, choose_bars, moves, spoken_of, stood_already
from services.market.owed_acts import record_in, settle
from store.bots import registry
from store.database import transaction
from store.market.bars import BarSeries, OwedEvent
from trading.market.choice import WORDS

SPOKEN = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class MoveTold(BaseModel):
    """Bots of one symbol and timeframe that trade other bars from their next baseline on.

    Attributes:
        before, after: The providers; None where there is none.
        bots: How many they are.
    """

    model_config = SPOKEN

    symbol: str
    timeframe: str
    before: str | None
    after: str | None
    bots: int
    words: str


class BarReceipt(BaseModel):
    """What an act on series did.

    Attributes:
        series: Those it named, each as symbol, timeframe and provider.
        already: Those of them that stood so before, in words; nothing changed for them.
        moves: Which bots it moves to other bars.
    """

    model_config = SPOKEN

    success: bool = True
    act: str
    series: list[str]
    already: list[str] = []
    moves: list[MoveTold]
    reason_code: str
    audit_seq: int
    trace_id: str
    timestamp: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the answer of the API."""
        return self.model_dump(mode="json", by_alias=True)


def act_on_bars(desk: Desk, wish: BarWish, *, idempotency_key: str | None = None) -> BarReceipt:
    """Do one act on the series a wish names.

    Raises:
        BadInput: the reason is not plain, or a series to restore was imported again.
        UnknownSeries: the wish names none.
        IdempotencyMismatch: the key belongs to another request.
        Unavailable: the database, the audit anchor or the bar store is away.
    """
    owed: list[OwedEvent] = []
    with transaction(desk.database) as db:
        receipt = once(
            db,
            idempotency_key,
            lambda: _act(desk, db, wish, owed=owed),
            kind=BarReceipt,
            body=lambda: _body(wish),
        )
    if owed:
        settle(desk.bars, owed)
    return receipt


def _act(desk: Desk, db: Session, wish: BarWish, *, owed: list[OwedEvent]) -> BarReceipt:
    markets, now = registry.count_by_market(db), desk.clock()
    before, after, named = choose_bars(desk.bars, wish, now=now)
    owed += after.owed
    return BarReceipt(
        act=wish.act.name,
        series=[spoken_of(row) for row in named],
        already=[f"{spoken_of(row)}: {words}" for row in named if (words := stood_already(before, wish, row))],
        moves=[_told(move) for move in moves(before, after, markets)],
        reason_code=wish.reason_code,
        audit_seq=record_in(desk, db, owed)[-1],
        trace_id=wish.request_id,
        timestamp=now,
    )


def _told(move: SeriesMove) -> MoveTold:
    return MoveTold(
        symbol=move.symbol,
        timeframe=move.timeframe,
        before=_provider(move.before),
        after=_provider(move.after),
        bots=move.bots or 0,
        words=WORDS[move.ground] if move.ground is not None else "there are no bars",
    )


def _provider(row: BarSeries | None) -> str | None:
    return row.provider if row is not None else None


def _body(wish: BarWish) -> dict[str, Any]:
    body = asdict(wish) | {"actor": str(wish.actor)}
    del body["request_id"]
    return body
