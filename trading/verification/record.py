"""The prequential record: what a bot earned on days that were traded by a genome chosen without seeing them.

It begins with the test days of a walk-forward over the open days, from the genome the bot was registered with, and goes
on with whole sealed days, each traded by the newest generation that was not chosen on it. Days are only ever added, so
whoever looks at it twice sees the same past. After A. P. Dawid, "Present position and potential developments: Some
personal views: Statistical theory: The prequential approach", JRSS A 147 (1984).

Can show: what choosing by this bot's own search earned on days that no choice had seen. Cannot show: what the person
who registered the bot had seen of these days before.

Belongs here: the days of a stretch, which generation trades a day, the figures of a record. Does not belong here: which
days are sealed (`improvement/looks.py`), what a record is worth as evidence (`betting.py`), writing it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.backtests.engine import Trades
from trading.figures.declared import Figures
from trading.figures.performance import calmar_ratio, max_drawdown, sharpe_ratio, sortino_ratio
from trading.money import MICROS_PER_USD
from trading.verification.betting import log_e_values


class StretchOrigin(StrEnum):
    """How the genome of a stretch came to trade it: chosen on the train days before it, or as a generation in force."""

    WALK_FORWARD = "WALK_FORWARD"
    IN_FORCE = "IN_FORCE"


@dataclass(frozen=True, slots=True, eq=False)
class TradedDays:
    """Days that follow each other in a record and were traded by one genome.

    Attributes:
        day: Trading dates, days since 1970-01-01, shape (n_days,), rising.
        pnl_micros: Net P&L of each day by its last equity, micro-dollars, shape (n_days,).
        trades, winners, losers, bars_held: Of the trades that ended on these days.
        profit_micros, loss_micros: Sums of what winners earned and losers lost, micro-dollars, at least 0.
    """

    day: IntArray
    pnl_micros: IntArray
    trades: int
    winners: int
    losers: int
    bars_held: int
    profit_micros: int
    loss_micros: int


def traded_days(
    equity_micros: IntArray,
    bar_day: IntArray,
    trades: Trades,
    exit_day: IntArray,
    *,
    account_micros: int,
    first: int,
    last: int,
) -> TradedDays:
    """Return the days of a run from one trading date to another, both included.

    Args:
        equity_micros: Account equity at each bar close of the run, shape (n_bars,).
        bar_day: Trading date of each of these bars, shape (n_bars,), never falling.
        trades: Closed trades of the run.
        exit_day: Trading date on which each of them ended, shape (n_trades,).
        account_micros: Equity before the first bar.
        first: The first trading date to return; days the run has no bar of are left out.
        last: The last one.
    """
    ends = np.append(np.flatnonzero(np.diff(bar_day)), len(bar_day) - 1)
    day, pnl = bar_day[ends], np.diff(equity_micros[ends], prepend=np.int64(account_micros))
    kept, ended = _within(day, first, last), _within(exit_day, first, last)
    net = trades.net_micros[ended]
    return TradedDays(
        day=day[kept],
        pnl_micros=pnl[kept],
        trades=len(net),
        winners=int((net > 0).sum()),
        losers=int((net < 0).sum()),
        bars_held=int(trades.bars_held[ended].sum()),
        profit_micros=int(net[net > 0].sum()),
        loss_micros=-int(net[net < 0].sum()),
    )


def in_force(knows_until: Sequence[int | None], days: IntArray) -> IntArray:
    """Return which generation trades each day: the newest that was not chosen on it.

    Args:
        knows_until: For each generation, oldest first, the last trading date it was chosen on; None for none.
        days: Trading dates, days since 1970-01-01, shape (n_days,).

    Returns:
        The place of the generation in `knows_until`, shape (n_days,); -1 where all of them were chosen on the day.
    """
    places = np.full(len(days), -1, np.int64)
    for place, known in enumerate(knows_until):
        unseen = np.full(len(days), True) if known is None else np.greater(days, known)
        places[unseen] = place
    return places


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PrequentialRecord:
    """All stretches of a record, joined: attributes as of `TradedDays`, but that no day is named."""

    pnl_micros: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    trades: int = 0
    winners: int = 0
    losers: int = 0
    bars_held: int = 0
    profit_micros: int = 0
    loss_micros: int = 0

    def followed_by(self, stretches: Sequence[TradedDays]) -> "PrequentialRecord":
        """Return the record with days that come after its own."""
        sums = {
            name: getattr(self, name) + sum(getattr(stretch, name) for stretch in stretches)
            for name in ("trades", "winners", "losers", "bars_held", "profit_micros", "loss_micros")
        }
        days = np.concatenate([self.pnl_micros, *(stretch.pnl_micros for stretch in stretches)])
        return PrequentialRecord(pnl_micros=days, **sums)

    @property
    def log_e(self) -> float:
        """Natural logarithm of its e-value; 0 without days, -inf where all was lost."""
        return float(log_e_values(self.pnl_micros / MICROS_PER_USD)[-1]) if len(self.pnl_micros) else 0.0

    def figures(self, *, account_micros: int) -> Figures:
        """Return its figures; the account is marked at the close of each day, not of each bar as in a session.

        Args:
            account_micros: Equity before its first day, above zero.

        Raises:
            BadEquityCurve: no days, or no account.
        """
        equity = account_micros + np.cumsum(self.pnl_micros)
        fall = max_drawdown(equity, account_micros=account_micros)
        returns = self.pnl_micros / float(account_micros)
        net = self.profit_micros - self.loss_micros
        return Figures(
            net_pnl_micros=net,
            trades=self.trades,
            win_pct=100.0 * self.winners / self.trades if self.trades else None,
            profit_factor=self.profit_micros / self.loss_micros if self.losers else None,
            expectancy_usd=net / self.trades / MICROS_PER_USD if self.trades else None,
            max_drawdown_usd=fall.usd,
            max_drawdown_pct=fall.pct,
            sharpe=sharpe_ratio(returns),
            sortino=sortino_ratio(returns),
            average_trade_bars=self.bars_held / self.trades if self.trades else None,
            calmar=calmar_ratio(
                gain_micros=int(equity[-1]) - account_micros,
                days=len(returns),
                account_micros=account_micros,
                max_drawdown_pct=fall.pct,
            ),
        )


def _within(day: IntArray, first: int, last: int) -> BoolArray:
    return np.logical_and(day >= first, day <= last)
