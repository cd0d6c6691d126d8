import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.errors import UnknownInstrument
from trading.market.contracts import NamedContract, front_month, named_contract


@pytest.mark.parametrize(
    ("symbol", "first_year", "named"),
    [
        ("ES", 2020, NamedContract("ES", 0)),
        ("FESX.c", 2006, NamedContract("FESX", 0)),
        ("ES.201312", 2013, NamedContract("ES", 201312)),
        ("FESXH6", 2006, NamedContract("FESX", 200603)),
        ("6EH4", 2024, NamedContract("6E", 202403)),
        ("ESH0", 2019, NamedContract("ES", 202003)),
        ("ESZ24", 2023, NamedContract("ES", 202412)),
    ],
)
def test_reads_roots_months_and_codes(symbol: str, first_year: int, named: NamedContract) -> None:
    assert named_contract(symbol, first_year=first_year) == named


@pytest.mark.parametrize("symbol", ["AAPL", "ES.201313", "ESA4", "", "es", "ES.2013", "BTC/USD", "ES.c.c"])
def test_refuses_what_names_no_contract(symbol: str) -> None:
    with pytest.raises(UnknownInstrument, match="must name a known contract root"):
        named_contract(symbol, first_year=2020)


def kept(*rows: tuple[int, int, int]) -> list[int]:
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return contract[front_month(days, contract, volume)].tolist()


def test_rolls_on_the_day_after_the_next_month_traded_more() -> None:
    assert kept((1, 3, 90), (1, 6, 10), (2, 3, 40), (2, 6, 60), (3, 3, 5), (3, 6, 95)) == [3, 3, 6]


def test_never_goes_back_to_an_earlier_month() -> None:
    assert kept((1, 3, 10), (1, 6, 90), (2, 3, 99), (2, 6, 1), (3, 3, 99), (3, 6, 1)) == [6, 6, 6]


def test_an_expired_month_gives_way_on_the_day_itself() -> None:
    assert kept((1, 3, 90), (1, 6, 10), (2, 6, 20), (2, 9, 30)) == [3, 9]


def test_without_volume_the_nearest_month_stays_until_it_ends() -> None:
    assert kept((1, 3, 0), (1, 6, 0), (2, 3, 0), (2, 6, 0), (3, 6, 0), (3, 9, 0)) == [3, 3, 6]


@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from([3, 6, 9, 12]), st.integers(0, 50)), min_size=1, max_size=60)
)
def test_each_day_keeps_one_month_and_months_only_advance(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    days, contract, volume = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    front = front_month(days, contract, volume)
    months = [set(contract[front & (days == day)].tolist()) for day in sorted(set(days.tolist()))]
    chosen = [month for each in months for month in each]
    assert all(len(each) <= 1 for each in months)
    assert chosen == sorted(chosen)
    assert len(months[0]) == 1
