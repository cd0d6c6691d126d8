"""The harms of the chaos rounds: each breaks a running platform in one way and says what it did.

Belongs here: killing and pausing processes of the platform a test started itself, by number, never by name.
Does not belong here: what must hold afterwards (`ledger.py`).
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from sqlalchemy import text

from tests.harness.own_platform import Platform, says
from trading.work.jobs import LEASE

RUNNING = text("SELECT id, dagster_run_id, started_at FROM bot_jobs WHERE status = 'RUNNING' AND job_type = 'BACKTEST'")
AGE_HEARTBEAT = text("UPDATE bot_jobs SET heartbeat_at = heartbeat_at - :age WHERE id = :id AND status = 'RUNNING'")
RUN_OF_WORKER = text(
    "SELECT run_id FROM dagster.event_logs WHERE dagster_event_type = 'ENGINE_EVENT'"
    " AND event LIKE '%Started process for run (pid: ' || CAST(:pid AS text) || ')%' ORDER BY id DESC LIMIT 1"
)
RUNS_SO_FAR = text("SELECT DISTINCT dagster_run_id FROM bot_jobs WHERE job_type = 'BACKTEST' AND status = 'COMPLETED'")
JOB = text("SELECT status, dagster_run_id, reclaims FROM bot_jobs WHERE id = :id")
RETRY_SECONDS = 0.3
LOOPS_PER_CORE = 10
PATIENCE_SECONDS = 90.0


@dataclass(frozen=True)
class Done:
    """When a harm struck, what it did, and facts a round checks."""

    at: datetime
    what: str
    acknowledged: tuple[str, ...] = ()


def kill_daemon(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGKILL the Dagster daemon at a random moment around ticks."""
    time.sleep(chance.uniform(0, 8))
    at, killed = _kill(platform.program("dagster._daemon"))
    return Done(at, f"killed {killed} daemon processes")


def kill_worker(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGKILL one run worker, or all of them, in the middle of their work."""
    _until_work(platform)
    time.sleep(chance.uniform(0, 1.5))
    workers = platform.workers()
    chosen = workers if chance.random() < 0.5 else workers[:1]
    at, killed = _kill(chosen)
    return Done(at, f"killed {killed} of {len(workers)} run workers")


def kill_code_server(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGKILL the code server together with every process it started."""
    _until_work(platform)
    time.sleep(chance.uniform(0, 2))
    servers = platform.program("dagster", "grpc")
    children = [child for server in servers for child in server.children(recursive=True)]
    at, killed = _kill([*servers, *children])
    return Done(at, f"killed {killed} processes of the code server")


def kill_postgres(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGKILL PostgreSQL's first process, or one of its backends, which makes all of them start again."""
    _until_work(platform)
    time.sleep(chance.uniform(0, 2))
    server = platform.postgres()
    assert server is not None
    backends = [child for child in server.children() if says(child, "proving_app")]
    if backends and chance.random() < 0.5:
        at, killed = _kill([chance.choice(backends)])
        return Done(at, f"killed {killed} backend of PostgreSQL")
    at, killed = _kill([server])
    return Done(at, f"killed PostgreSQL ({killed})")


def kill_api(platform: Platform, chance: random.Random, reason: str) -> Done:
    """SIGKILL the API in the middle of a POST; the client goes on asking with the same Idempotency-Key."""
    answers: list[tuple[int, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(reset_until_answered(platform, f"{reason}_MID_POST")))
    asking.start()
    time.sleep(chance.uniform(0, 0.15))
    at, killed = _kill(platform.program("-m api"))
    asking.join(PATIENCE_SECONDS)
    assert answers, "the retrying client never got an answer"
    return Done(at, f"killed {killed} API process in the middle of a POST", (f"{reason}_MID_POST",))


def kill_everything(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGKILL the supervisor, the undertaker, PostgreSQL and all the rest at once, then start again."""
    _until_work(platform)
    time.sleep(chance.uniform(0, 3))
    assert platform.process is not None
    supervisor = psutil.Process(platform.process.pid)
    server = platform.postgres()
    victims = [supervisor, *supervisor.children(recursive=True), *platform.programs(), *([server] if server else [])]
    at, killed = _kill(victims)
    platform.process.wait()
    platform.start()
    return Done(at, f"killed {killed} processes, everything, and started again")


def pause_worker(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGSTOP a worker past its lease, let another take its job, and wake it: a zombie that must write nothing."""
    worker, job_id = _stopped_in_a_job(platform, chance)
    at = datetime.now(UTC)
    try:
        with platform.owner().begin() as connection:
            connection.execute(AGE_HEARTBEAT, {"id": job_id, "age": LEASE + timedelta(seconds=5)})
        took = platform.until(lambda: _job(platform, job_id).status == "COMPLETED", "the job's second run")
        assert _job(platform, job_id).reclaims == 1
    finally:
        _signal(worker, signal.SIGCONT)
    time.sleep(2)
    return Done(at, f"paused a worker past its lease; another did its job after {took:.0f} s; woke the zombie")


def pause_all_workers(platform: Platform, chance: random.Random, _reason: str) -> Done:
    """SIGSTOP every run's worker past the lease of its job: each slot has a zombie, and the jobs must still be done."""
    _, job_id = _stopped_in_a_job(platform, chance)
    workers = [worker for worker in platform.workers() if _run_of(platform, worker) is not None]
    try:
        for worker in workers:
            _signal(worker, signal.SIGSTOP)
        at = datetime.now(UTC)
        with platform.owner().begin() as connection:
            for row in connection.execute(RUNNING).all():
                connection.execute(AGE_HEARTBEAT, {"id": row.id, "age": LEASE + timedelta(seconds=5)})
        took = platform.until(lambda: _job(platform, job_id).status == "COMPLETED", "the job's second run")
    finally:
        for worker in workers:
            _signal(worker, signal.SIGCONT)
    time.sleep(2)
    return Done(at, f"paused all {len(workers)} workers past their leases; others did the work after {took:.0f} s")


def starve_cpu(platform: Platform, _chance: random.Random, _reason: str) -> Done:
    """Take the processors away with busy loops and kill every worker: a new run must come up all the same, and work."""
    _until_work(platform)
    with _busy_loops(LOOPS_PER_CORE * (os.cpu_count() or 1)) as count:
        before = _runs_so_far(platform)
        at, killed = _kill(platform.workers())
        took = platform.until(lambda: _runs_so_far(platform) - before, "a job done by a run that started starved")
    what = f"killed {killed} workers beside {count} busy loops; a new run had done a job after {took:.0f} s"
    return Done(at, what)


Harm = Callable[[Platform, random.Random, str], Done]
HARMS: dict[str, Harm] = {
    "daemon": kill_daemon,
    "worker": kill_worker,
    "code server": kill_code_server,
    "api": kill_api,
    "postgres": kill_postgres,
    "everything": kill_everything,
    "pause": pause_worker,
    "pause all": pause_all_workers,
    "starved CPU": starve_cpu,
}


def reset_until_answered(platform: Platform, reason: str) -> tuple[int, Any]:
    """Ask for one reset of the whole fleet, again and again with one key, until it is acknowledged."""
    body = {"scope": "ALL", "reasonCode": reason, "alsoResetEquityCurves": True, "dryRun": False}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        headers = {"Idempotency-Key": f"chaos-{reason}"}
        status, answer, _ = platform.call("POST", "/api/admin/reset-metrics", body=body, headers=headers)
        if status == 200:
            return status, answer
        assert status in (0, 409, 503), f"{status}: {answer}"
        time.sleep(RETRY_SECONDS)
    raise AssertionError(f"no reset within {PATIENCE_SECONDS} s")


@contextmanager
def _busy_loops(count: int) -> Iterator[int]:
    """Keep every processor busy with others' work until the block ends."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield count
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _runs_so_far(platform: Platform) -> set[str]:
    """Return the runs that have completed a backtest."""
    with platform.owner().connect() as connection:
        return set(connection.execute(RUNS_SO_FAR).scalars())


def _until_work(platform: Platform) -> None:
    platform.until(lambda: _running(platform), "a backtest to run")


def _running(platform: Platform) -> list[Any]:
    with platform.owner().connect() as connection:
        return list(connection.execute(RUNNING).all())


def _job(platform: Platform, job_id: object) -> Any:
    with platform.owner().connect() as connection:
        return connection.execute(JOB, {"id": job_id}).one()


def _run_of(platform: Platform, worker: psutil.Process) -> str | None:
    with platform.owner().connect() as connection:
        return connection.execute(RUN_OF_WORKER, {"pid": worker.pid}).scalar_one_or_none()


def _stopped_in_a_job(platform: Platform, chance: random.Random) -> tuple[psutil.Process, object]:
    """Stop one worker at a random moment and return it with the job its run holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        _until_work(platform)
        time.sleep(chance.uniform(0, 0.5))
        for worker in platform.workers():
            run_id = _run_of(platform, worker)
            _signal(worker, signal.SIGSTOP)
            held = [row.id for row in _running(platform) if row.dagster_run_id == run_id]
            if held:
                return worker, held[0]
            _signal(worker, signal.SIGCONT)
    raise AssertionError("no worker could be stopped while it held a job")


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _kill(processes: list[psutil.Process]) -> tuple[datetime, int]:
    """Kill processes and return when the first was to die, and how many died."""
    at, killed = datetime.now(UTC), 0
    for process in processes:
        assert process.pid != os.getpid()
        with suppress(psutil.NoSuchProcess):
            process.kill()
            killed += 1
    return at, killed
