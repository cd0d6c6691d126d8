import errno
import json
import multiprocessing
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from store.market.bars import BarStore, NewSeries
from tests.integration.market.alike_bars import bars_of
from trading.errors import BadBars, NoMarketData, Unavailable
from trading.market.bars import SIMULATED

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "bars", now=lambda: NOON)


def test_what_was_written_is_read_back(store: BarStore) -> None:
    bars = bars_of(500)
    row = store.write(bars, source="by hand", notes=["a note"])
    again = store.load("MES", "1m")
    assert all(
        np.array_equal(getattr(again, name), getattr(bars, name)) for name in ("ts_event", "close_ticks", "volume")
    )
    assert again.fingerprint == bars.fingerprint == row.fingerprint
    assert (row.bars, row.first_ts, row.imported_at, row.notes) == (500, int(bars.ts_event[0]), NOON, ("a note",))
    assert store.series() == [row]
    assert store.verify(row)


def test_the_parquet_says_the_same(store: BarStore, tmp_path: Path) -> None:
    import duckdb

    row = store.write(bars_of(50), source="by hand")
    (parquet,) = tmp_path.rglob("*.parquet")
    with duckdb.connect() as session:
        sums = session.execute(
            "SELECT count(*), min(epoch_ns(ts_event)), sum(close_ticks) FROM read_parquet(?)",
            [str(parquet)],
        ).fetchone()
    assert sums == (50, row.first_ts, 50 * 101)


def test_loaded_arrays_belong_to_the_caller(store: BarStore) -> None:
    row = store.write(bars_of(20), source="by hand")
    store.load("MES", "1m").close_ticks[:] = 7
    assert store.load("MES", "1m").close_ticks.tolist() == [101] * 20
    assert store.verify(row)


def test_the_series_traded_is_the_one_the_rule_chooses(store: BarStore) -> None:
    store.write(bars_of(15, provider=SIMULATED), source="simulator")
    assert store.load("MES", "1m").is_simulated
    store.write(bars_of(10, provider="SHORT"), source="by hand")
    assert store.load("MES", "1m").is_simulated
    store.write(bars_of(20, provider="LONG"), source="by hand")
    assert store.load("MES", "1m").provider == "LONG"
    assert store.load("MES", "1m", provider=SIMULATED).is_simulated


def test_says_what_is_not_there(store: BarStore) -> None:
    assert store.best("MES", "1m") is None
    with pytest.raises(NoMarketData, match="no 1m bars for MES"):
        store.load("MES", "1m")
    store.write(bars_of(10), source="by hand")
    with pytest.raises(NoMarketData, match="of OTHER"):
        store.load("MES", "1m", provider="OTHER")


def test_a_replaced_series_leaves_no_files_behind(store: BarStore, tmp_path: Path) -> None:
    store.write(bars_of(10, price=100), source="first")
    store.write(bars_of(10, price=200), source="second")
    assert store.load("MES", "1m").open_ticks[0] == 200
    assert len(list((tmp_path / "bars").glob("*/*/*/*"))) == 2


def test_a_reader_keeps_its_bars_while_they_are_replaced(store: BarStore) -> None:
    store.write(bars_of(10, price=100), source="first")
    held = store.load("MES", "1m")
    store.write(bars_of(10, price=200), source="second")
    assert held.open_ticks.tolist() == [100] * 10


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "x" * 65, "a\0b"])
def test_names_that_are_no_plain_names_are_refused(store: BarStore, name: str) -> None:
    with pytest.raises(BadBars, match="symbol and provider must be"):
        store.write(bars_of(3, provider=name), source="by hand")
    assert store.series() == []


def test_one_bad_series_keeps_all_of_them_out(store: BarStore) -> None:
    bad = replace(bars_of(5, symbol="MNQ"), high_ticks=np.zeros(5, np.int64))
    with pytest.raises(BadBars, match="high must not be below"):
        store.write_all([NewSeries(bars_of(5), "by hand"), NewSeries(bad, "by hand")])
    assert store.series() == []


def test_a_full_disk_is_said_and_loses_nothing(
    store: BarStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = store.write(bars_of(10), source="first")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(Unavailable, match=r"cannot be written.*No space left"):
        store.write(bars_of(99, price=300), source="second")
    monkeypatch.undo()
    assert store.series() == [before]
    assert store.verify(before)
    assert not list((tmp_path / "bars").rglob("*.new"))


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        BarStore(tmp_path / "file" / "bars").write(bars_of(3), source="by hand")


@pytest.mark.parametrize("text", ["{", '[{"symbol": "MES"}]', "[1]", ""])
def test_a_damaged_catalog_is_said(store: BarStore, tmp_path: Path, text: str) -> None:
    store.write(bars_of(3), source="by hand")
    (tmp_path / "bars" / "catalog.json").write_text(text)
    with pytest.raises(Unavailable, match=r"catalog.json is damaged"):
        store.series()


@pytest.mark.parametrize("keep", [0, 60, 300])
def test_damaged_columns_are_said(store: BarStore, tmp_path: Path, keep: int) -> None:
    store.write(bars_of(30), source="by hand")
    (columns,) = (tmp_path / "bars").rglob("*.npy")
    columns.write_bytes(columns.read_bytes()[:keep])
    with pytest.raises(BadBars, match="import"):
        store.load("MES", "1m")


def test_a_flipped_bit_is_found_by_verifying(store: BarStore, tmp_path: Path) -> None:
    row = store.write(bars_of(30), source="by hand")
    (columns,) = (tmp_path / "bars").rglob("*.npy")
    damaged = bytearray(columns.read_bytes())
    damaged[-100] ^= 1
    columns.write_bytes(damaged)
    assert not store.verify(row)


def test_columns_that_are_gone_are_said(store: BarStore, tmp_path: Path) -> None:
    store.write(bars_of(30), source="by hand")
    for path in (tmp_path / "bars").rglob("*.npy"):
        path.unlink()
    with pytest.raises(BadBars, match="not there; import them again"):
        store.load("MES", "1m")


CRASH = """
import os, signal, sys
from pathlib import Path
import numpy as np
import store.market.bars as room
from tests.integration.market.alike_bars import bars_of

renames = 0
real = Path.replace

def dies_before_rename(self, target):
    global renames
    renames += 1
    if renames == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)

Path.replace = dies_before_rename
room.BarStore(Path(sys.argv[1])).write(bars_of(40, price=500), source="second")
"""


@pytest.mark.parametrize(("rename", "price"), [(1, 100), (2, 100), (3, 100), (4, 500)])
def test_a_crash_leaves_the_old_state_or_the_new(store: BarStore, tmp_path: Path, rename: int, price: int) -> None:
    store.write(bars_of(20, price=100), source="first")
    died = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path / "bars"), str(rename)], check=False)
    assert died.returncode == (-signal.SIGKILL if price == 100 else 0)
    (row,) = store.series()
    assert store.load("MES", "1m").open_ticks[0] == price
    assert store.verify(row)
    store.write(bars_of(5, symbol="MNQ"), source="third")
    assert len(list((tmp_path / "bars").glob("*/*/*/*"))) == 4


def read_until(root: Path, stop: "multiprocessing.synchronize.Event", torn: "multiprocessing.Queue[int]") -> None:
    reader, count = BarStore(root), 0
    while not stop.is_set():
        bars = reader.load("MES", "1m")
        count += len(set(bars.open_ticks.tolist())) != 1 or len(bars) != bars.open_ticks[0]
    torn.put(count)


def test_readers_never_see_half_a_write(tmp_path: Path) -> None:
    writer = BarStore(tmp_path / "bars")
    writer.write(bars_of(100, price=100), source="first")
    context = multiprocessing.get_context("spawn")
    stop, torn = context.Event(), context.Queue()
    readers = [context.Process(target=read_until, args=(tmp_path / "bars", stop, torn)) for _ in range(2)]
    for reader in readers:
        reader.start()
    for price in range(101, 161):
        writer.write(bars_of(price, price=price), source="again")
    stop.set()
    assert [torn.get() for _ in readers] == [0, 0]
    for reader in readers:
        reader.join()


def test_racing_writers_lose_no_series(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from store.market.bars import BarStore; "
        "from tests.integration.market.alike_bars import bars_of\n"
        "for n in range(10): BarStore(Path(sys.argv[1])).write(bars_of(9, provider=f'{sys.argv[2]}{n}'), source='race')"
    )
    racers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "AB"]
    assert [racer.wait() for racer in racers] == [0, 0]
    assert len(BarStore(tmp_path).series()) == 20
    assert len(json.loads((tmp_path / "catalog.json").read_text())["series"]) == 20


def test_a_catalog_from_before_series_were_chosen_is_read(store: BarStore, tmp_path: Path) -> None:
    written = store.write(bars_of(10), source="by hand")
    path = tmp_path / "bars" / "catalog.json"
    path.write_text(json.dumps(json.loads(path.read_text())["series"]))
    assert store.series() == [written]
    store.write(bars_of(10, provider="OTHER"), source="by hand")
    assert len(store.series()) == 2
