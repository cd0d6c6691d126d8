"""The bar store: market data on disk, from file to kernel in milliseconds.

Belongs here: where series lie, how they are written without a moment of half-truth, how they are found and mapped.
Does not belong here: reading the files of providers (`bar_files.py`), checking and building series
(`services/market/bars.py`).

    <root>/catalog.json                                    which series exist, which were withdrawn, which a person
                                                           prefers, which acts the audit chain is owed;
                                                           replaced by one rename: the commit
    <root>/<provider>/<symbol>/<timeframe>/<print>.parquet the bars, readable by anything (DuckDB, pandas)
    <root>/<provider>/<symbol>/<timeframe>/<print>.npy     the same columns, (7, n_bars) int64, mapped on load

`<print>` begins the fingerprint, so a file is never changed, only replaced by another name. A writer holds the lock,
writes the files, syncs them and renames the catalog; a crash before the rename leaves the old state, after it the new
one, and what the crash left behind is removed by the next write. A withdrawn series is traded by nobody, and its files
stay: sessions that ran over them find them by fingerprint. Readers take no lock: one that loses a race with a
writer finds its file gone and reads the catalog again.
"""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from trading.arrays import IntArray
from trading.errors import BadBars, NoMarketData, Unavailable
from trading.market.bars import COLUMNS, SIMULATED, Bars, bars_from_columns, columns_of, fingerprint_of, require_valid
from trading.market.choice import Choice, choose

_RACES_WITH_WRITERS = 5
_LENT = re.compile(r"\w+: bars of (?P<root>\w+), which has the same tick")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class BarSeries:
    """One stored series.

    Attributes:
        symbol, timeframe, provider: Its key; one series per key.
        bars: Number of bars.
        first_ts, last_ts: Open of the first and the last bar, UTC nanoseconds.
        fingerprint: SHA-256 over its columns.
        source: The file or rule the bars come from.
        imported_at: When it was written, UTC.
        notes: What happened on the way in, one sentence each.
        derived_from: The timeframe it was aggregated from; empty for bars as the provider gave them.
        borrowed_from: The root whose bars they are (ES of a MES series); empty for bars of the symbol itself.
        of_marks: They were aggregated from bars that were made from marks (`trading.market.marks`).
        withdrawn_at: When it was withdrawn, UTC; None where it was not, or before the store kept that.
    """

    symbol: str
    timeframe: str
    provider: str
    bars: int
    first_ts: int
    last_ts: int
    fingerprint: str
    source: str
    imported_at: datetime
    notes: tuple[str, ...] = ()
    derived_from: str = ""
    borrowed_from: str = ""
    of_marks: bool = False
    withdrawn_at: datetime | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether the market simulator made the bars."""
        return self.provider == SIMULATED


@dataclass(frozen=True, slots=True)
class NewSeries:
    """Bars on their way into the store."""

    bars: Bars
    source: str
    notes: tuple[str, ...] = ()
    derived_from: str = ""
    borrowed_from: str = ""
    of_marks: bool = False


Key = tuple[str, str, str]
Market = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Preference:
    """The provider whose series of one symbol and timeframe a person prefers: who, why and when."""

    symbol: str
    timeframe: str
    provider: str
    actor: str
    reason_code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OwedEvent:
    """An act on series as the audit chain is to tell of it, kept from its effect until the chain does."""

    act_id: str
    actor: str
    action: str
    subject: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All the store knows of its series; a withdrawn one is known by its key and fingerprint."""

    series: dict[Key, BarSeries] = field(default_factory=dict)
    withdrawn: tuple[BarSeries, ...] = ()
    preferred: dict[Market, Preference] = field(default_factory=dict)
    owed: tuple[OwedEvent, ...] = ()

    def choice(self, symbol: str, timeframe: str) -> Choice[BarSeries] | None:
        """Return the series bots of a symbol and timeframe trade on, and why."""
        offered = [row for row in self.series.values() if (row.symbol, row.timeframe) == (symbol, timeframe)]
        wish = self.preferred.get((symbol, timeframe))
        return choose(offered, preferred=wish.provider if wish is not None else None)


class BarStore:
    """All market data under one directory. Any number of processes read while one writes."""

    def __init__(self, root: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._root = root
        self._now = now

    def series(self) -> list[BarSeries]:
        """Return every stored series by symbol, timeframe and provider.

        Raises:
            Unavailable: the directory cannot be read, or its catalog is damaged.
        """
        return sorted(self.catalog().series.values(), key=_key)

    def best(self, symbol: str, timeframe: str) -> BarSeries | None:
        """Return the series to trade on, as `trading.market.choice` says."""
        choice = self.catalog().choice(symbol, timeframe)
        return choice.series if choice is not None else None

    def load(self, symbol: str, timeframe: str, *, provider: str | None = None) -> Bars:
        """Map a series into memory; without a provider the best one. The arrays are private to the caller.

        Raises:
            NoMarketData: there is no such series.
            BadBars: its files are gone or damaged.
            Unavailable: the store cannot be read.
        """
        for _ in range(_RACES_WITH_WRITERS):
            row = self._find(symbol, timeframe, provider)
            try:
                return self._map(row)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise Unavailable(f"bar store {self._root} cannot be read: {error}") from error
        raise BadBars(f"{symbol} {timeframe}: the catalog names bars that are not there; import them again")

    def load_by_fingerprint(self, symbol: str, timeframe: str, fingerprint: str) -> Bars | None:
        """Map the series that has this content, a withdrawn one too; None where the store has none any more.

        Raises:
            BadBars: its files are gone or damaged.
            Unavailable: the store cannot be read.
        """
        catalog, wanted = self.catalog(), (symbol, timeframe, fingerprint)
        for row in (*catalog.series.values(), *catalog.withdrawn):
            if (row.symbol, row.timeframe, row.fingerprint) == wanted:
                try:
                    return self._map(row)
                except OSError as error:
                    raise Unavailable(f"bar store {self._root} cannot be read: {error}") from error
        return None

    def change(self, change: Callable[[Catalog], Catalog]) -> Catalog:
        """Replace the catalog by what a pure function makes of it, no bars touched; writers wait for each other.

        Raises:
            Unavailable: the disk is full or cannot be written; what stood before still stands.
        """
        try:
            with self._writing():
                changed = change(self.catalog())
                self._commit(changed)
        except OSError as error:
            raise Unavailable(f"bar store {self._root} cannot be written: {error}") from error
        return changed

    def write(self, bars: Bars, *, source: str, notes: Sequence[str] = (), derived_from: str = "") -> BarSeries:
        """Store one series, replacing the one with its symbol, timeframe and provider; see `write_all`."""
        return self.write_all([NewSeries(bars, source, tuple(notes), derived_from)])[0]

    def write_all(self, new: Sequence[NewSeries]) -> list[BarSeries]:
        """Store several series in one commit: readers see all of them or none. Writers wait for each other.

        Borrowed bars never replace bars of the symbol itself, whoever came first: such a series is left out.

        Returns:
            The rows of what was written, in the order given.

        Raises:
            BadBars: a series breaks a rule; nothing is written.
            Unavailable: the disk is full or cannot be written; what stood before still stands.
        """
        for each in new:
            require_valid(each.bars)
            _require_plain_names(each.bars)
        try:
            with self._writing():
                stored = self.catalog()
                rows = [self._put(each) for each in new if not _gives_way(each, stored.series)]
                catalog = replace(stored, series=stored.series | {_key(row): row for row in rows})
                self._commit(catalog)
                self._sweep(catalog)
        except OSError as error:
            raise Unavailable(f"bar store {self._root} cannot be written: {error}") from error
        return rows

    def verify(self, row: BarSeries) -> bool:
        """Return whether the stored columns still have their fingerprint (reads all of them)."""
        return fingerprint_of(columns_of(self._map(row))) == row.fingerprint

    def _find(self, symbol: str, timeframe: str, provider: str | None) -> BarSeries:
        known = self.catalog().series
        row = self.best(symbol, timeframe) if provider is None else known.get((symbol, timeframe, provider))
        if row is None:
            whose = "" if provider is None else f" of {provider}"
            raise NoMarketData(f"no {timeframe} bars for {symbol}{whose}: import some or run the market simulator")
        return row

    def _map(self, row: BarSeries) -> Bars:
        columns = self._columns(row)
        if columns.shape != (len(COLUMNS), row.bars):
            raise BadBars(f"{self._stem(row)}: must hold {row.bars} bars, was {columns.shape}; import them again")
        return bars_from_columns(
            columns,
            symbol=row.symbol,
            timeframe=row.timeframe,
            provider=row.provider,
            fingerprint=row.fingerprint,
        )

    def _columns(self, row: BarSeries) -> IntArray:
        try:
            mapped = np.load(self._stem(row).with_suffix(".npy"), mmap_mode="c", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise BadBars(f"{self._stem(row)}: the columns are damaged ({error}); import the bars again") from error
        return np.asarray(mapped)

    def _put(self, new: NewSeries) -> BarSeries:
        columns = columns_of(new.bars)
        row = described(new, now=self._now(), fingerprint=fingerprint_of(columns))
        stem = self._stem(row)
        stem.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(stem.with_suffix(".npy")) as path, path.open("wb") as file:
            np.save(file, columns, allow_pickle=False)
        with _replacing(stem.with_suffix(".parquet")) as path:
            _write_parquet(path, row, columns)
        return row

    def _stem(self, row: BarSeries) -> Path:
        return self._root / row.provider / row.symbol / row.timeframe / row.fingerprint[:16]

    def catalog(self) -> Catalog:
        """Return all the store knows of its series as it stands now.

        Raises:
            Unavailable: the directory cannot be read, or its catalog is damaged.
        """
        path = self._root / "catalog.json"
        try:
            return _catalog_from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return Catalog()
        except OSError as error:
            raise Unavailable(f"bar store {self._root} cannot be read: {error}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise Unavailable(f"{path} is damaged ({error}); move it away and import the bars again") from error

    def _commit(self, catalog: Catalog) -> None:
        stored = {
            "series": [_row_as_json(row) for _, row in sorted(catalog.series.items())],
            "withdrawn": [_row_as_json(row) for row in catalog.withdrawn],
            "preferred": [asdict(wish) | {"at": wish.at.isoformat()} for _, wish in sorted(catalog.preferred.items())],
            "owed": [asdict(event) for event in catalog.owed],
        }
        with _replacing(self._root / "catalog.json") as path:
            path.write_text(json.dumps(stored, indent=1))

    def _sweep(self, catalog: Catalog) -> None:
        kept = {self._stem(row) for row in (*catalog.series.values(), *catalog.withdrawn)}
        for path in self._root.glob("*/*/*/*"):
            if path.with_suffix("") not in kept:
                path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Shelf(Protocol):
    """Where an import puts its series: the store, or a rehearsal of it."""

    def series(self) -> list[BarSeries]:
        """Return every series there is."""

    def write_all(self, new: Sequence[NewSeries]) -> list[BarSeries]:
        """Take several series at once and return the rows of those that were taken."""


class Rehearsal:
    """The store as an import would leave it, for a dry run: `before`, `after`, and nothing written."""

    def __init__(self, store: BarStore) -> None:
        self.before = self.after = store.catalog()

    def series(self) -> list[BarSeries]:
        """Return every series there is, as the import would see it."""
        return sorted(self.after.series.values(), key=_key)

    def write_all(self, new: Sequence[NewSeries]) -> list[BarSeries]:
        """Return the rows the store would have; what it refuses is refused."""
        for each in new:
            require_valid(each.bars)
            _require_plain_names(each.bars)
        taken = [each for each in new if not _gives_way(each, self.after.series)]
        now = datetime.now(UTC)
        rows = [described(each, now=now, fingerprint=each.bars.fingerprint) for each in taken]
        self.after = replace(self.after, series=self.after.series | {_key(row): row for row in rows})
        return rows


def described(new: NewSeries, *, now: datetime, fingerprint: str) -> BarSeries:
    """Return the row a series has in the catalog once it is written."""
    bars = new.bars
    return BarSeries(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        provider=bars.provider,
        bars=len(bars),
        first_ts=int(bars.ts_event[0]),
        last_ts=int(bars.ts_event[-1]),
        fingerprint=fingerprint,
        source=new.source,
        imported_at=now,
        notes=new.notes,
        derived_from=new.derived_from,
        borrowed_from=new.borrowed_from,
        of_marks=new.of_marks,
    )


def _require_plain_names(bars: Bars) -> None:
    for name in (bars.symbol, bars.provider, bars.timeframe):
        if not _PLAIN_NAME.fullmatch(name):
            raise BadBars(f"symbol and provider must be letters, digits, '_', '.', '-' (at most 64), was {name!r}")


def _key(row: BarSeries) -> Key:
    return row.symbol, row.timeframe, row.provider


def _gives_way(new: NewSeries, stored: dict[Key, BarSeries]) -> bool:
    bars = new.bars
    own = stored.get((bars.symbol, bars.timeframe, bars.provider))
    return bool(new.borrowed_from) and own is not None and not own.borrowed_from


def _catalog_from_json(stored: object) -> Catalog:
    """Read a catalog; a plain list of series is one from before any was withdrawn or preferred."""
    lists: dict[str, Any] = stored if isinstance(stored, dict) else {"series": stored}
    rows, withdrawn = (tuple(map(_row_from_json, lists.get(name, ()))) for name in ("series", "withdrawn"))
    wishes = [Preference(**{**wish, "at": datetime.fromisoformat(wish["at"])}) for wish in lists.get("preferred", ())]
    preferred = {(wish.symbol, wish.timeframe): wish for wish in wishes}
    owed = tuple(OwedEvent(**event) for event in lists.get("owed", ()))
    return Catalog({_key(row): row for row in rows}, withdrawn, preferred, owed)


def _row_as_json(row: BarSeries) -> dict[str, object]:
    withdrawn_at = row.withdrawn_at.isoformat() if row.withdrawn_at is not None else None
    return asdict(row) | {"imported_at": row.imported_at.isoformat(), "withdrawn_at": withdrawn_at}


def _row_from_json(fields: dict[str, object]) -> BarSeries:
    notes: tuple[str, ...] = tuple(fields["notes"])  # type: ignore[arg-type]
    withdrawn_at = fields.get("withdrawn_at")
    known = {
        "imported_at": datetime.fromisoformat(str(fields["imported_at"])),
        "notes": notes,
        "borrowed_from": fields.get("borrowed_from", _lender(notes)),
        "of_marks": fields.get("of_marks", bool(fields["derived_from"]) and _tell_of_marks(notes)),
        "withdrawn_at": datetime.fromisoformat(str(withdrawn_at)) if withdrawn_at is not None else None,
    }
    return BarSeries(**{**fields, **known})  # type: ignore[arg-type]


def _lender(notes: tuple[str, ...]) -> str:
    """Return whose bars a series is by the notes of catalogs that had no column for it."""
    lent = [said for note in notes if (said := _LENT.fullmatch(note))]
    return lent[0]["root"] if lent else ""


def _tell_of_marks(notes: tuple[str, ...]) -> bool:
    """Return whether a series came from marks by the notes of catalogs that did not keep it."""
    return any("they were made from marks" in note for note in notes)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        yield fresh
        _sync(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_parquet(path: Path, row: BarSeries, columns: IntArray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array(column) for column in columns]
    arrays[0] = arrays[0].cast(pa.timestamp("ns", tz="UTC"))
    provenance = {"symbol": row.symbol, "timeframe": row.timeframe, "provider": row.provider, "source": row.source}
    table = pa.table(arrays, names=list(COLUMNS)).replace_schema_metadata(provenance)
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)
