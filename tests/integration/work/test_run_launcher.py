"""Run monitoring over a real instance: a killed worker's run fails, a living worker's goes on, caps are Dagster's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import psutil
import pytest
from dagster._core.launcher.base import WorkerStatus

from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from orchestration.platform import roster, run_launcher
from orchestration.platform.instance import START_SECONDS, write_home
from orchestration.platform.run_launcher import LivenessRunLauncher
from sensors.autonomy import KnowsWorkers, _end
from tests.harness.known import known
from tests.harness.patience import until
from trading.work.jobs import LEASE


@dg.job
def idle() -> None:
    """Do nothing."""


@pytest.fixture
def instance(urls: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of the rendered template, over Dagster's own role and schema in the test database."""
    monkeypatch.setenv("DAGSTER_PG_URL", urls.dagster.render_as_string(hide_password=False))
    with dg.DagsterInstance.from_config(str(write_home(settings))) as opened:
        yield opened


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def started_run(instance: dg.DagsterInstance, pid: int | None) -> dg.DagsterRun:
    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED)
    if pid is not None:
        from dagster._core.events import EngineEventData

        instance.report_engine_event(f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid))
    return run


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> WorkerStatus:
    launcher = instance.run_launcher
    assert isinstance(launcher, LivenessRunLauncher)
    assert launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(run).status


def test_the_template_makes_an_instance_with_our_caps(
    instance: dg.DagsterInstance, settings: Settings, urls: DatabaseUrls
) -> None:
    pools = instance.get_concurrency_config().pool_config
    assert (known(pools.pool_granularity).value, pools.default_pool_limit) == ("run", 1)
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_start_timeout_seconds == START_SECONDS
    patience = roster.daemon(settings, urls, "mark").environment["DAGSTER_GRPC_TIMEOUT_SECONDS"]
    assert int(patience) > START_SECONDS, "the daemon does not launch a run again that monitoring has yet to give up"
    assert not instance.run_retries_enabled
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    assert settings.proving_home in Path(instance.root_directory).parents


@pytest.mark.scorecard(2)
def test_a_killed_worker_is_found_and_a_living_one_is_not(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]
) -> None:
    run = started_run(instance, worker.pid)
    assert health(instance, run) is WorkerStatus.RUNNING
    worker.kill()
    until(lambda: health(instance, run) is not WorkerStatus.RUNNING, "the death to be found")
    assert health(instance, run) is WorkerStatus.FAILED


def test_a_number_that_was_given_out_again_is_not_the_worker(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, LivenessRunLauncher)
    monkeypatch.setattr(launcher.__class__, "_worker", lambda *_: (os.getpid(), 1_000_000_000.0))
    assert health(instance, started_run(instance, None)) is WorkerStatus.FAILED


@pytest.mark.scorecard(12)
def test_a_clock_that_is_set_declares_no_worker_dead(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started_run(instance, worker.pid)
    assert health(instance, run) is WorkerStatus.RUNNING
    boot_time = psutil._pslinux.boot_time
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time() + 600)
    assert psutil.Process(worker.pid).create_time() > time.time()
    assert health(instance, run) is WorkerStatus.RUNNING


def test_a_run_without_a_worker_of_its_own_is_left_to_its_time_limit(instance: dg.DagsterInstance) -> None:
    assert health(instance, started_run(instance, None)) is WorkerStatus.RUNNING


def stopped(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGSTOP)
    until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED, "the worker to stop")


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(run_launcher, "time", SimpleNamespace(time=lambda: time.time() + by.total_seconds()))


def test_a_stopped_worker_is_killed_once_its_run_was_silent_for_a_lease(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started_run(instance, worker.pid)
    stopped(worker)
    assert health(instance, run) is WorkerStatus.RUNNING
    assert worker.poll() is None
    later(monkeypatch, LEASE + timedelta(seconds=1))
    assert health(instance, run) is WorkerStatus.FAILED
    assert worker.wait() == -signal.SIGKILL


def test_a_worker_that_works_in_silence_is_left_alone(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started_run(instance, worker.pid)
    later(monkeypatch, 10 * LEASE)
    assert health(instance, run) is WorkerStatus.RUNNING


def test_the_worker_of_a_run_that_is_over_is_ended(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]
) -> None:
    run = started_run(instance, worker.pid)
    launcher = instance.run_launcher
    assert isinstance(launcher, KnowsWorkers)
    instance.report_run_failed(run)
    assert not launcher.terminate(run.run_id)
    assert worker.poll() is None
    _end(instance, run.run_id)
    assert worker.wait() == -signal.SIGKILL
    assert not launcher.end_worker(run.run_id)


def test_ending_the_run_of_a_stopped_worker_kills_it_and_waits_for_nobody(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]
) -> None:
    run = started_run(instance, worker.pid)
    stopped(worker)
    assert instance.run_launcher.terminate(run.run_id)
    assert worker.wait() == -signal.SIGKILL


@pytest.mark.scorecard(2)
def test_monitoring_fails_the_run_of_a_killed_worker(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]
) -> None:
    import logging

    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import EmptyWorkspaceTarget
    from dagster._daemon.monitoring import execute_run_monitoring_iteration

    dead, alive = started_run(instance, worker.pid), started_run(instance, os.getpid())
    worker.kill()
    worker.communicate()
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        errors = [error for error in execute_run_monitoring_iteration(workspace, logging.getLogger("test")) if error]
    assert errors == []
    statuses = [instance.get_run_by_id(run.run_id).status for run in (dead, alive)]  # type: ignore[union-attr]
    assert statuses == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED]
