"""The audit chain as people read it, and what its last verification showed.

Belongs here: pages of events, verifying now and remembering when and by whom. Does not belong here: what a break is
(`trading.audit.chain`), recording events (`chain.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Any

from sqlalchemy.orm import Session

from gateways.anchor import last_line
from services.audit.chain import verify_chain
from services.desk import Desk
from services.paging import page_of
from store.audit import chain, pages
from store.audit.pages import AuditFilter as AuditFilter
from store.audit.pages import EventRow
from store.database import transaction
from trading.actors import Actor
from trading.audit.chain import Head

SHOWN_BREAKS = 20
EVENTS_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True)
class EventView:
    """One event with its place in the chain; the reason is the payload's own, the name that of the bot it is about."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    subject_name: str | None
    reason_code: str | None
    payload: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """What a verification of the whole chain found, when, and who asked.

    Attributes:
        events, head_seq, head_hash: What was read; the chain may have grown since.
        took_ms: How long reading and hashing took.
        breaks: The first places where the chain does not hold.
    """

    is_whole: bool
    events: int
    head_seq: int
    head_hash: str
    breaks: tuple[Mapping[str, Any], ...]
    took_ms: int
    checked_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class ChainView:
    """The chain's end as it stands now, the last line of the anchor outside the database, the last verification."""

    head_seq: int
    head_hash: str
    anchor: str | None
    verification: ChainVerification | None
    actions: tuple[str, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Events, newest first; `next_before` continues."""

    events: tuple[EventView, ...]
    next_before: int | None


def chain_view(desk: Desk) -> ChainView:
    """Return head, anchor and last verification; reads two lines, not the chain.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        head: Head = chain.head(db)
        remembered = pages.last_verification(db)
        actions = pages.actions(db)
    return ChainView(
        head.seq,
        head.hash,
        last_line(desk.settings.audit_anchor),
        _verification(*remembered) if remembered is not None else None,
        tuple(actions),
        desk.clock(),
    )


def events_page(desk: Desk, wanted: AuditFilter, *, before: int | None, limit: int) -> EventsPage:
    """Return a page of events.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        rows = pages.events(db, _by_id(db, wanted), before=before, limit=limit + 1)
        events, last = page_of(rows, limit)
        as_read = _as_read(db, events)
    return EventsPage(as_read, last.seq if last is not None else None)


def every_event(desk: Desk, wanted: AuditFilter) -> Iterator[EventView]:
    """Return all events of a filter up to now, newest first, read in portions as they are consumed.

    The first portion is read at once. The chain only grows, and at the end this began with, so portions together are
    what one reading would have shown; no connection is held while the reader is slow.

    Raises:
        Unavailable: the database is away.
    """
    return _portions(desk, wanted, _portion(desk, wanted, before=None))


def verify_now(desk: Desk, *, actor: Actor) -> ChainVerification:
    """Verify the whole chain beside its anchor, and remember the verdict for the pages.

    Raises:
        Unavailable: the database or the anchor cannot be read.
    """
    began, checked_at = perf_counter(), desk.clock()
    verdict = verify_chain(desk)
    remembered: dict[str, Any] = {
        "isWhole": verdict.is_whole,
        "events": verdict.events,
        "headSeq": verdict.head_seq,
        "headHash": verdict.head_hash,
        "breaks": _plain(verdict.breaks[:SHOWN_BREAKS]),
        "tookMs": round(1000 * (perf_counter() - began)),
        "checkedAt": checked_at.isoformat(),
    }
    with transaction(desk.database) as db:
        pages.remember_verification(db, remembered, at=checked_at, actor=str(actor))
    return _verification(remembered, str(actor))


def _portions(desk: Desk, wanted: AuditFilter, portion: Sequence[EventView]) -> Iterator[EventView]:
    while portion:
        yield from portion
        if len(portion) < EVENTS_AT_A_TIME:
            return
        portion = _portion(desk, wanted, before=portion[-1].seq)


def _portion(desk: Desk, wanted: AuditFilter, *, before: int | None) -> Sequence[EventView]:
    with transaction(desk.database) as db:
        rows = pages.events(db, _by_id(db, wanted), before=before, limit=EVENTS_AT_A_TIME)
        return _as_read(db, rows)


def _by_id(db: Session, wanted: AuditFilter) -> AuditFilter:
    """A bot may be asked for by its name; its events know it by its id."""
    if wanted.subject is None:
        return wanted
    return replace(wanted, subject=pages.subject_named(db, wanted.subject))


def _plain(breaks: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(each) | {"kind": str(each.kind)} for each in breaks]


def _verification(remembered: Mapping[str, Any], actor: str) -> ChainVerification:
    return ChainVerification(
        is_whole=remembered["isWhole"],
        events=remembered["events"],
        head_seq=remembered["headSeq"],
        head_hash=remembered["headHash"],
        breaks=tuple(remembered["breaks"]),
        took_ms=remembered["tookMs"],
        checked_at=datetime.fromisoformat(remembered["checkedAt"]),
        actor=actor,
    )


def _as_read(db: Session, rows: Sequence[EventRow]) -> tuple[EventView, ...]:
    names = pages.names_of(db, (row.subject for row in rows))
    return tuple(_event(row, names.get(row.subject)) for row in rows)


def _event(row: EventRow, subject_name: str | None) -> EventView:
    reason = row.payload.get("reasonCode")
    return EventView(
        row.seq,
        row.at,
        row.actor,
        row.action,
        row.subject,
        subject_name,
        reason if isinstance(reason, str) else None,
        row.payload,
        row.previous_hash,
        row.hash,
    )
