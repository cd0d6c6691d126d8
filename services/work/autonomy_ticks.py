"""What the ticks decided, page by page, and how long ago the last one was: why a bot does not work now.

Belongs here: the one reading of what a tick wrote down of itself, pages over ticks and decisions, what counts as
silence. Does not belong here: deciding (`autonomy.py`), evidence for the proof endpoints (`proofs.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.desk import Desk
from services.paging import page_of
from store.database import reading, transaction
from store.work import autonomy_ticks
from store.work.autonomy_ticks import AutonomyTickRow
from store.work.autonomy_ticks import DecisionFilter as DecisionFilter
from store.work.autonomy_ticks import DecisionRow as DecisionRow
from trading.errors import UnknownAutonomyTick
from trading.work.jobs import JobType
from trading.work.reasons import in_words

TICKS_MISSED_BEFORE_UNHEALTHY = 3
LONGEST_TICK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason, in words, and how many bots a tick gave it."""

    decision: str | None
    reason_code: str
    words: str | None
    bots: int


@dataclass(frozen=True, slots=True)
class AutonomyTickView:
    """One tick: what it looked at, what it enqueued, what ran and waited then, and its reasons, most frequent first.

    Every type of job is present in each count; `caps` are those it kept to.
    """

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions: int
    eligible: int | None
    enqueued: dict[str, int]
    queued: dict[str, int]
    running: dict[str, int]
    caps: dict[str, int | None]
    reclaimed: int
    reasons: tuple[ReasonView, ...]


@dataclass(frozen=True, slots=True)
class TickAge:
    """How long ago the newest tick started, None before the first, and how long that may be."""

    seconds: float | None
    limit_seconds: float

    @property
    def is_recent(self) -> bool:
        """Whether autonomy ticks, rather than being silent."""
        return self.seconds is not None and self.seconds <= self.limit_seconds


@dataclass(frozen=True, slots=True)
class AutonomyTicksPage:
    """Ticks, newest first; `next_before` continues."""

    ticks: tuple[AutonomyTickView, ...]
    next_before: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """Decisions of one tick in its order; none where they are forgotten, while the tick and its counts stay."""

    tick: AutonomyTickView
    decisions: tuple[DecisionRow, ...]
    next_after: int | None


def silence_limit(desk: Desk) -> timedelta:
    """Return how old the last tick may be before autonomy counts as silent."""
    return TICKS_MISSED_BEFORE_UNHEALTHY * timedelta(seconds=desk.settings.tick_seconds) + LONGEST_TICK


def tick_age(desk: Desk, started_at: datetime | None, *, now: datetime) -> TickAge:
    """Return how old a tick is that started at a moment, beside what it may be."""
    seconds = (now - started_at).total_seconds() if started_at is not None else None
    return TickAge(seconds, silence_limit(desk).total_seconds())


def last_tick_at(desk: Desk) -> datetime | None:
    """Return when the newest tick started, None before the first.

    Raises:
        Unavailable: the database is away.
    """
    with reading(desk.database) as db:
        last = autonomy_ticks.newest(db)
    return last.started_at if last is not None else None


def autonomy_ticks_page(desk: Desk, *, before: int | None, limit: int) -> AutonomyTicksPage:
    """Return a page of ticks.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        rows = autonomy_ticks.page(db, before=before, limit=limit + 1)
    listed, last = page_of(rows, limit)
    return AutonomyTicksPage(tuple(map(tick_told, listed)), last.id if last is not None else None, desk.clock())


def decisions_page(desk: Desk, tick_id: int, *, wanted: DecisionFilter, after: int | None, limit: int) -> DecisionsPage:
    """Return a page of one tick's decisions.

    Raises:
        UnknownAutonomyTick: there is no such tick (any more).
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        row = autonomy_ticks.by_id(db, tick_id)
        if row is None:
            raise UnknownAutonomyTick(f"there is no tick {tick_id}; ticks are kept for a week")
        rows = autonomy_ticks.decisions(db, tick_id, wanted=wanted, after=after, limit=limit + 1)
        counted = autonomy_ticks.count_decisions(db, tick_id)
    reasons = tuple(
        ReasonView(count.decision, count.reason_code, in_words(count.reason_code), count.bots) for count in counted
    )
    listed, last = page_of(rows, limit)
    return DecisionsPage(tick_told(row, reasons or None), listed, last.seq if last is not None else None)


def every_type(counts: Mapping[str, int] | None) -> dict[str, int]:
    """Return counts by type of job, every type present."""
    return {str(kind): (counts or {}).get(kind, 0) for kind in JobType}


def tick_told(row: AutonomyTickRow, reasons: tuple[ReasonView, ...] | None = None) -> AutonomyTickView:
    """Return a tick as its row tells it, with reasons counted apart where they are given."""
    summary: Mapping[str, Any] = row.summary
    return AutonomyTickView(
        id=row.id,
        started_at=row.started_at,
        completed_at=row.completed_at,
        candidates=row.candidates,
        decisions=row.decisions,
        eligible=summary.get("eligible_candidates_count"),
        enqueued=every_type(summary.get("jobs_enqueued_by_type")),
        queued=every_type(summary.get("queued_jobs_by_type")),
        running=every_type(summary.get("currently_running_jobs_by_type")),
        caps=dict(summary.get("concurrency_caps") or {}),
        reclaimed=len(summary.get("reclaimed_jobs") or ()),
        reasons=_summed(summary.get("reasons")) if reasons is None else reasons,
    )


def _summed(reasons: Mapping[str, int] | None) -> tuple[ReasonView, ...]:
    ordered = sorted((reasons or {}).items(), key=lambda counted: (-counted[1], counted[0]))
    return tuple(ReasonView(None, code, in_words(code), bots) for code, bots in ordered)
