import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.errors import UnknownInstrument
from trading.market.contracts import (
    LISTED_MONTHS,
    MONTH_CODES,
    UNKNOWN_CONTRACT,
    NamedContract,
    contract_months,
    late_note,
    named_contract,
)


def month_on(symbol: str, *days: str) -> list[int]:
    at = np.array(days, "datetime64[ns]").astype(np.int64)
    months: list[int] = contract_months(named_contract(symbol), at).tolist()
    return months


@pytest.mark.parametrize(
    ("symbol", "day", "root", "month"),
    [
        ("ES", "2020-01-02", "ES", 0),
        ("FESX.c", "2006-01-02", "FESX", 0),
        ("ES.201312", "2013-01-02", "ES", 201312),
        ("FESXH6", "2006-01-02", "FESX", 200603),
        ("6EH4", "2024-01-02", "6E", 202403),
        ("ESH0", "2019-12-02", "ES", 202003),
        ("ESZ24", "2023-01-02", "ES", 202412),
        ("ESZ99", "1998-01-02", "ES", 199912),
        ("ESH2024", "2024-01-02", "ES", 202403),
    ],
)
def test_reads_roots_months_and_codes(symbol: str, day: str, root: str, month: int) -> None:
    assert named_contract(symbol).root == root
    assert month_on(symbol, day) == [month]


def test_a_code_means_the_first_such_month_that_is_not_over_yet() -> None:
    days = ["2010-06-01", "2013-12-20", "2023-09-01", "2032-06-01"]
    assert month_on("ESZ3", *days) == [201312, 201312, 202312, 203312]
    assert month_on("ESZ13", *days) == [201312, 201312, 201312, 201312]
    assert month_on("CLF0", "2009-12-18", "2010-01-04", "2019-12-18") == [201001, 201001, 202001]


def test_a_row_just_after_its_month_stays_with_it_and_is_told() -> None:
    at = np.array(["2013-12-31T23:00", "2014-03-03"], "datetime64[ns]").astype(np.int64)
    months = contract_months(named_contract("ESZ3"), at)
    assert months.tolist() == [201312, 201312]
    expected = "ES: 1 row after the end of the contract month, the first of 201312 at 2014-03-03 00:00 UTC"
    assert late_note("ES", months, at) == expected
    assert late_note("ES", months[:1], at[:1]) is None


@given(
    code=st.sampled_from("HMUZ"),
    years=st.sampled_from([1, 2]),
    month=st.integers(1980 * 12, 2060 * 12),
    ahead=st.integers(0, LISTED_MONTHS),
)
def test_every_row_up_to_nine_years_before_its_month_finds_it(code: str, years: int, month: int, ahead: int) -> None:
    month = month // 12 * 12 + MONTH_CODES.index(code)
    row = np.datetime64(month - ahead - 1970 * 12, "M").astype("datetime64[D]") + 14
    symbol = f"ES{code}{month // 12 % 10**years:0{years}d}"
    assert month_on(symbol, str(row)) == [month // 12 * 100 + month % 12 + 1]


@pytest.mark.parametrize("symbol", ["AAPL", "ES.201313", "ESA4", "", "es", "ES.2013", "BTC/USD", "ES.c.c"])
def test_refuses_what_names_no_contract(symbol: str) -> None:
    with pytest.raises(UnknownInstrument, match="must name a known contract root"):
        named_contract(symbol)


CONTINUOUS = {
    "ES": [
        "ES1!",
        "CME_MINI:ES1!",
        "@ES",
        "@ES#",
        "@ES#C",
        "QES#",
        "ES.c",
        "ES.c.0",
        "ES.n.0",
        "ES.v.0",
        "ESc1",
        "/ES",
        "/ES:XCME",
        "ES=F",
    ],
    "CL": ["CL1!", "NYMEX:CL1!", "CL1 Comdty", "CL ##-##", "QCL#"],
    "ZN": ["ZN1!", "/ZN", "ZN.v.0"],
    "6J": ["6J1!", "@6J", "6J=F", "/6J"],
    "M2K": ["M2K1!", "/M2K"],
    "NQ": ["NQ1 Index"],
}


@pytest.mark.parametrize(("root", "symbol"), [(root, symbol) for root, names in CONTINUOUS.items() for symbol in names])
def test_reads_what_vendors_call_a_series_over_all_contracts(root: str, symbol: str) -> None:
    assert named_contract(symbol) == NamedContract(root, UNKNOWN_CONTRACT)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("ES 03-24", "write ES for a series over all contracts, ES.202406 or ESM24 for one of them"),
        ("ESH24.CME", "write ES for a series over all contracts"),
        ("/6JZ24", "write 6J for a series over all contracts"),
        ("clf5", "write CL for a series over all contracts"),
        ("ES2!", "a later contract of a chain is no series of its own, name its months instead"),
        ("CL.c.1", "a later contract of a chain"),
        ("NGc3", "a later contract of a chain"),
        ("ESH4 Index", "; write ES for a series over all contracts, ES.202406 or ESM24 for one of them"),
    ],
)
def test_says_what_to_write_instead_of_a_name_nobody_knows(symbol: str, expected: str) -> None:
    with pytest.raises(UnknownInstrument, match=re.escape(expected)):
        named_contract(symbol)


def test_says_nothing_of_what_to_write_where_no_root_is_in_sight() -> None:
    with pytest.raises(UnknownInstrument, match=r"was 'AAPL'$"):
        named_contract("AAPL")
