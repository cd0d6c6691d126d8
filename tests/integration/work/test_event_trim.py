"""Two weeks of Dagster's log, trimmed each day: bounded, and no bot that ever had a session is shown as missing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.runs.schema import RunsTable
from sqlalchemy import func, select, update

from assets.keys import BACKTEST_SESSIONS, ROLLUPS
from assets.partitions import bots
from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from jobs.event_trim import forget_runs, trim_evaluations, trim_events
from orchestration.platform.instance import write_home
from tests.harness.known import known

BOTS, DAYS, KEPT_DAYS = 30, 14, 7
KEYS = [f"bot-{number:02}" for number in range(BOTS)]
CHECK = "last_job_succeeded"


@pytest.fixture
def instance(urls: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_PG_URL", urls.dagster.render_as_string(hide_password=False))
    with dg.DagsterInstance.from_config(str(write_home(settings))) as opened:
        opened.add_dynamic_partitions(known(bots.name), KEYS)
        yield opened


@dg.job
def working() -> None:
    """Do nothing."""


def a_day(instance: dg.DagsterInstance, at: datetime, keys: Sequence[str]) -> str:
    """Leave behind what a run does that materializes bots, with an evaluation that failed and twenty lines of log."""
    run = instance.create_run_for_job(working, status=dg.DagsterRunStatus.SUCCESS)
    for key in keys:
        for asset in (BACKTEST_SESSIONS, ROLLUPS):
            made = StepMaterializationData(dg.AssetMaterialization(asset, partition=key))
            event = DagsterEvent(DagsterEventType.ASSET_MATERIALIZATION.value, "working", event_specific_data=made)
            instance.report_dagster_event(event, run.run_id, timestamp=at.timestamp())
    evaluated = dg.AssetCheckEvaluation(BACKTEST_SESSIONS, CHECK, passed=False, partition=keys[-1])
    event = DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, "working", event_specific_data=evaluated)
    instance.report_dagster_event(event, run.run_id, timestamp=at.timestamp())
    for line in range(20):
        said = (None, "debug", f"line {line}", run.run_id, at.timestamp())
        instance.store_event(EventLogEntry(*said))  # type: ignore[no-untyped-call]
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        born = update(RunsTable).where(RunsTable.c.run_id == run.run_id)
        connection.execute(born.values(create_timestamp=at.replace(tzinfo=None)))
    return run.run_id


def missing(instance: dg.DagsterInstance, asset: dg.AssetKey) -> set[str]:
    """Return the bots the UI would show as missing, by both of the ways it asks."""
    cached = known(get_and_update_asset_status_cache_value(instance, asset, bots))
    counted = cached.deserialize_materialized_partition_subsets(bots).get_partition_keys()
    return (set(KEYS) - set(counted)) | (set(KEYS) - instance.get_materialized_partitions(asset))


def rows(instance: dg.DagsterInstance) -> int:
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        return int(connection.execute(select(func.count()).select_from(SqlEventLogStorageTable)).scalar_one())


def test_two_weeks_leave_a_bounded_log_and_no_bot_missing(instance: dg.DagsterInstance) -> None:
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    first_run, sizes = "", []
    for day in range(DAYS):
        at = begin + timedelta(days=day)
        resting = day % 3 != 0
        run_id = a_day(instance, at, KEYS[: BOTS // 3] if resting else KEYS[: BOTS // 2] if day else KEYS)
        first_run = first_run or run_id
        before = at - timedelta(days=KEPT_DAYS)
        trim_events(instance, before=before)
        trim_evaluations(instance, before=before)
        forget_runs(instance, before=before)
        assert missing(instance, BACKTEST_SESSIONS) == missing(instance, ROLLUPS) == set()
        sizes.append(rows(instance))
    a_week = max(sizes[:KEPT_DAYS])
    newest_of_each = 2 * BOTS
    assert sizes[-1] <= a_week + newest_of_each
    asleep = known(instance.get_latest_materialization_event(BACKTEST_SESSIONS))
    assert asleep.run_id != first_run
    kept = known(instance.get_run_by_id(first_run))
    events = instance.all_logs(kept.run_id)
    assert {known(event.dagster_event).partition for event in events if event.is_dagster_event} == set(
        KEYS[BOTS // 2 :]
    )
    assert {event.user_message for event in events if not event.is_dagster_event} == set()


def test_a_run_goes_with_the_last_of_its_events_and_a_check_keeps_its_newest_evaluation(
    instance: dg.DagsterInstance,
) -> None:
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    old, newer = a_day(instance, begin, KEYS), a_day(instance, begin + timedelta(days=1), KEYS)
    before = begin + timedelta(days=2)
    assert trim_evaluations(instance, before=before) == 1
    assert trim_events(instance, before=before) > 2 * BOTS
    assert forget_runs(instance, before=before) == 1
    assert instance.get_run_by_id(old) is None
    assert instance.get_run_by_id(newer) is not None
    with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
        evaluations = connection.execute(select(AssetCheckExecutionsTable.c.run_id)).scalars().all()
    assert evaluations == [newer]
    assert missing(instance, BACKTEST_SESSIONS) == set()


def test_a_run_at_work_keeps_all_it_said(instance: dg.DagsterInstance) -> None:
    at = datetime.now(UTC) - timedelta(days=DAYS)
    run_id = a_day(instance, at, KEYS[:1])
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(update(RunsTable).values(status=dg.DagsterRunStatus.STARTED.value))
    said = len(instance.all_logs(run_id))
    assert (trim_events(instance, before=datetime.now(UTC)), forget_runs(instance, before=datetime.now(UTC))) == (0, 0)
    assert len(instance.all_logs(run_id)) == said


def test_deleting_runs_instead_leaves_bots_missing(instance: dg.DagsterInstance) -> None:
    run_id = a_day(instance, datetime.now(UTC) - timedelta(days=DAYS), KEYS)
    instance.delete_run(run_id)
    assert missing(instance, BACKTEST_SESSIONS) == set(KEYS)
