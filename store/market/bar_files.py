"""Bar files of providers, read strictly: Parquet through Arrow with page checksums, CSV through DuckDB as text.

Belongs here: opening a file, its columns and types, every cell as a number or a named fault. Does not belong here:
what the numbers must satisfy (`trading/market/raw_bars.py`).

The tidy form: `ts_event` (bar open, with time zone), `symbol`, `open`, `high`, `low`, `close`, `volume` and optionally
`contract`; other columns are ignored. A CSV file needs a header and a line break at its end (without one nobody can
know whether the last number is whole); its times are ISO 8601 with an offset of at most fourteen hours, the widest any
clock on earth keeps (XML Schema's `dateTime` draws the same line; the engine would take +15:59, Arrow even +99:00).
Prices and volumes that a Parquet file has as text are read as those of a CSV file are.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from store.market.prices_in_parts import DIGITS, with_prices_in_parts
from trading.arrays import FloatArray, IntArray
from trading.errors import BadBars
from trading.market.raw_bars import Faults, RawBars
from trading.words import counted

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("ts_event", "symbol", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")
ENDINGS = (".parquet", ".pq", ".csv")
MOST_ROWS = 50_000_000
MOST_BYTES = 8 * 1024**3

OFFSET_RULE = "the offset of ts_event must lie between -14:00 and +14:00"

_NUMBER = r"[-+]?\d{1,18}(\.\d{0,18})?([eE][-+]?\d{1,3})?"
_MONTH = r"\d{6}(\d{2})?"
_CLOCK = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_OFFSET = r"[-+]((0\d|1[0-3])(:?[0-5]\d)?|14(:?00)?)"
_INSTANT = rf"{_CLOCK}(Z|{_OFFSET})"
_FAR = rf"(?!{_INSTANT}$){_CLOCK}[-+]\d{{2}}(:?\d{{2}})?"
_ANY_INSTANT = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"


def read_bar_file(path: Path, faults: Faults) -> RawBars:
    """Read every row of a Parquet or CSV file, recording cells that are missing or no number, time or month.

    Raises:
        BadBars: no such file, a directory, empty, too large, neither Parquet nor CSV, unreadable, or wrong columns.
    """
    require_bar_file(path)
    read = _read_csv if path.suffix.lower() == ".csv" else _read_parquet
    table = read(path, faults)
    if table.num_rows == 0:
        raise BadBars(f"{path}: the file holds no bars")
    return _raw_bars(table, faults)


def require_bar_file(path: Path) -> None:
    """Refuse what cannot be a bar file, before anything else is opened for it.

    Raises:
        BadBars: no such file, a directory, empty, too large, or neither Parquet nor CSV by its name.
    """
    size = _size(path)
    if size == 0:
        raise BadBars(f"{path}: the file is empty")
    if size > MOST_BYTES:
        raise BadBars(f"{path}: a file may have {MOST_BYTES:,} bytes, was {size:,}; split it")
    if path.suffix.lower() not in ENDINGS:
        raise BadBars(f"{path}: a bar file ends in .parquet, .pq or .csv, was {path.suffix!r}")


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise BadBars(f"{path}: is a directory; name one file")
        return path.stat().st_size
    except FileNotFoundError:
        raise BadBars(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise BadBars(f"{path}: cannot be read ({error})") from error


def _require_columns(path: Path, names: list[str]) -> list[str]:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        remedy = _of_heads(names, missing)
        raise BadBars(f"{path}: columns missing: {', '.join(missing)}; found {', '.join(names[:20])}{remedy}")
    used = [*REQUIRED, "contract"] if "contract" in names else list(REQUIRED)
    repeated = [name for name in used if names.count(name) > 1]
    if repeated:
        raise BadBars(f"{path}: columns named twice: {', '.join(repeated)}")
    return used


def _of_heads(names: list[str], missing: list[str]) -> str:
    """Tell how the heads of a file become ours, where that can be seen."""
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        return "; mend: columns are separated by commas, decimals have a point"
    if any(head.strip().lower() in missing for head in names):
        return "; mend: name the columns exactly so, in small letters"
    return ""


def _read_parquet(path: Path, faults: Faults) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            used = _require_columns(path, file.schema_arrow.names)
            if file.metadata.num_rows > MOST_ROWS:
                raise BadBars(f"{path}: a file may have {MOST_ROWS:,} rows, was {file.metadata.num_rows:,}; split it")
            table = file.read(columns=used)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadBars(f"{path}: not a readable Parquet file ({_first_line(error)})") from error
    _require_types(path, table)
    return _numbers(_with_text_read(table, faults), faults)


def _require_types(path: Path, table: "pa.Table") -> None:
    from pyarrow import types

    instant = table.schema.field("ts_event").type
    if not types.is_timestamp(instant):
        raise BadBars(f"{path}: row 1: ts_event must be a timestamp with time zone, was {instant}")
    if instant.tz is None:
        raise BadBars(f"{path}: row 1: ts_event has no time zone; times must be UTC, not naive")
    if re.fullmatch(r"[-+].*", instant.tz) and not re.fullmatch(_OFFSET, instant.tz):
        raise BadBars(f"{path}: row 1: {OFFSET_RULE}, was {instant.tz}")
    for name in (*PRICES, "volume"):
        kind = table.schema.field(name).type
        is_number = types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)
        if not (is_number or _is_text(kind)):
            raise BadBars(f"{path}: row 1: {name} must be a number, was {kind}; mend: write it as a number or as text")
    kind = table.schema.field("symbol").type
    if not _is_text(kind):
        raise BadBars(f"{path}: row 1: symbol must be text, was {kind}")
    if "contract" in table.column_names and not types.is_integer(table.schema.field("contract").type):
        raise BadBars(f"{path}: row 1: contract must be a whole number such as 202406")


def _is_text(kind: "pa.DataType") -> bool:
    from pyarrow import types

    text = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(text) or types.is_large_string(text) or types.is_string_view(text))


def _with_text_read(table: "pa.Table", faults: Faults) -> "pa.Table":
    """Return the table with prices and volumes as numbers where some are text, read as cells of a CSV file are."""
    import pyarrow as pa

    names = [*PRICES, "volume"]
    if not any(_is_text(table.schema.field(name).type) for name in names):
        return table
    written = table.select(names).cast(pa.schema([(name, pa.string()) for name in names]))
    casts = ", ".join(f"{_number_in(name, name)}, {name} AS {name}_text" for name in names)
    with _engine().cursor() as session:
        session.register("written", written)
        read = session.sql(f"SELECT {casts} FROM written").to_arrow_table()  # noqa: S608
    read = _without_text(with_prices_in_parts(read, PRICES), faults)
    rest = table.drop_columns(names)
    for name in rest.column_names:
        read = read.append_column(name, rest.column(name))
    return read


def _numbers(table: "pa.Table", faults: Faults) -> "pa.Table":
    """Return the table with nanosecond times and float64 numbers; empty cells become faults."""
    import pyarrow as pa

    for place, name in enumerate(table.column_names):
        if name.endswith(DIGITS):
            continue
        column = table.column(name)
        _fault_empty(column, name, faults)
        if name == "ts_event":
            column = _to_ns(column, faults)
        elif name == "symbol":
            column = column.cast(pa.string())
        else:
            column = column.cast(pa.int64() if name == "contract" else pa.float64(), safe=False)
        table = table.set_column(place, name, column)
    return table


def _to_ns(column: Any, faults: Faults) -> Any:
    import pyarrow as pa

    try:
        return column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise BadBars(f"{faults.file}: ts_event leaves the years 1678 to 2262 ({_first_line(error)})") from error


def _fault_empty(column: Any, name: str, faults: Faults) -> None:
    if column.null_count:
        empty = column.is_null().to_numpy()
        faults.add(np.flatnonzero(empty) + 1, f"{name} must not be empty")


@cache
def _engine() -> Any:
    import duckdb

    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    return duckdb.connect(config={"threads": "1", **offline})


def _read_csv(path: Path, faults: Faults) -> "pa.Table":
    names = _header(path)
    used = _require_columns(path, names)
    columns = {f"c{place}": "VARCHAR" for place in range(len(names))}
    cells = {name: f"c{names.index(name)}" for name in used}
    source = (
        "read_csv($path, columns=$columns, header=true, auto_detect=false, delim=',', quote='\"', escape='\"', "
        "strict_mode=true, null_padding=false, ignore_errors=false, compression='none')"
    )
    engine = _engine()
    try:
        with engine.cursor() as session:
            given = {"path": str(path), "columns": columns}
            table = session.sql(f"SELECT {_casts(cells)} FROM {source}", params=given).to_arrow_table()  # noqa: S608
    except Exception as error:
        raise _unreadable_csv(path, error) from error
    _require_every_line(path, table.num_rows)
    return _without_text(with_prices_in_parts(table, PRICES), faults)


def _casts(cells: dict[str, str]) -> str:
    sound_instant = f"CASE WHEN regexp_full_match({cells['ts_event']}, '{_INSTANT}') THEN {cells['ts_event']} END"
    picked = [f"epoch_ns(try_cast({sound_instant} AS TIMESTAMPTZ_NS)) AS ts_event", f"{cells['symbol']} AS symbol"]
    picked += [_number_in(cell, name) for name, cell in cells.items() if name not in ("ts_event", "symbol")]
    picked += [f"{cell} AS {name}_text" for name, cell in cells.items()]
    return ", ".join(picked)


def _number_in(cell: str, name: str) -> str:
    pattern, kind = (_MONTH, "BIGINT") if name == "contract" else (_NUMBER, "DOUBLE")
    return f"try_cast(CASE WHEN regexp_full_match({cell}, '{pattern}') THEN {cell} END AS {kind}) AS {name}"


def _without_text(table: "pa.Table", faults: Faults) -> "pa.Table":
    """Record cells that could not be read as faults and drop the text they were read from."""
    rules = {"ts_event": "ts_event must be an ISO 8601 time with offset", "symbol": "symbol must not be empty"}
    rules["contract"] = "contract must be a month such as 202406"
    for name in [name for name in table.column_names if not name.endswith(("_text", DIGITS))]:
        unread = np.flatnonzero(table.column(name).is_null().to_numpy())
        texts = np.array([_shown(table.column(f"{name}_text")[int(place)].as_py()) for place in unread], object)
        if name == "ts_event":
            _fault_instants(unread + 1, texts, faults)
        faults.add(unread + 1, rules.get(name, f"{name} must be a number"), texts)
    return table.select([name for name in table.column_names if not name.endswith("_text")])


def _fault_instants(rows: IntArray, texts: NDArray[np.object_], faults: Faults) -> None:
    """Record times that are whole but for their offset: none at all, or one that no clock keeps."""
    for form, rule in ((_ANY_INSTANT, "ts_event has no time zone; times must be UTC, not naive"), (_FAR, OFFSET_RULE)):
        faulty = np.array([bool(re.fullmatch(form, text)) for text in texts], np.bool_)
        faults.add(rows[faulty], rule, texts[faulty])


def _shown(text: str | None) -> str:
    return "empty" if text is None else text[:40]


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(10_000)
        with path.open("rb") as file:
            file.seek(-1, 2)
            ends_whole = file.read(1) == b"\n"
    except (OSError, UnicodeDecodeError) as error:
        raise BadBars(f"{path}: not a readable CSV file ({_first_line(error)})") from error
    if not ends_whole:
        raise BadBars(f"{path}: the last line has no line break; the file may have been cut off")
    return [name.strip().strip('"') for name in line.rstrip("\r\n").split(",")]


def _require_every_line(path: Path, rows: int) -> None:
    with path.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    if lines - 1 != rows:
        raise BadBars(
            f"{path}: {counted(lines - 1, 'line')} below the header but {counted(rows, 'row')}: blank or broken lines"
        )


def _unreadable_csv(path: Path, error: Exception) -> BadBars:
    where = re.search(r"Line: (\d+)", str(error))
    row = f"row {int(where[1]) - 1}: " if where else ""
    return BadBars(f"{path}: {row}not a readable CSV file ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _raw_bars(table: "pa.Table", faults: Faults) -> RawBars:
    symbols, symbol = _symbols(table)
    contract = _integers(table, "contract") if "contract" in table.column_names else None
    return RawBars(
        file=faults.file,
        row=np.arange(1, table.num_rows + 1, dtype=np.int64),
        ts_event=_integers(table, "ts_event"),
        symbol=symbol,
        symbols=symbols,
        prices=np.stack([_floats(table, name) for name in PRICES]),
        volume=_floats(table, "volume"),
        contract=None if contract is None else np.where(contract > 9_999_999, contract // 100, contract),
        part_digits=_digits(table),
    )


def _digits(table: "pa.Table") -> IntArray | None:
    names = [f"{name}{DIGITS}" for name in PRICES]
    return np.stack([_integers(table, name) for name in names]) if names[0] in table.column_names else None


def _symbols(table: "pa.Table") -> tuple[tuple[str, ...], IntArray]:
    coded = table.column("symbol").combine_chunks().fill_null("").dictionary_encode()
    names = tuple(str(name) for name in coded.dictionary.to_pylist())
    return names, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _integers(table: "pa.Table", name: str) -> IntArray:
    return np.asarray(table.column(name).fill_null(0).to_numpy(), np.int64)


def _floats(table: "pa.Table", name: str) -> FloatArray:
    return np.asarray(table.column(name).to_numpy(), np.float64)
