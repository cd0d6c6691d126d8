"""The JSON of ticks, jobs and long work as people follow them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import Field

from api.edge.contract import BIGGEST, Spoken
from api.work.contract import JobAnswer, StarvationAnswer
from services.work import autonomy_ticks
from services.work.dead_letters import DeadLetter
from services.work.job_pages import JobRow, WorkNow
from services.work.starts import StartsView
from services.work.under_way import WorkRow

TickId = Annotated[int, Path(ge=1, le=BIGGEST, description="A tick's id")]
DecisionWord = Literal["ENQUEUE", "SKIP"]


class ReasonTold(Spoken, of=autonomy_ticks.ReasonView):
    """A reason in words and how many bots got it."""


class TickTold(Spoken, of=autonomy_ticks.AutonomyTickView, without=("caps",)):
    """One tick."""

    reasons: list[ReasonTold]


class TicksAnswer(Spoken):
    """Ticks, newest first."""

    data: list[TickTold] = Field(validation_alias="ticks")
    next_before: int | None
    now: datetime


class DecisionTold(Spoken, of=autonomy_ticks.DecisionRow, before="blockers"):
    """What a tick decided for one bot, in words."""

    words: str | None


class DecisionsAnswer(Spoken):
    """A tick and a page of its decisions."""

    tick: TickTold
    data: list[DecisionTold] = Field(validation_alias="decisions")
    next_after: int | None


class JobTold(JobAnswer, of=JobRow, before="priority"):
    """One job and its bot."""

    words: str | None


class DeadLetterTold(Spoken, of=DeadLetter):
    """Work of one bot that was given up."""

    job_type: str


class StartsAnswer(Spoken, of=StartsView):
    """How runs start, as the newest tick saw it, the pace it keeps, and both in words."""


class WorkAnswer(Spoken, of=WorkNow):
    """The work at hand: what runs, what waits, what was given up."""

    running: list[JobTold]
    queued: list[JobTold]
    starvation: StarvationAnswer
    dead_letters: list[DeadLetterTold]
    starts: StartsAnswer | None


class WorkTold(Spoken, of=WorkRow, before="dagster_run_id"):
    """Long work that is no job; step, done, of and progressPct are null until it says how far it is."""

    progress_pct: float | None


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
