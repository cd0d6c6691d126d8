"""Proof that autonomy works: what the last tick decided, which jobs wait, run and are stuck.

Belongs here: read-only recounts for the proof endpoints. Does not belong here: deciding (`services/work/autonomy.py`).

`currently_running_jobs_by_type` is counted when asked, not when the tick ran: a proof that says "currently" means now.
Everything else in a summary is what the tick wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.desk import Desk
from store.database import reading
from store.work import job_pages, ticks
from store.work.job_pages import JobRow, QueuedJob
from store.work.ticks import DecisionRow, ReasonCount, TickRow
from trading.work.jobs import JobStatus, JobType

RECENT_RUNS = 20
SHOWN_DECISIONS = 100
RECENT_JOBS = 50
SHOWN_STUCK = 100
TICKS_MISSED_BEFORE_UNHEALTHY = 3
LONGEST_TICK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class TickSummary:
    """What one tick enqueued and found; every job type is always present."""

    jobs_enqueued_by_type: dict[str, int]
    currently_running_jobs_by_type: dict[str, int]
    eligible_candidates_count: int | None
    concurrency_caps: dict[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TickShown:
    """One tick."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions_total: int
    summary: TickSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestTick(TickShown):
    """The newest tick with its first decisions (work comes first) and all its reasons counted."""

    decisions: tuple[DecisionRow, ...]
    reasons: tuple[ReasonCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyProof:
    """Whether autonomy ticks, and what it did. Healthy: the last tick is recent and no job is stuck."""

    healthy: bool
    seconds_since_last_tick: float | None
    stuck_jobs: int
    latest_run: LatestTick | None
    recent_runs: tuple[TickShown, ...]


@dataclass(frozen=True, slots=True)
class OldestQueued:
    """The job that has waited longest."""

    id: UUID
    bot_id: UUID
    type: str
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsProof:
    """All jobs counted by status and by type, the longest wait, and jobs whose run went silent."""

    counts: dict[str, int]
    by_type: dict[str, dict[str, int]]
    oldest_queued: OldestQueued | None
    stuck: tuple[JobRow, ...]
    recent: tuple[JobRow, ...]


def autonomy_proof(desk: Desk) -> AutonomyProof:
    """Return what autonomy did lately.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with reading(desk.sessions) as session:
        runs = ticks.ticks(session, limit=RECENT_RUNS)
        running = job_pages.count_running(session)
        stuck = len(job_pages.stuck(session, now=now, limit=SHOWN_STUCK))
        decisions = ticks.decisions(session, runs[0].id, limit=SHOWN_DECISIONS) if runs else ()
        reasons = ticks.count_decisions(session, runs[0].id) if runs else ()
    age = (now - runs[0].started_at).total_seconds() if runs else None
    return AutonomyProof(
        healthy=age is not None and age <= tick_limit(desk).total_seconds() and not stuck,
        seconds_since_last_tick=age,
        stuck_jobs=stuck,
        latest_run=_latest(runs[0], decisions, reasons=reasons, running=running) if runs else None,
        recent_runs=tuple(_tick(run) for run in runs),
    )


def jobs_proof(desk: Desk) -> JobsProof:
    """Return all jobs counted.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with reading(desk.sessions) as session:
        counted = job_pages.count_by_status(session)
        oldest = job_pages.oldest_queued(session)
        stuck = job_pages.stuck(session, now=now, limit=SHOWN_STUCK)
        recent = job_pages.recent(session, limit=RECENT_JOBS)
    by_type = {str(kind): dict.fromkeys(map(str, JobStatus), 0) for kind in JobType}
    for count in counted:
        by_type[count.job_type][count.status] = count.jobs
    return JobsProof(
        counts={status: sum(by_status[status] for by_status in by_type.values()) for status in map(str, JobStatus)},
        by_type=by_type,
        oldest_queued=_oldest(oldest, now=now) if oldest is not None else None,
        stuck=tuple(stuck),
        recent=tuple(recent),
    )


def tick_limit(desk: Desk) -> timedelta:
    """Return how old the last tick may be before autonomy counts as silent."""
    return TICKS_MISSED_BEFORE_UNHEALTHY * timedelta(seconds=desk.settings.tick_seconds) + LONGEST_TICK


def last_tick_at(desk: Desk) -> datetime | None:
    """Return when the newest tick started, None before the first.

    Raises:
        Unavailable: the database is away.
    """
    with reading(desk.sessions) as session:
        last = ticks.newest_tick(session)
    return last.started_at if last is not None else None


def _oldest(row: QueuedJob, *, now: datetime) -> OldestQueued:
    return OldestQueued(row.id, row.bot_id, row.type, (now - row.created_at).total_seconds())


def _latest(
    run: TickRow, decisions: Sequence[DecisionRow], *, reasons: Sequence[ReasonCount], running: Mapping[str, int]
) -> LatestTick:
    return LatestTick(
        id=run.id,
        started_at=run.started_at,
        completed_at=run.completed_at,
        candidates=run.candidates,
        decisions_total=run.decisions,
        summary=_summary(run.summary, running),
        decisions=tuple(decisions),
        reasons=tuple(reasons),
    )


def _tick(run: TickRow) -> TickShown:
    return TickShown(
        id=run.id,
        started_at=run.started_at,
        completed_at=run.completed_at,
        candidates=run.candidates,
        decisions_total=run.decisions,
        summary=_summary(run.summary, run.summary.get("currently_running_jobs_by_type") or {}),
    )


def _summary(written: Mapping[str, Any], running: Mapping[str, int]) -> TickSummary:
    return TickSummary(
        jobs_enqueued_by_type=_every_type(written.get("jobs_enqueued_by_type") or {}),
        currently_running_jobs_by_type=_every_type(running),
        eligible_candidates_count=written.get("eligible_candidates_count"),
        concurrency_caps=dict(written.get("concurrency_caps") or {}),
    )


def _every_type(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(kind): counts.get(kind, 0) for kind in JobType}
