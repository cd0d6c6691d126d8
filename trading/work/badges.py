"""What a bot is doing now, and the badge that says so: the one place where either is decided.

Belongs here: `botNow` from a bot's situation, its badge and tooltip. Does not belong here: reading the situation
(`store/bots/fleet.py` asks the same states in SQL, in the same order), drawing (`api/pages`).

`State` is listed in order of precedence: the first state that holds is the bot's state. Work that really runs or waits
comes first, so that nothing hides it. A badge exists only with an active job behind it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from trading.books import Stage
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import MAX_FAILURES_IN_ROW

RUNNER_STALE_AFTER = timedelta(seconds=60)


class State(StrEnum):
    """Every state of botNow, the one that wins first."""

    BACKTEST_RUNNING = "BACKTEST_RUNNING"
    IMPROVING_RUNNING = "IMPROVING_RUNNING"
    EVOLVING_RUNNING = "EVOLVING_RUNNING"
    BACKTEST_QUEUED = "BACKTEST_QUEUED"
    IMPROVING_QUEUED = "IMPROVING_QUEUED"
    EVOLVING_QUEUED = "EVOLVING_QUEUED"
    ERROR = "ERROR"
    RUNNER_RUNNING = "RUNNER_RUNNING"
    RUNNER_STALE = "RUNNER_STALE"
    ARCHIVED = "ARCHIVED"
    PAUSED = "PAUSED"
    NEEDS_BACKTEST = "NEEDS_BACKTEST"
    IDLE = "IDLE"


class Tone(StrEnum):
    """Colour of a badge."""

    PURPLE = "purple"
    BLUE = "blue"
    TEAL = "teal"


STATE_OF_JOB: Mapping[tuple[JobType, JobStatus], State] = MappingProxyType(
    {
        (JobType.BACKTEST, JobStatus.RUNNING): State.BACKTEST_RUNNING,
        (JobType.IMPROVE, JobStatus.RUNNING): State.IMPROVING_RUNNING,
        (JobType.EVOLVE, JobStatus.RUNNING): State.EVOLVING_RUNNING,
        (JobType.BACKTEST, JobStatus.QUEUED): State.BACKTEST_QUEUED,
        (JobType.IMPROVE, JobStatus.QUEUED): State.IMPROVING_QUEUED,
        (JobType.EVOLVE, JobStatus.QUEUED): State.EVOLVING_QUEUED,
    }
)
JOB_OF_STATE: Mapping[State, tuple[JobType, JobStatus]] = MappingProxyType(
    {state: job for job, state in STATE_OF_JOB.items()}
)
RUNNER_STAGES = frozenset(Stage) - {Stage.LAB}


@dataclass(frozen=True, slots=True)
class Job:
    """A QUEUED or RUNNING job of a bot."""

    id: UUID
    type: JobType
    status: JobStatus
    created_at: datetime
    started_at: datetime | None
    attempt: int
    iteration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that decides what a bot is doing.

    Attributes:
        stage: Its stage.
        now: The moment asked about.
        killed: Whether an operator or a rule has killed it.
        archived: Whether it has left the fleet.
        paused: Whether a person has told autonomy to leave it alone.
        failures_in_row: Backtests that failed one after another since reset.
        has_completed_session: Whether a backtest has completed since reset.
        bars_left: What its warm-up left of the bars of its last session, None where it has none.
        runner_heartbeat_at: Last sign of life of its paper or live runner, None where it has none.
        jobs: Its QUEUED and RUNNING jobs; others are ignored.
    """

    stage: Stage
    now: datetime
    killed: bool = False
    archived: bool = False
    paused: bool = False
    failures_in_row: int = 0
    has_completed_session: bool = False
    bars_left: int | None = None
    runner_heartbeat_at: datetime | None = None
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveJob:
    """The job behind a state; `elapsed_seconds` counts from its start and is None while it waits."""

    id: UUID
    type: JobType
    status: JobStatus
    created_at: datetime
    started_at: datetime | None
    attempt: int
    iteration: int
    elapsed_seconds: int | None


@dataclass(frozen=True, slots=True)
class Badge:
    """Words and colour of a badge."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class BotNow:
    """What a bot is doing now; badge and tooltip exist exactly when there is an active job."""

    state: State
    active_job: ActiveJob | None
    badge: Badge | None
    tooltip: str | None
    reason: str | None


_WORDS: Mapping[JobType, tuple[str, str, Tone]] = MappingProxyType(
    {
        JobType.BACKTEST: ("Backtesting", "Backtest queued", Tone.PURPLE),
        JobType.IMPROVE: ("Improving", "Improve queued", Tone.BLUE),
        JobType.EVOLVE: ("Evolving", "Evolve queued", Tone.TEAL),
    }
)


def bot_now(situation: Situation) -> BotNow:
    """Return what a bot is doing: the first state that holds, and the job, badge and tooltip behind it."""
    state = next(state for state, holds in _IN_PRECEDENCE if holds(situation))
    job = _job_behind(state, situation)
    if job is None:
        return BotNow(state, None, None, None, _reason(state, situation))
    active = _active(job, now=situation.now)
    return BotNow(state, active, _badge(active), _tooltip(active, now=situation.now), None)


def elapsed_text(seconds: int) -> str:
    """Return a span as people read it: 46s, 6m 46s, 2h 05m, 3d 4h; never negative."""
    minutes, left = divmod(max(0, seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if days:
        return f"{days}d {hours_left}h"
    if hours:
        return f"{hours}h {minutes_left:02d}m"
    return f"{minutes}m {left}s" if minutes else f"{left}s"


def _works_on(job_type: JobType, status: JobStatus) -> Callable[[Situation], bool]:
    return lambda situation: any((job.type, job.status) == (job_type, status) for job in situation.jobs)


def _is_failing(situation: Situation) -> bool:
    given_up = situation.failures_in_row >= MAX_FAILURES_IN_ROW
    return situation.killed or (given_up and not situation.paused and not situation.archived)


def _runner_age(situation: Situation) -> timedelta | None:
    if situation.stage not in RUNNER_STAGES or situation.runner_heartbeat_at is None:
        return None
    return situation.now - situation.runner_heartbeat_at


def _runner_runs(situation: Situation) -> bool:
    age = _runner_age(situation)
    return age is not None and age <= RUNNER_STALE_AFTER


def _runner_is_stale(situation: Situation) -> bool:
    age = _runner_age(situation)
    return age is not None and age > RUNNER_STALE_AFTER


def _needs_backtest(situation: Situation) -> bool:
    return situation.stage is Stage.LAB and not situation.has_completed_session


_HOLDS: Mapping[State, Callable[[Situation], bool]] = MappingProxyType(
    {
        State.ERROR: _is_failing,
        **{state: _works_on(*job) for state, job in JOB_OF_STATE.items()},
        State.RUNNER_RUNNING: _runner_runs,
        State.RUNNER_STALE: _runner_is_stale,
        State.ARCHIVED: lambda situation: situation.archived,
        State.PAUSED: lambda situation: situation.paused,
        State.NEEDS_BACKTEST: _needs_backtest,
        State.IDLE: lambda _: True,
    }
)
_IN_PRECEDENCE = tuple((state, _HOLDS[state]) for state in State)


def _job_behind(state: State, situation: Situation) -> Job | None:
    wanted = JOB_OF_STATE.get(state)
    return next((job for job in situation.jobs if (job.type, job.status) == wanted), None)


def _active(job: Job, *, now: datetime) -> ActiveJob:
    running = job.status is JobStatus.RUNNING and job.started_at is not None
    return ActiveJob(
        id=job.id,
        type=job.type,
        status=job.status,
        created_at=job.created_at,
        started_at=job.started_at,
        attempt=job.attempt,
        iteration=job.iteration,
        elapsed_seconds=_seconds(job.started_at, now=now) if running else None,
    )


def _badge(job: ActiveJob) -> Badge:
    running, queued, tone = _WORDS[job.type]
    count = f"x{job.attempt}" if job.type is JobType.BACKTEST else f"#{job.iteration}"
    return Badge(f"{running if job.status is JobStatus.RUNNING else queued} • {count}", tone)


def _tooltip(job: ActiveJob, *, now: datetime) -> str:
    if job.elapsed_seconds is not None:
        return f"Running {elapsed_text(job.elapsed_seconds)} • Attempt x{job.attempt}"
    return f"Waiting {elapsed_text(_seconds(job.created_at, now=now))} • Attempt x{job.attempt}"


def _seconds(since: datetime | None, *, now: datetime) -> int:
    return max(0, int((now - since).total_seconds())) if since is not None else 0


def _reason(state: State, situation: Situation) -> str | None:
    if state is State.IDLE and situation.bars_left == 0:
        return "NO_BARS_AFTER_WARM_UP"
    if state is not State.ERROR:
        return None
    return "BOT_KILLED" if situation.killed else "REPEATED_FAILURE"
