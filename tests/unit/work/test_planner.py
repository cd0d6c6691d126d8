"""The planner, rule by rule, and its invariants over random fleets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.work.jobs import Caps, JobType
from trading.work.planner import (
    IMPROVE_EVERY,
    MAX_FAILURES_IN_ROW,
    MIN_TRADES,
    STALE_AFTER,
    ConsideredBot,
    Decision,
    Load,
    Priority,
    Reason,
    backoff,
    plan_autonomy_tick,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CAPS = Caps(running={JobType.BACKTEST: 2, JobType.IMPROVE: 1, JobType.EVOLVE: 1})

FRESH = ConsideredBot(
    bot_id=UUID(int=1),
    symbol="MES",
    stage="LAB",
    created_at=NOW - timedelta(hours=1),
    bars_fingerprint="bars",
    bars_since=NOW - timedelta(days=1),
    generation_since=NOW - timedelta(hours=1),
)
PROVEN = replace(
    FRESH,
    backtests_completed=1,
    backtest_attempts=1,
    last_backtest_at=NOW - timedelta(minutes=5),
    last_session_generation=1,
    last_session_fingerprint="bars",
    last_session_trades=MIN_TRADES,
)


def decide(bot: ConsideredBot, *, caps: Caps = CAPS, kill_switch: bool = False) -> Decision:
    (decision,) = plan_autonomy_tick([bot], now=NOW, caps=caps, load=Load(), kill_switch=kill_switch).decisions
    return decision


@pytest.mark.parametrize(
    ("bot", "reason"),
    [
        (replace(FRESH, killed=True), Reason.BOT_KILLED),
        (replace(FRESH, archived=True), Reason.ARCHIVED),
        (replace(FRESH, paused=True), Reason.PAUSED),
        (replace(PROVEN, paused=True), Reason.PAUSED),
        (replace(FRESH, stage="PAPER"), Reason.STAGE_NOT_LAB),
        (replace(FRESH, active=frozenset({JobType.BACKTEST})), Reason.JOB_ACTIVE),
        (replace(PROVEN, active=frozenset({JobType.IMPROVE})), Reason.JOB_ACTIVE),
        (replace(PROVEN, active=frozenset({JobType.EVOLVE})), Reason.JOB_ACTIVE),
        (replace(FRESH, bars_fingerprint=None), Reason.NO_MARKET_DATA),
        (replace(FRESH, backtest_failures_in_row=MAX_FAILURES_IN_ROW), Reason.REPEATED_FAILURE),
        (replace(FRESH, backtest_failures_in_row=1, last_backtest_at=NOW), Reason.BACKOFF),
        (replace(FRESH, backtest_failures_in_row=4, last_backtest_at=NOW - backoff(3)), Reason.BACKOFF),
        (replace(PROVEN, last_session_trades=MIN_TRADES - 1), Reason.TOO_FEW_TRADES),
        (replace(PROVEN, improve_failures_in_row=3), Reason.IMPROVE_FAILING),
        (replace(PROVEN, last_improve_at=NOW - IMPROVE_EVERY + timedelta(seconds=1)), Reason.IMPROVE_COOLDOWN),
    ],
)
def test_a_bot_without_work_says_why(bot: ConsideredBot, reason: Reason) -> None:
    decision = decide(bot)
    assert (decision.job_type, decision.reason, decision.blockers) == (None, reason, (reason,))


@pytest.mark.parametrize(
    ("bot", "job_type", "reason"),
    [
        (FRESH, JobType.BACKTEST, Reason.NO_SESSION_SINCE_RESET),
        (
            replace(FRESH, backtest_failures_in_row=1, last_backtest_at=NOW - backoff(1)),
            JobType.BACKTEST,
            Reason.LAST_BACKTEST_FAILED,
        ),
        (replace(PROVEN, generation=2, generation_since=NOW - STALE_AFTER), JobType.BACKTEST, Reason.NEWER_GENERATION),
        (
            replace(PROVEN, bars_fingerprint="newer", bars_since=NOW - STALE_AFTER),
            JobType.BACKTEST,
            Reason.NEWER_BARS,
        ),
        (PROVEN, JobType.IMPROVE, Reason.IMPROVE_DUE),
        (replace(PROVEN, last_improve_at=NOW - IMPROVE_EVERY), JobType.IMPROVE, Reason.IMPROVE_DUE),
        (replace(PROVEN, improves_since_evolve=3), JobType.EVOLVE, Reason.EVOLVE_DUE),
        (
            replace(PROVEN, improves_since_evolve=3, last_evolve_at=NOW - timedelta(minutes=59)),
            JobType.IMPROVE,
            Reason.IMPROVE_DUE,
        ),
    ],
)
def test_work_that_is_due_is_given_with_its_reason(bot: ConsideredBot, job_type: JobType, reason: Reason) -> None:
    decision = decide(bot)
    assert (decision.job_type, decision.reason) == (job_type, reason)


@pytest.mark.parametrize("other", [["IMPROVE"], ["EVOLVE"], ["IMPROVE", "EVOLVE"]], ids=str)
def test_other_work_holds_no_baseline_back(other: list[str]) -> None:
    for bot in (FRESH, replace(PROVEN, bars_fingerprint="newer")):
        assert decide(replace(bot, active=frozenset(map(JobType, other)))) == decide(bot)
        assert decide(bot).job_type is JobType.BACKTEST
        beside = frozenset(map(JobType, [*other, "BACKTEST"]))
        assert decide(replace(bot, active=beside)).reason is Reason.JOB_ACTIVE


def test_news_younger_than_a_quarter_of_an_hour_waits() -> None:
    newer = replace(PROVEN, bars_fingerprint="newer", bars_since=NOW - STALE_AFTER + timedelta(seconds=1))
    assert decide(newer).reason is Reason.IMPROVE_DUE
    young = replace(PROVEN, generation=2, generation_since=NOW - STALE_AFTER + timedelta(seconds=1))
    assert decide(young).reason is Reason.IMPROVE_DUE


def test_after_three_failed_evolves_in_a_row_the_bot_improves() -> None:
    failing = replace(PROVEN, improves_since_evolve=3, evolve_failures_in_row=2)
    assert decide(failing).reason is Reason.EVOLVE_DUE
    assert decide(replace(failing, evolve_failures_in_row=3)).reason is Reason.IMPROVE_DUE


def test_the_kill_switch_stops_everything_and_every_other_blocker_is_still_told() -> None:
    decision = decide(replace(FRESH, killed=True), kill_switch=True)
    assert decision.blockers == (Reason.KILL_SWITCH_ON, Reason.BOT_KILLED)


def test_attempt_and_iteration_count_on() -> None:
    assert decide(replace(FRESH, backtest_attempts=2)).attempt == 3
    assert decide(replace(PROVEN, improve_iterations=4)).iteration == 5
    assert decide(replace(PROVEN, improves_since_evolve=3, evolve_iterations=1)).iteration == 2


def test_backoff_doubles_up_to_half_an_hour() -> None:
    minutes = [backoff(failures).total_seconds() / 60 for failures in range(1, 8)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30]


def test_the_queue_is_filled_up_to_its_limit_and_the_rest_is_told() -> None:
    limit = CAPS.queue_limit(JobType.BACKTEST)
    fleet = [replace(FRESH, bot_id=UUID(int=number)) for number in range(1, limit + 11)]
    plan = plan_autonomy_tick(fleet, now=NOW, caps=CAPS, load=Load(queued={JobType.BACKTEST: 5}), kill_switch=False)
    assert len(plan.enqueued) == limit - 5
    assert plan.eligible == limit + 10
    assert [decision.reason for decision in plan.decisions[limit - 5 :]] == [Reason.CAP_REACHED] * 15


def test_a_symbol_cap_spreads_the_work() -> None:
    caps = Caps(running=CAPS.running, per_symbol=1)
    fleet = [replace(FRESH, bot_id=UUID(int=n), symbol="MES" if n < 4 else "MGC") for n in range(1, 6)]
    plan = plan_autonomy_tick(fleet, now=NOW, caps=caps, load=Load(), kill_switch=False)
    assert [decision.bot_id.int for decision in plan.enqueued] == [1, 4]
    assert {decision.reason for decision in plan.decisions[2:]} == {Reason.SYMBOL_CAP_REACHED}


def test_the_longest_wait_is_served_first() -> None:
    waits = {3: 30, 1: 10, 2: 20}
    fleet = [
        replace(PROVEN, bot_id=UUID(int=n), last_improve_at=NOW - IMPROVE_EVERY - timedelta(minutes=minutes))
        for n, minutes in waits.items()
    ]
    plan = plan_autonomy_tick(fleet, now=NOW, caps=CAPS, load=Load(), kill_switch=False)
    assert [decision.bot_id.int for decision in plan.enqueued] == [3, 2, 1]


@pytest.mark.parametrize(
    ("due", "last_at"),
    [
        (replace(PROVEN, bars_fingerprint="newer"), "last_backtest_at"),
        (replace(PROVEN, improves_since_evolve=3), "last_evolve_at"),
    ],
)
def test_a_wait_counts_from_the_last_work_of_its_kind(due: ConsideredBot, last_at: str) -> None:
    fleet = []
    for number in (1, 2):
        older, newer = NOW - timedelta(days=4 - number), NOW - timedelta(hours=2 + number)
        times: dict[str, Any] = {
            "created_at": older,
            "last_backtest_at": older,
            "last_improve_at": older,
            last_at: newer,
        }
        fleet.append(replace(due, bot_id=UUID(int=number), **times))
    plan = plan_autonomy_tick(fleet, now=NOW, caps=CAPS, load=Load(), kill_switch=False)
    assert [decision.bot_id.int for decision in plan.enqueued] == [2, 1]


def test_a_bot_without_a_session_since_reset_is_served_before_longer_waits() -> None:
    stale = replace(PROVEN, bot_id=UUID(int=1), bars_fingerprint="newer", last_backtest_at=NOW - timedelta(days=2))
    fresh = replace(FRESH, bot_id=UUID(int=2))
    plan = plan_autonomy_tick([stale, fresh], now=NOW, caps=CAPS, load=Load(), kill_switch=False)
    assert [decision.bot_id.int for decision in plan.enqueued] == [2, 1]


def test_ones_own_bot_goes_before_the_seeded_fleet_and_ties_fall_as_before() -> None:
    seeded = [replace(FRESH, bot_id=UUID(int=number)) for number in range(1, 301)]
    late = NOW - timedelta(minutes=1)
    own = [replace(FRESH, bot_id=UUID(int=n), own=True, created_at=late) for n in (902, 901)]
    edited = replace(PROVEN, bot_id=UUID(int=900), generation=2, generation_since=NOW, edited=True)
    plan = plan_autonomy_tick([*seeded, *own, edited], now=NOW, caps=CAPS, load=Load(), kill_switch=False)
    first = [(decision.bot_id.int, decision.priority, decision.reason) for decision in plan.enqueued[:4]]
    assert first == [
        (900, Priority.OWN_BOT, Reason.NUMBERS_EDITED),
        (901, Priority.OWN_BOT, Reason.NO_SESSION_SINCE_RESET),
        (902, Priority.OWN_BOT, Reason.NO_SESSION_SINCE_RESET),
        (1, Priority.FIRST_BASELINE, Reason.NO_SESSION_SINCE_RESET),
    ]


def test_ones_own_bot_waits_its_turn_once_it_has_a_baseline() -> None:
    assert decide(replace(PROVEN, own=True)).priority is Priority.USUAL
    newer_bars = decide(replace(PROVEN, own=True, bars_fingerprint="newer"))
    assert (newer_bars.reason, newer_bars.priority) == (Reason.NEWER_BARS, Priority.USUAL)


moments = st.none() | st.integers(0, 200).map(lambda minutes: NOW - timedelta(minutes=minutes))
candidates = st.builds(
    ConsideredBot,
    bot_id=st.integers(1, 40).map(lambda number: UUID(int=number)),
    symbol=st.sampled_from(["MES", "MNQ", "MGC"]),
    stage=st.sampled_from(["LAB", "LAB", "LAB", "PAPER"]),
    created_at=st.just(NOW - timedelta(days=1)),
    killed=st.booleans(),
    archived=st.booleans(),
    paused=st.booleans(),
    own=st.booleans(),
    edited=st.booleans(),
    active=st.frozensets(st.sampled_from(JobType), max_size=2),
    bars_fingerprint=st.sampled_from([None, "a", "b"]),
    bars_since=moments,
    generation=st.integers(1, 3),
    generation_since=moments,
    backtests_completed=st.integers(0, 2),
    backtest_failures_in_row=st.integers(0, 6),
    last_backtest_at=moments,
    last_session_generation=st.none() | st.integers(1, 3),
    last_session_fingerprint=st.sampled_from([None, "a", "b"]),
    last_session_trades=st.integers(0, 30),
    improve_failures_in_row=st.integers(0, 4),
    improves_since_evolve=st.integers(0, 4),
    last_improve_at=moments,
    last_evolve_at=moments,
)
fleets = st.lists(candidates, max_size=30, unique_by=lambda bot: bot.bot_id)


@given(fleets, st.randoms(use_true_random=False))
def test_the_same_fleet_in_any_order_gives_the_same_plan(fleet: list[ConsideredBot], chance: object) -> None:
    shuffled = list(fleet)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    plans = [plan_autonomy_tick(bots, now=NOW, caps=CAPS, load=Load(), kill_switch=False) for bots in (fleet, shuffled)]
    assert plans[0] == plans[1]


@given(fleets, st.integers(0, 25))
def test_every_bot_gets_one_decision_and_no_blocked_bot_gets_work(fleet: list[ConsideredBot], waiting: int) -> None:
    load = Load(queued={JobType.IMPROVE: waiting})
    plan = plan_autonomy_tick(fleet, now=NOW, caps=CAPS, load=load, kill_switch=False)
    assert sorted(decision.bot_id for decision in plan.decisions) == sorted(bot.bot_id for bot in fleet)
    given_work = {decision.bot_id: decision.job_type for decision in plan.enqueued}
    for bot in fleet:
        left_alone = bot.killed or bot.archived or bot.paused or bot.stage != "LAB"
        if left_alone or JobType.BACKTEST in bot.active or bot.bars_fingerprint is None:
            assert bot.bot_id not in given_work
        if bot.active:
            assert given_work.get(bot.bot_id, JobType.BACKTEST) is JobType.BACKTEST
    improving = sum(decision.job_type is JobType.IMPROVE for decision in plan.enqueued)
    assert improving <= max(CAPS.queue_limit(JobType.IMPROVE) - waiting, 0)
    assert all(decision.blockers for decision in plan.decisions if decision.job_type is None)
