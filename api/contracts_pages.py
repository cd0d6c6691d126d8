"""The JSON behind the pages beside the board: ticks, jobs, health, the audit chain, the kill switch.

Belongs here: models of their requests and answers, patterns of every string that comes in. Does not belong here: how an
answer is found (`services`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from pydantic.alias_generators import to_camel

from api.contracts import HealthCheck, JobAnswer, ReasonCode, Spoken, StarvationAnswer
from api.contracts_bot import SeriesAnswer
from trading.work.starts import Pace

BIGGEST = 2**63 - 1
TickId = Annotated[int, Path(ge=1, le=BIGGEST, description="A tick's id")]
Before = Annotated[int | None, Query(ge=1, le=BIGGEST)]
After = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
DecisionWord = Literal["ENQUEUE", "SKIP"]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]
Plain = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 @:._/-]{0,119}$")]
PageSize = Annotated[int, Query(ge=1, le=200)]


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


class SwitchAnswer(Spoken):
    """The kill switch and the work it concerns."""

    engaged: bool
    tier: str
    reason_code: str | None
    since: datetime | None
    actor: str | None
    queued: dict[str, int]
    running: dict[str, int]
    now: datetime


class SwitchBody(BaseModel):
    """A wish to engage or release the kill switch."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    engaged: StrictBool
    reason_code: ReasonCode


class EventTold(Spoken):
    """One event of the audit chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    subject_name: str | None
    reason_code: str | None
    payload: dict[str, Any]
    previous_hash: str
    hash: str


class EventsAnswer(Spoken):
    """Events, newest first."""

    data: list[EventTold] = Field(validation_alias="events")
    next_before: int | None


class VerificationTold(Spoken):
    """What a verification of the whole chain found."""

    is_whole: bool
    events: int
    head_seq: int
    head_hash: str
    breaks: list[dict[str, Any]]
    took_ms: int
    checked_at: datetime
    actor: str


class ChainAnswer(Spoken):
    """The end of the chain, of its anchor, and the last verification."""

    head_seq: int
    head_hash: str
    anchor: str | None
    verification: VerificationTold | None
    actions: list[str]
    now: datetime


class VerdictTold(Spoken):
    """One thing that must hold: what was found, what it is held against, when it was looked at."""

    name: str
    words: str
    value: str
    bar: str
    holds: bool | None
    broken: list[dict[str, Any]]
    checked_at: datetime | None


class ProgramTold(Spoken):
    """One program and whether it answers."""

    name: str
    address: str
    answers: bool
    question: str


class LimitTold(Spoken):
    """One limit in force and where it is set."""

    name: str
    value: str
    source: str


class TableTold(Spoken):
    """One table with its indexes."""

    name: str
    bytes: int
    rows_estimated: int | None


class RoomTold(Spoken):
    """How much room the database takes."""

    database_bytes: int
    tables: list[TableTold]


class BarsAnswer(Spoken):
    """Every series of the bar store by symbol and timeframe, the one that is traded first."""

    data: list[SeriesAnswer]


class VitalsAnswer(Spoken):
    """The platform's vital signs; what could not be read is null and `checks` say why."""

    ready: bool
    version: str
    checks: list[HealthCheck]
    verdicts: list[VerdictTold] | None
    programs: list[ProgramTold]
    limits: list[LimitTold]
    room: RoomTold | None
    last_tick: TickTold | None
    starts: StartsAnswer | None
    now: datetime


class IterationTold(Spoken):
    """One iteration of one bot and its verdict."""

    id: UUID
    bot_id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    job_type: str
    iteration: int
    parent_generation: int
    new_generation: int | None
    accepted: bool
    reason_code: str
    reason: str
    candidates_tried: int
    evidence: dict[str, Any]
    data_source: str
    completed_at: datetime


class IterationsAnswer(Spoken):
    """Iterations, youngest first."""

    data: list[IterationTold] = Field(validation_alias="iterations")
    next_cursor: str | None
    now: datetime


class CandidateTold(Spoken):
    """One genome that was tried; held-out figures only where it was judged."""

    trial: int
    segment: int
    train_sharpe: float | None
    train_net_pnl_usd: float | None
    train_trades: int
    test_sharpe: float | None
    test_net_pnl_usd: float | None
    test_trades: int | None
    genome: dict[str, Any]


class GeneTold(Spoken):
    """One number of the genome, in the parent and in the candidate."""

    gene: str
    parent: float | None
    candidate: float | None
    changed: bool


class IterationInDepthAnswer(Spoken):
    """One iteration with all it tried; `judged` is the trial held against the parent."""

    iteration: IterationTold
    candidates: list[CandidateTold]
    judged: int | None
    genes: list[GeneTold]
