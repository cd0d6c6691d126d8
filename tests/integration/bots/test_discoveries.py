"""Who is proven, and on simulated markets whether that is right, as page and command tell it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.cli import discovery_work
from services.bots.discoveries import MarketView, discoveries
from services.desk import Desk
from services.market.bars import simulate_market
from services.market.plants import simulate_with_edges
from store.market.bars import BarStore
from tests.harness.client import Client
from tests.harness.commands import let_commands_find, proving
from tests.harness.factories import make_bot, make_evidence
from trading.market.plants import EdgeKind, Plant

FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 11, 30, 5, tzinfo=UTC)
PLANTS = {
    "MES": Plant(EdgeKind.OPENING_RANGE, 12.0),
    "MNQ": Plant(EdgeKind.MOMENTUM, 8.0),
    "MYM": Plant(EdgeKind.GAP, 5.0),
}


@pytest.fixture
def fleet(desk: Desk) -> Desk:
    """Edges that are found by two bots, missed and awaited; two markets with nothing, of which one fooled a bot."""
    simulate_with_edges(desk, ["MES", "MNQ", "MYM", "M2K", "MGC"], plants=PLANTS, seed=7, years=0.02)
    with desk.database.begin() as db:
        for name, symbol, over in (
            ("Amber Adder", "MES", {"log_e": 9.0, "sharpe": 4.5, "days": 300, "proven_since": LATER}),
            ("Basalt Bison", "MES", {"log_e": 20.0, "proven_since": FIRST}),
            ("Cinder Crane", "MES", {"log_e": 0.5}),
            ("Dusk Dingo", "MNQ", {"log_e": 1.0}),
            ("Flint Falcon", "M2K", {"log_e": 8.0, "proven_since": LATER}),
            ("Granite Gannet", "MGC", {"log_e": float("-inf")}),
        ):
            bot = make_bot(db, name=name, symbol=symbol)
            make_evidence(db, bot, **_with_days(over))
        make_bot(db, name="Ember Egret", symbol="MYM", timeframe="5m")
    return desk


def _with_days(over: dict[str, Any]) -> dict[str, Any]:
    return over | ({"pnl_micros": [0] * over["days"]} if "days" in over else {})


def test_edges_are_told_found_missed_and_awaited_and_proofs_right_and_false(fleet: Desk, client: Client) -> None:
    answer = client.get("/api/discoveries").json()
    assert answer["truth"] == {
        "plantedMarkets": 3,
        "foundMarkets": 1,
        "missedMarkets": 1,
        "awaitedMarkets": 1,
        "falseBots": 1,
        "provenBots": 3,
        "records": 6,
    }
    markets = [
        (row["symbol"], row["kind"], row["sharpe"], row["verdict"], row["foundAt"], row["proven"], row["records"])
        for row in answer["markets"]
    ]
    assert markets == [
        ("MES", "OPENING_RANGE", 12.0, "FOUND", "2026-03-01T10:00:00Z", 2, 3),
        ("MNQ", "MOMENTUM", 8.0, "MISSED", None, 0, 1),
        ("MYM", "GAP", 5.0, "AWAITED", None, 0, 0),
        ("M2K", None, None, "FALSE", "2026-03-01T11:30:05Z", 1, 1),
        ("MGC", None, None, "QUIET", None, 0, 1),
    ]
    assert [row["bots"] for row in answer["markets"]] == [3, 1, 1, 1, 1]
    bots = [(bot["name"], bot["provenSince"], bot["verdict"], bot["logE"]) for bot in answer["data"]]
    assert bots == [
        ("Basalt Bison", "2026-03-01T10:00:00Z", "FOUND", 20.0),
        ("Amber Adder", "2026-03-01T11:30:05Z", "FOUND", 9.0),
        ("Flint Falcon", "2026-03-01T11:30:05Z", "FALSE", 8.0),
    ]
    assert (answer["data"][1]["sharpe"], answer["data"][1]["days"]) == (4.5, 300)
    assert answer["kinds"] == [{"barsKind": "SIMULATED", "records": 6, "proven": 3}]
    assert "at most 10 % of the proven are false" in answer["rule"]


def test_of_real_bars_only_who_is_proven_is_told(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db, name="Kelp Kestrel", symbol="NQ")
        make_evidence(db, bot, bars_kind="REAL", log_e=12.0, proven_since=FIRST)
        make_evidence(db, make_bot(db, symbol="ES"), bars_kind="MARKS")
    view = discoveries(desk)
    assert (view.truth, view.markets) == (None, ())
    assert [(bot.name, bot.bars_kind, bot.verdict) for bot in view.bots] == [("Kelp Kestrel", "REAL", None)]
    assert [(kind.bars_kind, kind.records, kind.proven) for kind in view.kinds] == [("REAL", 1, 1), ("MARKS", 1, 0)]


def market(desk: Desk, symbol: str) -> MarketView:
    return next(view for view in discoveries(desk).markets if view.symbol == symbol)


def test_a_truth_is_told_of_the_bars_it_is_true_of_alone(fleet: Desk, tmp_path: Path) -> None:
    assert market(fleet, "MES").kind == "OPENING_RANGE"
    other = BarStore(tmp_path / "other")
    simulate_market(other, ["MES"], seed=8, start_on=date(2026, 2, 2), years=0.02)
    view = market(replace(fleet, bars=other), "MES")
    assert (view.kind, view.oracle_sharpe, view.verdict) == (None, None, "FALSE")


def test_the_command_tells_the_same(fleet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    let_commands_find(fleet, monkeypatch, discovery_work)
    code, said = proving("discoveries")
    lines = said.splitlines()
    assert (code, lines[0]) == (0, "planted 3, found 1, missed 1, awaited 1; of 3 proven bots 1 false")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert rows[0][:2] == ["MES", "OPENING_RANGE"]
    assert rows[0][3:] == ["FOUND", "2026-03-01 10:00:00", "2", "3", "3"]
    assert rows[3][:4] == ["M2K", "nothing", "—", "FALSE"]
    assert rows[5][:3] == ["2026-03-01 10:00:00", "Basalt Bison", "MES 1h breakout"]
    assert [row[-1] for row in rows[5:]] == ["yes", "yes", "FALSE"]


def test_a_fleet_without_records_is_told_that_nobody_is_proven(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    let_commands_find(desk, monkeypatch, discovery_work)
    assert proving("discoveries")[1].splitlines()[0] == "no bot is proven yet"
    answer = client.get("/api/discoveries").json()
    assert (answer["truth"], answer["markets"], answer["data"], answer["kinds"]) == (None, [], [], [])
