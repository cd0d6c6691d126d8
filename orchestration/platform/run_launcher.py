"""A run launcher that knows whether a run's worker still lives, and can end one that is silent.

Belongs here: the questions Dagster's default launcher cannot answer about its worker processes. Does not belong here:
what happens to the jobs of a dead run (the tick reclaims them).
"""

import time
from contextlib import suppress
from multiprocessing import active_children

import psutil
from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher, RunsFilter
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
from dagster._serdes import ConfigurableClassData

from gateways.processes import is_alive, living
from orchestration.platform.instance import START_SECONDS
from trading.work.jobs import LEASE

WORKER_STARTED = "Started process for run"


class LivenessRunLauncher(DefaultRunLauncher):
    """The default launcher plus a health check, so that run monitoring fails a run whose worker was killed.

    A worker reports its process number in an engine event. It is healthy while the process that had the number at the
    time of that event lives; a later process with the same number was created after the event and does not count. A
    worker that is stopped (SIGSTOP) and whose run has been silent for a lease is killed: it would keep its slot. The
    worker must run on the daemon's machine. One that was seen alive is known by its start since boot from then on, so
    that a clock that is set does not declare it dead.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._seen: dict[str, psutil.Process] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Say that `check_run_worker_health` works here."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Say whether the process that works on a run lives; a run that named none (`dagster job execute`) passes."""
        seen = self._worker(run.run_id)
        if seen is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the run named no worker; its maximum runtime bounds it")
        pid, seen_at = seen
        worker = self._living(run.run_id, pid, seen_at=seen_at)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.FAILED, f"worker process {pid} is gone", run_worker_id=str(pid))
        if _is_stopped(worker) and self._is_silent(run.run_id):
            _kill(worker)
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"worker process {pid} was stopped", run_worker_id=str(pid)
            )
        return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(pid))

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run's worker; kill one that is stopped or silent, and return False where none lives.

        The default asks every worker politely and waits for it with the code server's lock held: while a stopped
        process sleeps, no other run can start.
        """
        seen = self._worker(run_id)
        worker = self._living(run_id, seen[0], seen_at=seen[1]) if seen is not None else None
        if worker is None or not (_is_stopped(worker) or self._is_silent(run_id)):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        _kill(worker)
        return True

    def end_worker(self, run_id: str) -> bool:
        """Kill the worker of a run that is over, and return False where none lives: nothing it does counts any more."""
        seen = self._worker(run_id)
        worker = self._living(run_id, seen[0], seen_at=seen[1]) if seen is not None else None
        if worker is None:
            return False
        _kill(worker)
        return True

    def end_dead_starts(self) -> list[int]:
        """Kill this code server's workers that are old enough to be up and work for no run that goes on.

        A worker names its run once it has imported everything. One that has not by the time in which Dagster gives its
        run up would finish importing for nothing, and take the processor time that the next start lacks.
        """
        workers = {child.pid: child for child in active_children() if child.pid is not None}
        old = {pid for pid in workers if _age_seconds(pid) > START_SECONDS}
        dead = old - self._named_workers() if old else old
        for pid in dead:
            workers[pid].kill()
        return sorted(dead)

    def may_come_up(self, run_id: str) -> bool:
        """Say whether the worker a run named lives or, where it named none, a worker of this code server that may."""
        seen = self._worker(run_id)
        if seen is not None:
            return self._living(run_id, seen[0], seen_at=seen[1]) is not None
        workers = {child.pid for child in active_children() if child.pid is not None}
        return bool(workers and workers - self._named_workers())

    def _named_workers(self) -> set[int]:
        """Return the process numbers that the runs which go on have named."""
        going_on = self._instance.get_run_ids(RunsFilter(statuses=IN_PROGRESS_RUN_STATUSES))
        return {seen[0] for run_id in going_on if (seen := self._worker(run_id)) is not None}

    def _worker(self, run_id: str) -> tuple[int, float] | None:
        """Return the process number a run named last, and when."""
        for entry in reversed(self._instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
            event = entry.dagster_event
            if event and (event.message or "").startswith(WORKER_STARTED):
                return int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp
        return None

    def _living(self, run_id: str, pid: int, *, seen_at: float) -> psutil.Process | None:
        self._seen = {run: worker for run, worker in self._seen.items() if is_alive(worker)}
        known = self._seen.get(run_id)
        worker = known if known is not None and known.pid == pid else living(pid, seen_at=seen_at)
        if worker is not None:
            self._seen[run_id] = worker
        return worker

    def _is_silent(self, run_id: str) -> bool:
        newest = self._instance.get_records_for_run(run_id, limit=1, ascending=False).records
        return not newest or time.time() - newest[0].timestamp > LEASE.total_seconds()


def _age_seconds(pid: int) -> float:
    try:
        return time.time() - float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def _kill(worker: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        worker.kill()


def _is_stopped(worker: psutil.Process) -> bool:
    try:
        return worker.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False
