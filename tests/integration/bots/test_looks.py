"""What a bot's page, its answer and the command line say of its looks."""

import csv
from io import StringIO
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import update

from api.app import create_app
from assets.backtests import backtest
from assets.keys import ROLLUPS
from assets.partitions import bots
from orchestration.cli import desk_work
from services.backtests.baselines import run_baseline
from services.backtests.epochs import epoch_of, waits_until
from services.backtests.workbench import open_workbench
from services.desk import Desk
from store.improvement import looks
from store.tables import BacktestSession, Bot, BotProgress
from tests.harness import factories
from tests.harness.client import Client
from tests.harness.clocks import FixedClock
from tests.harness.commands import let_commands_find, proving
from tests.harness.events import materializations_of
from tests.harness.known import known
from trading.days import on_day
from trading.improvement.looks import LEVELS

NAME = "Cobalt Otter 0001"


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    """A bot whose history has sixty days to be sealed."""
    with stocked_desk.database.begin() as db:
        made: UUID = factories.make_bot(db, name=NAME).id
    return made


def client_of(desk: Desk) -> Client:
    return Client(create_app(desk))


def look(desk: Desk, bot_id: UUID, *numbers: int, won: bool = False) -> None:
    with desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        for number in numbers:
            factories.make_look(db, bot, number)
        if won:
            factories.make_generation(db, bot, generation_number=2)
            factories.make_look(db, bot, len(numbers) + 1, passed=True, new_generation=2, p_value=0.0004)


def test_a_bot_without_looks_has_all_of_them_at_the_days_its_search_is_kept_from(
    stocked_desk: Desk, bot_id: UUID
) -> None:
    path = f"/api/bots/{bot_id}/life"
    before = client_of(stocked_desk).get(path).json()
    assert (before["looks"], before["looksStanding"]["epoch"]) == ([], None)
    epoch = known(epoch_of(stocked_desk, open_workbench(stocked_desk, bot_id)))
    standing = client_of(stocked_desk).get(path).json()["looksStanding"]
    assert standing == {
        "epoch": 1,
        "sealedFrom": str(on_day(epoch.sealed_from)),
        "sealedDays": len(epoch.days),
        "taken": 0,
        "left": 2,
        "level": LEVELS[0],
        "waitsUntil": None,
        "waitsForDays": 0,
        "words": f"2 of 2 looks left at 60 sealed days since {on_day(epoch.sealed_from)}",
    }


def test_every_look_is_told_newest_first_with_what_is_left_after_it(stocked_desk: Desk, bot_id: UUID) -> None:
    epoch_of(stocked_desk, open_workbench(stocked_desk, bot_id))
    look(stocked_desk, bot_id, 1, won=True)
    for path in (f"/api/bots/{bot_id}/life", f"/api/bots/{bot_id}"):
        answer = client_of(stocked_desk).get(path).json()
        assert [(look["epoch"], look["number"], look["passed"], look["newGeneration"]) for look in answer["looks"]] == [
            (1, 2, True, 2),
            (1, 1, False, None),
        ]
        assert answer["looks"][0] | {"pValue": 0.0004, "days": 60, "activeDays": 41} == answer["looks"][0]
        left = answer["looksStanding"]
        assert (left["taken"], left["left"], left["level"]) == (2, 0, None)
        assert left["words"] == "A look was won, which closed the epoch: its next search asks for a new epoch"


def test_a_bot_without_looks_left_says_how_many_days_it_waits_for_on_the_command_line_too(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_commands_find(stocked_desk, monkeypatch, desk_work)
    bench = open_workbench(stocked_desk, bot_id)
    epoch_of(stocked_desk, bench)
    look(stocked_desk, bot_id, 1, 2)
    until = waits_until(bench, missing_days=47)
    with stocked_desk.database.begin() as db:
        db.execute(update(BotProgress).where(BotProgress.bot_id == bot_id).values(evidence_waits_until=until))
        assert looks.waits_until(db, bot_id) == until
    standing = client_of(stocked_desk).get(f"/api/bots/{bot_id}/life").json()["looksStanding"]
    assert (standing["waitsForDays"], standing["waitsUntil"], standing["left"]) == (47, str(until), 0)
    assert standing["words"] == f"No look left: it waits for 47 more trading days, until {until}"
    code, printed = proving("why", NAME)
    assert (code, f"  looks: {standing['words']}" in printed.splitlines()) == (0, True)


def whose_figures(desk: Desk, bot_id: UUID) -> list[tuple[int, bool]]:
    """Return of which generation a bot's headline figures are and whether in sample, as five places tell it."""
    asking = client_of(desk)
    life = asking.get(f"/api/bots/{bot_id}/life").json()
    spoken = [
        asking.get(f"/api/bots/{bot_id}").json()["bot"]["metrics"],
        asking.get("/api/bots").json()["data"][0]["metrics"],
        next(book for book in life["books"] if book["book"] == "BACKTEST"),
    ]
    filed = next(csv.DictReader(StringIO(asking.get("/api/bots.csv").text)))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(known(bots.name), [str(bot_id)])
        made = dg.materialize(
            [backtest], partition_key=str(bot_id), instance=instance, resources={"desk": desk}, selection=[ROLLUPS]
        )
        (rollup,) = materializations_of(instance, made.run_id)
    recorded = {name: value.value for name, value in rollup.metadata.items()}
    return [
        *((metrics["generation"], metrics["inSample"]) for metrics in spoken),
        (int(filed["figures_generation"]), {"True": True, "False": False}[filed["in_sample"]]),
        (recorded["generation"], recorded.get("in_sample") == "IN SAMPLE"),
    ]


def test_sessions_of_a_generation_chosen_on_their_days_are_in_sample_and_others_are_not(
    stocked_desk: Desk, clock: FixedClock, bot_id: UUID
) -> None:
    seeds = run_baseline(stocked_desk, bot_id, run_id="run-1").figures["session_id"]
    assert whose_figures(stocked_desk, bot_id) == [(1, False)] * 5
    with stocked_desk.database.begin() as db:
        first_on = db.get_one(BacktestSession, UUID(str(seeds))).equity_on[0]
        factories.make_generation(db, db.get_one(Bot, bot_id), generation_number=2, knows_until=first_on)
    clock.advance(minutes=1)
    assert whose_figures(stocked_desk, bot_id) == [(1, False)] * 5
    chosen = run_baseline(stocked_desk, bot_id, run_id="run-2").figures["session_id"]
    assert whose_figures(stocked_desk, bot_id) == [(2, True)] * 5
    asking = client_of(stocked_desk)
    for listed in (
        asking.get(f"/api/bots/{bot_id}/sessions").json()["data"],
        asking.get(f"/api/bots/{bot_id}").json()["sessions"],
    ):
        assert [(generation["generationNumber"], generation["inSample"]) for generation in listed] == [
            (2, True),
            (1, False),
        ]
    sheets = [asking.get(f"/api/sessions/{session}/report").text for session in (chosen, seeds)]
    assert f"Generation 2 was chosen on days up to {first_on}" in sheets[0]
    assert ["IN SAMPLE" in sheet for sheet in sheets] == [True, False]
