"""The fleet as people see it: cards of bots with what they do now, their figures since reset and their next gate.

Belongs here: read-only use cases behind `/api/bots` and the board. Does not belong here: one bot in depth
(`dossier.py`), SQL (`store/bots/fleet.py`), JSON.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.bots.cards import BotCard, GatedCard, card, gated_card
from services.bots.gates import verifications_of
from services.desk import Desk
from services.paging import BadCursor, foreign, page_of, read_cursor, write_cursor
from store.bots import fleet
from store.bots.fleet import SORTS as SORTS
from store.bots.fleet import BookTotal, Place
from store.bots.fleet import FleetFilter as FleetFilter
from store.bots.fleet import FleetOrder as FleetOrder
from store.database import reading, transaction
from store.work import autonomy_ticks, job_pages
from trading.books import Stage
from trading.work.badges import State

MAX_PAGE = 500
HIGHEST_RANK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQuery:
    """One page of the fleet: which bots, in which order, from where."""

    wanted: FleetFilter = field(default_factory=FleetFilter)
    order: FleetOrder = field(default_factory=FleetOrder)
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class BotsPage:
    """Some cards, where the next page starts (None: this is the last), and how many bots match in all."""

    bots: tuple[GatedCard, ...]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The strip above the board. Books are never added to each other."""

    bots: int
    by_stage: dict[str, int]
    by_state: dict[str, int]
    books: tuple[BookTotal, ...]
    oldest_queued_at: datetime | None
    locked_bots: int
    locked_until: datetime | None
    manual_bots: int
    last_tick_at: datetime | None


def bots_page(desk: Desk, query: FleetQuery) -> BotsPage:
    """Return one page of the fleet.

    Raises:
        BadCursor: the cursor is not of this list or of another order.
        Unavailable: the database is away.
    """
    after = _place(query.cursor, query.order) if query.cursor is not None else None
    limit = max(1, min(query.limit, MAX_PAGE))
    with reading(desk.database) as db:
        portion = fleet.read_page(db, query.wanted, query.order, after=after, limit=limit + 1)
        listed, last = page_of(list(zip(portion.rows, portion.places, strict=True)), limit)
        verifications = verifications_of(db, [row.card for row, _ in listed])
    now = desk.clock()
    bots = tuple(gated_card(row, verifications, now=now) for row, _ in listed)
    return BotsPage(bots, _cursor(last[1], query.order) if last is not None else None, portion.total)


def bots_by_ids(desk: Desk, bot_ids: Sequence[UUID]) -> tuple[BotCard, ...]:
    """Return the cards of some bots in the order asked for; ids that do not exist are left out."""
    with reading(desk.database) as db:
        rows = fleet.read_bots(db, bot_ids)
    now = desk.clock()
    return tuple(card(rows[bot_id], now=now) for bot_id in bot_ids if bot_id in rows)


def each_bot(desk: Desk) -> Iterator[BotCard]:
    """Yield the card of every bot that is not archived, in one transaction; nothing is held back in memory.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with transaction(desk.database) as db:
        for row in fleet.read_fleet(db):
            yield card(row, now=now)


def fleet_totals(desk: Desk) -> Totals:
    """Return the totals of the fleet that is not archived."""
    now = desk.clock()
    with reading(desk.database) as db:
        counted = fleet.count_by_state(db)
        books = fleet.sum_by_book(db)
        locks = fleet.stage_locks(db, now=now)
        oldest = job_pages.oldest_queued(db)
        tick = autonomy_ticks.newest(db)
    return Totals(
        bots=locks.bots,
        by_stage=_tally([(stage, count) for stage, _, count in counted], tuple(Stage)),
        by_state=_tally([(state, count) for _, state, count in counted], tuple(State)),
        books=tuple(books),
        oldest_queued_at=oldest.created_at if oldest is not None else None,
        locked_bots=locks.locked,
        locked_until=locks.until,
        manual_bots=locks.manual,
        last_tick_at=tick.started_at if tick is not None else None,
    )


def _tally(counted: list[tuple[str, int]], words: tuple[str, ...]) -> dict[str, int]:
    sums = dict.fromkeys((str(word) for word in words), 0)
    for word, count in counted:
        sums[str(word)] += count
    return sums


def _cursor(place: Place, order: FleetOrder) -> str:
    return write_cursor(json.dumps([order.sort, order.descending, place.key, place.name], separators=(",", ":")))


def _place(cursor: str, order: FleetOrder) -> Place:
    try:
        sort, descending, key, name = json.loads(read_cursor(cursor))
    except (TypeError, ValueError):
        raise foreign(cursor) from None
    if (sort, descending) != (order.sort, order.descending):
        raise BadCursor(f"the cursor belongs to another order: {sort}")
    if not (_is_text(name) and _is_key(key, order)):
        raise foreign(cursor)
    return Place(key, name)


def _is_key(key: object, order: FleetOrder) -> bool:
    """Return whether an order may sort by a value: texts, ranks, and figures, which are infinite where unknown."""
    if order.sort in {"name", "symbol"}:
        return _is_text(key)
    if order.sort in {"activity", "stage"}:
        return type(key) is int and abs(key) <= HIGHEST_RANK
    return type(key) in (int, float)


def _is_text(value: object) -> bool:
    """Return whether a value is text the database takes: no NUL, no half of a surrogate pair."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
