"""Verification from the Dagster UI: one bot, one asset, one row, and metadata that says what it cannot show."""

from collections.abc import Iterator

import dagster as dg
import pytest
from sqlalchemy import select

from assets.partitions import bots
from assets.verification import NAMES
from orchestration.definitions import build_defs
from services.backtests.baselines import run_baseline
from services.desk import Desk
from store.verification.verifications import VerificationRun
from tests.harness.events import materializations_of
from tests.harness.factories import make_bot
from trading.verification.verdicts import LIMITS, Kind


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_every_kind_has_an_asset_that_stores_its_run(stocked_desk: Desk, instance: dg.DagsterInstance) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, archetype="trend_ema_cross").id
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    instance.add_dynamic_partitions(str(bots.name), [str(bot_id)])
    job = build_defs(desk=stocked_desk, settings=stocked_desk.settings).resolve_implicit_global_asset_job_def()
    assert set(NAMES) == set(Kind)
    for kind, (name, _) in NAMES.items():
        result = job.execute_in_process(
            instance=instance, partition_key=str(bot_id), asset_selection=[dg.AssetKey(name)]
        )
        (made,) = materializations_of(instance, result.run_id)
        metadata = made.metadata
        assert metadata["cannot_show"].value == LIMITS[kind].cannot_show
        assert metadata["data_source"].value == "SIMULATED"
        with stocked_desk.database() as db:
            row = db.scalars(select(VerificationRun).where(VerificationRun.kind == kind)).one()
        assert (row.run_id, row.verdict) == (result.run_id, metadata["verdict"].value)
        pages = sum(isinstance(value, dg.MarkdownMetadataValue | dg.TableMetadataValue) for value in metadata.values())
        assert pages or kind in (Kind.SHARPE, Kind.LOOK_AHEAD, Kind.WARM_UP) or row.verdict == "UNKNOWN"
