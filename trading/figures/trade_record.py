"""The record of a stage book: closed trades and nothing between them.

Belongs here: turning trades into the equity and the figures of a book that has no bars of its own. Does not belong
here: the measures themselves (`performance.py`), which trades count (`baselines.py`).

Equity is realised: it moves when a trade closes. A weekday without a trade is a day without a return.
"""

from dataclasses import dataclass

import numpy as np

from trading.arrays import IntArray
from trading.figures.performance import Performance, measure
from trading.market.sessions import trading_days

_MONDAY = 4  # 1970-01-01 was a Thursday, day 0; day 4 was a Monday
_WEEKEND = 5


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """What the trades of one bot and book amount to.

    Attributes:
        performance: Its figures. Drawdown is of realised equity; `exposure_pct` says nothing, there are no bars.
        trading_day: Days since 1970-01-01, strictly increasing, shape (n_days,).
        equity_micros: Account equity at the end of each day, micro-dollars, shape (n_days,).
    """

    performance: Performance
    trading_day: IntArray
    equity_micros: IntArray


def record_of(
    symbol: str, *, exit_ns: IntArray, net_micros: IntArray, bars_held: IntArray, account_micros: int
) -> TradeRecord:
    """Measure closed trades of one book.

    Args:
        symbol: Contract root; it decides when a trading day begins.
        exit_ns: When each trade closed, UTC nanoseconds, oldest first, shape (n_trades,), n_trades >= 1.
        net_micros: Net P&L of each trade, micro-dollars, shape (n_trades,).
        bars_held: Length of each trade in bars, shape (n_trades,).
        account_micros: Equity before the first trade, above zero.

    Raises:
        BadEquityCurve: no trades, unequal columns, exits out of order, or no account.
    """
    day = trading_days(symbol, exit_ns)
    equity = account_micros + np.cumsum(net_micros)
    days, equities = _with_quiet_days(day, equity)
    performance = measure(
        trade_pnl_micros=net_micros,
        trade_bars=bars_held,
        equity_micros=equities,
        trading_day=days,
        account_micros=account_micros,
        bars_in_position=0,
    )
    ends = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    return TradeRecord(performance, days[ends], equities[ends])


def _with_quiet_days(day: IntArray, equity: IntArray) -> tuple[IntArray, IntArray]:
    if len(day) == 0:
        return day, equity
    span = np.arange(day[0], day[-1] + 1)
    weekdays = span[(span - _MONDAY) % 7 < _WEEKEND]
    quiet = np.setdiff1d(weekdays, day)
    before = np.searchsorted(day, quiet) - 1
    order = np.argsort(np.concatenate([day, quiet]), kind="stable")
    return np.concatenate([day, quiet])[order], np.concatenate([equity, equity[before]])[order]
