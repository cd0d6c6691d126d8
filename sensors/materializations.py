"""The watch over what Dagster was not told: finished work whose run died before it was recorded.

Belongs here: seeing that something is owed and asking for a run. Does not belong here: recording it (`jobs`).
"""

from collections.abc import Iterator
from uuid import uuid4

import dagster as dg

from jobs.late_materializations import debtors, late_materializations
from jobs.runs import unfinished
from services.desk import Desk


@dg.sensor(
    job=late_materializations,
    minimum_interval_seconds=29,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="See finished work whose run died before it was recorded, and work of the command line; record it.",
)
def materialization_watch(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> Iterator[dg.RunRequest]:
    """Ask for one run while finished work waits for its record."""
    at_work = unfinished(context.instance, dg.RunsFilter(job_name=late_materializations.name))
    if not at_work and debtors(context.instance, desk):
        yield dg.RunRequest(run_key=f"late/{uuid4()}")
