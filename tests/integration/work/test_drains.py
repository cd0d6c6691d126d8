"""What Dagster shows of each bot a run works for: in progress, done, failed with its reason, whole again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from sqlalchemy import text

from assets import drains
from assets.keys import BACKTEST_SESSIONS, EQUITY_CURVES, IMPROVE_ITERATIONS, ROLLUPS
from assets.partitions import BY_HUNDREDS, bots
from assets.pools import VERIFICATION_POOL, keep_limits, pool_of
from jobs.queue import JOB_OF
from orchestration.definitions import build_defs
from sensors.fleet import register_partitions
from services.backtests.baselines import BaselineBacktest
from services.bots.registration import names_of
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.progress import Progress
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Result
from store.tables import Bot
from store.work.jobs import Claim
from tests.harness.events import materializations_of
from tests.harness.factories import make_job
from tests.harness.known import known
from tests.integration.work.daemon import evaluate
from trading.errors import NoMarketData
from trading.work.jobs import JobStatus, JobType

FLEET = 4
LAST_BACKTEST = dg.AssetCheckKey(BACKTEST_SESSIONS, "last_job_succeeded")


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=FLEET, symbols=("MES",), timeframes=("1h",))
    return stocked_desk


@pytest.fixture
def keys(fleet: Desk, instance: dg.DagsterInstance) -> list[str]:
    """The fleet's partitions, in the order in which backfills take them."""
    register_partitions(instance, [str(bot_id) for bot_id in fleet_ids(fleet)])
    return list(instance.get_dynamic_partitions(known(bots.name)))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def defs(fleet: Desk) -> dg.Definitions:
    return build_defs(desk=fleet, settings=fleet.settings)


class Unlucky(BaselineBacktest):
    """A backtest that finds no bars for some bots."""

    luckless: frozenset[UUID] = frozenset()

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        if claim.bot_id in self.luckless:
            raise NoMarketData("its bars are gone")
        return super().perform(desk, claim, progress)


@pytest.fixture
def luckless(monkeypatch: pytest.MonkeyPatch, keys: list[str]) -> UUID:
    """One bot whose backtests fail."""
    unlucky = UUID(keys[1])
    monkeypatch.setattr(Unlucky, "luckless", frozenset({unlucky}))
    from assets import backtests

    monkeypatch.setattr(backtests, "BASELINES", drains.Work(Unlucky, JobType.BACKTEST, takes_seconds=False))
    return unlucky


def states(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, set[str]]:
    """Return the partitions of an asset as Dagster's UI counts them."""
    cached = known(get_and_update_asset_status_cache_value(instance, key, bots))
    kinds = {
        "done": cached.deserialize_materialized_partition_subsets(bots),
        "failed": cached.deserialize_failed_partition_subsets(bots),
        "in progress": cached.deserialize_in_progress_partition_subsets(bots),
    }
    return {kind: set(subset.get_partition_keys()) for kind, subset in kinds.items() if not subset.is_empty}


def verdicts(instance: dg.DagsterInstance) -> dict[str | None, tuple[str, str]]:
    """Return what the check of the last backtest says of each partition that it was evaluated for."""
    infos = instance.event_log_storage.get_asset_check_partition_info([LAST_BACKTEST])
    records = instance.event_log_storage.get_asset_check_execution_history(LAST_BACKTEST, limit=100)
    reasons = {
        record.partition: known(known(record.event).get_dagster_event().asset_check_evaluation_data.description)
        for record in reversed(records)
    }
    return {info.partition_key: (info.latest_execution_status.name, reasons[info.partition_key]) for info in infos}


def drained(defs: dg.Definitions, instance: dg.DagsterInstance, **more: Any) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(JOB_OF[JobType.BACKTEST].name)
    return job.execute_in_process(instance=instance, raise_on_error=False, **more)


def test_a_failed_job_is_a_failed_partition_with_its_reason_and_the_rest_is_done(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, keys: list[str], luckless: UUID
) -> None:
    run_autonomy_tick(fleet)
    result = drained(defs, instance)
    assert not result.success
    assert states(instance, BACKTEST_SESSIONS) == {"done": set(keys) - {str(luckless)}, "failed": {str(luckless)}}
    assert verdicts(instance) == {str(luckless): ("FAILED", "NO_MARKET_DATA: its bars are gone")}
    run = known(instance.get_run_by_id(result.run_id))
    assert {name: count for name, count in run.tags.items() if name.startswith("bots/")} == {
        "bots/completed": str(FLEET - 1),
        "bots/failed": "1",
    }
    (failure,) = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    words = known(known(failure.get_dagster_event().step_failure_data).error_display_string)
    assert f"{names_of(fleet, [luckless])[luckless]}: NO_MARKET_DATA: its bars are gone" in words


def test_a_bot_that_comes_through_again_is_whole_again(
    defs: dg.Definitions,
    fleet: Desk,
    instance: dg.DagsterInstance,
    keys: list[str],
    luckless: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_autonomy_tick(fleet)
    drained(defs, instance)
    monkeypatch.setattr(Unlucky, "luckless", frozenset())
    fleet.clock.advance(hours=1)  # type: ignore[attr-defined]
    run_autonomy_tick(fleet)
    assert drained(defs, instance).success
    assert states(instance, BACKTEST_SESSIONS) == {"done": set(keys)}
    assert verdicts(instance) == {str(luckless): ("SUCCEEDED", "it came through")}


def test_a_person_may_ask_the_check_about_any_bot(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, keys: list[str], luckless: UUID
) -> None:
    def asked(key: str) -> tuple[bool, str | None]:
        job = defs.resolve_implicit_global_asset_job_def()
        only = {LAST_BACKTEST}
        result = job.get_subset(asset_selection=set(), asset_check_selection=only).execute_in_process(
            instance=instance, partition_key=key
        )
        (said,) = result.get_asset_check_evaluations()
        return said.passed, said.description

    assert asked(keys[1]) == (True, "none has ended yet")
    run_autonomy_tick(fleet)
    drained(defs, instance)
    assert asked(keys[0]) == (True, "it came through")
    assert asked(keys[1]) == (False, "FAILED: NO_MARKET_DATA: its bars are gone")


def test_a_long_job_is_in_progress_from_its_claim_on(
    defs: dg.Definitions,
    fleet: Desk,
    instance: dg.DagsterInstance,
    keys: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def done_by_hand(*_: object, claimed: Any, **__: object) -> Iterator[object]:
        claimed(UUID(keys[2]))
        seen.append(states(instance, IMPROVE_ITERATIONS))
        yield from ()

    monkeypatch.setattr(drains, "drain", done_by_hand)
    assert defs.resolve_job_def("improvements").execute_in_process(instance=instance).success
    assert seen == [{"in progress": {keys[2]}}]
    assert states(instance, IMPROVE_ITERATIONS) == {}


def test_a_queue_is_drained_whose_parents_have_been_materialized(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, keys: list[str]
) -> None:
    run_autonomy_tick(fleet)
    assert drained(defs, instance).success
    fleet.clock.advance(hours=1)  # type: ignore[attr-defined]
    run_autonomy_tick(fleet)
    result = defs.resolve_job_def("improvements").execute_in_process(instance=instance)
    assert {event.partition for event in materializations_of(instance, result.run_id)} <= set(keys)
    assert states(instance, IMPROVE_ITERATIONS)["done"]


def test_the_public_way_records_the_same_events(fleet: Desk, instance: dg.DagsterInstance, keys: list[str]) -> None:
    slow = replace(fleet, settings=fleet.settings.model_copy(update={"dagster_public_events": True}))
    run_autonomy_tick(slow)
    result = drained(build_defs(desk=slow, settings=slow.settings), instance)
    made = {(event.asset_key, event.partition) for event in materializations_of(instance, result.run_id)}
    assert made == {(key, bot) for key in (BACKTEST_SESSIONS, ROLLUPS, EQUITY_CURVES) for bot in keys}


def test_the_newest_materialization_of_every_asset_is_known_by_the_asset(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, keys: list[str]
) -> None:
    run_autonomy_tick(fleet)
    result = drained(defs, instance)
    for record in instance.get_asset_records([BACKTEST_SESSIONS, ROLLUPS, EQUITY_CURVES]):
        newest = known(record.asset_entry.last_materialization_record)
        assert newest.run_id == result.run_id


def test_a_range_of_partitions_is_those_bots_and_no_others(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance, keys: list[str]
) -> None:
    run_autonomy_tick(fleet)
    bounds = {"dagster/asset_partition_range_start": keys[1], "dagster/asset_partition_range_end": keys[2]}
    result = drained(defs, instance, tags=bounds)
    assert result.success
    made = {(event.asset_key, event.partition) for event in materializations_of(instance, result.run_id)}
    assert made == {(key, bot) for key in (BACKTEST_SESSIONS, ROLLUPS, EQUITY_CURVES) for bot in keys[1:3]}
    assert states(instance, BACKTEST_SESSIONS) == {"done": set(keys[1:3])}


def test_a_named_bot_that_is_at_work_elsewhere_is_asked_for_again_and_fails_alone(
    defs: dg.Definitions,
    fleet: Desk,
    instance: dg.DagsterInstance,
    keys: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fleet.database.begin() as db:
        make_job(db, db.get_one(Bot, UUID(keys[0])), status=JobStatus.RUNNING)
    pauses: list[float] = []
    monkeypatch.setattr(drains.time, "sleep", pauses.append)  # type: ignore[attr-defined]
    bounds = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[1]}
    assert not drained(defs, instance, tags=bounds).success
    assert len(pauses) == drains.ASKED_AGAIN
    assert states(instance, BACKTEST_SESSIONS) == {"done": {keys[1]}, "failed": {keys[0]}}
    assert verdicts(instance)[keys[0]] == ("FAILED", "REFUSED: a BACKTEST of this bot is at work already")


def test_every_asset_of_bots_is_filled_by_runs_of_two_hundred_under_a_pool(defs: dg.Definitions) -> None:
    partitioned = [
        asset
        for asset in defs.assets or ()
        if isinstance(asset, dg.AssetsDefinition) and asset.is_executable and asset.partitions_def is bots
    ]
    assert len(partitioned) == len(JobType) + 11
    pools = {pool for asset in partitioned for pool in asset.node_def.pools}
    assert pools == {*map(pool_of, JobType), VERIFICATION_POOL}
    assert {asset.backfill_policy for asset in partitioned} == {BY_HUNDREDS}
    assert BY_HUNDREDS.max_partitions_per_run == 200


def test_the_limits_of_the_pools_follow_the_settings(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    evaluate(defs, "autonomy_tick", desk=fleet, instance=instance)

    def limits() -> dict[str, int]:
        return {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}

    assert limits() == {"backtest": 2, "improve": 1, "evolve": 1, "verification": 1}
    keep_limits(instance, {**fleet.settings.caps.running, JobType.EVOLVE: 3})
    assert limits() == {"backtest": 2, "improve": 1, "evolve": 3, "verification": 1}


def test_a_tick_is_observed_where_it_did_something_and_every_five_minutes(
    defs: dg.Definitions, fleet: Desk, instance: dg.DagsterInstance
) -> None:
    sensor = defs.resolve_sensor_def("autonomy_tick")

    def tick(cursor: str | None) -> dg.SensorResult:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"desk": fleet})
        answer = sensor(context)
        assert isinstance(answer, dg.SensorResult)
        return answer

    first = tick(None)
    (observed,) = first.asset_events
    assert isinstance(observed, dg.AssetObservation)
    assert {name: observed.metadata[name].value for name in ("bots", "queued/BACKTEST", "runs")} == {
        "bots": FLEET,
        "queued/BACKTEST": FLEET,
        "runs": 2,
    }
    assert [request.run_key for request in first.run_requests or ()] == [
        f"{observed.metadata['tick'].value}/BACKTEST/{slot}" for slot in range(2)
    ]
    with fleet.database.begin() as db:
        db.execute(text("UPDATE bot_jobs SET status = 'CANCELED', completed_at = created_at"))
        db.execute(text("UPDATE bots SET archived_at = created_at"))
    fleet.clock.advance(seconds=9)  # type: ignore[attr-defined]
    second = tick(first.cursor)
    fleet.clock.advance(seconds=9)  # type: ignore[attr-defined]
    third = tick(second.cursor)
    assert len(second.asset_events) == 1
    assert [list(third.asset_events), third.run_requests] == [[], []]
    assert "no further run is wanted" in known(known(third.skip_reason).skip_message)
    fleet.clock.advance(minutes=5)  # type: ignore[attr-defined]
    assert len(tick(third.cursor).asset_events) == 1
