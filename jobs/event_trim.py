"""Forgetting Dagster's old events without forgetting what stands: the newest of every asset, partition and check.

Belongs here: which events, check records, runs and captured logs go, and their removal. Does not belong here: how long
they are kept, the job that asks (`upkeep.py`), the ledger's own papers (`services.health.retention`).

Dagster knows that a partition is materialized by its last event alone, and `delete_run` takes that event along. So
events go here one by one, in the schema of Dagster 1.13 (`event_logs`, `asset_event_tags`, `asset_check_executions`);
a test holds its columns and indexes. Of every asset and partition the newest event of each type stays, of a plan only
while no materialization followed it; of every check and partition the newest record and the newest that came to a
result. A run goes when nothing of it stays; one of which something stays keeps its failure too.

Rows are looked through by their ids in short transactions, so that nobody waits for them. What stands can only cease
to stand while that is done, so whatever happens meanwhile, too much stays and never too little.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from sqlalchemy import ColumnElement, FromClause, and_, delete, exists, func, not_, or_, select

ROWS_AT_ONCE = 5_000
RUNS_AT_ONCE = 500
PLANS = (DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value, DagsterEventType.ASSET_FAILED_TO_MATERIALIZE.value)
FAILURES = (DagsterEventType.RUN_FAILURE.value, DagsterEventType.STEP_FAILURE.value)

events = SqlEventLogStorageTable.alias("old")
newer = SqlEventLogStorageTable.alias("newer")
checks = AssetCheckExecutionsTable


def trim_evaluations(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete check records older than a moment of which a newer one is there; return how many."""
    key = (checks.c.asset_key, checks.c.check_name, checks.c.partition)
    newest = select(func.max(checks.c.id)).group_by(*key)
    resulted = newest.where(checks.c.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value)
    old = select(checks.c.id).where(
        checks.c.evaluation_event_timestamp < _as_stored(before),
        checks.c.id.not_in(newest),
        checks.c.id.not_in(resulted),
        checks.c.run_id.not_in(_unfinished(instance)),
    )
    storage = _storage(instance)
    with storage.index_connection() as connection:
        gone = connection.execute(old).scalars().all()
    for start in range(0, len(gone), ROWS_AT_ONCE):
        with storage.index_transaction() as connection:
            connection.execute(delete(checks).where(checks.c.id.in_(gone[start : start + ROWS_AT_ONCE])))
    return len(gone)


def trim_events(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete events older than a moment that do not stand, their tags with them; return how many.

    What belongs to an unfinished run stays, however old. One that is cut short leaves the rest to the next.
    """
    storage, unfinished = _storage(instance), _unfinished(instance)
    deleted = 0
    for first, last in _stretches(storage, before=before):
        going = select(events.c.id).where(
            events.c.id.between(first, last),
            events.c.timestamp < _as_stored(before),
            events.c.run_id.not_in(unfinished),
            not_(_stands()),
        )
        with storage.index_transaction() as connection:
            ids = connection.execute(going).scalars().all()
            if ids:
                connection.execute(delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)))
                connection.execute(delete(SqlEventLogStorageTable).where(SqlEventLogStorageTable.c.id.in_(ids)))
        deleted += len(ids)
    return deleted


def forget_runs(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete finished runs older than a moment of which no event is left but their failure; return how many."""
    storage = _storage(instance)
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=before))
    deleted = 0
    for start in range(0, len(old), RUNS_AT_ONCE):
        some = old[start : start + RUNS_AT_ONCE]
        left = select(SqlEventLogStorageTable.c.run_id).where(
            SqlEventLogStorageTable.c.run_id.in_(some),
            _type_of(SqlEventLogStorageTable).not_in(FAILURES),
        )
        with storage.index_connection() as connection:
            stay = set(connection.execute(left.distinct()).scalars())
        for run_id in some:
            if run_id not in stay:
                instance.delete_run(run_id)
                deleted += 1
    return deleted


def forget_logs(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete what old runs wrote to their standard output, in folders that bear the run's id; return how many."""
    unfinished = set(_unfinished(instance))
    folders = Path(instance.storage_directory())
    old = [
        folder.name
        for folder in (folders.iterdir() if folders.is_dir() else ())
        if _is_run_id(folder.name)
        and folder.name not in unfinished
        and datetime.fromtimestamp(folder.stat().st_mtime, UTC) < before
    ]
    for run_id in old:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return len(old)


def _stretches(storage: SqlEventLogStorage, *, before: datetime) -> Iterator[tuple[int, int]]:
    """Yield the first and last id of stretches of rows, oldest first, up to one in which no row is old."""
    last = 0
    while True:
        rows = select(SqlEventLogStorageTable.c.id, SqlEventLogStorageTable.c.timestamp)
        stretch = rows.where(SqlEventLogStorageTable.c.id > last).order_by(SqlEventLogStorageTable.c.id)
        of = stretch.limit(ROWS_AT_ONCE).subquery()
        with storage.index_connection() as connection:
            first, end, oldest = connection.execute(
                select(func.min(of.c.id), func.max(of.c.id), func.min(of.c.timestamp))
            ).one()
        if first is None or oldest >= _as_stored(before):
            return
        yield first, end
        last = end


def _stands() -> ColumnElement[bool]:
    """Return whether an event is what Dagster shows of an asset, a partition or a check, or why that failed."""
    of_asset = and_(
        events.c.asset_key.is_not(None),
        not_(_followed_by(events.c.dagster_event_type)),
        or_(
            _type_of(events).not_in(PLANS),
            not_(_followed_by(DagsterEventType.ASSET_MATERIALIZATION.value)),
        ),
    )
    evaluated = select(checks.c.evaluation_event_storage_id).where(checks.c.evaluation_event_storage_id.is_not(None))
    is_evaluation = _type_of(events) == DagsterEventType.ASSET_CHECK_EVALUATION.value
    of_check = and_(is_evaluation, events.c.id.in_(evaluated))
    return or_(of_asset, of_check, _type_of(events).in_(FAILURES))


def _followed_by(event_type: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Return whether a later event of a type is there of the same asset and partition, or of none as well."""
    later = and_(
        newer.c.asset_key == events.c.asset_key,
        newer.c.dagster_event_type == event_type,
        newer.c.id > events.c.id,
    )
    same_partition = exists().where(later, newer.c.partition == events.c.partition)
    none_as_well = exists().where(later, newer.c.partition.is_(None))
    return or_(
        and_(events.c.partition.is_not(None), same_partition),
        and_(events.c.partition.is_(None), none_as_well),
    )


def _type_of(rows: FromClause) -> ColumnElement[str]:
    """Return the type of an event; a line of a log has none."""
    return func.coalesce(rows.c.dagster_event_type, "")


def _unfinished(instance: dg.DagsterInstance) -> list[str]:
    return list(instance.get_run_ids(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)))


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    if not isinstance(instance.event_log_storage, SqlEventLogStorage):
        raise TypeError(f"events must lie in an SQL storage, was {type(instance.event_log_storage).__name__}")
    return instance.event_log_storage


def _is_run_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _as_stored(moment: datetime) -> datetime:
    """Return a moment as Dagster stores it: in UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
