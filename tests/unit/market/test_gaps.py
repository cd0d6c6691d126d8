from datetime import UTC, datetime

import numpy as np
import pytest

from trading.market.bars import Bars, bars_from_columns
from trading.market.gaps import Gaps, gaps_of
from trading.market.simulator import simulate


@pytest.fixture(scope="module")
def weeks() -> Bars:
    from datetime import date

    return simulate("ES", seed=1, start_on=date(2023, 11, 13), end_on=date(2023, 12, 1))


def without(bars: Bars, *places: int) -> Bars:
    columns = np.stack([bars.ts_event, *[bars.open_ticks] * 4, bars.volume, bars.contract])
    kept = np.delete(columns, places, axis=1)
    return bars_from_columns(kept, symbol=bars.symbol, timeframe="1m", provider="TEST")


def test_nights_weekends_and_half_days_are_no_gaps(weeks: Bars) -> None:
    assert gaps_of(weeks) == Gaps(0, 0, 0, 0)


def test_counts_holes_and_finds_the_largest(weeks: Bars) -> None:
    assert gaps_of(without(weeks, 100, 500, 501, 502)) == Gaps(2, 4, 3, int(weeks.ts_event[499]))


def test_a_hole_over_night_counts_only_trading_minutes(weeks: Bars) -> None:
    last_of_day = int(np.flatnonzero(np.diff(weeks.ts_event) > 60_000_000_000)[0])
    assert gaps_of(without(weeks, last_of_day - 1, last_of_day, last_of_day + 1)).missing_bars == 3


def test_a_missing_session_is_a_missing_daily_bar() -> None:
    days = [int(datetime(2024, 3, day, tzinfo=UTC).timestamp()) * 10**9 for day in (4, 5, 8, 11)]
    columns = np.array([days, *[[100] * 4] * 4, [1] * 4, [0] * 4], np.int64)
    bars = bars_from_columns(columns, symbol="ES", timeframe="1d", provider="TEST")
    assert gaps_of(bars) == Gaps(1, 2, 2, days[1])
