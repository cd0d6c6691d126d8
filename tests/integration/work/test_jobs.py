"""The queue under racing ticks, racing claims, zombies and crashes at named points (scorecard 6, 7, 8)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

import trading.work.jobs
from services.backtests.baselines import BaselineBacktest
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.health.invariants import no_stuck_jobs, raw_truth_matches_rollup, session_conserves_cash
from services.progress import Progress
from services.work import queue
from services.work.autonomy import run_autonomy_tick
from services.work.queue import drain
from services.work.starvation import starvation
from store.backtests.trades import TradeLog
from store.bots import registry
from store.tables import BacktestSession, BotJob, BotProgress
from store.work import autonomy, considered_bots, jobs, owed_materializations
from store.work.jobs import Claim
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_generation, make_job
from trading.work.jobs import LEASE, TIMEOUTS, JobStatus, JobType
from trading.work.planner import Decision, Reason

FLEET = 6
THREADS = 8
HOUR = timedelta(hours=1)


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=FLEET, symbols=("MES",), timeframes=("1h",))
    return stocked_desk


@dataclass(frozen=True)
class Violations:
    """What must never be."""

    bots_with_two_active_jobs: int
    running_over_cap: int
    jobs_with_two_sessions: int

    @property
    def none(self) -> bool:
        return not any((self.bots_with_two_active_jobs, self.running_over_cap, self.jobs_with_two_sessions))


def violations(db: Session, *, cap: int = 2) -> Violations:
    def count(statement: str) -> int:
        return int(db.execute(text(statement)).scalar_one())

    twice = "SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY {} HAVING count(*) > 1) AS twice"
    return Violations(
        count(twice.format("bot_jobs WHERE status IN ('QUEUED', 'RUNNING')", "bot_id, job_type")),
        max(count("SELECT count(*) FROM bot_jobs WHERE status = 'RUNNING' AND job_type = 'BACKTEST'") - cap, 0),
        count(twice.format("backtest_sessions", "job_id")),
    )


def at_once(action: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(THREADS)

    def wait_then_act(number: int) -> Any:
        barrier.wait()
        return action(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(wait_then_act, range(THREADS)))


@pytest.mark.scorecard(8)
def test_racing_ticks_never_enqueue_a_bot_twice(fleet: Desk) -> None:
    ticks = at_once(lambda _: run_autonomy_tick(fleet))
    assert sum(tick.summary["jobs_enqueued_by_type"]["BACKTEST"] for tick in ticks) == FLEET
    with fleet.database() as db:
        assert db.scalar(select(func.count()).select_from(BotJob)) == FLEET
        assert violations(db).none


@pytest.mark.scorecard(8)
def test_racing_runs_never_exceed_the_cap_nor_do_a_job_twice(fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    worst: list[Violations] = []

    def watch(done: threading.Event) -> None:
        while not done.wait(0.002):
            with fleet.database() as db:
                worst.append(violations(db))

    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(done,))
    watcher.start()
    try:
        at_once(lambda n: list(drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id=f"run-{n}", time_limit=HOUR)))
    finally:
        done.set()
        watcher.join()
    list(drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id="last", time_limit=HOUR))
    assert worst
    assert all(seen.none for seen in worst)
    with fleet.database() as db:
        assert db.scalar(select(func.count()).select_from(BacktestSession)) == FLEET
        assert set(db.scalars(select(BotJob.status))) == {JobStatus.COMPLETED}


@pytest.mark.scorecard(8)
def test_the_watch_itself_sees_planted_violations(fleet: Desk, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("DROP INDEX uq_bot_jobs__one_active"))
    with fleet.database.begin() as db:
        bot = make_bot(db)
        for _ in range(3):
            make_job(db, bot, status="RUNNING")
        seen = violations(db)
    assert (seen.bots_with_two_active_jobs, seen.running_over_cap) == (1, 1)


def claimed(desk: Desk, *, run_id: str) -> Claim:
    with desk.database.begin() as db:
        claim = jobs.claim(db, JobType.BACKTEST, run_id=run_id, cap=2, now=desk.clock())
    assert claim is not None
    return claim


@pytest.mark.scorecard(7)
def test_a_zombie_that_wakes_after_its_lease_writes_nothing(fleet: Desk, clock: FixedClock) -> None:
    run_autonomy_tick(fleet)

    class Sleeper(BaselineBacktest):
        """Falls asleep in the middle of its work, past its lease; meanwhile another run does the job."""

        def perform(self, desk: Desk, claim: Claim, progress: Progress) -> queue.Result:
            result = super().perform(desk, claim, progress)
            clock.advance(seconds=LEASE.total_seconds() + 1)
            run_autonomy_tick(desk)
            others = list(drain(desk, BaselineBacktest(), JobType.BACKTEST, run_id="healthy", time_limit=HOUR))
            assert claim.job_id in {finished.job_id for finished in others}
            return result

    woken = list(drain(fleet, Sleeper(), JobType.BACKTEST, run_id="zombie", time_limit=HOUR))
    assert woken == []
    with fleet.database() as db:
        assert set(db.scalars(select(BacktestSession.dagster_run_id))) == {"healthy"}
        assert db.scalar(select(func.count()).select_from(BacktestSession)) == FLEET
        assert violations(db).none


@pytest.mark.scorecard(7)
def test_a_zombie_cannot_renew_a_lease_it_lost(fleet: Desk, clock: FixedClock) -> None:
    run_autonomy_tick(fleet)
    claim = claimed(fleet, run_id="zombie")
    clock.advance(seconds=LEASE.total_seconds() + 1)
    run_autonomy_tick(fleet)
    with fleet.database.begin() as db:
        assert not jobs.heartbeat(db, claim.job_id, run_id="zombie", now=clock())
        assert not jobs.close(db, claim.job_id, run_id="zombie", status=JobStatus.COMPLETED, now=clock())
    assert claimed(fleet, run_id="healthy").job_id == claim.job_id
    with fleet.database.begin() as db:
        assert not jobs.heartbeat(db, claim.job_id, run_id="zombie", now=clock())
        assert not jobs.close(db, claim.job_id, run_id="zombie", status=JobStatus.COMPLETED, now=clock())
        assert db.get_one(BotJob, claim.job_id).status == JobStatus.RUNNING


class Crash(BaseException):
    """The process dies here: nothing after this point runs."""


@contextmanager
def dying_at(monkeypatch: pytest.MonkeyPatch, module: object, name: str, *, after: bool) -> Iterator[None]:
    original = getattr(module, name)

    def die(*arguments: Any, **named: Any) -> Any:
        if after:
            original(*arguments, **named)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(Crash):
            yield


@pytest.mark.scorecard(6)
@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        (jobs, "reclaim", True),
        (jobs, "enqueue", True),
        (autonomy, "record_autonomy_tick", False),
        (autonomy, "record_autonomy_tick", True),
    ],
)
def test_a_tick_that_dies_leaves_nothing_behind(
    fleet: Desk, monkeypatch: pytest.MonkeyPatch, module: object, name: str, after: bool
) -> None:
    with dying_at(monkeypatch, module, name, after=after):
        run_autonomy_tick(fleet)
    with fleet.database() as db:
        assert db.scalar(select(func.count()).select_from(BotJob)) == 0
        assert db.scalar(select(func.sum(BotProgress.backtest_attempts))) == 0
    assert run_autonomy_tick(fleet).summary["jobs_enqueued_by_type"]["BACKTEST"] == FLEET


@pytest.mark.scorecard(6)
@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        (queue, "_claim", True),
        (queue, "_finished", False),
        (queue, "_finished", True),
        (queue, "_close", False),
        (queue, "_close", True),
        (jobs, "close", True),
        (owed_materializations, "owe", True),
        (registry, "lock", True),
    ],
)
def test_a_run_that_dies_anywhere_loses_and_repeats_nothing(
    fleet: Desk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, module: object, name: str, after: bool
) -> None:
    run_autonomy_tick(fleet)
    with dying_at(monkeypatch, module, name, after=after):
        list(drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id="doomed", time_limit=HOUR))
    clock.advance(seconds=LEASE.total_seconds() + 1)
    run_autonomy_tick(fleet)
    list(drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id="next", time_limit=HOUR))
    with fleet.database() as db:
        sessions = db.scalars(select(BacktestSession)).all()
        assert len(sessions) == FLEET
        assert len({row.bot_id for row in sessions}) == FLEET
        assert db.scalar(select(func.count()).select_from(TradeLog)) == sum(row.trades for row in sessions)
        assert violations(db).none
    assert all(check(fleet).holds for check in (raw_truth_matches_rollup, session_conserves_cash, no_stuck_jobs))


def test_a_dead_run_gives_its_job_back_once_then_it_times_out(fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    for status, attempt in ((JobStatus.QUEUED, 2), (JobStatus.TIMEOUT, 2)):
        first = claimed(fleet, run_id="doomed")
        (taken,) = run_autonomy_tick(fleet, dead_runs=["doomed"]).reclaimed
        with fleet.database() as db:
            job = db.get_one(BotJob, first.job_id)
            assert (taken.status, job.status, job.attempt) == (status, status, attempt)
    with fleet.database() as db:
        assert db.get_one(BotProgress, taken.bot_id).backtest_failures_in_row == 1
    assert run_autonomy_tick(fleet).summary["reasons"]["BACKOFF"] == 1


def test_an_overdue_job_is_taken_back_however_lively(fleet: Desk, clock: FixedClock) -> None:
    run_autonomy_tick(fleet)
    claim = claimed(fleet, run_id="hanging")
    clock.advance(seconds=TIMEOUTS[JobType.BACKTEST].total_seconds() + 1)
    with fleet.database.begin() as db:
        assert jobs.heartbeat(db, claim.job_id, run_id="hanging", now=clock())
    (taken,) = run_autonomy_tick(fleet).reclaimed
    assert (taken.job_id, taken.status) == (claim.job_id, JobStatus.QUEUED)


@pytest.mark.parametrize("job_type", JobType)
def test_a_job_keeps_its_whole_lease_and_its_whole_time(desk: Desk, clock: FixedClock, job_type: JobType) -> None:
    started_at = clock()
    with desk.database.begin() as db:
        job = make_job(db, make_bot(db), job_type=job_type, status="RUNNING", created_at=started_at)
        assert jobs.reclaim(db, now=started_at + LEASE) == []
        job.heartbeat_at = started_at + TIMEOUTS[job_type]
        db.flush()
        assert jobs.reclaim(db, now=job.heartbeat_at) == []
        assert len(jobs.reclaim(db, now=job.heartbeat_at + timedelta(seconds=1))) == 1


@pytest.mark.parametrize("job_type", JobType)
def test_a_job_that_times_out_is_a_failure_of_its_own_kind(desk: Desk, clock: FixedClock, job_type: JobType) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        job = make_job(db, bot, job_type=job_type, status="RUNNING", reclaims=1, created_at=clock())
        (taken,) = jobs.reclaim(db, now=clock(), dead_runs=[str(job.dagster_run_id)])
        assert taken.status == JobStatus.TIMEOUT
    with desk.database() as db:
        progress = db.get_one(BotProgress, bot.id)
        failures = {kind: getattr(progress, f"{kind.lower()}_failures_in_row") for kind in JobType}
        ended_at = {kind: getattr(progress, f"last_{kind.lower()}_at") for kind in JobType}
    assert failures == {kind: int(kind is job_type) for kind in JobType}
    assert ended_at == {kind: clock() if kind is job_type else None for kind in JobType}


def test_only_a_backtest_counts_as_an_attempt(desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        tested, improved = make_bot(db), make_bot(db)
        wishes = [
            Decision(tested.id, Reason.NO_SESSION_SINCE_RESET, JobType.BACKTEST),
            Decision(improved.id, Reason.IMPROVE_DUE, JobType.IMPROVE),
        ]
        assert jobs.enqueue(db, wishes, now=clock()) == 2
    with desk.database() as db:
        attempts = [db.get_one(BotProgress, bot.id).backtest_attempts for bot in (tested, improved)]
    assert attempts == [1, 0]


def test_the_load_is_what_waits_and_runs_and_nothing_that_ended(desk: Desk) -> None:
    with desk.database.begin() as db:
        for symbol, kind, status in (
            ("MES", "BACKTEST", "QUEUED"),
            ("MES", "BACKTEST", "COMPLETED"),
            ("MGC", "BACKTEST", "RUNNING"),
            ("MES", "IMPROVE", "QUEUED"),
        ):
            make_job(db, make_bot(db, symbol=symbol), job_type=kind, status=status)
        load = jobs.load(db)
    backtest, improve = JobType.BACKTEST, JobType.IMPROVE
    assert load.queued == {backtest: 1, improve: 1, JobType.EVOLVE: 0}
    assert load.active_by_symbol == {(backtest, "MES"): 1, (backtest, "MGC"): 1, (improve, "MES"): 1}


def test_what_waits_already_takes_room_from_the_next_tick(fleet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading.work.jobs, "QUEUE_PER_SLOT", dict.fromkeys(JobType, 1))
    summaries = [run_autonomy_tick(fleet).summary for _ in range(2)]
    assert [summary["jobs_enqueued_by_type"]["BACKTEST"] for summary in summaries] == [2, 0]
    assert [summary["eligible_candidates_count"] for summary in summaries] == [FLEET, FLEET - 2]
    assert summaries[1]["reasons"] == {"CAP_REACHED": FLEET - 2, "JOB_ACTIVE": 2}
    assert starvation(fleet).refused_for_room == FLEET - 2


def test_the_planner_sees_the_newest_generation_and_since_when(desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        make_generation(db, bot, created_at=clock())
        gone = make_bot(db, archived_at=clock())
    with desk.database() as db:
        seen, archived = sorted(considered_bots.read(db, {}), key=lambda row: row.archived)
    assert (archived.bot_id, archived.archived, seen.archived) == (gone.id, True, False)
    assert (seen.bot_id, seen.generation, seen.generation_since) == (bot.id, 2, clock())


def test_a_failure_is_a_session_that_says_why_and_backs_off(fleet: Desk, clock: FixedClock) -> None:
    with fleet.database.begin() as db:
        bot = make_bot(db, symbol="MES")
        make_generation(db, bot, genome={"no_such_parameter": 1})
        bot_id = bot.id
    for failures in range(1, 6):
        clock.advance(minutes=31)
        run_autonomy_tick(fleet)
        statuses = [
            done.status for done in drain(fleet, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=HOUR)
        ]
        assert JobStatus.FAILED in statuses
        with fleet.database() as db:
            assert db.get_one(BotProgress, bot_id).backtest_failures_in_row == failures
    clock.advance(minutes=31)
    run_autonomy_tick(fleet)
    with fleet.database() as db:
        errors = db.scalars(select(BacktestSession.error).where(BacktestSession.bot_id == bot_id)).all()
        assert len(errors) == 5
        assert all(error is not None and error.startswith("BAD_GENOME") for error in errors)
