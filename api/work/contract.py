"""The JSON of the proofs: ticks, decisions, jobs, waits."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from api.edge.contract import Spoken


class JobAnswer(Spoken):
    """One job."""

    id: UUID
    bot_id: UUID
    type: str
    status: str
    attempt: int
    iteration: int
    reason_code: str
    dagster_run_id: str | None
    progress_pct: float | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    completed_at: datetime | None
    error: str | None


class TickSummaryAnswer(BaseModel):
    """What a tick enqueued and found, in the words of the requirement."""

    model_config = ConfigDict(from_attributes=True)

    jobs_enqueued_by_type: dict[str, int]
    currently_running_jobs_by_type: dict[str, int]
    eligible_candidates_count: int | None
    concurrency_caps: dict[str, int | None]


class TickAnswer(Spoken):
    """One tick."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions_total: int
    summary: TickSummaryAnswer


class DecisionAnswer(Spoken):
    """What the tick decided for one bot."""

    bot_id: UUID
    name: str | None
    decision: str
    job_type: str | None
    reason_code: str
    blockers: list[str]


class ReasonAnswer(Spoken):
    """How many bots got a decision for a reason."""

    decision: str
    reason_code: str
    bots: int


class LatestTickAnswer(TickAnswer):
    """The newest tick; its first decisions are shown, `decisionsTotal` counts all."""

    decisions: list[DecisionAnswer]
    reasons: list[ReasonAnswer]


class AutonomyAnswer(Spoken):
    """Whether autonomy ticks, and what it did."""

    healthy: bool
    seconds_since_last_tick: float | None
    stuck_jobs: int
    latest_run: LatestTickAnswer | None
    recent_runs: list[TickAnswer]


class OldestQueuedAnswer(Spoken):
    """The job that has waited longest."""

    id: UUID
    bot_id: UUID
    type: str
    age_seconds: float


class JobsAnswer(Spoken):
    """All jobs counted."""

    counts: dict[str, int]
    by_type: dict[str, dict[str, int]]
    oldest_queued: OldestQueuedAnswer | None
    stuck: list[JobAnswer]
    recent: list[JobAnswer]


class WaitAnswer(Spoken):
    """The queue of one type of work."""

    job_type: str
    queued: int
    oldest_queued_seconds: float | None
    finished_per_minute: float
    last_served_in_seconds: float | None


class StarvationAnswer(Spoken):
    """How long bots wait, and how long they can wait at most at the present pace."""

    waits: list[WaitAnswer]
    refused_for_room: int
    held_by_kill_switch: bool
