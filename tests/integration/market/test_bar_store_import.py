import csv
import errno
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from services.market.bars import import_bars, simulate_market
from store.market.bars import BarStore
from trading.errors import BadBars, Unavailable, UnknownInstrument, UnknownTimeframe
from trading.market.bars import TIMEFRAME_SECONDS
from trading.market.instruments import INSTRUMENTS

HEADER = "ts_event,symbol,open,high,low,close,volume\n"
OPEN_AT = datetime(2024, 3, 5, 15, tzinfo=UTC)
MINUTES = [(15, minute) for minute in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "store")


def lines(symbol: str, price: float, volume: int, *, days: int = 1, first_day: int = 0) -> Iterator[str]:
    for day in range(first_day, first_day + days):
        for minute in range(30):
            at = OPEN_AT + timedelta(days=day, minutes=minute)
            yield f"{at.isoformat()},{symbol},{price},{price + 1},{price - 1},{price},{volume}\n"


def write(tmp_path: Path, *parts: str, name: str = "acme.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEADER + "".join(parts))
    return path


def test_an_import_brings_every_timeframe_of_the_root_and_its_micro(store: BarStore, tmp_path: Path) -> None:
    report = import_bars(store, write(tmp_path, *lines("NQ", 18_000, 5)), provider=None)
    keys = {(row.symbol, row.timeframe, row.provider, row.derived_from) for row in store.series()}
    derived = {frame: "" if frame == "1m" else "1m" for frame in TIMEFRAME_SECONDS}
    assert keys == {(symbol, frame, "acme", origin) for symbol in ("NQ", "MNQ") for frame, origin in derived.items()}
    assert report.rows == 30
    assert set(report.series) == set(store.series())
    assert store.load("MNQ", "1m").fingerprint == store.load("NQ", "1m").fingerprint
    micro = store.best("MNQ", "1h")
    assert micro is not None
    assert micro.notes == ("MNQ: 1h bars aggregated from 1m", "MNQ: bars of NQ, which has the same tick")
    assert micro.source.endswith("acme.csv")


def test_prices_arrive_in_ticks(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *lines("NQ", 18_000.25, 5)))
    bars = store.load("NQ", "1m")
    assert (bars.open_ticks[0], bars.high_ticks[0], bars.low_ticks[0]) == (72_001, 72_005, 71_997)


def test_contracts_become_their_front_month(store: BarStore, tmp_path: Path) -> None:
    near = [*lines("ES.202403", 5_000, 90), *lines("ES.202403", 5_000, 10, days=2, first_day=1)]
    far = [*lines("ES.202406", 5_050, 10), *lines("ES.202406", 5_050, 95, days=2, first_day=1)]
    report = import_bars(store, write(tmp_path, *near, *far))
    bars = store.load("ES", "1m")
    assert bars.contract.tolist() == [202403] * 60 + [202406] * 30
    assert bars.open_ticks[[0, -1]].tolist() == [20_000, 20_200]
    assert "ES: front month of 2 contracts by the volume of the day before" in report.notes


def test_one_digit_years_over_more_than_ten_years_keep_every_day(store: BarStore, tmp_path: Path) -> None:
    quarters = [datetime(year, month, 1, tzinfo=UTC) for year in range(2010, 2025) for month in (3, 6, 9, 12)]
    rows = [
        (first - timedelta(days=30 * back), f"ES{'HMUZ'[first.month // 3 - 1]}{first.year % 10}", first)
        for first in quarters
        for back in (3, 2, 1)
    ]
    text = [
        f"{at:%Y-%m-%d}T12:00:00Z,{name},{of.year},{of.year},{of.year},{of.year},9\n" for at, name, of in sorted(rows)
    ]
    import_bars(store, write(tmp_path, *text), timeframe="1d")
    bars = store.load("ES", "1d")
    assert len(bars) == len({at for at, _, _ in rows})
    assert sorted(set(bars.contract.tolist())) == [first.year * 100 + first.month for first in quarters]
    assert (bars.close_ticks == bars.contract // 100 * 4).all()


def test_a_day_without_the_front_month_is_told_and_moves_nothing(store: BarStore, tmp_path: Path) -> None:
    near = [*lines("ES.202406", 5_000, 90, days=1), *lines("ES.202406", 5_000, 90, days=2, first_day=2)]
    report = import_bars(store, write(tmp_path, *near, *lines("ES.202409", 5_050, 5, days=4)))
    bars = store.load("ES", "1m")
    assert bars.contract.tolist() == [202406] * 90
    assert "ES: 1 trading day without bars of the front month left out, the first 2024-03-06" in report.notes


def test_a_providers_own_longer_bars_are_kept(store: BarStore, tmp_path: Path) -> None:
    hours = [f"{(OPEN_AT + timedelta(hours=n)).isoformat()},ES,4000,4001,3999,4000,1\n" for n in range(4)]
    import_bars(store, write(tmp_path, *hours, name="hours.csv"), provider="ACME")
    import_bars(store, write(tmp_path, *lines("ES", 5_000, 1)), provider="ACME")
    assert store.load("ES", "1h").open_ticks[0] == 16_000
    assert store.load("ES", "15m").open_ticks[0] == 20_000
    assert store.load("ES", "1d").open_ticks[0] == 20_000


def test_a_files_own_micro_bars_are_kept(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *lines("ES", 5_000, 1), *lines("MES", 4_000, 1)))
    assert store.load("MES", "1m").open_ticks[0] == 16_000


def hourly(symbol: str, price: int) -> list[str]:
    opened = [(OPEN_AT + timedelta(hours=hour)).isoformat() for hour in range(4)]
    return [f"{at},{symbol},{price},{price + 1},{price - 1},{price},1\n" for at in opened]


def borrowed(store: BarStore, symbol: str) -> dict[str, str]:
    return {row.timeframe: row.borrowed_from for row in store.series() if row.symbol == symbol}


def test_a_micro_keeps_its_own_bars_when_its_root_comes_in_later(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *hourly("MES", 4_000)), provider="acme")
    own = {row.timeframe: row.fingerprint for row in store.series()}
    report = import_bars(store, write(tmp_path, *lines("ES", 5_000, 1)), provider="acme")
    kept = {row.timeframe: row.fingerprint for row in store.series() if row.symbol == "MES"}
    assert own.items() <= kept.items()
    assert borrowed(store, "MES") == {"1m": "ES", "5m": "ES", "15m": "ES", "1h": "", "1d": ""}
    assert "MES: keeps the acme bars of its own; ES lends none of 1h, 1d" in report.notes


def test_bars_of_the_micro_itself_replace_borrowed_ones(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *lines("ES", 5_000, 1)), provider="acme")
    assert set(borrowed(store, "MES").values()) == {"ES"}
    assert set(borrowed(store, "ES").values()) == {""}
    import_bars(store, write(tmp_path, *hourly("MES", 4_000)), provider="acme")
    assert borrowed(store, "MES") == {"1m": "ES", "5m": "ES", "15m": "ES", "1h": "", "1d": ""}
    assert [store.load("MES", frame).open_ticks[0] for frame in ("15m", "1h", "1d")] == [20_000, 16_000, 16_000]


def test_another_providers_root_is_lent_beside_the_micros_own_bars(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *hourly("MES", 4_000)), provider="acme")
    import_bars(store, write(tmp_path, *hourly("ES", 5_000)), provider="other")
    assert {row.provider: row.borrowed_from for row in store.series() if row.symbol == "MES"} == {
        "acme": "",
        "other": "ES",
    }


def test_a_catalog_without_a_word_for_it_tells_borrowed_bars_by_their_notes(store: BarStore, tmp_path: Path) -> None:
    import_bars(store, write(tmp_path, *hourly("ES", 5_000)), provider="acme")
    catalog = tmp_path / "store" / "catalog.json"
    rows = json.loads(catalog.read_text())["series"]
    catalog.write_text(json.dumps([{name: row[name] for name in row if name != "borrowed_from"} for row in rows]))
    assert borrowed(store, "MES") == {"1h": "ES", "1d": "ES"}
    assert borrowed(store, "ES") == {"1h": "", "1d": ""}


def test_only_the_named_roots_are_imported(store: BarStore, tmp_path: Path) -> None:
    path = write(tmp_path, *lines("AAPL", 190, 5), *lines("GC", 2_000, 5))
    with pytest.raises(BadBars, match=r"30 bad rows, .*\nrows 1, 2, 3 and 27 more: symbol must name a known contract"):
        import_bars(store, path)
    import_bars(store, path, symbols=["GC"])
    assert {row.symbol for row in store.series()} == {"GC", "MGC"}
    with pytest.raises(BadBars, match="has no bars of CL; found AAPL, GC"):
        import_bars(store, path, symbols=["CL"])


def test_every_unknown_symbol_is_told_with_its_rows(store: BarStore, tmp_path: Path) -> None:
    rows = [*lines("AAPL", 190, 5), *lines("GC", 2_000, 5), *lines("MESS", 5_000, 5)]
    with pytest.raises(BadBars) as refused:
        import_bars(store, write(tmp_path, *rows))
    head, *faults = str(refused.value).splitlines()
    assert head.endswith("60 bad rows, nothing imported")
    assert [line.split(": ")[0] for line in faults] == ["rows 1, 2, 3 and 27 more", "rows 61, 62, 63 and 27 more"]
    assert [("was 'AAPL'" in line, "was 'MESS'" in line) for line in faults] == [(True, False), (False, True)]
    several = [next(iter(lines(f"QQ{number}", 190, 5))) for number in range(13)]
    with pytest.raises(BadBars) as refused:
        import_bars(store, write(tmp_path, *several))
    assert (
        str(refused.value)
        .splitlines()[-1]
        .startswith("rows 11, 12, 13: symbol must name a known contract root; 3 more")
    )
    assert store.series() == []


def test_prices_on_another_grid_are_moved_and_counted(store: BarStore, tmp_path: Path) -> None:
    report = import_bars(store, write(tmp_path, *lines("ES", 5_000.1, 5)))
    assert "ES: 30 of 30 rows moved to the nearest tick 0.25" in report.notes
    report = import_bars(store, write(tmp_path, *lines("ES", 5_000.1, 5, days=40)))
    assert "ES: 1,200 of 1,200 rows moved to the nearest tick 0.25" in report.notes
    assert "ES: 360 of 1,200 bars lie outside every session" in report.notes
    at = [(OPEN_AT + timedelta(minutes=minute)).isoformat() for minute in range(9)]
    finer_than_a_tick = write(tmp_path, *[f"{when},ES,5000.07,5000.08,5000.06,5000.07,5\n" for when in at])
    with pytest.raises(BadBars, match=r"row 1: .* is it another symbol or scale"):
        import_bars(store, finer_than_a_tick)


def test_gaps_are_told_not_refused(store: BarStore, tmp_path: Path) -> None:
    rows = list(lines("ES", 5_000, 5))
    report = import_bars(store, write(tmp_path, *rows[:10], *rows[14:]))
    assert report.gaps["ES"].largest_bars == 4
    note = "ES: 4 bars missing in 1 place of its sessions, the most (4) after 2024-03-05 15:09 UTC"
    assert report.notes.count(note) == 1
    assert all(note in row.notes for row in store.series())


def test_prices_below_zero_are_right_for_crude_and_wrong_for_stocks(store: BarStore, tmp_path: Path) -> None:
    below = [line.replace("2024-03-05", "2020-04-20") for line in lines("CL", -37.5, 5)]
    import_bars(store, write(tmp_path, *below))
    assert store.load("MCL", "1m").low_ticks[0] == -3_850
    with pytest.raises(BadBars, match="rows 1, 2, 3 and 27 more: price must be above zero"):
        import_bars(store, write(tmp_path, *lines("ES", -37.5, 5)))


@pytest.mark.parametrize("offset", ["+14:00", "+1400", "+14", "-12:00", "+05:45", "-03:30", "+00:00", "-14:00"])
def test_offsets_that_clocks_keep_are_read(store: BarStore, tmp_path: Path, offset: str) -> None:
    hours, minutes = int(offset[:3]), int(offset[3:].strip(":") or "0") * (-1 if offset[0] == "-" else 1)
    rows = [f"2024-03-05T{hour:02}:{minute:02}:00{offset},ES,5000,5001,4999,5000,1\n" for hour, minute in MINUTES]
    import_bars(store, write(tmp_path, *rows))
    opened = datetime(2024, 3, 5, 15, tzinfo=UTC) - timedelta(hours=hours, minutes=minutes)
    assert store.load("ES", "1m").ts_event[0] == int(opened.timestamp()) * 1_000_000_000


@pytest.mark.parametrize("offset", ["+99:00", "+15:00", "-14:30", "+14:01", "-15:00", "+05:60", "+1430", "-99"])
def test_an_offset_that_no_clock_keeps_is_refused_with_its_row(store: BarStore, tmp_path: Path, offset: str) -> None:
    rows = [f"2024-03-05T{hour:02}:{minute:02}:00+00:00,ES,5000,5001,4999,5000,1\n" for hour, minute in MINUTES]
    rows[1] = rows[1].replace("+00:00", offset)
    with pytest.raises(BadBars, match=r"row 2: the offset of ts_event must lie between -14:00 and \+14:00, was 2024"):
        import_bars(store, write(tmp_path, *rows))
    assert store.series() == []


def test_a_parquet_file_in_a_zone_that_no_clock_keeps_is_refused(store: BarStore, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened = pa.array([0, 60_000_000_000], pa.timestamp("ns", "+99:00"))
    prices = {name: pa.array([5_000.0, 5_000.0]) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"ts_event": opened, "symbol": ["ES", "ES"], **prices}), tmp_path / "far.parquet")
    with pytest.raises(BadBars, match=r"row 1: the offset of ts_event must lie between .*, was \+99:00"):
        import_bars(store, tmp_path / "far.parquet")


def test_progress_is_told_to_its_end(store: BarStore, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    import_bars(store, write(tmp_path, *lines("ES", 5_000, 5)), progress=lambda *step: steps.append(step))
    assert [step for step, done, of in steps if done == of] == ["read", "check", "aggregate", "store"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("header.csv", HEADER.encode(), "holds no bars"),
        ("bars.xlsx", b"PK", "ends in .parquet, .pq or .csv"),
        ("text.parquet", b"ts_event,symbol\n", "not a readable Parquet file"),
        ("other.csv", b"time,price\n1,2\n", "columns missing: ts_event, symbol"),
        ("semicolons.csv", HEADER.replace(",", ";").encode() + b"\n", "mend: columns are separated by commas"),
        (
            "capitals.csv",
            b"Date,Symbol,Open,High,Low,Close,Volume\n",
            "mend: name the columns exactly so, in small letters",
        ),
        ("latin.csv", HEADER.encode() + b"\xff\xfe\n", "not a readable CSV file"),
        ("zeros.csv", bytes(4_096), "columns missing|not a readable|no line break"),
        ("one.csv", (HEADER + next(lines("ES", 5_000, 5))).encode(), "one bar per symbol does not tell the timeframe"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(
    store: BarStore, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadBars, match=reason) as refused:
        import_bars(store, path)
    assert str(path) in str(refused.value)
    assert store.series() == []


def test_a_missing_file_and_a_directory_are_refused(store: BarStore, tmp_path: Path) -> None:
    with pytest.raises(BadBars, match="no such file"):
        import_bars(store, tmp_path / "nothing.csv")
    with pytest.raises(BadBars, match="is a directory"):
        import_bars(store, tmp_path)


@pytest.mark.parametrize("provider", ["SIMULATED", "simulated", "../up", ""])
def test_no_file_may_pass_as_simulated_or_leave_the_store(store: BarStore, tmp_path: Path, provider: str) -> None:
    with pytest.raises(BadBars, match="provider"):
        import_bars(store, write(tmp_path, *lines("ES", 5_000, 5)), provider=provider)


def test_an_unknown_timeframe_is_refused(store: BarStore, tmp_path: Path) -> None:
    with pytest.raises(UnknownTimeframe, match="was '2m'"):
        import_bars(store, write(tmp_path, *lines("ES", 5_000, 5)), timeframe="2m")


def test_a_full_disk_during_an_import_loses_nothing(
    store: BarStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_bars(store, write(tmp_path, *lines("ES", 5_000, 5)))
    before, real, saves = store.series(), np.save, 0

    def full_at_the_third(*args: object, **named: object) -> None:
        nonlocal saves
        saves += 1
        if saves == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "save", full_at_the_third)
    with pytest.raises(Unavailable, match="No space left"):
        import_bars(store, write(tmp_path, *lines("ES", 6_000, 5)))
    assert store.series() == before
    assert all(store.verify(row) for row in before)


def test_the_simulator_fills_every_timeframe_and_is_labelled(store: BarStore) -> None:
    rows = simulate_market(store, ["MES", "MCL"], seed=3, start_on=date(2024, 3, 4), years=0.02)
    assert {(row.symbol, row.timeframe) for row in rows} == {(s, t) for s in ("MES", "MCL") for t in TIMEFRAME_SECONDS}
    assert all(row.is_simulated and row.source == "market simulator, seed 3" for row in store.series())
    assert store.load("MES", "1d").volume.sum() == store.load("MES", "1m").volume.sum()
    with pytest.raises(UnknownInstrument):
        simulate_market(store, ["AAPL"], seed=3, start_on=date(2024, 3, 4))


@pytest.mark.needs_data
def test_imports_the_fifteen_hourly_futures(store: BarStore, shared_data: Path) -> None:
    import pyarrow.parquet as pq

    path = shared_data / "bars_1h" / "cme_1h_ohlc_from_15m_2018-2019.parquet"
    report = import_bars(store, path)
    own = [row for row in report.series if row.timeframe == "1h" and "bars of" not in " ".join(row.notes)]
    assert (report.rows, report.timeframe, len(own), sum(row.bars for row in own)) == (79_317, "1h", 15, 79_317)
    nq = pq.read_table(path, filters=[("symbol", "=", "NQ")])
    bars = store.load("MNQ", "1h")
    assert np.array_equal(bars.close_ticks * 0.25, nq.column("close").to_numpy())
    assert np.array_equal(bars.contract, nq.column("contract").to_numpy() // 100)
    assert not bars.has_volume
    assert "VX: 2,992 of 3,675 rows moved to the nearest tick 0.05" in report.notes


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("file", "symbol", "timeframe"),
    [
        ("bars_1d/cme_ES_GC_1d_by_contract.parquet", "GC", "1d"),
        ("bars_1d/eurex_FESX_1d_2006.parquet", "FESX", "1d"),
        ("bars_1h/cme_ES_1h.parquet", "MES", "1h"),
        ("bars_1h/comex_GC_1h.parquet", "MGC", "1h"),
        ("bars_1h/cme_YM_EMD_RTY_1h_from_marks_2008-2021.parquet", "M2K", "1h"),
        ("bars_1h/oanda_EURUSD_1h.parquet", "EURUSD", "1h"),
        ("bars_1m/cme_6EH4_1m_2024-01.parquet", "6E", "1m"),
        ("bars_1m/cme_ES_1m_trades.parquet", "ES", "1m"),
        ("bars_1m/comex_GC_1m_trades.parquet", "GC", "1m"),
        ("bars_1m/eurex_FESX_1m_2006-01_02.parquet", "FESX", "1m"),
        ("bars_1m/eurex_FESX_2024_1m_trades.parquet", "FESX", "1m"),
    ],
)
def test_imports_every_futures_file(store: BarStore, shared_data: Path, file: str, symbol: str, timeframe: str) -> None:
    report = import_bars(store, shared_data / file)
    assert report.timeframe == timeframe
    assert len(store.load(symbol, timeframe)) > 5
    assert store.best(symbol, "1d") is not None


@pytest.mark.needs_data
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("bars_1d/cboe_VIX_1d_1990-2026.parquet", "was 'VIX'"),
        ("bars_1h/us_equity_1h_1998-2021.parquet", "was 'AAPL'"),
        ("bars_1h/crypto_XRPUSDT_perp_1h.parquet", "was 'XRP/USDT:USDT'"),
        ("futures_hourly/cme_roll_calendars.parquet", "columns missing: open"),
        ("raw_dbn/GLBX.MDP3.test_data.ohlcv-1m.dbn.zst", "ends in .parquet"),
    ],
)
def test_refuses_files_of_other_markets(store: BarStore, shared_data: Path, file: str, reason: str) -> None:
    with pytest.raises(BadBars, match=reason):
        import_bars(store, shared_data / file)


@pytest.mark.needs_data
def test_instruments_agree_with_the_reference(shared_data: Path) -> None:
    with gzip.open(shared_data / "reference" / "symbol-properties-database.csv.gz", "rt") as file:
        rows = [row for row in csv.reader(file) if len(row) > 6]
    exchanges = {"cme", "cbot", "nymex", "comex", "cfe", "eurex"}
    source = {row[1]: (Decimal(row[6]), Decimal(row[5])) for row in rows if row[0] in exchanges and row[2] == "future"}
    spot = {row[1]: Decimal(row[6]) for row in rows if row[0] == "oanda"}
    for symbol, row in INSTRUMENTS.items():
        if row.exchange == "SPOT":
            assert row.tick_size * 2 == spot[symbol], symbol
        else:
            assert (row.tick_size, row.usd_per_point) == source[symbol], symbol
