"""What the ticks decided, page by page: the answer to "why does this bot not work now".

Belongs here: read-only pages over ticks and decisions, reasons in words. Does not belong here: deciding
(`autonomy.py`), the health of the loop (`proofs.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.desk import Desk
from services.paging import page_of
from store.database import transaction
from store.work import ticks
from store.work.ticks import DecisionFilter as DecisionFilter
from store.work.ticks import DecisionRow, TickRow
from trading.errors import UnknownTick
from trading.work.jobs import JobType
from trading.work.reasons import in_words


@dataclass(frozen=True, slots=True)
class ReasonTold:
    """A reason, in words, and how many bots a tick gave it."""

    decision: str | None
    reason_code: str
    words: str | None
    bots: int


@dataclass(frozen=True, slots=True)
class TickTold:
    """One tick: what it looked at, what it enqueued, what ran and waited then, and its reasons, most frequent first."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions: int
    eligible: int | None
    enqueued: dict[str, int]
    queued: dict[str, int]
    running: dict[str, int]
    reclaimed: int
    reasons: tuple[ReasonTold, ...]


@dataclass(frozen=True, slots=True)
class TicksPage:
    """Ticks, newest first; `next_before` continues."""

    ticks: tuple[TickTold, ...]
    next_before: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """Decisions of one tick in its order; none where they are forgotten, while the tick and its counts stay."""

    tick: TickTold
    decisions: tuple[DecisionRow, ...]
    next_after: int | None


def ticks_page(desk: Desk, *, before: int | None, limit: int) -> TicksPage:
    """Return a page of ticks.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.sessions) as session:
        rows = ticks.ticks(session, before=before, limit=limit + 1)
    shown, last = page_of(rows, limit)
    return TicksPage(tuple(map(_tick, shown)), last.id if last is not None else None, desk.clock())


def decisions_page(desk: Desk, tick_id: int, *, wanted: DecisionFilter, after: int | None, limit: int) -> DecisionsPage:
    """Return a page of one tick's decisions.

    Raises:
        UnknownTick: there is no such tick (any more).
        Unavailable: the database is away.
    """
    with transaction(desk.sessions) as session:
        row = ticks.tick(session, tick_id)
        if row is None:
            raise UnknownTick(f"there is no tick {tick_id}; ticks are kept for a week")
        rows = ticks.decisions(session, tick_id, wanted=wanted, after=after, limit=limit + 1)
        counted = ticks.count_decisions(session, tick_id)
    reasons = tuple(ReasonTold(one.decision, one.reason_code, in_words(one.reason_code), one.bots) for one in counted)
    shown, last = page_of(rows, limit)
    return DecisionsPage(_tick(row, reasons or None), shown, last.seq if last is not None else None)


def _tick(row: TickRow, reasons: tuple[ReasonTold, ...] | None = None) -> TickTold:
    summary: Mapping[str, Any] = row.summary
    return TickTold(
        id=row.id,
        started_at=row.started_at,
        completed_at=row.completed_at,
        candidates=row.candidates,
        decisions=row.decisions,
        eligible=summary.get("eligible_candidates_count"),
        enqueued=_by_type(summary.get("jobs_enqueued_by_type")),
        queued=_by_type(summary.get("queued_jobs_by_type")),
        running=_by_type(summary.get("currently_running_jobs_by_type")),
        reclaimed=len(summary.get("reclaimed_jobs") or ()),
        reasons=_summed(summary.get("reasons")) if reasons is None else reasons,
    )


def _summed(reasons: Mapping[str, int] | None) -> tuple[ReasonTold, ...]:
    ordered = sorted((reasons or {}).items(), key=lambda counted: (-counted[1], counted[0]))
    return tuple(ReasonTold(None, code, in_words(code), bots) for code, bots in ordered)


def _by_type(counts: Mapping[str, int] | None) -> dict[str, int]:
    return {str(kind): (counts or {}).get(kind, 0) for kind in JobType}
