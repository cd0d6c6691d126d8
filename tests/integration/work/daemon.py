"""What Dagster's daemon does, done by a test: it asks sensors, and its run launcher tells live runs from dead ones."""

import dagster as dg

from services.desk import Desk

LIVENESS = {"run_launcher": {"module": "orchestration.platform.run_launcher", "class": "LivenessRunLauncher"}}


def evaluate(defs: dg.Definitions, sensor: str, *, desk: Desk, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Ask a sensor once and return the runs it wants."""
    context = dg.build_sensor_context(instance=instance, resources={"desk": desk})
    sensor_def = defs.resolve_sensor_def(sensor)
    evaluated = sensor_def(context)
    return [each for each in evaluated or () if isinstance(each, dg.RunRequest)]
