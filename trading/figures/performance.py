"""Every measure of a trading record, once: each book, page and gate reads these figures.

Belongs here: figures of trades and of a bar-marked equity curve. Does not belong here: which trades count (the store
filters by book and baseline), what a stage demands (`governance/gates.py`), statistics about figures (`backtest/`).

Conventions. Money is integer micro-dollars after commission and slippage. Unknown is None, never 0, NaN or 999.
Positions are a fixed number of contracts and never compound, so the return of a day is its P&L over the *starting*
account, not over yesterday's equity. Returns then add up to net P&L over the account, and stay defined when a losing
record takes equity to zero or below.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trading.arrays import FloatArray, IntArray
from trading.errors import BadEquityCurve
from trading.figures import kernels
from trading.money import MICROS_PER_USD

Number = TypeVar("Number", bound=np.generic)

TRADING_DAYS_PER_YEAR = 252
MINIMUM_DAYS = 20


@dataclass(frozen=True, slots=True)
class Performance:
    """The figures of one trading record; None where a figure is unknown.

    Attributes:
        net_pnl_micros: Exact sum of the trades' P&L, micro-dollars.
        trades, winners, losers: Counts; a trade of exactly zero is neither winner nor loser.
        win_pct: Winners per trade, 0-100; None without trades.
        profit_factor: Gross profit over gross loss; None without losers.
        expectancy_usd: Net P&L per trade; None without trades.
        max_drawdown_usd, max_drawdown_pct: See `max_drawdown`.
        sharpe, sortino: Annualised, of daily returns; see `sharpe_ratio` and `sortino_ratio`.
        exposure_pct: Bars with a position per bar, 0-100.
        average_trade_bars: Mean length of a trade; None without trades.
        calmar: Annualised return over the deepest fall; see `calmar_ratio`.
    """

    net_pnl_micros: int
    trades: int
    winners: int
    losers: int
    win_pct: float | None
    profit_factor: float | None
    expectancy_usd: float | None
    max_drawdown_usd: float
    max_drawdown_pct: float
    sharpe: float | None
    sortino: float | None
    exposure_pct: float
    average_trade_bars: float | None
    calmar: float | None = None


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall in dollars and the deepest fall in percent of its own peak; they may be different falls."""

    usd: float
    pct: float


def measure(
    *,
    trade_pnl_micros: IntArray,
    trade_bars: IntArray,
    equity_micros: IntArray,
    trading_day: IntArray,
    account_micros: int,
    bars_in_position: int,
) -> Performance:
    """Return every figure of one record in one pass over its bars.

    Args:
        trade_pnl_micros: Net P&L of each closed trade, micro-dollars, shape (n_trades,), any order.
        trade_bars: Length of each trade in bars, shape (n_trades,).
        equity_micros: Account equity at each bar close, micro-dollars, shape (n_bars,), oldest first, n_bars >= 1.
        trading_day: Trading date of each bar as an integer that never falls, shape (n_bars,).
        account_micros: Equity before the first bar, above zero.
        bars_in_position: Bars on which a position was held, 0 to n_bars.

    Raises:
        BadEquityCurve: empty or unequal columns, no account, a falling trading day, or an impossible exposure.
    """
    equity, day = _curve(equity_micros, trading_day, account_micros)
    pnl = _column(trade_pnl_micros, "trade_pnl_micros")
    bars = _column(trade_bars, "trade_bars")
    if len(bars) != len(pnl):
        raise BadEquityCurve(f"trade_bars needs one value per trade ({len(pnl)}), was {len(bars)}")
    if not 0 <= bars_in_position <= len(equity):
        raise BadEquityCurve(f"bars_in_position must lie between 0 and {len(equity)}, was {bars_in_position}")
    returns = _returns(_day_closes(equity, day), account_micros)
    fall, fall_fraction = kernels.deepest_falls(equity, account_micros)
    profit, loss, winners, losers = kernels.sum_trades(pnl)
    trades = len(pnl)
    return Performance(
        net_pnl_micros=profit - loss,
        trades=trades,
        winners=winners,
        losers=losers,
        win_pct=100.0 * winners / trades if trades else None,
        profit_factor=profit / loss if losers else None,
        expectancy_usd=(profit - loss) / trades / MICROS_PER_USD if trades else None,
        max_drawdown_usd=fall / MICROS_PER_USD,
        max_drawdown_pct=100.0 * fall_fraction,
        sharpe=_annualised_sharpe(returns),
        sortino=_annualised_sortino(returns),
        exposure_pct=100.0 * bars_in_position / len(equity),
        average_trade_bars=int(bars.sum()) / trades if trades else None,
        calmar=calmar_ratio(
            gain_micros=int(equity[-1]) - account_micros,
            days=len(returns),
            account_micros=account_micros,
            max_drawdown_pct=100.0 * fall_fraction,
        ),
    )


def max_drawdown(equity_micros: IntArray, *, account_micros: int) -> Drawdown:
    """Return the deepest falls of an equity curve from its running peak.

    The peak starts at the account, so a record that loses from its first bar has a drawdown. Each percentage is taken
    of the fall's **own** peak. Because fixed contracts can lose more than the account, it may exceed 100.

    Args:
        equity_micros: Account equity at each bar close, micro-dollars, shape (n_bars,), oldest first, n_bars >= 1.
        account_micros: Equity before the first bar, above zero.

    Returns:
        Dollars and percent, both >= 0; a curve that never falls gives 0.

    Raises:
        BadEquityCurve: empty, not one-dimensional, not integers, or no account.
    """
    equity = _equity(equity_micros, account_micros)
    fall, fall_fraction = kernels.deepest_falls(equity, account_micros)
    return Drawdown(usd=fall / MICROS_PER_USD, pct=100.0 * fall_fraction)


def daily_pnl(equity_micros: IntArray, trading_day: IntArray, *, account_micros: int) -> IntArray:
    """Return the P&L of each trading day: its last equity less the last equity of the day before.

    Args:
        equity_micros: Account equity at each bar close, micro-dollars, shape (n_bars,), oldest first, n_bars >= 1.
        trading_day: Trading date of each bar as an integer that never falls, shape (n_bars,).
        account_micros: Equity before the first bar, above zero.

    Returns:
        Micro-dollars, shape (n_days,), oldest first; they sum to the last equity less the account.

    Raises:
        BadEquityCurve: empty or unequal columns, no account, or a falling trading day.
    """
    equity, day = _curve(equity_micros, trading_day, account_micros)
    return np.diff(_day_closes(equity, day), prepend=np.int64(account_micros))


def daily_returns(equity_micros: IntArray, trading_day: IntArray, *, account_micros: int) -> FloatArray:
    """Return `daily_pnl` over the starting account, as fractions, shape (n_days,), oldest first.

    Raises:
        BadEquityCurve: as `daily_pnl`.
    """
    return daily_pnl(equity_micros, trading_day, account_micros=account_micros) / float(account_micros)


def sharpe_ratio(returns: FloatArray) -> float | None:
    """Return the annualised Sharpe ratio of daily returns: mean / standard deviation (ddof=1) x sqrt(252).

    Futures are held on margin, so their return is already an excess return and nothing is subtracted.
    Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1994).

    Args:
        returns: Daily returns as fractions, shape (n_days,), any order, finite.

    Returns:
        The ratio; None under 20 days or where every day is the same.

    Raises:
        BadEquityCurve: not one-dimensional or not finite.
    """
    return _annualised_sharpe(_finite(returns))


def sortino_ratio(returns: FloatArray) -> float | None:
    """Return the annualised Sortino ratio of daily returns: mean / downside deviation x sqrt(252).

    The downside deviation is the root mean square of the returns below zero, gains counting as zero, over all days.
    Source: F. Sortino and L. Price, "Performance Measurement in a Downside Risk Framework", J. of Investing 3 (1994).

    Args:
        returns: Daily returns as fractions, shape (n_days,), any order, finite.

    Returns:
        The ratio; None under 20 days or where no day lost.

    Raises:
        BadEquityCurve: not one-dimensional or not finite.
    """
    return _annualised_sortino(_finite(returns))


def calmar_ratio(*, gain_micros: int, days: int, account_micros: int, max_drawdown_pct: float) -> float | None:
    """Return the Calmar ratio: the annualised return over the deepest fall, both in percent.

    The return is the gain over the starting account, times 252 over the trading days it took: nothing compounds, as
    nowhere in this module. The fall is that of `max_drawdown`, at bar closes, of its own peak. Young looked at the last
    36 months; here it is the whole record, so that longer records, which see deeper falls, are the harder to excel in.
    Source: T. W. Young, "Calmar Ratio: A Smoother Tool", Futures 20 (1991), no. 12.

    Args:
        gain_micros: Last equity less the account, micro-dollars, of either sign.
        days: Trading days of the record.
        account_micros: Equity before the first bar, above zero.
        max_drawdown_pct: The deepest fall, at least 0; above 100 where more than the peak was lost.

    Returns:
        The ratio, below zero for a record that lost; None under 20 days or where equity never fell.
    """
    if days < MINIMUM_DAYS or max_drawdown_pct == 0.0:
        return None
    return 100.0 * gain_micros / account_micros * TRADING_DAYS_PER_YEAR / days / max_drawdown_pct


def profit_factor(trade_pnl_micros: IntArray) -> float | None:
    """Return gross profit over gross loss of trades (micro-dollars, shape (n_trades,)); None without losers.

    Raises:
        BadEquityCurve: not a one-dimensional column of integers.
    """
    profit, loss, _, losers = kernels.sum_trades(_column(trade_pnl_micros, "trade_pnl_micros"))
    return profit / loss if losers else None


def win_pct(trade_pnl_micros: IntArray) -> float | None:
    """Return winners per trade, 0-100, of trades (micro-dollars, shape (n_trades,)); None without trades.

    Raises:
        BadEquityCurve: not a one-dimensional column of integers.
    """
    pnl = _column(trade_pnl_micros, "trade_pnl_micros")
    return 100.0 * kernels.sum_trades(pnl)[2] / len(pnl) if len(pnl) else None


def expectancy(trade_pnl_micros: IntArray) -> float | None:
    """Return dollars per trade of trades (micro-dollars, shape (n_trades,)); None without trades.

    Raises:
        BadEquityCurve: not a one-dimensional column of integers.
    """
    pnl = _column(trade_pnl_micros, "trade_pnl_micros")
    return int(pnl.sum()) / len(pnl) / MICROS_PER_USD if len(pnl) else None


def _curve(equity_micros: IntArray, trading_day: IntArray, account_micros: int) -> tuple[IntArray, IntArray]:
    equity = _equity(equity_micros, account_micros)
    day = _column(trading_day, "trading_day")
    if len(day) != len(equity):
        raise BadEquityCurve(f"trading_day needs one value per bar ({len(equity)}), was {len(day)}")
    return equity, day


def _equity(equity_micros: IntArray, account_micros: int) -> IntArray:
    equity = _column(equity_micros, "equity_micros")
    if account_micros <= 0:
        raise BadEquityCurve(f"the account must be above zero, was {account_micros}")
    if len(equity) == 0:
        raise BadEquityCurve("an equity curve needs at least one bar, was empty")
    return equity


def _column(values: IntArray, name: str) -> IntArray:
    column = np.asarray(values)
    if column.ndim != 1 or not (np.issubdtype(column.dtype, np.integer) or column.size == 0):
        raise BadEquityCurve(f"{name} must be a column of integers, was {column.ndim}-dimensional {column.dtype}")
    return _frozen(np.ascontiguousarray(column, np.int64))


def _finite(returns: FloatArray) -> FloatArray:
    column = np.ascontiguousarray(returns, np.float64)
    if np.ndim(returns) != 1 or not np.isfinite(column).all():
        raise BadEquityCurve("returns must be a column of finite numbers")
    return _frozen(column)


def drawdown_pct(equity_usd: Sequence[float]) -> list[float]:
    """Return how far equity stands below its running peak at each place, percent, at most 0."""
    curve = np.asarray(equity_usd, np.float64)
    peak = np.maximum.accumulate(curve)
    falls: list[float] = (100.0 * (curve - peak) / peak).tolist()
    return falls


def _frozen(column: NDArray[Number]) -> NDArray[Number]:
    """Return a read-only view, so that the loops see one type of array whoever owns it, and compile once."""
    view = column.view()
    view.flags.writeable = False
    return view


def _day_closes(equity: IntArray, day: IntArray) -> IntArray:
    closes = np.empty(len(equity), np.int64)
    days, falling_bar = kernels.day_closes(equity, day, closes)
    if falling_bar >= 0:
        raise BadEquityCurve(f"bar {falling_bar}: the trading day must not fall")
    return closes[:days].copy()


def _returns(closes: IntArray, account_micros: int) -> FloatArray:
    return _frozen(np.diff(closes, prepend=np.int64(account_micros)) / float(account_micros))


def _annualised_sharpe(returns: FloatArray) -> float | None:
    if len(returns) < MINIMUM_DAYS:
        return None
    mean, deviation, _ = kernels.spread(returns)
    return mean / deviation * math.sqrt(TRADING_DAYS_PER_YEAR) if deviation > 0.0 else None


def _annualised_sortino(returns: FloatArray) -> float | None:
    if len(returns) < MINIMUM_DAYS:
        return None
    mean, _, downside = kernels.spread(returns)
    return mean / downside * math.sqrt(TRADING_DAYS_PER_YEAR) if downside > 0.0 else None
