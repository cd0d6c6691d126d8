"""Proof that autonomy works: what the last tick decided, which jobs wait, run and are stuck.

Belongs here: read-only recounts for the proof endpoints. Does not belong here: deciding (`services/work/autonomy.py`).

`currently_running_jobs_by_type` is counted when asked, not when the tick ran: a proof that says "currently" means now.
Everything else in a summary is what the tick wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from services.desk import Desk
from services.work.autonomy_ticks import AutonomyTickView, every_type, tick_age, tick_told
from store.database import reading
from store.work import autonomy_ticks, job_pages, jobs
from store.work.autonomy_ticks import DecisionRow as DecisionRow
from store.work.autonomy_ticks import ReasonCount as ReasonCount
from store.work.job_pages import JobRow, QueuedJob
from trading.work.jobs import JobStatus, JobType

RECENT_RUNS = 20
SHOWN_DECISIONS = 100
RECENT_JOBS = 50
SHOWN_STUCK = 100


@dataclass(frozen=True, slots=True)
class AutonomyTickSummary:
    """What one tick enqueued and found; every job type is always present."""

    jobs_enqueued_by_type: dict[str, int]
    currently_running_jobs_by_type: dict[str, int]
    eligible_candidates_count: int | None
    concurrency_caps: dict[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyTickProof:
    """One tick."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions_total: int
    summary: AutonomyTickSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestAutonomyTick(AutonomyTickProof):
    """The newest tick with its first decisions (work comes first) and all its reasons counted."""

    decisions: tuple[DecisionRow, ...]
    reasons: tuple[ReasonCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyProof:
    """Whether autonomy ticks, and what it did. Healthy: the last tick is recent and no job is stuck."""

    healthy: bool
    seconds_since_last_tick: float | None
    stuck_jobs: int
    latest_run: LatestAutonomyTick | None
    recent_runs: tuple[AutonomyTickProof, ...]


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


Shown = TypeVar("Shown", bound=AutonomyTickProof)


def autonomy_proof(desk: Desk) -> AutonomyProof:
    """Return what autonomy did lately.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with reading(desk.database) as db:
        runs = [tick_told(row) for row in autonomy_ticks.page(db, limit=RECENT_RUNS)]
        running = {str(kind): count for kind, count in jobs.count_active(db).running.items()}
        stuck = len(job_pages.stuck(db, now=now, limit=SHOWN_STUCK))
        decisions = autonomy_ticks.decisions(db, runs[0].id, limit=SHOWN_DECISIONS) if runs else ()
        reasons = autonomy_ticks.count_decisions(db, runs[0].id) if runs else ()
    age = tick_age(desk, runs[0].started_at if runs else None, now=now)
    counted = {"decisions": tuple(decisions), "reasons": tuple(reasons)}
    return AutonomyProof(
        healthy=age.is_recent and not stuck,
        seconds_since_last_tick=age.seconds,
        stuck_jobs=stuck,
        latest_run=_shown(LatestAutonomyTick, runs[0], running, **counted) if runs else None,
        recent_runs=tuple(_shown(AutonomyTickProof, run, run.running) for run in runs),
    )


def jobs_proof(desk: Desk) -> JobsProof:
    """Return all jobs counted.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with reading(desk.database) as db:
        counted = job_pages.count_by_status(db)
        oldest = job_pages.oldest_queued(db)
        stuck = job_pages.stuck(db, now=now, limit=SHOWN_STUCK)
        recent = job_pages.recent(db, limit=RECENT_JOBS)
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


def _oldest(row: QueuedJob, *, now: datetime) -> OldestQueued:
    return OldestQueued(row.id, row.bot_id, row.type, (now - row.created_at).total_seconds())


def _shown(kind: type[Shown], run: AutonomyTickView, running: Mapping[str, int], **more: Any) -> Shown:
    return kind(
        id=run.id,
        started_at=run.started_at,
        completed_at=run.completed_at,
        candidates=run.candidates,
        decisions_total=run.decisions,
        summary=AutonomyTickSummary(run.enqueued, every_type(running), run.eligible, run.caps),
        **more,
    )
