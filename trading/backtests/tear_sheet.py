"""The tables of a tear sheet, from a session's stored days and trades.

Belongs here: months, costs, splits. Does not belong here: reading rows (`services/backtests/tear_sheets.py`), the
headline figures (they stand in the session's row).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

NO_MONEY = Decimal(0)


class Trade(Protocol):
    """One stored round trip, as `trade_logs` has it."""

    @property
    def gross_pnl_usd(self) -> Decimal:
        """P&L before costs."""

    @property
    def commission_usd(self) -> Decimal:
        """Commission of both sides."""

    @property
    def slippage_usd(self) -> Decimal:
        """Slippage of both sides."""

    @property
    def net_pnl_usd(self) -> Decimal:
        """P&L after costs."""

    @property
    def bars_held(self) -> int:
        """Bars it was open."""


@dataclass(frozen=True, slots=True)
class Year:
    """P&L of the months of one year in dollars, January first; None where the session has no day in a month."""

    year: int
    months_usd: tuple[Decimal | None, ...]

    @property
    def total_usd(self) -> Decimal:
        """P&L of the whole year."""
        return sum((month for month in self.months_usd if month is not None), NO_MONEY)


@dataclass(frozen=True, slots=True)
class Split:
    """The trades that share something."""

    name: str
    trades: int
    net_usd: Decimal
    winners: int
    bars_held: int

    @property
    def win_pct(self) -> float:
        """Winners per trade, 0-100."""
        return 100.0 * self.winners / self.trades

    @property
    def expectancy_usd(self) -> Decimal:
        """Net P&L per trade."""
        return self.net_usd / self.trades

    @property
    def average_bars(self) -> float:
        """Mean length of a trade."""
        return self.bars_held / self.trades


@dataclass(frozen=True, slots=True)
class Costs:
    """Where gross became net, dollars."""

    gross_usd: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal
    net_usd: Decimal

    @property
    def share_of_gross_pct(self) -> float | None:
        """Costs in percent of the gross P&L; None where there was no gross profit to share."""
        if self.gross_usd <= 0:
            return None
        return float(100 * (self.commission_usd + self.slippage_usd) / self.gross_usd)


def months(on: Sequence[date], equity_usd: Sequence[Decimal], *, account_usd: Decimal) -> tuple[Year, ...]:
    """Return P&L by month, oldest year first; all months sum to the last equity less the account.

    Args:
        on: Trading dates, ascending.
        equity_usd: Account equity at each date's close.
        account_usd: Equity before the first date.
    """
    by_month: dict[tuple[int, int], Decimal] = {}
    before = account_usd
    for day, equity in zip(on, equity_usd, strict=True):
        key = (day.year, day.month)
        by_month[key] = by_month.get(key, NO_MONEY) + equity - before
        before = equity
    years = sorted({year for year, _ in by_month})
    return tuple(Year(year, tuple(by_month.get((year, month)) for month in range(1, 13))) for year in years)


def costs(trades: Iterable[Trade]) -> Costs:
    """Return the sums of gross, commission, slippage and net."""
    closed = list(trades)
    return Costs(
        sum((trade.gross_pnl_usd for trade in closed), NO_MONEY),
        sum((trade.commission_usd for trade in closed), NO_MONEY),
        sum((trade.slippage_usd for trade in closed), NO_MONEY),
        sum((trade.net_pnl_usd for trade in closed), NO_MONEY),
    )


def split(trades: Sequence[Trade], names: Sequence[Hashable]) -> tuple[Split, ...]:
    """Return the trades by name, the name with most trades first, equals by name.

    Args:
        trades: Any trades.
        names: What each belongs to.
    """
    groups: dict[str, list[Trade]] = {}
    for trade, name in zip(trades, names, strict=True):
        groups.setdefault(str(name), []).append(trade)
    splits = [_split(name, group) for name, group in groups.items()]
    return tuple(sorted(splits, key=lambda each: (-each.trades, each.name)))


def _split(name: str, trades: Sequence[Trade]) -> Split:
    return Split(
        name=name,
        trades=len(trades),
        net_usd=sum((trade.net_pnl_usd for trade in trades), NO_MONEY),
        winners=sum(trade.net_pnl_usd > 0 for trade in trades),
        bars_held=sum(trade.bars_held for trade in trades),
    )
