"""Mishaps around a job: a result nobody can record, a heartbeat that fails, a reset in between, rows held elsewhere."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import Session

from services.backtests.baselines import BaselineBacktest
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.progress import Progress
from services.work import autonomy, queue
from services.work.autonomy import run_autonomy_tick
from services.work.queue import drain
from store.bots import registry
from store.tables import BacktestSession, BotJob, BotProgress
from store.work import jobs
from store.work.jobs import Claim
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_job, reset_request
from tests.harness.locks import wait_until_blocked
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import Decision, Reason, plan_autonomy_tick

HOUR = timedelta(hours=1)
BOT_UNDER_LOCK = text("SELECT id FROM bots WHERE id = :bot_id FOR NO KEY UPDATE NOWAIT")


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=3, symbols=("MES",), timeframes=("1h",))
    return stocked_desk


class Unrecordable:
    """A result the database refuses."""

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        db.execute(text("SELECT CAST('{\"sharpe\": NaN}' AS jsonb)"))
        pytest.fail("the database took it")


class Unlucky(BaselineBacktest):
    """A backtest whose result cannot be recorded."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> queue.Result:
        return Unrecordable()


def progress_of(desk: Desk, bot_id: UUID) -> BotProgress:
    with desk.database() as db:
        return db.get_one(BotProgress, bot_id)


def test_a_result_that_cannot_be_recorded_is_a_failed_job_that_says_why(fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    done = list(drain(fleet, Unlucky(), JobType.BACKTEST, run_id="run-1", time_limit=HOUR))
    assert [finished.status for finished in done] == [JobStatus.FAILED] * 3
    with fleet.database() as db:
        errors = db.scalars(select(BacktestSession.error)).all()
        statuses = set(db.scalars(select(BotJob.status)))
    assert len(errors) == 3
    assert all(error is not None and error.startswith("DataError: ") for error in errors)
    assert statuses == {"FAILED"}


def test_a_heartbeat_that_fails_is_followed_by_the_next(fleet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[UUID] = []
    twice = threading.Event()

    def failing_once(db: Session, job_id: UUID, **_: object) -> bool:
        beats.append(job_id)
        if len(beats) == 1:
            raise InternalError("UPDATE bot_jobs", {}, Exception("terminating connection"))
        twice.set()
        return True

    class Patient(BaselineBacktest):
        def perform(self, desk: Desk, claim: Claim, progress: Progress) -> queue.Result:
            twice.wait()
            return super().perform(desk, claim, progress)

    monkeypatch.setattr(queue, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "heartbeat", failing_once)
    run_autonomy_tick(fleet)
    done = next(drain(fleet, Patient(), JobType.BACKTEST, run_id="run-1", time_limit=HOUR))
    assert done.status is JobStatus.COMPLETED
    assert len(beats) > 1


@pytest.mark.scorecard(15)
def test_a_tick_that_takes_work_back_and_a_reset_do_not_wait_for_each_other(
    fleet: Desk, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick counts an attempt of the bot a reset updates last, plans, and counts those of the others."""
    with owner.connect() as connection:
        last = connection.execute(text("SELECT bot_id FROM bot_progress ORDER BY ctid DESC LIMIT 1")).scalar_one()
    with fleet.database.begin() as db:
        db.add(
            BotJob(
                bot_id=last,
                job_type="BACKTEST",
                status="RUNNING",
                reason_code="NEEDS_BASELINE",
                created_at=fleet.clock(),
                started_at=fleet.clock(),
                heartbeat_at=fleet.clock(),
                dagster_run_id="dead",
            )
        )
    plan = plan_autonomy_tick
    resetting: list[Any] = []

    def planning_while_a_reset_waits(*of: Any, **by: Any) -> Any:
        resetting.append(pool.submit(reset_metrics, fleet, reset_request()))
        wait_until_blocked(owner)
        return plan(*of, **by)

    monkeypatch.setattr(autonomy, "plan_autonomy_tick", planning_while_a_reset_waits)
    with ThreadPoolExecutor(1) as pool:
        tick = run_autonomy_tick(fleet, dead_runs=["dead"])
        assert resetting[0].result().reset_count == 3
    assert [taken.bot_id for taken in tick.reclaimed] == [last]


def test_a_backtest_that_waits_is_the_first_attempt_after_a_reset(fleet: Desk) -> None:
    with fleet.database.begin() as db:
        db.execute(text("UPDATE bot_progress SET backtest_attempts = 7"))
    run_autonomy_tick(fleet)
    reset_metrics(fleet, reset_request())
    with fleet.database() as db:
        waiting = {job.bot_id: job.attempt for job in db.scalars(select(BotJob))}
    assert list(waiting.values()) == [1, 1, 1]
    assert [progress_of(fleet, bot_id).backtest_attempts for bot_id in waiting] == [1, 1, 1]


@pytest.mark.parametrize(("reclaims", "attempts", "failures"), [(0, 1, 0), (1, 0, 0)])
def test_work_from_before_a_reset_that_dies_after_it_counts_for_nothing(
    desk: Desk, clock: FixedClock, reclaims: int, attempts: int, failures: int
) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        make_job(db, bot, status="RUNNING", created_at=clock(), reclaims=reclaims, attempt=8, dagster_run_id="dead")
    reset_metrics(desk, reset_request())
    clock.advance(seconds=5)
    with desk.database.begin() as db:
        (taken,) = jobs.reclaim(db, now=clock(), dead_runs=["dead"])
    with desk.database() as db:
        job = db.get_one(BotJob, taken.job_id)
    assert job.attempt == (1 if taken.status is JobStatus.QUEUED else 8)
    progress = progress_of(desk, bot.id)
    assert (progress.backtest_attempts, progress.backtest_failures_in_row) == (attempts, failures)


def test_a_wish_finds_a_job_even_where_the_old_one_ends_meanwhile(
    desk: Desk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        old = make_job(db, bot, status="RUNNING")
    enqueue = jobs.enqueue

    def ending_the_old_one(db: Session, decisions: Any, *, now: datetime) -> int:
        new = enqueue(db, decisions, now=now)
        ended = "UPDATE bot_jobs SET status = 'COMPLETED', completed_at = :now WHERE id = :id"
        db.execute(text(ended), {"now": now, "id": old.id})
        return new

    monkeypatch.setattr(jobs, "enqueue", ending_the_old_one)
    with desk.database.begin() as db:
        wish = Decision(bot.id, Reason.BY_HAND, JobType.BACKTEST)
        job = jobs.enqueue_by_hand(db, wish, now=clock())
    assert job.id != old.id
    assert job.status == "QUEUED"


def test_a_job_that_ends_holds_its_bot_against_a_reset(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
    with desk.database.begin() as ending, desk.database() as other:
        registry.lock(ending, bot.id)
        with pytest.raises(OperationalError, match="could not obtain lock"):
            other.execute(BOT_UNDER_LOCK, {"bot_id": bot.id})


def test_a_tick_passes_over_a_dead_job_whose_row_is_held(desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        held = make_job(db, make_bot(db), status="RUNNING", dagster_run_id="dead")
        free = make_job(db, make_bot(db), status="RUNNING", dagster_run_id="dead")
    with desk.database.begin() as closing, desk.database.begin() as db:
        closing.execute(select(BotJob.id).where(BotJob.id == held.id).with_for_update())
        db.execute(text("SET LOCAL lock_timeout = '2s'"))
        taken = jobs.reclaim(db, now=clock(), dead_runs=["dead"])
    assert [job.job_id for job in taken] == [free.id]
