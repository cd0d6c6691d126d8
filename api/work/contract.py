"""The JSON of the proofs: ticks, decisions, jobs, waits."""

from api.edge.contract import Spoken
from services.work.job_pages import JobRow
from services.work.proofs import (
    AutonomyProof,
    AutonomyTickProof,
    AutonomyTickSummary,
    DecisionRow,
    JobsProof,
    OldestQueued,
    ReasonCount,
)
from services.work.starvation import Starvation, Wait


class JobAnswer(Spoken, of=JobRow, without=("name", "symbol", "timeframe", "priority", "reclaims")):
    """One job."""


class TickSummaryAnswer(Spoken, of=AutonomyTickSummary, alias_generator=None):
    """What a tick enqueued and found, in the words of the requirement."""


class TickAnswer(Spoken, of=AutonomyTickProof):
    """One tick."""

    summary: TickSummaryAnswer


class DecisionAnswer(Spoken, of=DecisionRow, without=("seq", "symbol", "timeframe")):
    """What the tick decided for one bot."""


class ReasonAnswer(Spoken, of=ReasonCount):
    """How many bots got a decision for a reason."""


class LatestTickAnswer(TickAnswer):
    """The newest tick; its first decisions are shown, `decisionsTotal` counts all."""

    decisions: list[DecisionAnswer]
    reasons: list[ReasonAnswer]


class AutonomyAnswer(Spoken, of=AutonomyProof):
    """Whether autonomy ticks, and what it did."""

    latest_run: LatestTickAnswer | None
    recent_runs: list[TickAnswer]


class OldestQueuedAnswer(Spoken, of=OldestQueued):
    """The job that has waited longest."""


class JobsAnswer(Spoken, of=JobsProof):
    """All jobs counted."""

    oldest_queued: OldestQueuedAnswer | None
    stuck: list[JobAnswer]
    recent: list[JobAnswer]


class WaitAnswer(Spoken, of=Wait):
    """The queue of one type of work."""

    job_type: str


class StarvationAnswer(Spoken, of=Starvation):
    """How long bots wait, and how long they can wait at most at the present pace."""

    waits: list[WaitAnswer]
