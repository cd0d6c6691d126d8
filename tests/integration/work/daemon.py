"""What Dagster's daemon does, done by a test: it asks sensors, and its run launcher tells live runs from dead ones."""

import dagster as dg

from jobs.queue import JOB_OF
from services.desk import Desk
from trading.work.jobs import JobType

LIVENESS = {"run_launcher": {"module": "orchestration.platform.run_launcher", "class": "LivenessRunLauncher"}}


def evaluate(defs: dg.Definitions, sensor: str, *, desk: Desk, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Ask a sensor once and return the runs it wants."""
    context = dg.build_sensor_context(instance=instance, resources={"desk": desk})
    sensor_def = defs.resolve_sensor_def(sensor)
    evaluated = sensor_def(context)
    if isinstance(evaluated, dg.SensorResult):
        return list(evaluated.run_requests or ())
    return [each for each in evaluated or () if isinstance(each, dg.RunRequest)]


def asked_for(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    job_type: JobType = JobType.BACKTEST,
) -> dg.DagsterRun:
    """Return a run as the tick asks for one to drain a queue, that has come so far."""
    job = defs.resolve_job_def(JOB_OF[job_type].name)
    return instance.create_run_for_job(job, status=status, tags=dict(job.tags))
