"""What the simulator plants stands in the database before its bars stand in the store, and nowhere a bot reads."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from orchestration.cli import bar_work
from services.audit.pages import events_page
from services.bots.market import ensure_market
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.market.bars import simulate_market
from services.market.plants import simulate_with_edges
from store.audit.pages import AuditFilter
from store.market.bars import BarStore
from tests.harness.commands import let_commands_find, proving
from trading.errors import BadInput, UnknownInstrument
from trading.market.plants import EdgeKind, Plant
from trading.market.simulator import simulate_planted

YEARS = 0.1
MONTH_AGO = date(2026, 1, 25)
"""The day of the clock of tests, 2 March 2026 15:00 UTC, less 36.525 days."""

PLANT = Plant(EdgeKind.GAP, 5.0)


def truths(owner: Engine) -> list[tuple[object, ...]]:
    listed = "symbol, fingerprint, kind, sharpe, oracle_sharpe, seed, first_on, last_on"
    with owner.connect() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT {listed} FROM planted_edges ORDER BY symbol"))]


def prints(store: BarStore) -> dict[tuple[str, str], str]:
    return {(row.symbol, row.timeframe): row.fingerprint for row in store.series()}


def test_a_planted_market_has_its_truth_and_a_barren_one_the_bars_it_always_had(desk: Desk, owner: Engine) -> None:
    simulate_with_edges(desk, ["MES", "MGC"], plants={"MES": PLANT}, seed=7, years=YEARS)
    market = simulate_planted("MES", seed=7, start_on=MONTH_AGO, years=YEARS, plant=PLANT)
    gained = (market.bars.close_ticks - market.bars.open_ticks) * market.side
    days = [int(gained[market.trading_day == day].sum()) for day in dict.fromkeys(market.trading_day.tolist())]
    mean = sum(days) / len(days)
    deviation = (sum((day - mean) ** 2 for day in days) / (len(days) - 1)) ** 0.5
    ((symbol, fingerprint, kind, asked, oracle, *rest),) = truths(owner)
    assert (symbol, fingerprint, kind, asked) == ("MES", market.bars.fingerprint, "GAP", 5.0)
    assert oracle == pytest.approx(mean / deviation * 252**0.5)
    assert rest == [7, date(2026, 1, 26), date(2026, 3, 2)]
    barren = BarStore(desk.settings.proving_home / "barren")
    simulate_market(barren, ["MES", "MGC"], seed=7, start_on=MONTH_AGO, years=YEARS)
    stored, plain = prints(desk.bars), prints(barren)
    assert stored[("MES", "1m")] == fingerprint != plain[("MES", "1m")]
    assert {key: value for key, value in stored.items() if key[0] == "MGC"} == {
        key: value for key, value in plain.items() if key[0] == "MGC"
    }


def test_the_same_bars_have_one_truth_which_nobody_changes(desk: Desk, owner: Engine) -> None:
    for _ in range(2):
        simulate_with_edges(desk, ["MES"], plants={"MES": PLANT}, seed=7, years=YEARS)
    assert len(truths(owner)) == 1
    with owner.begin() as connection, pytest.raises(ProgrammingError, match="append-only"):
        connection.execute(text("UPDATE planted_edges SET sharpe = 1"))


def test_no_planted_bar_is_stored_before_its_truth(desk: Desk, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON planted_edges FROM proving_app"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        simulate_with_edges(desk, ["MES"], plants={"MES": PLANT}, seed=7, years=YEARS)
    assert desk.bars.series() == []


@pytest.mark.parametrize(("setting", "planted"), [("none", []), ("MES=MOMENTUM:9,MNQ=GAP:3", ["MES"])])
def test_the_market_of_a_fleet_holds_what_the_setting_says_and_keeps_it(
    desk: Desk, owner: Engine, setting: str, planted: list[str]
) -> None:
    desk = replace(desk, settings=desk.settings.model_copy(update={"planted_edges": setting, "simulator_years": 1}))
    seed_fleet(desk, size=2, symbols=("MES", "MGC"))
    ensure_market(desk)
    assert [truth[0] for truth in truths(owner)] == planted
    before = prints(desk.bars)
    ensure_market(replace(desk, settings=desk.settings.model_copy(update={"planted_edges": "MGC=GAP:3"})))
    assert (prints(desk.bars), len(truths(owner))) == (before, len(planted))


@pytest.fixture
def by_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    let_commands_find(desk, monkeypatch, bar_work)
    return desk


def test_a_person_plants_by_a_command_and_the_chain_does_not_tell_what(by_command: Desk, owner: Engine) -> None:
    said = proving("bars", "simulate", "ES", "--plant", "momentum:8", "--seed", "3", "--years", "0.1")
    assert said[0] == 0
    assert said[1].splitlines()[-1] == "5 bar series, MOMENTUM of Sharpe ratio 8 is planted in each symbol"
    ((symbol, _, kind, asked, *_),) = truths(owner)
    assert (symbol, kind, asked) == ("ES", "MOMENTUM", 8.0)
    assert proving("bars", "simulate", "NQ", "--years", "0.1")[1].endswith("5 bar series, nothing is planted in them\n")
    assert len(truths(owner)) == 1
    newest, first = events_page(by_command, AuditFilter(), before=None, limit=2).events
    assert (newest.action, newest.subject, newest.payload["symbols"]) == ("BARS_SIMULATED", "SIMULATED", ["NQ"])
    stored = {f"{row.symbol} {row.timeframe}": row.fingerprint for row in by_command.bars.series()}
    assert first.payload["fingerprints"] | newest.payload["fingerprints"] == stored
    assert "MOMENTUM" not in str(first.payload)


@pytest.mark.parametrize(
    ("typed", "refusal", "words"),
    [
        (("ES", "--plant", "MOMENTUN:8"), BadInput, "was 'MOMENTUN'; did you mean 'MOMENTUM'?"),
        (("ES", "--plant", "GAP"), BadInput, "an edge is written KIND:SHARPE, as GAP:8, was 'GAP'"),
        (("ES", "--plant", "GAP:40"), BadInput, "a Sharpe ratio above 0, at most 20, was 40.0"),
        (("ES", "NQ", "ES"), BadInput, "ES is named 2 times; once is enough"),
        (("ES", "MSE"), UnknownInstrument, "no such contract root: 'MSE'"),
    ],
)
def test_what_cannot_be_planted_is_refused_before_anything_is_stored(
    by_command: Desk, owner: Engine, typed: tuple[str, ...], refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words.replace("?", r"\?")):
        proving("bars", "simulate", *typed, "--years", "0.1")
    assert (by_command.bars.series(), truths(owner)) == ([], [])


def test_simulated_bars_that_are_there_stay(by_command: Desk) -> None:
    proving("bars", "simulate", "ES", "--years", "0.1")
    before = prints(by_command.bars)
    with pytest.raises(BadInput, match="ES has SIMULATED bars, which stay"):
        proving("bars", "simulate", "NQ", "ES", "--plant", "GAP:5", "--years", "0.1")
    assert prints(by_command.bars) == before
