"""Each invariant holds on a healthy ledger and is broken by a planted fault; waits are counted."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from services.audit.chain import record
from services.backtests.baselines import BaselineBacktest
from services.bots.seed import seed_fleet
from services.control.kill_switch import SwitchWish, throw_switch
from services.desk import Desk
from services.health.invariants import (
    all_invariants,
    caps_are_kept,
    no_stuck_jobs,
    tick_is_recent,
    work_is_finishing,
)
from services.health.readiness import MigrationCheck, readiness
from services.health.vitals import verdicts
from services.work.autonomy import run_autonomy_tick
from services.work.autonomy_ticks import silence_limit
from services.work.proofs import autonomy_proof
from services.work.queue import drain
from services.work.starvation import Wait, starvation
from store.database import transaction
from tests.harness.actors import TESTER
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_job
from trading.work.jobs import LEASE, TIMEOUTS, JobType

NAMES = (
    "tick_is_recent",
    "no_stuck_jobs",
    "caps_are_kept",
    "figures_are_current",
    "work_is_finishing",
    "audit_chain_is_whole",
)


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=4, symbols=("MES",), timeframes=("1h",))
    run_autonomy_tick(stocked_desk)
    list(drain(stocked_desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=TIMEOUTS[JobType.BACKTEST]))
    with transaction(stocked_desk.database) as db:
        record(stocked_desk, db, actor=TESTER, action="LOOK", subject="fleet", payload={})
    return stocked_desk


def broken(desk: Desk) -> set[str]:
    return {verdict.name for verdict in all_invariants(desk) if not verdict.holds}


def test_everything_holds_on_a_healthy_ledger(fleet: Desk) -> None:
    all_verdicts = all_invariants(fleet)
    assert tuple(verdict.name for verdict in all_verdicts) == NAMES
    assert all(verdict.holds and not verdict.broken for verdict in all_verdicts)
    assert {verdict.name: verdict.checked for verdict in all_verdicts}["figures_are_current"] == 4


def silent_tick(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    clock.advance(minutes=9)


def running(desk: Desk, count: int) -> None:
    with transaction(desk.database) as db:
        for _ in range(count):
            make_job(db, make_bot(db), status="RUNNING", created_at=desk.clock())


def three_running(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    running(desk, 3)


def silent_worker(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    running(desk, 1)
    clock.advance(minutes=5)
    run_tick_without_reclaiming(desk, owner)


def run_tick_without_reclaiming(desk: Desk, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("UPDATE autonomy_runs SET started_at = :now"), {"now": desk.clock()})


def stale_figure(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("UPDATE bot_metrics_rollups SET trades = trades + 1"))


def nothing_finishes(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        make_job(db, make_bot(db), created_at=clock())
    clock.advance(minutes=11)
    run_tick_without_reclaiming(desk, owner)


def altered_event(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE audit_events SET actor = 'somebody else'"))


@pytest.mark.scorecard(47)
@pytest.mark.parametrize(
    ("plant", "name"),
    [
        (silent_tick, "tick_is_recent"),
        (silent_worker, "no_stuck_jobs"),
        (three_running, "caps_are_kept"),
        (stale_figure, "figures_are_current"),
        (nothing_finishes, "work_is_finishing"),
        (altered_event, "audit_chain_is_whole"),
    ],
)
def test_a_planted_fault_breaks_exactly_its_invariant(
    fleet: Desk, clock: FixedClock, owner: Engine, plant: Callable[[Desk, FixedClock, Engine], None], name: str
) -> None:
    plant(fleet, clock, owner)
    assert broken(fleet) == {name}


@pytest.mark.parametrize(
    "change",
    [
        *("sharpe = COALESCE(sharpe, 0) + 1", "win_pct = 99.5", "profit_factor = 9", "expectancy_usd = 500"),
        *("max_drawdown_pct = 0.125", "max_drawdown_usd = 0.5", "data_source = 'databento'", "sharpe = NULL"),
        "since = now()",
    ],
)
def test_no_figure_that_opens_a_gate_is_changed_unseen(fleet: Desk, owner: Engine, change: str) -> None:
    with owner.begin() as connection:
        connection.execute(text(f"UPDATE bot_metrics_rollups SET {change}"))
    assert broken(fleet) == {"figures_are_current"}


def test_a_figure_that_is_missing_is_missed(fleet: Desk, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM bot_metrics_rollups"))
    assert broken(fleet) == {"figures_are_current"}


def test_all_faults_are_counted_and_ten_are_shown(fleet: Desk, owner: Engine) -> None:
    running(fleet, 13)
    with owner.begin() as connection:
        connection.execute(text("UPDATE bot_jobs SET heartbeat_at = heartbeat_at - interval '1 hour'"))
    stuck = no_stuck_jobs(fleet)
    assert (stuck.checked, stuck.faults, len(stuck.broken)) == (13, 13, 10)
    assert {verdict.name: verdict.value for verdict in verdicts(fleet)}["no_stuck_jobs"] == "13 of 13 broken"


def test_what_stands_at_its_limit_holds(fleet: Desk, clock: FixedClock) -> None:
    running(fleet, 2)
    assert caps_are_kept(fleet).holds
    clock.advance(seconds=2 * LEASE.total_seconds())
    assert no_stuck_jobs(fleet).holds
    clock.advance(seconds=1)
    assert no_stuck_jobs(fleet).faults == 2


def test_old_work_may_wait_while_other_work_finishes(fleet: Desk, clock: FixedClock) -> None:
    with transaction(fleet.database) as db:
        make_job(db, make_bot(db), created_at=clock() - timedelta(hours=1))
    clock.advance(minutes=10)
    assert work_is_finishing(fleet).holds
    clock.advance(seconds=1)
    assert not work_is_finishing(fleet).holds


def test_work_that_a_person_stopped_need_not_finish_until_it_is_let_go_on(fleet: Desk, clock: FixedClock) -> None:
    def throw(engaged: bool) -> None:
        throw_switch(fleet, SwitchWish(engaged=engaged, reason_code="PLANTED", actor=TESTER, request_id="r"))

    with transaction(fleet.database) as db:
        make_job(db, make_bot(db), created_at=clock())
    throw(True)
    clock.advance(minutes=30)
    assert work_is_finishing(fleet).holds
    throw(False)
    clock.advance(minutes=9)
    assert work_is_finishing(fleet).holds
    clock.advance(minutes=2)
    assert not work_is_finishing(fleet).holds


def backtests_end(desk: Desk, clock: FixedClock, *, count: int, every_seconds: float) -> None:
    """Have one backtest after another begin now and end later, as a platform at a steady pace does."""
    for _ in range(count):
        began = clock()
        ended = clock.advance(seconds=every_seconds)
        with transaction(desk.database) as db:
            done = make_job(db, make_bot(db), status="COMPLETED", created_at=began, completed_at=ended)
            assert done.started_at == began


def wait_for(desk: Desk, kind: JobType) -> Wait:
    return next(wait for wait in starvation(desk).waits if wait.job_type is kind)


def test_waits_are_told_by_type_with_the_pace(fleet: Desk, clock: FixedClock) -> None:
    clock.advance(seconds=10)
    run_autonomy_tick(fleet)
    clock.advance(seconds=20)
    backtests = wait_for(fleet, JobType.BACKTEST)
    assert (backtests.queued, backtests.last_served_in_seconds) == (0, 0.0)
    assert backtests.finished_per_minute == pytest.approx(4 / 0.5)
    improving = wait_for(fleet, JobType.IMPROVE)
    assert improving.queued >= 1
    assert (improving.oldest_queued_seconds, improving.last_served_in_seconds) == (20.0, None)


def test_the_pace_of_a_young_platform_is_that_of_its_minutes_not_of_ten(desk: Desk, clock: FixedClock) -> None:
    backtests_end(desk, clock, count=17, every_seconds=3)
    with transaction(desk.database) as db:
        for _ in range(40):
            make_job(db, make_bot(db), created_at=clock())
    wait = wait_for(desk, JobType.BACKTEST)
    assert wait.finished_per_minute == pytest.approx(20)
    assert wait.last_served_in_seconds == pytest.approx(40 * 3)


def test_the_pace_of_an_old_platform_is_that_of_the_last_ten_minutes(desk: Desk, clock: FixedClock) -> None:
    backtests_end(desk, clock, count=90, every_seconds=10)
    assert wait_for(desk, JobType.BACKTEST).finished_per_minute == pytest.approx(6)
    clock.advance(minutes=5)
    assert wait_for(desk, JobType.BACKTEST).finished_per_minute == pytest.approx(3)
    clock.advance(minutes=5)
    assert wait_for(desk, JobType.BACKTEST).finished_per_minute == 0


def test_a_job_longer_than_the_window_is_one_in_ten_minutes(desk: Desk, clock: FixedClock) -> None:
    backtests_end(desk, clock, count=1, every_seconds=25 * 60)
    assert wait_for(desk, JobType.BACKTEST).finished_per_minute == pytest.approx(0.1)


def test_no_time_is_no_pace(desk: Desk, clock: FixedClock) -> None:
    backtests_end(desk, clock, count=2, every_seconds=0)
    wait = wait_for(desk, JobType.BACKTEST)
    assert (wait.finished_per_minute, wait.last_served_in_seconds) == (0, None)


def test_work_that_a_person_holds_back_has_no_forecast(desk: Desk, clock: FixedClock) -> None:
    backtests_end(desk, clock, count=2, every_seconds=30)
    with transaction(desk.database) as db:
        make_job(db, make_bot(db), created_at=clock())
    assert (wait_for(desk, JobType.BACKTEST).last_served_in_seconds, starvation(desk).held_by_kill_switch) == (
        30,
        False,
    )
    throw_switch(desk, SwitchWish(engaged=True, reason_code="PLANTED", actor=TESTER, request_id="r"))
    held = wait_for(desk, JobType.BACKTEST)
    assert held.finished_per_minute == pytest.approx(2)
    assert held.last_served_in_seconds is None
    assert starvation(desk).held_by_kill_switch


@pytest.mark.parametrize("late_seconds", [0, 1])
def test_proof_invariant_vitals_and_readiness_agree_on_when_autonomy_is_silent(
    desk: Desk, clock: FixedClock, late_seconds: int
) -> None:
    run_autonomy_tick(desk)
    clock.advance(seconds=silence_limit(desk).total_seconds() + late_seconds)
    proof, ready = autonomy_proof(desk), readiness(desk, MigrationCheck())
    assert proof.seconds_since_last_tick == silence_limit(desk).total_seconds() + late_seconds
    ticks = [verdict.holds for verdict in verdicts(desk) if verdict.name == "tick_is_recent"]
    daemon = [check.passed for check in ready.checks if "last autonomy tick" in check.detail]
    assert [proof.healthy, tick_is_recent(desk).holds, *ticks, *daemon] == 4 * [late_seconds == 0]
