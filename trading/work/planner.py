"""The planner of the autonomy tick: which bot gets which work now, and why every other bot does not.

Belongs here: the pure decision. The same fleet, clock and limits give the same decisions in the same order.
Does not belong here: reading the fleet, writing jobs (`services/work/autonomy.py`).

A bot gets at most one decision a tick. A baseline waits for another backtest of the bot only; improve and evolve work
waits for any work of it. Work that is due is given out by priority, then oldest need first, so a bot's wait is bounded
by the number of bots before it. A bot that a person added, or whose numbers a person edited, gets its baseline before
the seeded fleet gets its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from trading.work.jobs import Caps, JobType

STALE_AFTER = timedelta(minutes=15)
MIN_TRADES = 15
MAX_FAILURES_IN_ROW = 5
MAX_IMPROVE_FAILURES_IN_ROW = 3
IMPROVES_PER_EVOLVE = 3
IMPROVE_EVERY = timedelta(minutes=20)
EVOLVE_EVERY = timedelta(minutes=60)
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(minutes=30)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Priority(IntEnum):
    """In which order jobs of a type are claimed: a person's wish before a person's bot before the seeded fleet."""

    BY_HAND = 10
    OWN_BOT = 20
    FIRST_BASELINE = 50
    USUAL = 100


class Reason(StrEnum):
    """Why a bot got work, or what kept it from work."""

    NO_SESSION_SINCE_RESET = "NO_SESSION_SINCE_RESET"
    LAST_BACKTEST_FAILED = "LAST_BACKTEST_FAILED"
    NUMBERS_EDITED = "NUMBERS_EDITED"
    NEWER_GENERATION = "NEWER_GENERATION"
    NEWER_BARS = "NEWER_BARS"
    IMPROVE_DUE = "IMPROVE_DUE"
    EVOLVE_DUE = "EVOLVE_DUE"
    BY_HAND = "BY_HAND"
    KILL_SWITCH_ON = "KILL_SWITCH_ON"
    BOT_KILLED = "BOT_KILLED"
    ARCHIVED = "ARCHIVED"
    PAUSED = "PAUSED"
    STAGE_NOT_LAB = "STAGE_NOT_LAB"
    JOB_ACTIVE = "JOB_ACTIVE"
    NO_MARKET_DATA = "NO_MARKET_DATA"
    REPEATED_FAILURE = "REPEATED_FAILURE"
    BACKOFF = "BACKOFF"
    TOO_FEW_TRADES = "TOO_FEW_TRADES"
    EVIDENCE_SPENT = "EVIDENCE_SPENT"
    IMPROVE_FAILING = "IMPROVE_FAILING"
    IMPROVE_COOLDOWN = "IMPROVE_COOLDOWN"
    CAP_REACHED = "CAP_REACHED"
    SYMBOL_CAP_REACHED = "SYMBOL_CAP_REACHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsideredBot:
    """One bot as the tick sees it. Backtests are counted since its BACKTEST baseline, iterations all its life.

    Attributes:
        own: Whether a person added it, rather than the seed of a fleet.
        edited: Whether a person wrote the numbers of its newest generation.
        active: Types of its QUEUED or RUNNING jobs.
        bars_fingerprint: Of the best bars there are for its symbol and timeframe; None where there are none.
        bars_since: When those bars arrived.
        bars_last_at: The opening of the last of them.
        generation: Its newest generation, and `generation_since` when that came to be.
        last_backtest_at: End of its last attempt, successful or not.
        last_session_*: Of its last completed session; None where there is none.
        evidence_waits_until: The trading date whose bars give it a look at sealed days again; None where it has one.
    """

    bot_id: UUID
    symbol: str
    stage: str
    created_at: datetime
    killed: bool = False
    archived: bool = False
    paused: bool = False
    own: bool = False
    edited: bool = False
    active: frozenset[JobType] = frozenset()
    bars_fingerprint: str | None = None
    bars_since: datetime | None = None
    bars_last_at: datetime | None = None
    generation: int = 1
    generation_since: datetime | None = None
    backtests_completed: int = 0
    backtest_attempts: int = 0
    backtest_failures_in_row: int = 0
    last_backtest_at: datetime | None = None
    last_session_generation: int | None = None
    last_session_fingerprint: str | None = None
    last_session_trades: int = 0
    evidence_waits_until: date | None = None
    improve_iterations: int = 0
    improve_failures_in_row: int = 0
    improves_since_evolve: int = 0
    last_improve_at: datetime | None = None
    evolve_iterations: int = 0
    evolve_failures_in_row: int = 0
    last_evolve_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the tick decided for one bot; `job_type` is None where the bot gets nothing now."""

    bot_id: UUID
    reason: Reason
    job_type: JobType | None = None
    attempt: int = 1
    iteration: int = 0
    blockers: tuple[Reason, ...] = ()
    priority: Priority = Priority.USUAL


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions of one tick, work first in the order it is given out, then the rest in fleet order.

    Attributes:
        decisions: Exactly one per candidate.
        eligible: How many bots had work due, whether or not a cap left room for it.
    """

    decisions: tuple[Decision, ...]
    eligible: int

    @property
    def enqueued(self) -> tuple[Decision, ...]:
        """The decisions that become jobs."""
        return tuple(decision for decision in self.decisions if decision.job_type is not None)


@dataclass(frozen=True, slots=True)
class Load:
    """Work already waiting or running.

    Attributes:
        queued: QUEUED jobs by type.
        active_by_symbol: QUEUED and RUNNING jobs by (type, symbol).
    """

    queued: Mapping[JobType, int] = field(default_factory=dict)
    active_by_symbol: Mapping[tuple[JobType, str], int] = field(default_factory=dict)


def plan_autonomy_tick(
    fleet: Iterable[ConsideredBot], *, now: datetime, caps: Caps, load: Load, kill_switch: bool
) -> Plan:
    """Decide for every bot of the fleet; pure and deterministic.

    Args:
        fleet: Every bot, in any order.
        now: The tick's time.
        caps: Limits on running and waiting work.
        load: Work that waits or runs already.
        kill_switch: Whether the operators have stopped autonomy.
    """
    ordered = sorted(fleet, key=lambda bot: bot.bot_id)
    skipped: list[Decision] = []
    due: list[tuple[ConsideredBot, Decision]] = []
    for bot in ordered:
        decision = _decide(bot, now=now, kill_switch=kill_switch)
        if decision.job_type is None:
            skipped.append(decision)
        else:
            due.append((bot, decision))
    due.sort(key=lambda pair: (pair[1].priority, _need_since(*pair), pair[0].bot_id))
    given, refused = _within_caps(due, caps=caps, load=load)
    return Plan(decisions=(*given, *refused, *skipped), eligible=len(due))


def backoff(failures_in_row: int) -> timedelta:
    """Return how long to wait after so many failures in a row: 1, 2, 4, ... minutes, at most 30."""
    doublings = max(min(failures_in_row - 1, 10), 0)
    return min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)


def _decide(bot: ConsideredBot, *, now: datetime, kill_switch: bool) -> Decision:
    blockers = _standing_blockers(bot, kill_switch=kill_switch)
    if blockers:
        return Decision(bot.bot_id, blockers[0], blockers=blockers)
    need = _baseline_need(bot, now=now)
    if need is not None:
        return _baseline(bot, need, now=now)
    if bot.active:
        return Decision(bot.bot_id, Reason.JOB_ACTIVE, blockers=(Reason.JOB_ACTIVE,))
    return _improvement(bot, now=now)


def _standing_blockers(bot: ConsideredBot, *, kill_switch: bool) -> tuple[Reason, ...]:
    checks = (
        (kill_switch, Reason.KILL_SWITCH_ON),
        (bot.killed, Reason.BOT_KILLED),
        (bot.archived, Reason.ARCHIVED),
        (bot.paused, Reason.PAUSED),
        (bot.stage != "LAB", Reason.STAGE_NOT_LAB),
        (JobType.BACKTEST in bot.active, Reason.JOB_ACTIVE),
        (bot.bars_fingerprint is None, Reason.NO_MARKET_DATA),
        (bot.backtest_failures_in_row >= MAX_FAILURES_IN_ROW, Reason.REPEATED_FAILURE),
    )
    return tuple(reason for holds, reason in checks if holds)


def _baseline_need(bot: ConsideredBot, *, now: datetime) -> Reason | None:
    if bot.backtest_failures_in_row > 0:
        return Reason.LAST_BACKTEST_FAILED
    if bot.backtests_completed == 0:
        return Reason.NO_SESSION_SINCE_RESET
    newer_generation = bot.last_session_generation is not None and bot.generation > bot.last_session_generation
    if newer_generation and bot.edited:
        return Reason.NUMBERS_EDITED
    if newer_generation and _older_than(STALE_AFTER, bot.generation_since, now=now):
        return Reason.NEWER_GENERATION
    newer_bars = bot.bars_fingerprint != bot.last_session_fingerprint
    if newer_bars and _older_than(STALE_AFTER, bot.bars_since, now=now):
        return Reason.NEWER_BARS
    return None


def _baseline(bot: ConsideredBot, need: Reason, *, now: datetime) -> Decision:
    failures = bot.backtest_failures_in_row
    if failures and not _older_than(backoff(failures), bot.last_backtest_at, now=now):
        return Decision(bot.bot_id, Reason.BACKOFF, blockers=(Reason.BACKOFF,))
    attempt = bot.backtest_attempts + 1
    return Decision(bot.bot_id, need, JobType.BACKTEST, attempt=attempt, priority=_priority(bot, need))


def _improvement(bot: ConsideredBot, *, now: datetime) -> Decision:
    if bot.last_session_trades < MIN_TRADES:
        return Decision(bot.bot_id, Reason.TOO_FEW_TRADES, blockers=(Reason.TOO_FEW_TRADES,))
    if _waits_for_evidence(bot):
        return Decision(bot.bot_id, Reason.EVIDENCE_SPENT, blockers=(Reason.EVIDENCE_SPENT,))
    if _evolve_due(bot, now=now):
        return Decision(bot.bot_id, Reason.EVOLVE_DUE, JobType.EVOLVE, iteration=bot.evolve_iterations + 1)
    blockers = tuple(
        reason
        for holds, reason in (
            (bot.improve_failures_in_row >= MAX_IMPROVE_FAILURES_IN_ROW, Reason.IMPROVE_FAILING),
            (not _older_than(IMPROVE_EVERY, bot.last_improve_at, now=now), Reason.IMPROVE_COOLDOWN),
        )
        if holds
    )
    if blockers:
        return Decision(bot.bot_id, blockers[0], blockers=blockers)
    return Decision(bot.bot_id, Reason.IMPROVE_DUE, JobType.IMPROVE, iteration=bot.improve_iterations + 1)


def _waits_for_evidence(bot: ConsideredBot) -> bool:
    """Return whether no candidate of the bot could win: it has no look until the bars of a later date are there."""
    until = bot.evidence_waits_until
    return until is not None and (bot.bars_last_at is None or bot.bars_last_at.date() < until)


def _evolve_due(bot: ConsideredBot, *, now: datetime) -> bool:
    return (
        bot.improves_since_evolve >= IMPROVES_PER_EVOLVE
        and bot.evolve_failures_in_row < MAX_IMPROVE_FAILURES_IN_ROW
        and _older_than(EVOLVE_EVERY, bot.last_evolve_at, now=now)
    )


def _within_caps(
    due: list[tuple[ConsideredBot, Decision]], *, caps: Caps, load: Load
) -> tuple[list[Decision], list[Decision]]:
    waiting = Counter(load.queued)
    by_symbol = Counter(load.active_by_symbol)
    given: list[Decision] = []
    refused: list[Decision] = []
    for bot, decision in due:
        job_type = decision.job_type
        if job_type is None:
            continue
        lack = _lack_of_room(job_type, bot.symbol, waiting=waiting, by_symbol=by_symbol, caps=caps)
        if lack is not None:
            refused.append(Decision(bot.bot_id, lack, blockers=(lack,)))
            continue
        waiting[job_type] += 1
        by_symbol[job_type, bot.symbol] += 1
        given.append(decision)
    return given, refused


def _lack_of_room(
    job_type: JobType, symbol: str, *, waiting: Counter[JobType], by_symbol: Counter[tuple[JobType, str]], caps: Caps
) -> Reason | None:
    if waiting[job_type] >= caps.queue_limit(job_type):
        return Reason.CAP_REACHED
    if caps.per_symbol is not None and by_symbol[job_type, symbol] >= caps.per_symbol:
        return Reason.SYMBOL_CAP_REACHED
    return None


def _priority(bot: ConsideredBot, need: Reason) -> Priority:
    is_first = need is Reason.NO_SESSION_SINCE_RESET
    if need is Reason.NUMBERS_EDITED or (is_first and bot.own):
        return Priority.OWN_BOT
    return Priority.FIRST_BASELINE if is_first else Priority.USUAL


def _need_since(bot: ConsideredBot, decision: Decision) -> datetime:
    last = {
        JobType.BACKTEST: bot.last_backtest_at or bot.created_at,
        JobType.IMPROVE: bot.last_improve_at or LONG_AGO,
        JobType.EVOLVE: bot.last_evolve_at or LONG_AGO,
    }
    return last[decision.job_type] if decision.job_type is not None else LONG_AGO


def _older_than(age: timedelta, moment: datetime | None, *, now: datetime) -> bool:
    return moment is None or now - moment >= age
