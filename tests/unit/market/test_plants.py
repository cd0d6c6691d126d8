from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gateways.settings import Settings
from services.bots.seed import FLEET_SYMBOLS
from trading.errors import BadInput, UnknownInstrument
from trading.market.plants import STRONGEST, EdgeKind, Plant, plant_of, plants_of
from trading.market.sessions import RTH_US, session_index
from trading.market.simulator import SimulatedMarket, simulate, simulate_planted
from trading.verification.planted import oracle_sharpe

START = date(2020, 1, 2)
YEARS = 4.0
FAR = 3.5 / np.sqrt(YEARS)
"""Of a Sharpe ratio over four years: left once in two thousand times by a true one, and the seeds are fixed."""


def planted(kind: EdgeKind, sharpe: float, *, years: float = YEARS) -> SimulatedMarket:
    return simulate_planted("GC", seed=5, start_on=START, years=years, plant=Plant(kind, sharpe), regimes=False)


@pytest.fixture(scope="module")
def barren() -> SimulatedMarket:
    return simulate_planted("GC", seed=5, start_on=START, years=YEARS, regimes=False)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", EdgeKind)
def test_an_oracle_earns_what_was_planted_and_nothing_where_nothing_was(
    kind: EdgeKind, barren: SimulatedMarket
) -> None:
    market = planted(kind, 4.0)
    earned, nothing = oracle_sharpe(market), oracle_sharpe(replace(barren, side=market.side))
    assert earned is not None
    assert nothing is not None
    assert abs(earned - 4.0) < FAR + 4.0 / 12.0
    assert abs(nothing) < FAR


def test_nothing_planted_has_no_oracle(barren: SimulatedMarket) -> None:
    assert not barren.side.any()
    assert oracle_sharpe(barren) is None


@pytest.mark.parametrize("kind", EdgeKind)
def test_an_edge_pushes_by_what_came_before_and_in_regular_hours_only(kind: EdgeKind) -> None:
    longer, shorter = planted(kind, 3.0, years=0.3), planted(kind, 3.0, years=0.2)
    assert np.array_equal(longer.side[: len(shorter.side)], shorter.side)
    assert np.array_equal(longer.bars.close_ticks[: len(shorter.side)], shorter.bars.close_ticks)
    regular = session_index(longer.bars, mode=RTH_US).is_open
    assert longer.side[regular].any()
    assert not longer.side[~regular].any()


def test_without_a_plant_and_with_regimes_it_is_the_market_it_always_was() -> None:
    market = simulate_planted("ES", seed=42, start_on=date(2024, 3, 4), end_on=date(2024, 3, 8))
    assert (
        market.bars.fingerprint
        == simulate("ES", seed=42, start_on=date(2024, 3, 4), end_on=date(2024, 3, 8)).fingerprint
    )
    assert market.bars.fingerprint == "1d3652ba3f58edd2f06b39afd52c72a184867bd78272d7923ac6a54c7639839a"


@pytest.mark.parametrize("sharpe", [0.0, -1.0, STRONGEST + 0.1, float("nan")])
def test_a_strength_out_of_range_is_refused(sharpe: float) -> None:
    with pytest.raises(BadInput, match="a planted edge needs a Sharpe ratio above 0"):
        Plant(EdgeKind.GAP, sharpe)


@pytest.mark.parametrize("kind", [EdgeKind.MOMENTUM, EdgeKind.REVERSION])
def test_hours_go_on_or_back_the_way_the_hour_before_went(kind: EdgeKind) -> None:
    market = planted(kind, 3.0, years=0.1)
    opened = np.flatnonzero(np.diff(session_index(market.bars, mode=RTH_US).is_open.astype(int)) == 1) + 1
    way = 1 if kind is EdgeKind.MOMENTUM else -1
    for first in opened.tolist():
        moved = int(market.bars.open_ticks[first + 60] - market.bars.open_ticks[first])
        assert not market.side[first : first + 60].any()
        if abs(moved) > 1:
            assert set(market.side[first + 60 : first + 120].tolist()) == {way * int(np.sign(moved))}


@pytest.mark.parametrize("kind", EdgeKind)
def test_an_edge_is_read_as_it_is_written_capitals_aside(kind: EdgeKind) -> None:
    assert plant_of(f" {kind.lower()}:2.5 ") == Plant(kind, 2.5)


def test_edges_are_read_by_symbol() -> None:
    assert plants_of("MES=OPENING_RANGE:12, MCL=gap:0.5") == {
        "MES": Plant(EdgeKind.OPENING_RANGE, 12.0),
        "MCL": Plant(EdgeKind.GAP, 0.5),
    }
    assert plants_of("none") == plants_of(" ") == {}


@pytest.mark.parametrize(
    ("written", "refusal", "words"),
    [
        ("MES:GAP:3", BadInput, "SYMBOL=KIND:SHARPE, comma between, was 'MES:GAP:3'"),
        ("MES=GAP:3,", BadInput, "comma between, was ''"),
        ("MES=GAPS:3", BadInput, "was 'GAPS'; did you mean 'GAP'"),
        ("MES=GAP:three", BadInput, "KIND:SHARPE, as GAP:8, was 'GAP:three'"),
        ("MES=GAP:nan", BadInput, "above 0, at most 20, was nan"),
        ("MES=GAP:3,MES=MOMENTUM:3", BadInput, "one planted edge, was given two for MES"),
        ("AAPL=GAP:3", UnknownInstrument, "no such contract root: 'AAPL'"),
    ],
)
def test_edges_that_cannot_be_planted_are_refused_in_the_settings_too(
    written: str, refusal: type[Exception], words: str
) -> None:
    with pytest.raises(refusal, match=words):
        plants_of(written)
    with pytest.raises(ValueError, match=words):
        Settings(planted_edges=written)


def test_the_market_of_a_new_fleet_holds_edges_unless_it_is_told_otherwise() -> None:
    kinds = {symbol: plant.kind for symbol, plant in Settings().plants.items()}
    assert set(kinds) < set(FLEET_SYMBOLS)
    assert len(set(kinds.values())) > 1
    assert Settings(planted_edges="none").plants == {}
