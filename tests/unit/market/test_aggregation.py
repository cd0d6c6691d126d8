from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.errors import UnknownTimeframe
from trading.market.aggregation import aggregate, longer_timeframes
from trading.market.bars import Bars, bars_from_columns, require_valid, timeframe_ns
from trading.market.sessions import trading_days

MINUTE = 60_000_000_000
TEN = int(datetime(2024, 3, 6, 10, tzinfo=UTC).timestamp()) * 10**9


def series(rows: list[tuple[int, int, int, int, int, int, int]], timeframe: str = "1m") -> Bars:
    return bars_from_columns(np.array(rows, np.int64).T.copy(), symbol="ES", timeframe=timeframe, provider="TEST")


def test_five_minutes_by_hand() -> None:
    bars = series(
        [
            (TEN, 100, 105, 99, 101, 7, 202403),
            (TEN + MINUTE, 101, 102, 90, 95, 3, 202403),
            (TEN + 4 * MINUTE, 95, 96, 94, 96, 1, 202403),
            (TEN + 5 * MINUTE, 96, 97, 96, 97, 2, 202403),
        ]
    )
    five = aggregate(bars, "5m")
    assert five.ts_event.tolist() == [TEN, TEN + 5 * MINUTE]
    assert [five.open_ticks[0], five.high_ticks[0], five.low_ticks[0], five.close_ticks[0]] == [100, 105, 90, 96]
    assert five.volume.tolist() == [11, 2]


def test_a_roll_inside_a_bar_makes_two() -> None:
    bars = series(
        [(TEN + place * MINUTE, 100, 100, 100, 100, 1, 202403 if place < 3 else 202406) for place in range(5)]
    )
    five = aggregate(bars, "5m")
    assert five.ts_event.tolist() == [TEN, TEN + 3 * MINUTE]
    assert five.volume.tolist() == [3, 2]
    require_valid(five)


def test_a_day_runs_from_evening_to_evening() -> None:
    sunday_open = int(datetime(2024, 3, 3, 23, tzinfo=UTC).timestamp()) * 10**9
    hours = [sunday_open + place * 60 * MINUTE for place in range(23)] + [sunday_open + 24 * 60 * MINUTE]
    daily = aggregate(series([(at, 100, 100, 100, 100, 1, 0) for at in hours], "1h"), "1d")
    assert daily.ts_event.tolist() == [sunday_open, sunday_open + 24 * 60 * MINUTE]
    assert daily.volume.tolist() == [23, 1]
    assert trading_days("ES", daily.ts_event).tolist() == [
        (date(2024, 3, day) - date(1970, 1, 1)).days for day in (4, 5)
    ]


def test_only_longer_bars_can_be_made() -> None:
    assert longer_timeframes("15m") == ("1h", "1d")
    with pytest.raises(UnknownTimeframe, match="only make longer bars"):
        aggregate(series([(TEN, 1, 1, 1, 1, 1, 0)], "1h"), "5m")


@st.composite
def walks(draw: st.DrawFn) -> Bars:
    steps = draw(st.lists(st.tuples(st.integers(1, 90), st.integers(-9, 9), st.booleans()), min_size=1, max_size=120))
    rows, at, price, month = [], TEN + draw(st.integers(0, 700)) * MINUTE, 1_000, 202403
    for gap, move, rolls in steps:
        at, month = at + gap * MINUTE, month + (rolls and gap > 80)
        rows.append((at, price, max(price, price + move) + 1, min(price, price + move) - 1, price + move, gap, month))
        price += move
    return series(rows)


@given(walks(), st.sampled_from(["5m", "15m", "1h", "1d"]))
def test_agrees_with_grouping_bar_by_bar(bars: Bars, timeframe: str) -> None:
    days = trading_days(bars.symbol, bars.ts_event)
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, at in enumerate(bars.ts_event):
        slot = 0 if timeframe == "1d" else int(at) // timeframe_ns(timeframe)
        groups.setdefault((int(days[place]), slot, int(bars.contract[place])), []).append(place)
    longer = aggregate(bars, timeframe)
    require_valid(longer)
    assert len(longer) == len(groups)
    for place, members in enumerate(groups.values()):
        assert longer.open_ticks[place] == bars.open_ticks[members[0]]
        assert longer.close_ticks[place] == bars.close_ticks[members[-1]]
        assert longer.high_ticks[place] == max(bars.high_ticks[members])
        assert longer.low_ticks[place] == min(bars.low_ticks[members])
        assert longer.volume[place] == sum(bars.volume[members])
        assert longer.contract[place] == bars.contract[members[0]]
    assert trading_days(longer.symbol, longer.ts_event).tolist() == [days[members[0]] for members in groups.values()]
