"""Starts of runs: what Dagster says of them, what a tick makes of it, what is left of dead ones, where it is told."""

import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData

from api.app import create_app
from jobs.queue import KIND_TAG
from orchestration.definitions import build_defs
from orchestration.platform import run_launcher
from orchestration.platform.run_launcher import LivenessRunLauncher
from sensors.starts import WORKER_PATIENCE, overdue_starts_failed, starts_of
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.work.autonomy import run_autonomy_tick
from services.work.starts import starts_view
from tests.harness.client import Client
from tests.harness.patience import until
from tests.integration.work.daemon import LIVENESS, asked_for, evaluate
from trading.work.starts import SLOW_START, Pace, Starts, pause


@dg.job
def idle() -> None:
    """Do nothing."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(overrides=LIVENESS) as opened:
        yield opened


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=5, symbols=("MES",), timeframes=("1h",))
    return stocked_desk


@pytest.fixture
def workers() -> Iterator[list[BaseProcess]]:
    spawned = [multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,)) for _ in range(2)]
    for process in spawned:
        process.start()
    yield list(spawned)
    for process in spawned:
        process.kill()
        process.join()


def launched(instance: dg.DagsterInstance, job: dg.JobDefinition = idle) -> dg.DagsterRun:
    """A run as the daemon launches it: its worker has yet to come up."""
    run = instance.create_run_for_job(job, tags=dict(job.tags))
    starting = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
    instance.report_dagster_event(starting, run_id=run.run_id)
    return run


def came_up(instance: dg.DagsterInstance) -> dg.DagsterRun:
    run = launched(instance)
    started = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_START.value, job_name=run.job_name)
    instance.report_dagster_event(started, run_id=run.run_id)
    return run


def failed_to_start(instance: dg.DagsterInstance) -> dg.DagsterRun:
    run = launched(instance)
    instance.report_run_failed(run, "Run timed out due to taking longer than 600 seconds to start.")
    return run


def test_a_fresh_instance_has_nothing_to_say(instance: dg.DagsterInstance) -> None:
    assert starts_of(instance) == Starts()


def test_runs_that_are_starting_are_counted_since_the_first_was_launched(instance: dg.DagsterInstance) -> None:
    before = datetime.now(UTC)
    launched(instance)
    between = datetime.now(UTC)
    launched(instance)
    instance.create_run_for_job(idle)
    seen = starts_of(instance)
    assert (seen.starting, seen.asked) == (2, 1)
    assert seen.starting_since is not None
    assert before <= seen.starting_since <= between


def test_failed_starts_are_counted_since_the_newest_run_that_came_up(instance: dg.DagsterInstance) -> None:
    failed_to_start(instance)
    came_up(instance)
    assert (starts_of(instance).failed_in_row, starts_of(instance).last_failed_at) == (0, None)
    failed_to_start(instance)
    failed_to_start(instance)
    seen = starts_of(instance)
    assert seen.failed_in_row == 2
    assert seen.last_took is not None
    assert seen.last_failed_at is not None
    came_up(instance)
    assert starts_of(instance).failed_in_row == 0


def test_a_run_that_failed_at_its_work_is_no_failed_start(instance: dg.DagsterInstance) -> None:
    instance.report_run_failed(came_up(instance), "its job was taken back")
    assert starts_of(instance).failed_in_row == 0


def test_a_tick_asks_for_nothing_right_after_a_failed_start_and_then_for_one(
    fleet: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = build_defs(desk=fleet, settings=fleet.settings)
    monkeypatch.setattr(type(fleet.clock), "__call__", lambda _: datetime.now(UTC))
    failed_to_start(instance)
    assert evaluate(defs, "autonomy_tick", desk=fleet, instance=instance) == []
    starts = starts_view(fleet)
    assert starts is not None
    assert (starts.pace, starts.failed_in_row, starts.runs_allowed) == (Pace.STARTS_FAILING, 1, 0)
    assert "1 run in a row failed to start" in starts.words
    later = datetime.now(UTC) + pause(1)
    monkeypatch.setattr(type(fleet.clock), "__call__", lambda _: later)
    requests = evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    assert [request.job_name for request in requests] == ["baseline_backtests"]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING])
def test_a_run_that_hangs_before_it_is_up_counts_as_a_failed_start_once_its_time_is_over(
    fleet: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
) -> None:
    defs = build_defs(desk=fleet, settings=fleet.settings)
    monkeypatch.setattr(type(fleet.clock), "__call__", lambda _: datetime.now(UTC))
    cap = fleet.settings.concurrency_backtest
    hung = [asked_for(defs, instance, status) for _ in range(cap)]
    assert evaluate(defs, "autonomy_tick", desk=fleet, instance=instance) == [], "they still have their slots"
    assert starts_of(instance).failed_in_row == 0
    monkeypatch.setattr(type(instance), "run_monitoring_start_timeout_seconds", -1)
    assert evaluate(defs, "autonomy_tick", desk=fleet, instance=instance) == []
    seen, starts = starts_of(instance), starts_view(fleet)
    assert (seen.asked, seen.starting, seen.failed_in_row) == (0, 0, cap)
    assert starts is not None
    assert (starts.pace, starts.failed_in_row) == (Pace.STARTS_FAILING, cap)
    assert {instance.get_run_by_id(run.run_id).status for run in hung} == {dg.DagsterRunStatus.FAILURE}  # type: ignore[union-attr]
    monkeypatch.setattr(type(fleet.clock), "__call__", lambda _: datetime.now(UTC) + pause(cap))
    requests = evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    assert [request.job_name for request in requests] == ["baseline_backtests"]


def test_a_start_is_given_its_time_and_a_run_that_works_is_left_alone(
    instance: dg.DagsterInstance, workers: list[BaseProcess]
) -> None:
    came_up(instance)
    before = datetime.now(UTC)
    hung = launched(instance)
    after = datetime.now(UTC)
    patience = timedelta(seconds=instance.run_monitoring_start_timeout_seconds)
    assert list(overdue_starts_failed(instance, now=before + patience)) == [], "a worker lives that may be its own"
    assert list(overdue_starts_failed(instance, now=after + patience + timedelta(seconds=1))) == [hung.run_id]
    assert starts_of(instance).failed_in_row == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_start_without_any_worker_left_is_not_waited_for(
    instance: dg.DagsterInstance, workers: list[BaseProcess], named: bool
) -> None:
    of_another, dying = workers
    other, lost = came_up(instance), launched(instance)
    for run, worker in ((other, of_another), *([(lost, dying)] if named else [])):
        assert worker.pid is not None
        said = EngineEventData.in_process(worker.pid)
        instance.report_engine_event(f"Started process for run (pid: {worker.pid}).", run, said)
    soon, later = datetime.now(UTC), datetime.now(UTC) + WORKER_PATIENCE
    assert list(overdue_starts_failed(instance, now=later)) == [], "it may come up"
    dying.kill()
    dying.join()
    assert list(overdue_starts_failed(instance, now=soon)) == [], "a worker may yet be made"
    assert list(overdue_starts_failed(instance, now=later)) == [lost.run_id]


def test_a_tick_that_may_ask_for_one_run_prefers_a_type_without_any(
    fleet: Desk, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = build_defs(desk=fleet, settings=fleet.settings)
    assert asked_for(defs, instance, dg.DagsterRunStatus.STARTED).tags[KIND_TAG] == "BACKTEST"
    run_autonomy_tick(fleet)
    with fleet.database.begin() as db:
        db.connection().exec_driver_sql(
            "UPDATE bot_jobs SET job_type = 'IMPROVE' WHERE id = (SELECT id FROM bot_jobs LIMIT 1)"
        )
    monkeypatch.setattr("sensors.autonomy.starts_of", lambda _: Starts(last_took=SLOW_START))
    requests = evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)
    assert [request.job_name for request in requests] == ["improvements"]


def test_a_worker_that_never_came_up_is_ended_and_one_that_named_its_run_is_not(
    instance: dg.DagsterInstance, workers: list[BaseProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, LivenessRunLauncher)
    up, dead = workers
    assert up.pid is not None
    run = came_up(instance)
    instance.report_engine_event(f"Started process for run (pid: {up.pid}).", run, EngineEventData.in_process(up.pid))
    assert launcher.end_dead_starts() == [], "both are young"
    monkeypatch.setattr(run_launcher, "START_SECONDS", -1.0)
    assert launcher.end_dead_starts() == [dead.pid]
    until(lambda: not dead.is_alive(), "the dead start to end")
    assert up.is_alive()


def test_pages_tell_of_starts_that_are_slow_and_of_nothing_while_they_are_not(fleet: Desk) -> None:
    slow = Starts(starting=1, starting_since=fleet.clock() - timedelta(seconds=45))
    run_autonomy_tick(fleet, starts=slow)
    client = Client(create_app(fleet))
    for path in ("/api/vitals", "/api/jobs/now"):
        starts = client.get(path).json()["starts"]
        assert (starts["pace"], starts["starting"], starts["runsAllowed"]) == ("STARTS_SLOW", 1, 0), path
        assert starts["words"].startswith("A run has been starting for 45 s")
    verdicts = {verdict["name"]: verdict for verdict in client.get("/api/vitals").json()["verdicts"]}
    assert verdicts["runs_start"]["holds"] is True
    run_autonomy_tick(fleet, starts=Starts(failed_in_row=2, last_failed_at=fleet.clock()))
    verdicts = {verdict["name"]: verdict for verdict in Client(create_app(fleet)).get("/api/vitals").json()["verdicts"]}
    assert (verdicts["runs_start"]["holds"], verdicts["runs_start"]["value"][:6]) == (False, "2 runs")
