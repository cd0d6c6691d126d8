"""Series of bars as Dagster is told of them: each once, as a partition with its content, and again when it changes."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.backtests import bars
from assets.keys import BAR_SERIES
from sensors.bars import bars_watch
from services.desk import Desk
from services.market.bars import simulate_market
from services.market.choice import BarAct, BarWish, choose_bars
from store.market.bars import BarStore
from tests.harness.actors import AMY
from tests.harness.known import known
from trading.market.bars import SIMULATED

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = f"MES 1h {SIMULATED}"


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "bars")


def simulate(store: BarStore, *, seed: int) -> None:
    simulate_market(store, ["MES"], seed=seed, start_on=date(2025, 1, 2), years=0.05)


def look(desk: Desk, store: BarStore, cursor: str | None) -> dg.SensorResult:
    """Ask the sensor once; where it skips, its cursor stays."""
    context = dg.build_sensor_context(resources={"desk": replace(desk, bars=store)}, cursor=cursor)
    result = bars_watch(context)
    return result if isinstance(result, dg.SensorResult) else dg.SensorResult(cursor=cursor)


def withdrawn_or_back(store: BarStore, act: BarAct) -> None:
    wish = BarWish(act=act, symbol="MES", timeframe="1h", provider=SIMULATED, actor=AMY, reason_code="TESTED")
    choose_bars(store, wish, now=NOW)


def kinds(result: dg.SensorResult) -> list[tuple[type, str | None]]:
    return [(type(event), event.partition) for event in result.asset_events]


def test_every_series_is_told_once_with_its_rows_and_fingerprint(desk: Desk, store: BarStore) -> None:
    assert look(desk, store, None).asset_events == []
    simulate(store, seed=1)
    first = look(desk, store, None)
    rows = {f"{row.symbol} {row.timeframe} {row.provider}": row for row in store.series()}
    events = {known(event.partition): event for event in first.asset_events}
    assert sorted(events) == sorted(rows) == sorted(known(first.dynamic_partitions_requests)[0].partition_keys)
    for key, row in rows.items():
        event = events[key]
        assert isinstance(event, dg.AssetMaterialization)
        assert known(event.tags)["dagster/data_version"] == row.fingerprint == event.metadata["fingerprint"].value
        assert event.metadata["dagster/row_count"].value == len(store.load(row.symbol, row.timeframe))
        assert event.metadata["file"].value == "market simulator, seed 1"
        assert event.metadata["first_bar"].value == row.first_ts / 1e9
    assert look(desk, store, first.cursor).asset_events == []


def test_other_bars_of_a_series_are_told_and_a_withdrawal_is_seen(desk: Desk, store: BarStore) -> None:
    simulate(store, seed=1)
    first = look(desk, store, None)
    withdrawn_or_back(store, BarAct.WITHDRAW)
    gone = look(desk, store, first.cursor)
    assert kinds(gone) == [(dg.AssetObservation, HOURS)]
    assert gone.asset_events[0].metadata["withdrawn"].value is True
    withdrawn_or_back(store, BarAct.RESTORE)
    back = look(desk, store, gone.cursor)
    assert kinds(back) == [(dg.AssetMaterialization, HOURS)]
    simulate(store, seed=2)
    others = look(desk, store, back.cursor)
    assert len(others.asset_events) == len(store.series())
    assert not others.dynamic_partitions_requests


def test_dagster_shows_a_series_and_the_store_can_still_be_materialized(desk: Desk, store: BarStore) -> None:
    simulate(store, seed=1)
    events = look(desk, store, None).asset_events
    keys = [known(event.partition) for event in events]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("series", keys)
        for event in events:
            instance.report_runless_asset_event(event)
        assert instance.get_materialized_partitions(BAR_SERIES) == set(keys)
        newest = known(instance.get_latest_data_version_record(BAR_SERIES, partition_key=HOURS))
        assert known(newest.asset_materialization).metadata["dagster/row_count"].value == len(store.load("MES", "1h"))
        assert dg.materialize([bars], instance=instance, resources={"desk": replace(desk, bars=store)}).success
