from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from trading.arrays import IntArray
from trading.market.bars import Bars, bars_from_columns, timeframe_ns
from trading.market.contracts import unnamed_rolls_note
from trading.market.outside import outside_note
from trading.market.sessions import session_index, session_spans

EPOCH = date(1970, 1, 1)
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


def bars_at(ts: IntArray, *, symbol: str = "ES", timeframe: str = "1h", contract: int = 0) -> Bars:
    columns = np.array([ts, *[np.full(len(ts), 100)] * 4, np.ones(len(ts)), np.full(len(ts), contract)], np.int64)
    return bars_from_columns(columns, symbol=symbol, timeframe=timeframe, provider="TEST")


def session_stamps(symbol: str, timeframe: str, first: str, last: str) -> IntArray:
    """The stamps of every bar that has some time of a session in it, at its open, in UTC."""
    days = [(date.fromisoformat(day) - EPOCH).days for day in (first, last)]
    spans = session_spans(symbol, mode="ETH", first_day=days[0], last_day=days[1])
    step = timeframe_ns(timeframe)
    stamps = []
    for opens, pause, resumes, closes in zip(
        spans.open_ns, spans.pause_open_ns, spans.pause_close_ns, spans.close_ns, strict=True
    ):
        stamps += [np.arange(opens // step * step, pause, step), np.arange(resumes // step * step, closes, step)]
    return np.unique(np.concatenate(stamps))


def written_in(place: str) -> Callable[[IntArray], IntArray]:
    zone = ZoneInfo(place)

    def local(ts: IntArray) -> IntArray:
        offsets = [datetime.fromtimestamp(int(at) // 10**9, UTC).astimezone(zone).utcoffset() for at in ts]
        shifts = [int(each / timedelta(seconds=1)) * 10**9 for each in offsets if each is not None]
        shifted: IntArray = ts + np.array(shifts)
        return shifted

    return local


@pytest.mark.parametrize("timeframe", ["1m", "15m", "1h"])
@pytest.mark.parametrize("symbol", ["ES", "CL", "6E", "ZC", "FESX"])
def test_bars_stamped_at_the_open_are_all_inside(symbol: str, timeframe: str) -> None:
    ts = session_stamps(symbol, timeframe, "2024-03-04", "2024-03-15")
    assert outside_note(bars_at(ts, symbol=symbol, timeframe=timeframe)) is None


@pytest.mark.parametrize(
    ("symbol", "moved", "looks"),
    [
        ("ES", lambda ts: ts + HOUR_NS, "stamped at the close"),
        ("CL", lambda ts: ts + HOUR_NS, "stamped at the close"),
        ("ES", written_in("America/New_York"), "local time (New York) written as UTC"),
        ("6E", written_in("America/New_York"), "local time (New York) written as UTC"),
        ("NQ", written_in("America/Chicago"), "local time (Chicago) written as UTC"),
        ("ES", written_in("Europe/Berlin"), "local time (Berlin) written as UTC"),
        ("GC", written_in("Europe/Berlin"), "local time (Berlin) written as UTC"),
        ("ES", written_in("Asia/Tokyo"), "local time (Tokyo) written as UTC"),
        ("6J", written_in("Asia/Tokyo"), "local time (Tokyo) written as UTC"),
        ("CL", written_in("Asia/Hong_Kong"), "local time (Hong Kong) written as UTC"),
        ("ES", written_in("Australia/Sydney"), "local time (Sydney) written as UTC"),
        ("FESX", written_in("Europe/Berlin"), "local time (Berlin) written as UTC"),
    ],
)
def test_every_bar_outside_is_counted_and_the_mistake_named(
    symbol: str, moved: Callable[[IntArray], IntArray], looks: str
) -> None:
    bars = bars_at(moved(session_stamps(symbol, "1h", "2024-06-03", "2024-06-28")), symbol=symbol)
    count = int((~session_index(bars, mode="ETH").is_open).sum())
    expected = f"{symbol}: {count} of {len(bars)} bars lie outside every session, as if {looks}"
    assert count > 0
    assert outside_note(bars) == expected


def test_no_place_is_named_where_the_time_of_several_fits() -> None:
    open_for_an_hour = midnights("2024-06-03", "2024-06-29", hours=13)[:, None] + np.arange(4) * 15 * 60 * 10**9
    bars = bars_at(written_in("Asia/Hong_Kong")(open_for_an_hour.ravel()), timeframe="15m")
    assert outside_note(bars) == "ES: 80 of 80 bars lie outside every session, as if local time written as UTC"


def midnights(first: str, last: str, *, hours: int = 0) -> IntArray:
    days = np.arange(first, last, dtype="datetime64[D]")
    return days[np.is_busday(days)].astype("datetime64[ns]").astype(np.int64) + hours * HOUR_NS


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        (midnights("2024-03-04", "2024-03-23"), None),
        (midnights("2024-03-04", "2024-03-23", hours=6), None),
        (
            midnights("2024-03-04", "2024-03-23", hours=-9),
            "3 of 15 bars lie outside every session, as if dated by another midnight",
        ),
        (
            midnights("2024-03-04", "2024-03-23", hours=24),
            "3 of 15 bars lie outside every session, as if stamped at the close",
        ),
        (
            np.sort(
                np.append(midnights("2024-03-04", "2024-03-23"), midnights("2024-03-04", "2024-03-23")[::5] - DAY_NS)
            ),
            "3 of 18 bars lie outside every session, as if Sunday evening were a day of its own",
        ),
        (
            np.append(midnights("2024-12-23", "2024-12-27"), []).astype(np.int64),
            "1 of 4 bars lie outside every session",
        ),
    ],
    ids=["utc", "chicago", "tokyo", "at the close", "sundays", "christmas"],
)
def test_daily_bars_of_another_midnight_are_counted_and_told(ts: IntArray, expected: str | None) -> None:
    assert outside_note(bars_at(ts, timeframe="1d")) == (expected and f"ES: {expected}")


def test_a_stray_print_is_counted_and_called_no_mistake_of_the_clock() -> None:
    ts = session_stamps("ES", "1m", "2024-03-04", "2024-03-08")
    late = int(datetime(2024, 3, 6, 22, 0, tzinfo=UTC).timestamp()) * 10**9
    assert outside_note(bars_at(np.sort(np.append(ts, late)), timeframe="1m")) == (
        "ES: 1 of 6,901 bars lie outside every session"
    )


def test_a_series_without_months_says_that_its_rolls_are_not_marked() -> None:
    ts = midnights("2024-03-04", "2024-03-23")
    expected = (
        "ES: a series without contract months: its rolls are not marked, and the gaps between contracts count as "
        "profit and loss"
    )
    assert unnamed_rolls_note(bars_at(ts, timeframe="1d")) == expected
    assert unnamed_rolls_note(bars_at(ts, timeframe="1d", contract=202406)) is None
    assert unnamed_rolls_note(bars_at(ts, timeframe="1d", symbol="EURUSD")) is None
    assert unnamed_rolls_note(bars_at(ts[:1], timeframe="1d")) is None
