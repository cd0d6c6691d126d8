"""Retention over two weeks: what stands is shown to the last, what does not is gone, and Dagster's schema is the known.

The model is a dictionary: the newest event of an asset and a partition, kept by the test beside what it writes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from sqlalchemy import Engine, text

from assets.partitions import bots
from gateways.postgres import DatabaseUrls
from jobs import event_trim
from jobs.event_trim import forget_logs, forget_runs, trim_evaluations, trim_events
from jobs.upkeep import KEEP_RUNS
from tests.harness.known import known
from tests.harness.past import Happened, Past, instance_over

FIRST = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 14
FLEET = [f"bot-{number:02}" for number in range(30)]
ASSETS = [dg.AssetKey(name) for name in ("sessions", "rollups", "curves")]
IDLE, FAILED, NEVER = FLEET[:10], FLEET[10], FLEET[11]
CHECK = "last_job_succeeded"


@pytest.fixture
def instance(urls: DatabaseUrls, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_over(urls.dagster, tmp_path / "dagster") as over:
        over.add_dynamic_partitions("bots", FLEET)
        yield over


def trim(instance: dg.DagsterInstance, *, before: datetime) -> tuple[int, int, int]:
    """Return how many check records, events and runs retention deletes, in its order."""
    evaluations = trim_evaluations(instance, before=before)
    return evaluations, trim_events(instance, before=before), forget_runs(instance, before=before)


def rows(owner: Engine, what: str) -> int:
    with owner.connect() as connection:
        connection.execute(text("SET search_path TO dagster"))
        return int(connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


def at_work(day: int) -> list[str]:
    """Return who works on a day: everyone on the first, then all but the idle every third day."""
    return [
        bot
        for number, bot in enumerate(FLEET)
        if bot != NEVER and (day == 0 or (bot not in IDLE and (number + day) % 3 == 0))
    ]


def materialized(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    """Return which partitions Dagster shows as materialized: by log, cache and new cache, which agree."""
    cached = in_cache(instance, key)
    assert instance.get_materialized_partitions(key) == cached
    instance.wipe_asset_cached_status([key])
    assert in_cache(instance, key) == cached
    return cached


def in_cache(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    value = known(get_and_update_asset_status_cache_value(instance, key, bots, instance))
    return set(value.deserialize_materialized_partition_subsets(bots).get_partition_keys())


@pytest.mark.thorough
def test_two_weeks_leave_every_bot_shown_and_the_log_bounded(instance: dg.DagsterInstance, owner: Engine) -> None:
    past = Past(instance)
    newest: dict[tuple[dg.AssetKey, str], tuple[datetime, str]] = {}
    written = 0
    for day in range(DAYS):
        now = FIRST + day * DAY
        for key in ASSETS:
            workers = at_work(day)
            run_id = past.materializations(now, key, workers)
            past.events(
                now, [DagsterEventType.STEP_START, "a line of its log", DagsterEventType.RUN_SUCCESS], run_id=run_id
            )
            newest |= {(key, bot): (now, run_id) for bot in workers}
            written += len(workers) + 3
        before = now - KEEP_RUNS
        trim(instance, before=before)
        assert trim(instance, before=before) == (0, 0, 0)
        for key in ASSETS:
            assert materialized(instance, key) == {bot for of, bot in newest if of == key}
        old = sum(1 for at, _ in newest.values() if at < before)
        assert rows(owner, f"event_logs WHERE timestamp < '{before:%Y-%m-%d %H:%M}'") == old <= len(FLEET) * len(ASSETS)
        assert rows(owner, "runs") == len({run_id for _, run_id in newest.values()} | young_runs(instance, before))
    for (key, bot), (at, run_id) in newest.items():
        latest = known(instance.get_latest_data_version_record(key, partition_key=bot))
        assert (latest.timestamp, latest.run_id) == (at.timestamp(), run_id)
        assert instance.get_run_by_id(run_id) is not None
    assert rows(owner, "event_logs") < written / 1.5
    assert {known(instance.get_latest_materialization_event(key)).run_id for key in ASSETS} <= {
        run_id for _, run_id in newest.values()
    }


def young_runs(instance: dg.DagsterInstance, before: datetime) -> set[str]:
    return set(instance.get_run_ids(dg.RunsFilter(created_after=before - timedelta(seconds=1))))


def kept(instance: dg.DagsterInstance, owner: Engine, happened: list[Happened], **of_run: dg.DagsterRunStatus) -> int:
    """Return how many rows are left of what happened in one old run."""
    past = Past(instance)
    run_id = past.run(FIRST, happened, **of_run)
    trim(instance, before=FIRST + DAY)
    left = rows(owner, f"event_logs WHERE run_id = '{run_id}'")
    assert (instance.get_run_by_id(run_id) is not None) == (left > 0)
    return left


def test_a_failure_that_stands_keeps_its_run_and_its_reason(instance: dg.DagsterInstance, owner: Engine) -> None:
    key, past = ASSETS[0], Past(instance)
    failure: list[Happened] = [
        (key, FAILED),
        "a line of its log",
        DagsterEventType.STEP_START,
        DagsterEventType.PIPELINE_FAILURE,
    ]
    assert kept(instance, owner, failure, status=dg.DagsterRunStatus.FAILURE) == 2
    value = known(get_and_update_asset_status_cache_value(instance, key, bots, instance))
    assert value.deserialize_failed_partition_subsets(bots).get_partition_keys() == {FAILED}
    past.run(FIRST + 2 * DAY, [(key, FAILED), dg.AssetMaterialization(key, partition=FAILED)])
    assert trim(instance, before=FIRST + DAY) == (0, 1, 1)
    assert materialized(instance, key) == {FAILED}


@pytest.mark.parametrize("partition", [None, FLEET[0]])
def test_of_reports_without_a_run_the_newest_stays(
    instance: dg.DagsterInstance, owner: Engine, partition: str | None
) -> None:
    key, past = ASSETS[0], Past(instance)
    for hour in range(6):
        at = FIRST + timedelta(hours=hour)
        version = {DATA_VERSION_TAG: str(hour)}
        past.events(at, [dg.AssetObservation(key, partition=partition, tags=version)])
        past.events(at, [dg.AssetMaterialization(key, partition=partition, tags=version)])
    past.events(FIRST, [dg.AssetMaterialization(key, partition=FLEET[1])])
    assert trim(instance, before=FIRST + DAY) == (0, 10, 0)
    assert rows(owner, "event_logs WHERE id IN (11, 12, 13)") == rows(owner, "event_logs") == 3
    assert rows(owner, "asset_event_tags WHERE value = '5'") == rows(owner, "asset_event_tags") == 2


def test_of_a_check_the_newest_record_of_each_partition_stays(instance: dg.DagsterInstance, owner: Engine) -> None:
    past = Past(instance)
    for hour in range(4):
        evaluations: list[Happened] = [
            AssetCheckEvaluation(ASSETS[0], CHECK, passed=hour == 3, metadata={}, partition=bot)
            for bot in (*FLEET[:2], None)
        ]
        past.run(FIRST + timedelta(hours=hour), evaluations)
    assert trim(instance, before=FIRST + DAY) == (9, 9, 3)
    records = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(ASSETS[0], CHECK), limit=9)
    assert {record.partition: record.status.value for record in records} == dict.fromkeys(
        (*FLEET[:2], None), "SUCCEEDED"
    )
    assert rows(owner, "event_logs") == 3


def test_what_is_young_or_under_way_stays(instance: dg.DagsterInstance, owner: Engine) -> None:
    past = Past(instance)
    under_way = past.run(FIRST, ["still at it"], status=dg.DagsterRunStatus.STARTED)
    young = past.run(FIRST + 2 * DAY, ["of yesterday"])
    assert kept(instance, owner, ["nobody asks for this"]) == 0
    assert set(instance.get_run_ids()) == {under_way, young}
    assert rows(owner, "event_logs") == 2


def test_runs_of_many_pages_go(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_trim, "RUNS_AT_ONCE", 2)
    for _ in range(5):
        Past(instance).run(FIRST, ["nobody asks for this"])
    assert trim(instance, before=FIRST + DAY) == (0, 5, 5)
    assert instance.get_run_ids() == []


def test_deleting_runs_instead_leaves_bots_missing(instance: dg.DagsterInstance) -> None:
    run_id = Past(instance).materializations(FIRST, ASSETS[0], FLEET)
    instance.delete_run(run_id)
    assert materialized(instance, ASSETS[0]) == set()


def test_captured_logs_of_old_runs_go(instance: dg.DagsterInstance) -> None:
    past, folders = Past(instance), Path(instance.storage_directory())
    ended = past.run(FIRST, [])
    under_way = past.run(FIRST, [], status=dg.DagsterRunStatus.STARTED)
    for name in (ended, under_way, "no-run"):
        (folders / name / "compute_logs").mkdir(parents=True)
        (folders / name / "compute_logs" / "step.err").write_text("said")
    assert forget_logs(instance, before=FIRST) == 0
    assert forget_logs(instance, before=datetime.now(UTC) + DAY) == 1
    assert sorted(folder.name for folder in folders.iterdir()) == sorted([under_way, "no-run"])


def test_dagster_still_has_the_schema_that_is_trimmed() -> None:
    tables = SqlEventLogStorageMetadata.tables
    columns = {name: set(table.columns.keys()) for name, table in tables.items()}
    assert columns["event_logs"] == {
        "id", "run_id", "event", "dagster_event_type", "timestamp", "step_key", "asset_key", "partition",
    }  # fmt: skip
    assert columns["asset_event_tags"] == {"id", "event_id", "asset_key", "key", "value", "event_timestamp"}
    assert columns["asset_check_executions"] == {
        "id", "asset_key", "check_name", "partition", "run_id", "execution_status", "evaluation_event",
        "evaluation_event_timestamp", "evaluation_event_storage_id", "materialization_event_storage_id",
        "create_timestamp",
    }  # fmt: skip
    by_event = {name for name, table in tables.items() if {"event_id", "event_storage_id"} & set(table.columns.keys())}
    assert by_event == {"asset_event_tags"}
    indexes = {index.name for table in tables.values() for index in table.indexes}
    assert {"idx_events_by_asset_partition", "idx_events_by_asset", "idx_events_by_run_id"} <= indexes
