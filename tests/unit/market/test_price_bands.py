"""Bands hold what contracts have cost, and are narrow enough to tell a wrong scale."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from orchestration.cli.main import app
from trading.market.instruments import INSTRUMENTS, ROOT_OF, instrument
from trading.market.price_bands import BANDS, band_at, bands_of, may_trade_below_zero
from trading.market.quotes import QUOTES

IN_CENTS = ("ZC", "ZS", "ZW")


def test_every_instrument_has_bands_by_era() -> None:
    assert set(BANDS) == {ROOT_OF.get(symbol, symbol) for symbol in INSTRUMENTS}
    for bands in BANDS.values():
        assert all(earlier.since < later.since for earlier, later in pairwise(bands))
        assert all(band.low < band.high and 1 <= band.since % 100 <= 12 for band in bands)


@pytest.mark.parametrize("root", BANDS)
def test_no_price_of_a_band_is_in_it_a_hundred_times_over(root: str) -> None:
    for band in bands_of(root):
        if band.low > 0:
            assert not band.holds(band.low * 100)
            assert not band.holds(band.high / 100)
    assert may_trade_below_zero(root) == (root == "CL")


@pytest.mark.parametrize("root", QUOTES)
def test_a_price_in_another_unit_is_never_within_the_band_of_points(root: str) -> None:
    for band in bands_of(root):
        for quote in QUOTES[root]:
            if quote.per_point >= 100 and not quote.parts:
                assert not band.holds(band.low * quote.per_point)
                assert not band.holds(band.high / quote.per_point)


def test_the_band_is_the_one_of_the_month() -> None:
    days = np.array(["1975-05-01", "2020-02-29", "2020-03-01", "2020-06-30", "2020-07-01"], "datetime64[ns]")
    low, high = band_at("MCL", days.astype(np.int64))
    assert low.tolist() == [5, 14, -50, -50, 13]
    assert high.tolist() == [81, 220, 100, 100, 220]


@pytest.mark.parametrize(
    ("root", "month", "price"),
    [("SI", "2024-03", 24.505), ("SI", "2025-06", 36.1), ("BTC", "2024-01", 42_000.0), ("GC", "2024-03", 2_050.1)],
)
def test_prices_of_an_era_that_ends_higher_are_not_in_it_ten_times_over(root: str, month: str, price: float) -> None:
    low, high = band_at(root, np.array([month], "datetime64[ns]").astype(np.int64))
    assert low[0] <= price <= high[0] < 10 * price


@pytest.mark.needs_data
def test_half_a_century_of_closes_lies_within_the_bands(shared_data: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(shared_data / "futures_hourly" / "cme_continuous_hourly_close.parquet")
    symbols, closes = np.array(table.column("symbol").to_pylist()), table.column("price").to_numpy()
    opened = table.column("ts_event").to_numpy().astype("datetime64[ns]").astype(np.int64)
    outside: dict[tuple[str, float], float] = {}
    for symbol in sorted(set(symbols.tolist()) & set(INSTRUMENTS)):
        own = (symbols == symbol) & np.isfinite(closes)
        low, high = band_at(instrument(symbol).symbol, opened[own])
        prices = closes[own] / (100.0 if symbol in IN_CENTS else 1.0)
        for factor in (1.0, 10.0, 0.1, 100.0, 0.01):
            outside[symbol, factor] = float(np.mean((prices * factor < low) | (prices * factor > high)))
    assert len(outside) == 25 * 5
    assert {unit: share for unit, share in outside.items() if unit[1] == 1.0 and share > 0} == {}
    assert [unit for unit, share in outside.items() if unit[1] in (100.0, 0.01) and share < 1] == [("CL", 0.01)]
    assert [unit for unit, share in outside.items() if unit[1] in (10.0, 0.1) and share < 0.85] == []


def test_the_command_names_every_form() -> None:
    commands = get_command(app).commands["bars"].commands["import"]  # type: ignore[attr-defined]
    words = next(option.help for option in commands.params if option.name == "quote").partition(";")[0]
    assert set(words.split()) == {"points", *(quote.name for quotes in QUOTES.values() for quote in quotes)}
