from dataclasses import replace
from decimal import Decimal

import pytest

from trading.errors import BadInput, UnknownInstrument
from trading.market.instruments import INSTRUMENTS, MICRO_OF, instrument
from trading.market.sessions import market_of


@pytest.mark.parametrize(
    ("symbol", "micros"),
    [
        ("ES", 12_500_000),
        ("MES", 1_250_000),
        ("CL", 10_000_000),
        ("MGC", 1_000_000),
        ("ZF", 7_812_500),
        ("6J", 6_250_000),
    ],
)
def test_a_tick_is_worth_what_the_exchange_says(symbol: str, micros: int) -> None:
    assert instrument(symbol).tick_value_micros == micros


@pytest.mark.parametrize("symbol", sorted(INSTRUMENTS))
def test_every_row_is_whole_micro_dollars_and_knows_its_hours(symbol: str) -> None:
    row = instrument(symbol)
    assert row.tick_value_micros > 0
    assert row.commission_micros >= 0
    assert row.day_margin_usd > 0
    assert (market_of(symbol).calendar != "") == (row.exchange != "SPOT")


def test_a_tick_of_broken_micro_dollars_is_refused() -> None:
    with pytest.raises(BadInput, match="whole micro-dollars"):
        _ = replace(instrument("ES"), tick_size=Decimal("0.00000001")).tick_value_micros


@pytest.mark.parametrize(("root", "micro"), MICRO_OF.items())
def test_a_micro_has_the_tick_of_its_root_and_a_smaller_multiplier(root: str, micro: str) -> None:
    assert instrument(root).tick_size == instrument(micro).tick_size
    assert instrument(micro).usd_per_point < instrument(root).usd_per_point


def test_an_unknown_root_is_refused_by_name() -> None:
    with pytest.raises(UnknownInstrument, match="'AAPL'"):
        instrument("AAPL")


def test_a_mistyped_root_is_refused_with_the_one_most_like_it() -> None:
    with pytest.raises(UnknownInstrument, match="no such contract root: 'MESS'; did you mean 'MES'"):
        instrument("MESS")
