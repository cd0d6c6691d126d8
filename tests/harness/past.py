"""What Dagster remembers of days gone by: runs and events with moments of the test's own, in a real PostgreSQL.

Belongs here: an instance over a test database, and writing its past. Does not belong here: what is expected of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.utils import make_new_run_id
from sqlalchemy.engine import URL

JOB = "past"
Plan = tuple[dg.AssetKey, str | None]
Happened = dg.AssetMaterialization | dg.AssetObservation | AssetCheckEvaluation | Plan | DagsterEventType | str


@contextmanager
def instance_over(url: URL, folder: Path) -> Iterator[dg.DagsterInstance]:
    """Yield an instance whose storage is a PostgreSQL database and whose files lie in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    storage = {"postgres": {"postgres_url": url.render_as_string(hide_password=False)}}
    overrides = {"storage": storage, "telemetry": {"enabled": False}}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=overrides)) as instance:
        yield instance


@dataclass(frozen=True, slots=True)
class Past:
    """Writes what happened into an instance, at the moment it is told."""

    instance: dg.DagsterInstance

    def run(
        self,
        at: datetime,
        happened: Sequence[Happened],
        *,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS,
    ) -> str:
        """Write a run and its events; return its id. Of materializations in a row Dagster has one asset each."""
        run = dg.DagsterRun(job_name=JOB, run_id=make_new_run_id(), status=status)
        self.instance.run_storage.add_historical_run(run, at)
        self.events(at, happened, run_id=run.run_id)
        return run.run_id

    def events(self, at: datetime, happened: Sequence[Happened], *, run_id: str = "") -> None:
        """Write events, of no run unless one is named."""
        for each in happened:
            self.instance.event_log_storage.store_event(_entry(at, each, run_id))

    def materializations(self, at: datetime, key: dg.AssetKey, partitions: Sequence[str], *, batch: int = 500) -> str:
        """Write a run that materialized many partitions of one asset; return its id."""
        run_id = self.run(at, [])
        for start in range(0, len(partitions), batch):
            entries = [
                _entry(at, dg.AssetMaterialization(key, partition=partition, metadata={"bot": partition}), run_id)
                for partition in partitions[start : start + batch]
            ]
            self.instance.event_log_storage.store_event_batch(entries)
        return run_id


def _entry(at: datetime, happened: Happened, run_id: str) -> EventLogEntry:
    is_line = isinstance(happened, str) and not isinstance(happened, DagsterEventType)
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level="INFO",
        user_message=happened if is_line else "",
        run_id=run_id,
        timestamp=at.timestamp(),
        job_name=JOB,
        dagster_event=None if is_line else _event(happened),
    )


def _event(happened: Happened) -> DagsterEvent:
    if isinstance(happened, dg.AssetMaterialization):
        kind, specific = DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(happened)
        return DagsterEvent(kind.value, JOB, event_specific_data=specific)
    if isinstance(happened, dg.AssetObservation):
        observed = AssetObservationData(happened)
        return DagsterEvent(DagsterEventType.ASSET_OBSERVATION.value, JOB, event_specific_data=observed)
    if isinstance(happened, AssetCheckEvaluation):
        return DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, JOB, event_specific_data=happened)
    if isinstance(happened, tuple):
        planned = AssetMaterializationPlannedData(happened[0], partition=happened[1], partitions_subset=None)
        return DagsterEvent.build_asset_materialization_planned_event(JOB, "step", planned)
    return DagsterEvent(str(DagsterEventType(happened).value), JOB)
