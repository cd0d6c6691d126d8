"""What closed trades amount to when there are no bars between them."""

from datetime import UTC, date, datetime, timedelta
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.errors import BadEquityCurve
from trading.figures.trade_record import record_of

EPOCH = date(1970, 1, 1)
ACCOUNT = 50_000_000_000

trades = st.lists(
    st.tuples(st.integers(0, 60 * 24 * 60), st.integers(-900_000_000, 900_000_000), st.integers(0, 50)), min_size=1
)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


@settings(deadline=None)
@given(trades)
def test_equals_a_recount_day_by_day(rows: list[tuple[int, int, int]]) -> None:
    rows = sorted(rows)
    start = datetime(2026, 2, 20, tzinfo=UTC)  # spans the change to daylight-saving time on 8 March
    exits = [start + timedelta(minutes=minute) for minute, _, _ in rows]
    record = record_of(
        "MES",
        exit_ns=np.array([ns(exit_at) for exit_at in exits]),
        net_micros=np.array([net for _, net, _ in rows]),
        bars_held=np.array([bars for _, _, bars in rows]),
        account_micros=ACCOUNT,
    )
    net_of: dict[date, int] = {}
    for moment, (_, net, _) in zip(exits, rows, strict=True):
        net_of[trading_date(moment)] = net_of.get(trading_date(moment), 0) + net
    first, last = min(net_of), max(net_of)
    span = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    days = [day for day in span if day.weekday() < 5 or day in net_of]
    assert [EPOCH + timedelta(days=int(day)) for day in record.trading_day] == days
    equity = np.cumsum([net_of.get(day, 0) for day in days]) + ACCOUNT
    assert record.equity_micros.tolist() == equity.tolist()
    assert record.performance.net_pnl_micros == sum(net for _, net, _ in rows)
    returns = [net_of.get(day, 0) / ACCOUNT for day in days]
    if len(days) >= 20 and stdev(returns) > 0:
        assert record.performance.sharpe == pytest.approx(fmean(returns) / stdev(returns) * 252**0.5)
    else:
        assert record.performance.sharpe is None


def test_an_evening_trade_belongs_to_the_next_trading_day_before_and_after_the_clocks_change() -> None:
    winter, summer = datetime(2026, 3, 5, 23, 30, tzinfo=UTC), datetime(2026, 3, 9, 22, 30, tzinfo=UTC)
    record = record_of(
        "MES",
        exit_ns=np.array([ns(winter), ns(summer)]),
        net_micros=np.array([1, 1]),
        bars_held=np.array([1, 1]),
        account_micros=ACCOUNT,
    )
    days = [(EPOCH + timedelta(days=int(day))).isoformat() for day in record.trading_day]
    assert days == ["2026-03-06", "2026-03-09", "2026-03-10"]


def test_refuses_a_record_without_trades() -> None:
    none = np.empty(0, np.int64)
    with pytest.raises(BadEquityCurve):
        record_of("MES", exit_ns=none, net_micros=none, bars_held=none, account_micros=ACCOUNT)


def trading_date(moment: datetime) -> date:
    """18:00 in New York begins the next day; by hand, without a time zone library: EST until 8 March 2026, then EDT."""
    changes = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    offset = timedelta(hours=4 if moment >= changes else 5)
    return (moment - offset + timedelta(hours=6)).date()
