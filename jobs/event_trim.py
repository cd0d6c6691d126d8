"""Trimming Dagster's log: what is old goes, what Dagster still needs to know of an asset stays.

Belongs here: statements on Dagster's own tables as release 1.13 has them, tried on newer ones by `make canary`. Does
not belong here: how long anything is kept (`upkeep.py`), the ledger's own papers (`services.health.retention`).

`DagsterInstance.delete_run` takes the materializations of a run along: a bot that rested for a week was "missing".
What stays of the old is the newest event of each kind of each partition of an asset, and the newest evaluation of each
check; a run stays, as a row, while an event of it does.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import ColumnElement, FromClause, and_, delete, func, or_, select

from jobs.runs import UNFINISHED

ROWS_AT_ONCE = 5_000
RUNS_AT_ONCE = 200
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def trim_events(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete events older than a moment that Dagster needs no more, a few thousand a transaction; return how many."""
    events = SqlEventLogStorageTable
    unfinished = [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))]
    old = and_(events.c.timestamp < _naive(before), or_(events.c.run_id.is_(None), events.c.run_id.not_in(unfinished)))
    said_of_no_asset = events.c.asset_key.is_(None)
    return _trim(
        instance, events, *(and_(old, goes) for goes in (said_of_no_asset, *_overtaken(events, "dagster_event_type")))
    )


def trim_evaluations(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete evaluations of checks older than a moment, but each check's newest of each partition."""
    checks = AssetCheckExecutionsTable
    old = checks.c.evaluation_event_timestamp < _naive(before)
    return _trim(instance, checks, *(and_(old, goes) for goes in _overtaken(checks, "check_name")))


def forget_runs(instance: dg.DagsterInstance, *, before: datetime) -> int:
    """Delete ended runs older than a moment none of whose events is kept, and the output of all old ones."""
    forgotten = 0
    for old in _ended_runs(instance, before=before):
        keeping = _with_events(instance, old)
        for run_id in old:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            if run_id not in keeping:
                instance.delete_run(run_id)
                forgotten += 1
    return forgotten


def _overtaken(rows: FromClause, kind: str) -> Iterator[ColumnElement[bool]]:
    """Yield what is true of rows of an asset that has a newer one of the same kind and partition.

    Two conditions, because an index finds a partition or none, but not both in one question.
    """
    newer = rows.alias("newer")
    same = and_(newer.c.asset_key == rows.c.asset_key, newer.c[kind] == rows.c[kind], newer.c.id > rows.c.id)
    for same_share in (
        newer.c.partition == rows.c.partition,
        and_(rows.c.partition.is_(None), newer.c.partition.is_(None)),
    ):
        yield select(newer.c.id).where(same, same_share).exists()


def _trim(instance: dg.DagsterInstance, table: Any, *goes: ColumnElement[bool]) -> int:
    deleted = 0
    for first, last in _spans(instance, table):
        within = table.c.id.between(first, last)
        for reason in goes:
            with _storage(instance).index_connection() as connection:
                deleted += connection.execute(delete(table).where(within, reason)).rowcount
    return deleted


def _spans(instance: dg.DagsterInstance, table: Any) -> Iterator[tuple[int, int]]:
    """Yield the places of a table a few thousand at a time."""
    with _storage(instance).index_connection() as connection:
        lowest, highest = connection.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
    if lowest is not None:
        for first in range(lowest, highest + 1, ROWS_AT_ONCE):
            yield first, first + ROWS_AT_ONCE - 1


def _ended_runs(instance: dg.DagsterInstance, *, before: datetime) -> Iterator[list[str]]:
    """Yield ended runs created before a moment, the newest first, so that none is asked for twice."""
    which = dg.RunsFilter(statuses=ENDED, created_before=before)
    cursor = None
    while records := instance.get_run_records(which, limit=RUNS_AT_ONCE, cursor=cursor):
        page = [record.dagster_run.run_id for record in records]
        cursor = page[-1]
        yield page


def _with_events(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> set[str]:
    events = SqlEventLogStorageTable
    with _storage(instance).index_connection() as connection:
        return set(connection.execute(select(events.c.run_id).where(events.c.run_id.in_(run_ids)).distinct()).scalars())


def _storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    return cast("SqlEventLogStorage", instance.event_log_storage)


def _naive(moment: datetime) -> datetime:
    """Return a moment as Dagster's tables hold it: UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)
