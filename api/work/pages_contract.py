"""The JSON of ticks, jobs and long work as people follow them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import Field

from api.edge.contract import BIGGEST, Spoken
from api.work.contract import JobAnswer, StarvationAnswer
from trading.work.starts import Pace

TickId = Annotated[int, Path(ge=1, le=BIGGEST, description="A tick's id")]
DecisionWord = Literal["ENQUEUE", "SKIP"]


class ReasonTold(Spoken):
    """A reason in words and how many bots got it."""

    decision: str | None
    reason_code: str
    words: str | None
    bots: int


class TickTold(Spoken):
    """One tick."""

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
    reasons: list[ReasonTold]


class TicksAnswer(Spoken):
    """Ticks, newest first."""

    data: list[TickTold] = Field(validation_alias="ticks")
    next_before: int | None
    now: datetime


class DecisionTold(Spoken):
    """What a tick decided for one bot, in words."""

    seq: int
    bot_id: UUID
    name: str | None
    symbol: str | None
    timeframe: str | None
    decision: str
    job_type: str | None
    reason_code: str
    words: str | None
    blockers: list[str]


class DecisionsAnswer(Spoken):
    """A tick and a page of its decisions."""

    tick: TickTold
    data: list[DecisionTold] = Field(validation_alias="decisions")
    next_after: int | None


class JobTold(JobAnswer):
    """One job and its bot."""

    name: str
    symbol: str
    timeframe: str
    words: str | None
    priority: int
    reclaims: int


class DeadLetterTold(Spoken):
    """Work of one bot that was given up."""

    bot_id: UUID
    name: str
    job_type: str
    failures_in_row: int
    last_error: str | None
    last_failed_at: datetime | None


class StartsAnswer(Spoken):
    """How runs start, as the newest tick saw it, the pace it keeps, and both in words."""

    pace: Pace
    words: str
    runs_allowed: int | None
    starting: int
    starting_since: datetime | None
    last_took_seconds: float | None
    failed_in_row: int
    last_failed_at: datetime | None
    next_at: datetime | None


class WorkAnswer(Spoken):
    """The work at hand: what runs, what waits, what was given up."""

    caps: dict[str, int]
    timeouts_seconds: dict[str, int]
    lease_seconds: int
    running: list[JobTold]
    queued: list[JobTold]
    starvation: StarvationAnswer
    dead_letters: list[DeadLetterTold]
    starts: StartsAnswer | None
    now: datetime


class WorkTold(Spoken):
    """Long work that is no job; step, done, of and progressPct are null until it says how far it is."""

    id: UUID
    kind: str
    title: str
    bot_id: UUID | None
    bot_name: str | None
    step: str | None
    done: int | None
    of: int | None
    progress_pct: float | None
    dagster_run_id: str | None
    started_at: datetime
    heartbeat_at: datetime


class UnderWayAnswer(Spoken):
    """Long work under way besides jobs, the longest first; what was silent for a lease is not listed."""

    data: list[WorkTold] = Field(validation_alias="works")
    lease_seconds: int
    now: datetime


class EndedAnswer(Spoken):
    """Jobs that ended, the last to end first."""

    data: list[JobTold] = Field(validation_alias="jobs")
    next_cursor: str | None


class RequeueAnswer(Spoken):
    """The work put back."""

    bot_id: UUID
    job_types: list[str]
