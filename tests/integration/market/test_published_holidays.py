"""The calendars beside two witnesses of their own: a published table of closes, and the last bars of shortened days."""

import gzip
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from trading.market.sessions import session_spans, trading_days

pytestmark = pytest.mark.needs_data

EPOCH = date(1970, 1, 1)
NEW_YORK = ZoneInfo("America/New_York")
QUARTER_NS = 900_000_000_000

TABLE_HAS_NO_CLOSE_ON = {date(2023, 7, 3), date(2024, 7, 3), date(2024, 11, 29), date(2017, 11, 24)}
TABLE_COPIES_ANOTHER_GROUP_ON = {date(2011, 5, 30), date(2012, 10, 29), date(2012, 10, 30), date(2018, 12, 5)}
TABLE_CALLS_CLOSED_ON = {date(2025, 1, 9), date(2024, 1, 2)}
UNSURE = TABLE_HAS_NO_CLOSE_ON | TABLE_COPIES_ANOTHER_GROUP_ON | TABLE_CALLS_CLOSED_ON


def date_of(american: str) -> date:
    month, day, year = map(int, american.split("/"))
    return date(year, month, day)


def closes(symbol: str, first: date, last: date) -> dict[date, datetime]:
    spans = session_spans(symbol, mode="ETH", first_day=(first - EPOCH).days, last_day=(last - EPOCH).days)
    at = [datetime.fromtimestamp(int(ns) // 10**9, NEW_YORK) for ns in spans.close_ns]
    return {EPOCH + timedelta(days=int(day)): close for day, close in zip(spans.trading_day, at, strict=True)}


@pytest.mark.parametrize(
    ("key", "symbol"),
    [
        ("Future-cme-ES", "ES"),
        ("Future-nymex-CL", "CL"),
        ("Future-nymex-NG", "NG"),
        ("Future-comex-MGC", "MGC"),
        ("Future-cme-6E", "6E"),
        ("Future-cme-6J", "6J"),
        ("Future-cbot-ZN", "ZN"),
        ("Future-cbot-ZB", "ZB"),
    ],
)
def test_every_early_close_of_the_published_table_is_ours(shared_data: Path, key: str, symbol: str) -> None:
    with gzip.open(shared_data / "reference" / "market-hours-database.json.gz", "rt") as file:
        entry = json.load(file)["entries"][key]
    zone = ZoneInfo(entry["exchangeTimeZone"])
    table = {date_of(day): at for day, at in entry["earlyCloses"].items()}
    table = {day: at for day, at in table.items() if day not in UNSURE and (day.month, day.day) != (12, 25)}
    ours = closes(symbol, date(2009, 1, 1), date(2027, 12, 31))
    published = {day: datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=zone) for day, at in table.items()}
    assert len(published) > 150
    assert {day: (at, ours.get(day)) for day, at in published.items() if ours.get(day) != at} == {}


def test_bars_of_2018_and_2019_end_in_the_last_quarter_of_shortened_days(shared_data: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(shared_data / "futures_hourly" / "cme_15m_close_2018-2019.parquet")
    symbols = table.column("symbol").to_numpy(zero_copy_only=False)
    instants = table.column("ts_event").to_numpy().astype("datetime64[ns]").astype(np.int64)
    seen = 0
    for symbol in sorted(set(symbols)):
        ts = np.sort(instants[symbols == symbol])
        days = trading_days(symbol, ts)
        spans = session_spans(symbol, mode="ETH", first_day=int(days[0]), last_day=int(days[-1]))
        for day, opened, close in zip(spans.trading_day, spans.open_ns, spans.close_ns, strict=True):
            if (days == day).any() and close - opened < 23 * 4 * QUARTER_NS:
                assert close - QUARTER_NS <= ts[days == day][-1] < close, (symbol, EPOCH + timedelta(days=int(day)))
                seen += 1
    assert seen == 114
