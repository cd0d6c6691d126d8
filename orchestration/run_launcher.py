"""A run launcher that knows whether a run's worker still lives.

Belongs here: the one question Dagster's default launcher cannot answer. Does not belong here: what happens to the jobs
of a dead run (the tick reclaims them).
"""

from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from gateways.processes import lives

WORKER_STARTED = "Started process for run"


class LivenessRunLauncher(DefaultRunLauncher):
    """The default launcher plus a health check, so that run monitoring fails a run whose worker was killed.

    A worker reports its process number in an engine event. It is healthy while the process that had the number at the
    time of that event lives; a later process with the same number was created after the event and does not count. The
    worker must run on the daemon's machine.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Say that `check_run_worker_health` works here."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Say whether the process that works on a run lives; a run that named none (`dagster job execute`) passes."""
        worker = self._worker(run.run_id)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the run named no worker; its maximum runtime bounds it")
        pid, seen_at = worker
        if lives(pid, seen_at=seen_at):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(pid))
        return CheckRunHealthResult(WorkerStatus.FAILED, f"worker process {pid} is gone", run_worker_id=str(pid))

    def _worker(self, run_id: str) -> tuple[int, float] | None:
        """Return the process number a run named last, and when."""
        for entry in reversed(self._instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
            event = entry.dagster_event
            if event and (event.message or "").startswith(WORKER_STARTED):
                return int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp
        return None
