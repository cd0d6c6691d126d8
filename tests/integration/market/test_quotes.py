"""Bars quoted in cents, millionths or 32nds bring the right money, or are refused with what they look like."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.market.bars import ImportReport, import_bars
from store.market.bars import BarStore
from trading.errors import BadBars
from trading.market.instruments import instrument

HEADER = "ts_event,symbol,open,high,low,close,volume\n"
QUIET = 1_000


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "store")


def daily(symbol: str, closes: Sequence[float], *, first: date = date(2024, 3, 4), volume: int = QUIET) -> str:
    """Return daily bars from Monday on, each as high and low as the close before and its own."""
    rows, opened = [], closes[0]
    for place, close in enumerate(closes):
        day = first + timedelta(days=place + 2 * (place // 5))
        rows.append(f"{day}T00:00:00Z,{symbol},{opened},{max(opened, close)},{min(opened, close)},{close},{volume}\n")
        opened = close
    return HEADER + "".join(rows)


def brought(store: BarStore, tmp_path: Path, text: str, *, quote: str | None = None) -> ImportReport:
    path = tmp_path / "acme.csv"
    path.write_text(text)
    return import_bars(store, path, quote=quote)


def gain_usd(store: BarStore, symbol: str) -> float:
    """Return what one contract gained from the first close to the last."""
    close = store.load(symbol, "1d").close_ticks
    return float(int(close[-1] - close[0]) * instrument(symbol).tick_value_micros / 1_000_000)


QUOTED = [
    ("ZC", [450.25, 452.5, 449.75, 455.0, 460.25], "cents a bushel", 500.0),
    ("ZS", [1175.25, 1180.0, 1190.5], "cents a bushel", 762.5),
    ("ZW", [550.25, 548.75, 560.0], "cents a bushel", 487.5),
    ("ZW", [550.2, 548.6, 551.4], "cents and eighths", 62.5),
    ("ZL", [45.67, 46.01, 45.92], "cents a pound", 150.0),
    ("HG", [385.5, 386.05, 388.0], "cents a pound", 625.0),
    ("SI", [2412.5, 2420.0, 2425.0], "cents an ounce", 625.0),
    ("RB", [255.12, 256.0, 256.12], "cents a gallon", 420.0),
    ("6J", [0.67105, 0.6715, 0.67205], "cents", 125.0),
    ("6J", [67.105, 67.15, 67.205], "ten-thousandths", 125.0),
    ("6J", [6710.5, 6715.0, 6720.5], "millionths", 125.0),
    ("6E", [108.55, 108.60, 108.65], "cents", 125.0),
    ("6E", [10855.0, 10860.0, 10865.0], "ten-thousandths", 125.0),
    ("ZN", [110.165, 110.28, 110.31], "32nds", 453.125),
    ("ZN", [110.165, 111.0, 111.005], "32nds", 500.0),
    ("ZB", [119.31, 120.01, 120.05], "32nds", 187.5),
    ("ZF", [107.162, 107.167, 107.31], "32nds", 460.9375),
    ("ZF", [107.1625, 107.1675, 107.31], "32nds", 460.9375),
    ("ZT", [102.161, 102.163, 102.168], "32nds", 46.875),
    ("VX", [145.5, 147.0, 150.0], "ten times the index", 450.0),
]


@pytest.mark.parametrize(("symbol", "closes", "words", "usd"), QUOTED)
def test_a_quote_form_that_fits_alone_is_read_and_told(
    store: BarStore, tmp_path: Path, symbol: str, closes: list[float], words: str, usd: float
) -> None:
    report = brought(store, tmp_path, daily(symbol, closes))
    assert gain_usd(store, symbol) == usd
    assert any(note.startswith(f"{symbol}: prices are") and words in note for note in report.notes)


@pytest.mark.parametrize(
    ("symbol", "closes", "usd"),
    [
        ("ZC", [4.5025, 4.525, 4.6025], 500.0),
        ("6J", [0.0067105, 0.006715, 0.0067205], 125.0),
        ("ZN", [110.515625, 110.875, 110.96875], 453.125),
        ("ZN", [110.25, 110.5, 110.75], 500.0),
        ("HG", [3.855, 3.8605, 3.88], 625.0),
        ("VX", [14.55, 14.7, 15.0], 450.0),
    ],
)
def test_prices_in_points_are_taken_as_they_are(
    store: BarStore, tmp_path: Path, symbol: str, closes: list[float], usd: float
) -> None:
    report = brought(store, tmp_path, daily(symbol, closes))
    assert gain_usd(store, symbol) == usd
    assert not any("prices are" in note for note in report.notes)


def test_points_with_two_decimals_are_still_moved_to_the_grid(store: BarStore, tmp_path: Path) -> None:
    report = brought(store, tmp_path, daily("ZN", [110.52, 110.88, 110.97, 110.44]))
    assert "ZN: 4 of 4 rows moved to the nearest tick 0.015625" in report.notes
    assert store.load("ZN", "1d").close_ticks[0] * 0.015625 == 110.515625


def test_forms_that_would_mean_other_money_are_refused_until_one_is_declared(store: BarStore, tmp_path: Path) -> None:
    either = daily("ZN", [110.11, 110.17, 110.27, 110.03])
    with pytest.raises(BadBars, match=r"may be points and 32nds \(.*\) or points, rounded; say which with --quote"):
        brought(store, tmp_path, either)
    brought(store, tmp_path, either, quote="32nds")
    assert store.load("ZN", "1d").close_ticks[0] * 0.015625 == 110 + 11 / 32
    brought(store, tmp_path, either, quote="points")
    assert store.load("ZN", "1d").close_ticks[0] * 0.015625 == 110.109375


def test_yen_to_the_dollar_are_not_taken_for_ten_thousandths(store: BarStore, tmp_path: Path) -> None:
    with pytest.raises(BadBars, match="ten-thousandths of a dollar or units of the other currency to the dollar"):
        brought(store, tmp_path, daily("6J", [102.55, 103.1, 102.05], first=date(2016, 6, 6)))
    with pytest.raises(BadBars, match="looks like the other currency to the dollar"):
        brought(store, tmp_path, daily("6J", [150.25, 149.8, 151.1]))


def test_a_root_without_the_declared_form_is_refused_by_name(store: BarStore, tmp_path: Path) -> None:
    with pytest.raises(BadBars, match="ES is quoted in points, was cents"):
        brought(store, tmp_path, daily("ES", [5_100.0, 5_110.0]), quote="cents")
    with pytest.raises(BadBars, match="ZC is quoted in points, cents, eighths, was 32nds"):
        brought(store, tmp_path, daily("ZC", [450.25, 450.5]), quote="32nds")


@pytest.mark.parametrize(
    ("symbol", "closes", "looks"),
    [
        ("ES", [510_000.0, 511_000.0], r"ES must lie within 1100 and 20000 since 202001 \(looks 100 times too high\)"),
        ("ES", [51.0, 51.25], "looks 100 times too low"),
        ("GC", [216_000.0, 216_500.0], "looks 100 times too high"),
        ("CL", [7_827.0, 7_901.0], "looks 100 times too high"),
        ("NG", [1_750.0, 1_760.0], r"looks 1,000 times too high|looks 100 times too high"),
        ("ZC", [450.3, 450.9], r"looks like cents a bushel"),
        ("BTC", [6_700_000.0, 6_710_000.0], "looks 100 times too high"),
    ],
)
def test_prices_outside_their_band_are_refused_with_what_they_look_like(
    store: BarStore, tmp_path: Path, symbol: str, closes: list[float], looks: str
) -> None:
    with pytest.raises(BadBars, match=looks):
        brought(store, tmp_path, daily(symbol, closes))


def test_a_person_may_say_that_prices_beyond_their_band_are_right(store: BarStore, tmp_path: Path) -> None:
    brought(store, tmp_path, daily("GC", [13_000.0, 13_100.0]), quote="points")
    assert gain_usd(store, "GC") == 10_000.0
    with pytest.raises(BadBars, match="price must be above zero"):
        brought(store, tmp_path, daily("GC", [-13.0, -13.1]), quote="points")


@pytest.mark.parametrize(
    "row", ["0,0,0,0,0", "7850,7901,7827,7888,900", "0.785,0.79,0.783,0.789,900", "78.5,79,0,78.8,9"]
)
def test_a_stray_row_of_crude_is_refused(store: BarStore, tmp_path: Path, row: str) -> None:
    lines = daily("CL", [78.11, 78.27, 78.63, 79.01, 78.78]).splitlines()
    lines[3] = f"{lines[3].split(',')[0]},CL,{row}"
    with pytest.raises(BadBars, match="1 bad row, nothing imported\nrow 3: "):
        brought(store, tmp_path, "\n".join(lines) + "\n")
    assert store.series() == []


SPRING = date(2020, 4, 15)


def test_crude_below_zero_is_right_in_the_spring_of_2020_alone(store: BarStore, tmp_path: Path) -> None:
    closes = [19.87, 19.87, 18.27, -37.63, 10.01, 13.78]
    rows = daily("CL", closes, first=SPRING)
    brought(store, tmp_path, rows)
    assert (store.load("CL", "1d").close_ticks * 0.01).tolist() == pytest.approx(closes)
    with pytest.raises(BadBars, match="price must be above zero"):
        brought(store, tmp_path, daily("CL", closes, first=date(2024, 4, 15)))


@pytest.mark.parametrize("fillers", [1, 3])
@pytest.mark.parametrize("volume", [0, QUIET])
def test_rows_that_stand_for_no_trade_are_refused_where_zero_is_a_price(
    store: BarStore, tmp_path: Path, fillers: int, volume: int
) -> None:
    lines = daily("CL", [19.87, 19.9, 18.27, 18.4, 17.95, 18.1, 17.6], first=SPRING, volume=volume).splitlines()
    for place in range(3, 3 + fillers):
        lines[place] = f"{lines[place].split(',')[0]},CL,0,0,0,0,0"
    with pytest.raises(BadBars, match="a bar without volume or range must be near the bars around it, was 0"):
        brought(store, tmp_path, "\n".join(lines) + "\n")


def in_parts(symbol: str, prices: Sequence[str]) -> str:
    """Return daily bars from Monday on whose four prices are one, as they are written."""
    days = (date(2024, 3, 4) + timedelta(days=place) for place in range(len(prices)))
    written = zip(days, prices, strict=True)
    return HEADER + "".join(f"{day}T00:00:00Z,{symbol},{','.join([price] * 4)},{QUIET}\n" for day, price in written)


def parquet_of_text(path: Path) -> Path:
    """Write the rows of a CSV file as Parquet whose prices and volumes are text, and return where."""
    with path.open(newline="") as file:
        heads, *rows = csv.reader(file)
    columns = {head: pa.array(cells) for head, cells in zip(heads, zip(*rows, strict=True), strict=True)}
    opened = [datetime.fromisoformat(cell).astimezone(UTC) for cell in columns["ts_event"].to_pylist()]
    columns["ts_event"] = pa.array(opened, pa.timestamp("ns", "UTC"))
    columns["symbol"] = columns["symbol"].dictionary_encode()
    columns["close"] = columns["close"].dictionary_encode()
    columns["open"] = columns["open"].cast(pa.large_string())
    written = path.with_suffix(".parquet")
    pq.write_table(pa.table(columns), written)
    return written


@pytest.mark.parametrize(
    ("symbol", "prices", "words", "usd"),
    [
        ("ZN", ["110'165", "110'17", "110'20+", "111'000"], "32nds", 484.375),
        ("ZN", ["110-16+", "110-17", "110-24", "111-00"], "32nds", 484.375),
        ("ZB", ["120'16", "120", "119'25"], "32nds", -718.75),
        ("ZF", ["106'162", "106'165", "106'167"], "32nds", 15.625),
        ("ZT", ["102'161", "102'162", "102'166"], "32nds", 31.25),
        ("ZC", ["450'2", "450'6", "451'0"], "cents and eighths", 37.5),
        ("ZS", ["1150-2", "1150-4", "1151-0"], "cents and eighths", 37.5),
    ],
)
def test_prices_in_parts_are_read_in_the_form_of_their_root(
    store: BarStore, tmp_path: Path, symbol: str, prices: list[str], words: str, usd: float
) -> None:
    report = brought(store, tmp_path, in_parts(symbol, prices))
    assert gain_usd(store, symbol) == usd
    assert any(words in note for note in report.notes)
    as_parquet = import_bars(BarStore(tmp_path / "text"), parquet_of_text(tmp_path / "acme.csv"))
    assert [row.fingerprint for row in as_parquet.series] == [row.fingerprint for row in report.series]
    assert as_parquet.notes == report.notes


@pytest.mark.parametrize(
    ("symbol", "prices", "quote", "words"),
    [
        ("ZN", ["110'165", "110.25"], None, "row 2: price must be points and 32nds"),
        ("ZN", ["110'165", "110'5"], None, "row 2: price must be points and 32nds"),
        ("ZN", ["110'165", "110'32"], None, "row 2: price must be points and 32nds"),
        ("ZN", ["110'160", "110'240"], "points", "prices of ZN are written in parts and no points; drop --quote"),
        ("ES", ["5120'2", "5121'0"], None, "prices of ES are not quoted in parts such as 110'16"),
        ("ZN", ["110'16x", "110'17"], None, "write a plain decimal number .* as 110'165, 110-16\\+ or 450'2"),
        ("ZN", ["110 16/32", "110'17"], None, "open must be a number, was 110 16/32"),
    ],
)
def test_prices_in_parts_that_could_mean_something_else_are_refused(
    store: BarStore, tmp_path: Path, symbol: str, prices: list[str], quote: str | None, words: str
) -> None:
    with pytest.raises(BadBars, match=words):
        brought(store, tmp_path, in_parts(symbol, prices), quote=quote)


def test_a_row_of_zeros_is_no_trade_whatever_its_volume(store: BarStore, tmp_path: Path) -> None:
    lines = daily("CL", [19.87, 19.9, 18.27, 18.4], first=SPRING).splitlines()
    lines[2] = f"{lines[2].split(',')[0]},CL,0,0,0,0,100"
    with pytest.raises(BadBars, match="a bar without volume or range must be near the bars around it, was 0"):
        brought(store, tmp_path, "\n".join(lines) + "\n")


def test_settlements_without_a_trade_are_bars(store: BarStore, tmp_path: Path) -> None:
    lines = daily("CL", [19.87, 19.9, 18.27, 18.4]).replace("2024", "2020").splitlines()
    lines[2] = f"{lines[2].split(',')[0]},CL,19.1,19.1,19.1,19.1,0"
    brought(store, tmp_path, "\n".join(lines) + "\n")
    assert store.load("CL", "1d").close_ticks[1] == 1_910


def test_a_micro_is_quoted_and_bounded_like_its_root(store: BarStore, tmp_path: Path) -> None:
    report = brought(store, tmp_path, daily("SIL", [2412.5, 2420.0, 2425.0]))
    assert gain_usd(store, "SIL") == 125.0
    assert "SIL: prices are cents an ounce, counted in points; --quote says otherwise" in report.notes
    with pytest.raises(BadBars, match="MES must lie within"):
        brought(store, tmp_path, daily("MES", [51.0, 51.25]))
    with pytest.raises(BadBars, match="SIL must lie within 11 and 100"):
        brought(store, tmp_path, daily("SIL", [24_505.0, 24_620.0]))
    assert np.all(store.load("SIL", "1d").close_ticks > 0)
