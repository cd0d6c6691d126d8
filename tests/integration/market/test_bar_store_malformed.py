# ruff: noqa: S311 - seeded chance is the point here
"""Scorecard 23: thousands of malformed bar files, none silently accepted.

Good files are damaged in one way each, by a seeded hand, and given to the import a person would use. Every one must be
refused by an error that names the file and, where a row is to blame, that row.
"""

import io
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.market.bars import import_bars
from store.market.bars import BarStore
from trading.errors import BadBars
from trading.market import checked_bars

SEED = 20_260_101
CSV_FILES, PARQUET_FILES = 2_000, 3_000
HEADER = ["ts_event", "symbol", "open", "high", "low", "close", "volume", "contract"]
NUMBERS = ["open", "high", "low", "close", "volume"]
TICK = 0.25

Row = dict[str, str]


@dataclass
class Sheet:
    """A bar file in the making; `blamed` are the rows of which the error must name one (none: the file as a whole)."""

    header: list[str]
    rows: list[Row]
    blamed: set[int] = field(default_factory=set)
    ending: str = "\n"

    def text(self) -> str:
        lines = [",".join(self.header)] + [",".join(row.get(name, "") for name in self.header) for row in self.rows]
        return "\n".join(lines) + self.ending


def good_sheet(dice: random.Random) -> Sheet:
    at = datetime(2024, 3, 5, 15, tzinfo=UTC)
    step = dice.choice([timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1)])
    price, rows, size = 5_100.0, [], dice.randint(24, 40)
    for place in range(size):
        close = price + TICK * dice.randint(-8, 8)
        high = max(price, close) + TICK * dice.randint(1, 4)
        low = min(price, close) - TICK * dice.randint(1, 4)
        prices = {"open": f"{price}", "high": f"{high}", "low": f"{low}", "close": f"{close}"}
        month = "202403" if place < size // 2 else "202406"
        rows.append(
            {
                "ts_event": at.isoformat(),
                "symbol": "ES",
                **prices,
                "volume": f"{dice.randint(1, 99)}",
                "contract": month,
            }
        )
        price, at = close, at + step
    return Sheet(list(HEADER), rows)


Damage = Callable[[Sheet, random.Random], None]


def pick(sheet: Sheet, dice: random.Random, *, first: int = 0) -> Row:
    place = dice.randrange(first, len(sheet.rows))
    sheet.blamed = {place + 1}
    return sheet.rows[place]


def empty_cell(sheet: Sheet, dice: random.Random) -> None:
    pick(sheet, dice)[dice.choice(HEADER)] = ""


def no_number(sheet: Sheet, dice: random.Random) -> None:
    words = ["abc", "NaN", "nan", "inf", "-inf", "1e999", "0x1F", "--5", "1.2.3", "1 000", "5100,25", "∞", "'", "null"]
    word = dice.choice(words)
    pick(sheet, dice)[dice.choice(NUMBERS)] = f'"{word}"' if "," in word else word


def high_too_low(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["high"] = str(float(row["low"]) - TICK * dice.randint(0, 9) + (TICK if row["open"] == row["low"] else 0.0))


def low_too_high(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["low"] = str(float(row["high"]) + TICK * dice.randint(0, 9))


def bad_volume(sheet: Sheet, dice: random.Random) -> None:
    pick(sheet, dice)["volume"] = dice.choice(["-1", "-0.5", "2.5", "1e17", "-1e9"])


def off_grid(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["high"] = str(float(row["high"]) + dice.choice([0.01, 0.1, 0.13, 0.2, 0.0625]))


def naive_time(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["ts_event"] = row["ts_event"].removesuffix("+00:00")


def no_time(sheet: Sheet, dice: random.Random) -> None:
    words = ["2024-13-01T00:00:00Z", "2024-02-30T10:00:00Z", "yesterday", "1709650800", "2024-03-05T25:00Z", "15:00Z"]
    pick(sheet, dice)["ts_event"] = dice.choice(words)


def wrong_century(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["ts_event"] = dice.choice(["1924", "2224"]) + row["ts_event"][4:]


def off_the_clock(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["ts_event"] = row["ts_event"].replace(":00+", f":{dice.randint(1, 59):02d}+")


def repeated_row(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    (place,) = sheet.blamed
    sheet.rows.insert(place, dict(row))
    sheet.blamed = {place + 1}


def swapped_rows(sheet: Sheet, dice: random.Random) -> None:
    first, other = sorted(dice.sample(range(len(sheet.rows)), 2))
    sheet.rows[first], sheet.rows[other] = sheet.rows[other], sheet.rows[first]
    sheet.blamed = {first + 2, other + 1}


def worthless(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    if dice.random() < 0.5:
        row["low"] = dice.choice(["0", "-5100.25"])
    else:
        row |= {name: f"-{row[name]}" for name in ("open", "close")} | {
            "high": f"-{row['low']}",
            "low": f"-{row['high']}",
        }


def wrong_scale(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice, first=1)
    (number,) = sheet.blamed
    sheet.blamed = {number, number + 1}
    factor = dice.choice([10, 100, 1_000, 10_000])
    row |= {name: str(float(row[name]) * factor) for name in ("open", "high", "low", "close")}
    row["contract"] = sheet.rows[number - 2]["contract"]
    for later in sheet.rows[number:]:
        later["contract"] = max(later["contract"], row["contract"])


def unknown_symbol(sheet: Sheet, dice: random.Random) -> None:
    pick(sheet, dice)["symbol"] = dice.choice(["AAPL", "es", "ES ", "ES.202413", "..", "ES;DROP", "SIMULATED"])


def bad_contract(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice, first=len(sheet.rows) // 2 + 1)
    row["contract"] = dice.choice(["202403", "202400", "202413", "0", "-202406", "2024", "junk", "202406.5"])


def extra_cell(sheet: Sheet, dice: random.Random) -> None:
    pick(sheet, dice)["contract"] += ",1"


def missing_cell(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["volume"], row["contract"] = '"' + row["volume"], row["contract"] + '"'


def blank_line(sheet: Sheet, dice: random.Random) -> None:
    row = pick(sheet, dice)
    row["contract"] += "\n" * dice.randint(1, 3)
    sheet.blamed = set()


def cut_off(sheet: Sheet, dice: random.Random) -> None:
    sheet.ending = ""


def lost_column(sheet: Sheet, dice: random.Random) -> None:
    sheet.header.remove(dice.choice(HEADER[:-1]))


def renamed_column(sheet: Sheet, dice: random.Random) -> None:
    place = dice.randrange(len(HEADER) - 1)
    old = sheet.header[place]
    sheet.header[place] = dice.choice([old.upper(), f"{old}_", f"my{old}", "x", HEADER[(place + 1) % 7]])
    for row in sheet.rows:
        row.setdefault(sheet.header[place], row[old])


def no_rows(sheet: Sheet, dice: random.Random) -> None:
    sheet.rows.clear()


def odd_spacing(sheet: Sheet, dice: random.Random) -> None:
    apart = timedelta(seconds=dice.choice([1, 7, 30, 61, 120, 1_800, 7_200]))
    for place, row in enumerate(sheet.rows):
        row["ts_event"] = (datetime(2024, 3, 5, tzinfo=UTC) + place * apart).isoformat()


CSV_DAMAGE: list[Damage] = [
    empty_cell,
    no_number,
    high_too_low,
    low_too_high,
    bad_volume,
    off_grid,
    naive_time,
    no_time,
    wrong_century,
    off_the_clock,
    repeated_row,
    swapped_rows,
    worthless,
    wrong_scale,
    unknown_symbol,
    bad_contract,
    extra_cell,
    missing_cell,
    blank_line,
    cut_off,
    lost_column,
    renamed_column,
    no_rows,
    odd_spacing,
]


def as_table(sheet: Sheet) -> pa.Table:
    columns: dict[str, pa.Array] = {"symbol": pa.array([row["symbol"] for row in sheet.rows])}
    times = [datetime.fromisoformat(row["ts_event"]) for row in sheet.rows]
    columns["ts_event"] = pa.array(times, pa.timestamp("ns", "UTC"))
    columns |= {name: pa.array([float(row[name]) for row in sheet.rows]) for name in NUMBERS}
    columns["contract"] = pa.array([int(row["contract"]) for row in sheet.rows])
    return pa.table(columns)


def put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def with_value(table: pa.Table, name: str, place: int, value: float | None) -> pa.Table:
    values = table.column(name).to_pylist()
    values[place] = value
    return put(table, name, pa.array(values, table.schema.field(name).type))


def with_text(table: pa.Table, names: list[str]) -> pa.Table:
    for name in names:
        table = put(table, name, table.column(name).cast(pa.string()))
    return table


def damaged_table(sheet: Sheet, dice: random.Random) -> tuple[bytes, str]:
    """Return a Parquet file whose cells or types are wrong, and what the error must name."""
    table, place = as_table(sheet), dice.randrange(len(sheet.rows))
    row = f"row {place + 1}:"
    name = dice.choice(NUMBERS)
    kind = dice.randrange(7)
    if kind == 0:
        table, named = with_value(table, dice.choice(HEADER[2:]), place, None), row
    elif kind == 1:
        table, named = with_value(table, name, place, dice.choice([float("nan"), float("inf"), -float("inf")])), row
    elif kind == 2:
        table, named = with_value(table, "volume", place, dice.choice([-1.0, 0.5, 1e300])), row
    elif kind == 3:
        table, named = put(table, "ts_event", table.column("ts_event").cast(pa.timestamp("ns"))), "ts_event"
    elif kind == 4:
        texts = table.column(name).cast(pa.string()).to_pylist()
        texts[place] = dice.choice(["", "12x", "1,000", " ", "nan", "0x10"])
        table, named = put(table, name, pa.array(texts)), row
    elif kind == 5:
        table, named = table.drop_columns([name]), name
    else:
        table, named = pa.concat_tables([table.slice(0, place + 1), table.slice(place)]), f"row {place + 2}:"
    return as_file(table), named


def as_file(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True, use_dictionary=False)
    return buffer.getvalue()


def damaged_bytes(sheet: Sheet, dice: random.Random) -> tuple[bytes, str]:
    """Return a Parquet file that was cut off, overwritten, or had one bit of a page flipped."""
    whole = as_file(as_table(sheet))
    kind = dice.randrange(4)
    if kind == 0:
        return whole[: dice.randrange(1, len(whole))], ""
    if kind == 1:
        return bytes(dice.randrange(256) for _ in range(len(whole))), ""
    if kind == 2:
        return whole[:-4] + b"XXXX", ""
    chunk = pq.ParquetFile(io.BytesIO(whole)).metadata.row_group(0).column(dice.randrange(8))
    end = chunk.data_page_offset + chunk.total_compressed_size
    flipped = bytearray(whole)
    flipped[end - 1 - dice.randrange(8)] ^= 1 << dice.randrange(8)
    return bytes(flipped), ""


def refusal(store: BarStore, path: Path) -> str | None:
    """Return why the import refused the file, or None where it accepted it."""
    try:
        import_bars(store, path, provider="FUZZ")
    except BadBars as error:
        return str(error)
    return None


def rows_named(why: str) -> set[int]:
    """Return the rows a refusal names: `row 3: ...`, `rows 3, 7 and 214 more: ...`."""
    listed = re.findall(r"\brows? ((?:\d+, )*\d+)(?: and [\d,]+ more)?:", why)
    return {int(row) for rows in listed for row in rows.split(", ")}


def csv_refusals(folder: Path, count: int, kinds: list[Damage]) -> Counter[str]:
    """Import damaged CSV files; count how each kind was taken: refused, accepted, or blamed on another row."""
    dice, store, taken = random.Random(SEED), BarStore(folder / "bars"), Counter[str]()
    for number in range(count):
        damage = kinds[number % len(kinds)]
        sheet = good_sheet(dice)
        damage(sheet, dice)
        path = folder / f"{damage.__name__}_{number}.csv"
        path.write_text(sheet.text(), encoding="utf-8")
        why = refusal(store, path)
        path.unlink()
        if why is None:
            taken[f"accepted {damage.__name__}"] += 1
            continue
        named = path.name in why and (not sheet.blamed or not sheet.blamed.isdisjoint(rows_named(why)))
        taken["refused" if named else f"badly told {damage.__name__}: {why}"] += 1
    assert store.series() == []
    return taken


def test_the_undamaged_files_are_accepted(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    for number in range(20):
        sheet = good_sheet(dice)
        csv, parquet = tmp_path / f"{number}.csv", tmp_path / f"{number}.parquet"
        csv.write_text(sheet.text())
        parquet.write_bytes(as_file(as_table(sheet)))
        of_text = tmp_path / f"{number}_text.parquet"
        of_text.write_bytes(as_file(with_text(as_table(sheet), dice.sample(NUMBERS, dice.randint(1, len(NUMBERS))))))
        whole, *others = (
            import_bars(BarStore(tmp_path / "bars" / name.name), name, provider="GOOD")
            for name in (csv, parquet, of_text)
        )
        assert whole.rows == len(sheet.rows)
        for other in others:
            assert [row.fingerprint for row in other.series] == [row.fingerprint for row in whole.series]


@pytest.mark.scorecard(23)
def test_no_damaged_csv_file_is_accepted(tmp_path: Path) -> None:
    assert csv_refusals(tmp_path, CSV_FILES, CSV_DAMAGE) == Counter({"refused": CSV_FILES})


@pytest.mark.scorecard(23)
def test_no_damaged_parquet_file_is_accepted(tmp_path: Path) -> None:
    dice, store = random.Random(SEED), BarStore(tmp_path / "bars")
    for number in range(PARQUET_FILES):
        damage = damaged_table if number % 2 else damaged_bytes
        content, named = damage(good_sheet(dice), dice)
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(content)
        why = refusal(store, path)
        assert why is not None, f"file {number} was accepted"
        assert path.name in why
        assert named in why
        path.unlink()
    assert store.series() == []


@pytest.mark.scorecard(23)
@pytest.mark.parametrize(
    ("switched_off", "damage"),
    [("check_order", off_the_clock), ("check_prices", wrong_scale), ("check_order", bad_contract)],
)
def test_an_import_without_one_of_its_checks_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switched_off: str, damage: Damage
) -> None:
    monkeypatch.setattr(checked_bars, switched_off, lambda *_, **__: None)
    dice, accepted = random.Random(SEED), 0
    for number in range(20):
        sheet = good_sheet(dice)
        damage(sheet, dice)
        path = tmp_path / f"{number}.csv"
        path.write_text(sheet.text())
        accepted += refusal(BarStore(tmp_path / "bars"), path) is None
    assert accepted > 0
