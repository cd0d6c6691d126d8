"""Who is proven is judged over every record there is, each kind of bars by itself."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import select

from assets.judgement import evidence
from orchestration.definitions import build_defs
from services.backtests.records import SUMS
from services.desk import Desk
from services.verification.discoveries import judge_fleet
from store.tables import Bot, BotEvidence
from store.verification.records import evidence_of, grow
from tests.harness.clocks import FixedClock
from tests.harness.factories import BIRTH, make_bot
from tests.harness.known import known
from trading.market.marks import BarsKind

BEGINS_ON = date(2026, 1, 5)
OF_STRETCH = {
    "origin": "IN_FORCE",
    "generation_number": 1,
    **dict.fromkeys(("genome_hash", "data_source", "data_fingerprint", "engine_version"), "made up"),
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def with_evidence(
    desk: Desk, e_values: Mapping[int, float], *, kind: str = "SIMULATED", at: datetime = BIRTH, archived: bool = False
) -> None:
    """Give bots, made where they are new, a record that is worth so much from its next day on."""
    with desk.database.begin() as db:
        for number, e_value in e_values.items():
            bot_id = UUID(int=number)
            if db.get(Bot, bot_id) is None:
                make_bot(db, id=bot_id, archived_at=BIRTH if archived else None)
            before = evidence_of(db, bot_id, bars_kind=kind)
            follows_on = before.last_on if before is not None else None
            day = BEGINS_ON if follows_on is None else follows_on + timedelta(days=1)
            same: dict[str, Any] = {"bot_id": bot_id, "bars_kind": kind, "first_on": day, "last_on": day}
            same |= {"pnl_micros": [1]} | dict.fromkeys(SUMS, 0)
            stretch = {"follows_on": follows_on, "days_on": [day], "created_at": at} | OF_STRETCH
            row = {"days": 1, "log_e": float(np.log(e_value)), "computed_at": at}
            grow(db, [same | stretch], same | row, known=before)


def proven_bots(desk: Desk) -> dict[tuple[int, str], datetime | None]:
    with desk.database() as db:
        rows = db.scalars(select(BotEvidence).where(BotEvidence.proven))
        return {(row.bot_id.int, row.bars_kind): row.proven_since for row in rows}


def test_a_bot_is_proven_by_an_e_value_that_holds_among_all_records(desk: Desk, clock: FixedClock) -> None:
    with_evidence(desk, {1: 41.0, 2: 39.0, 3: 1.0, 4: 0.5})
    judged = judge_fleet(desk)[BarsKind.SIMULATED]
    # four records, 10 %: 40 alone is proof; beside a proven one 39 is enough, as two proven ask for 4 / (2 * 10 %) = 20
    assert proven_bots(desk) == {(1, "SIMULATED"): clock(), (2, "SIMULATED"): clock()}
    assert (judged.records, judged.proven, judged.gained, judged.lost) == (4, 2, 2, 0)
    assert np.exp(judged.log_e_asked) == pytest.approx(39.0)


def test_archived_bots_count_and_kinds_of_bars_do_not_mix(desk: Desk, clock: FixedClock) -> None:
    with_evidence(desk, {1: 25.0, 2: 1.0})
    with_evidence(desk, {1: 25.0}, kind="REAL")
    judge_fleet(desk)
    assert set(proven_bots(desk)) == {(1, "SIMULATED"), (1, "REAL")}
    with_evidence(desk, {3: 1.0, 4: 1.0}, archived=True)
    judged = judge_fleet(desk)
    assert set(proven_bots(desk)) == {(1, "REAL")}
    assert (judged[BarsKind.SIMULATED].lost, judged[BarsKind.REAL].lost) == (1, 0)
    assert judged[BarsKind.MARKS].records == 0


def test_who_stays_proven_is_so_since_the_first_judgement(desk: Desk, clock: FixedClock) -> None:
    with_evidence(desk, {1: 25.0})
    judge_fleet(desk)
    first = clock()
    clock.advance(days=1)
    with_evidence(desk, {1: 30.0, 2: 40.0})
    judge_fleet(desk)
    assert proven_bots(desk) == {(1, "SIMULATED"): first, (2, "SIMULATED"): clock()}


def test_the_record_that_grew_last_is_the_newest_of_a_bot(desk: Desk) -> None:
    for kind in ("REAL", "SIMULATED", "REAL"):
        with_evidence(desk, {1: 2.0}, kind=kind)
        with desk.database() as db:
            newest = db.scalars(select(BotEvidence.bars_kind).where(BotEvidence.is_newest)).all()
        assert newest == [kind]


def test_the_watch_judges_when_records_have_grown_and_not_before(
    desk: Desk, clock: FixedClock, instance: dg.DagsterInstance
) -> None:
    defs = build_defs(desk=desk, settings=desk.settings)

    def watch(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance=instance, resources={"desk": desk}, cursor=cursor)
        answer = defs.resolve_sensor_def("evidence_watch")(context)
        assert isinstance(answer, dg.SensorResult | dg.SkipReason)
        return answer

    assert isinstance(watch(None), dg.SkipReason)
    with_evidence(desk, {1: 25.0})
    answer = watch(None)
    assert isinstance(answer, dg.SensorResult)
    (event,) = answer.asset_events
    assert event.asset_key == evidence.key
    assert {name: value.value for name, value in event.metadata.items()} == {
        "simulated records": 1,
        "simulated proven": 1,
        "simulated no longer proven": 0,
        "simulated log e-value asked": pytest.approx(np.log(25.0)),
    }
    assert set(proven_bots(desk)) == {(1, "SIMULATED")}
    assert isinstance(watch(known(answer.cursor)), dg.SkipReason)
    with_evidence(desk, {2: 1.0}, at=BIRTH + timedelta(minutes=1))
    assert isinstance(watch(answer.cursor), dg.SensorResult)


def test_evidence_is_judged_by_hand_too(desk: Desk, instance: dg.DagsterInstance) -> None:
    with_evidence(desk, {1: 25.0})
    job = build_defs(desk=desk, settings=desk.settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("evidence")])
    (materialized,) = result.asset_materializations_for_node("evidence")
    assert materialized.metadata["simulated proven"].value == 1
    assert set(proven_bots(desk)) == {(1, "SIMULATED")}
