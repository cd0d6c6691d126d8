"""Stress: the worst stretches of a record, the days of history everybody remembers, and fills that turn against you.

Belongs here: windows of an equity curve, stressed fills, the verdict of the suite. Does not belong here: how a strategy
is run under stressed fills (passed in), limits while trading (`risk/`).

Can show: how the record behaved when it went worst, whether it lived through known crises, and whether its edge is
larger than worse fills. Cannot show: the next crisis, a market without bids, or a window that the bars do not cover;
such a window is left out, never counted as survived.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np

from trading.arrays import IntArray
from trading.days import day_number, on_day
from trading.errors import BadEquityCurve
from trading.figures.performance import Performance, daily_pnl, max_drawdown
from trading.market.instruments import Instrument
from trading.money import MICROS_PER_USD
from trading.words import fall_in_words


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """A stretch of history, both trading dates included."""

    name: str
    first_on: date
    last_on: date


TRADED_THROUGH_TICKS = 1
"""How far beyond a target price must trade where a touch does not count as a fill."""

HISTORIC_WINDOWS = (
    NamedWindow("Lehman and the credit freeze", date(2008, 9, 12), date(2008, 11, 20)),
    NamedWindow("Final low of the financial crisis", date(2009, 1, 6), date(2009, 3, 9)),
    NamedWindow("Flash crash", date(2010, 5, 5), date(2010, 5, 7)),
    NamedWindow("Downgrade of the United States", date(2011, 7, 22), date(2011, 8, 10)),
    NamedWindow("Gold breaks", date(2013, 4, 11), date(2013, 4, 16)),
    NamedWindow("Oil glut", date(2014, 11, 26), date(2015, 1, 29)),
    NamedWindow("Yuan devaluation", date(2015, 8, 18), date(2015, 8, 26)),
    NamedWindow("Brexit vote", date(2016, 6, 23), date(2016, 6, 28)),
    NamedWindow("Volatility products collapse", date(2018, 2, 1), date(2018, 2, 9)),
    NamedWindow("Sell-off at the end of 2018", date(2018, 10, 3), date(2018, 12, 26)),
    NamedWindow("Pandemic crash", date(2020, 2, 20), date(2020, 3, 23)),
    NamedWindow("Oil below zero", date(2020, 4, 16), date(2020, 4, 22)),
    NamedWindow("Bear market of 2022", date(2022, 1, 4), date(2022, 10, 13)),
    NamedWindow("Regional bank failures", date(2023, 3, 8), date(2023, 3, 20)),
    NamedWindow("Carry trade unwinds", date(2024, 7, 31), date(2024, 8, 6)),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a record did over some trading days, both ends included.

    Attributes:
        name: Of the window.
        first_on, last_on: First and last trading date with bars.
        net_usd: Change of equity over the stretch.
        net_pct: The same in percent of the account.
        max_drawdown_usd: Deepest fall inside the stretch; the peak starts at the equity before it.
    """

    name: str
    first_on: date
    last_on: date
    net_usd: float
    net_pct: float
    max_drawdown_usd: float


@dataclass(frozen=True, slots=True)
class Record:
    """A bar-marked equity curve with its trading dates.

    Attributes:
        equity_micros: Account equity at each bar close, micro-dollars, shape (n_bars,), oldest first.
        trading_day: Days since 1970-01-01, never falling, shape (n_bars,).
        account_micros: Equity before the first bar, above zero.
    """

    equity_micros: IntArray
    trading_day: IntArray
    account_micros: int


def worst_windows(record: Record, *, days: int, count: int = 3) -> tuple[Stretch, ...]:
    """Return the stretches of consecutive trading days that lost most, worst first; none overlaps another.

    A stretch that does not lose is not returned. Of equal ones the earlier goes first.

    Args:
        record: What to search.
        days: Trading days per stretch, at least 1.
        count: At most this many.

    Raises:
        BadEquityCurve: the record cannot be measured, or no day is asked for.
    """
    if days < 1:
        raise BadEquityCurve(f"a window needs at least one day, was {days}")
    pnl = daily_pnl(record.equity_micros, record.trading_day, account_micros=record.account_micros)
    dates = np.unique(record.trading_day)
    totals = np.convolve(pnl, np.ones(days, np.int64), mode="valid") if days <= len(pnl) else np.empty(0, np.int64)
    chosen: list[int] = []
    for start in np.argsort(totals, kind="stable"):
        if len(chosen) == count or totals[start] >= 0:
            break
        if all(abs(int(start) - taken) >= days for taken in chosen):
            chosen.append(int(start))
    return tuple(
        _stretch(record, f"Worst {days} days #{rank}", first=int(dates[start]), last=int(dates[start + days - 1]))
        for rank, start in enumerate(chosen, start=1)
    )


def historic_windows(record: Record, windows: Iterable[NamedWindow] = HISTORIC_WINDOWS) -> tuple[Stretch, ...]:
    """Return how the record did in each named window that its bars cover from the first to the last date.

    A window counts as covered when the record begins on or before its first date and ends on or after its last one, and
    has a bar inside.

    Raises:
        BadEquityCurve: the record cannot be measured.
    """
    if len(record.trading_day) == 0:
        raise BadEquityCurve("an equity curve needs at least one bar, was empty")
    begins, ends = int(record.trading_day[0]), int(record.trading_day[-1])
    covered = []
    for window in windows:
        first, last = day_number(window.first_on), day_number(window.last_on)
        if begins <= first and last <= ends and _bars(record, first, last)[0] < _bars(record, first, last)[1]:
            covered.append(_stretch(record, window.name, first=first, last=last))
    return tuple(covered)


def stressed(instrument: Instrument, *, slippage_times: int = 1, commission_times: Decimal | int = 1) -> Instrument:
    """Return the same contract with worse costs: slippage ticks and commission multiplied.

    A contract without slippage counts as one tick, so that doubling it is not doubling nothing.
    """
    ticks = max(1, instrument.slippage_ticks) if slippage_times > 1 else instrument.slippage_ticks
    return replace(
        instrument,
        slippage_ticks=ticks * slippage_times,
        commission_usd=instrument.commission_usd * commission_times,
    )


@dataclass(frozen=True, slots=True)
class CostStress:
    """Figures under multiplied slippage."""

    slippage_times: int
    performance: Performance


def cost_stress(
    instrument: Instrument, *, evaluate: Callable[[Instrument], Performance], slippage_times: Iterable[int] = (1, 2, 4)
) -> tuple[CostStress, ...]:
    """Run the same strategy with slippage multiplied, in the order given."""
    return tuple(CostStress(times, evaluate(stressed(instrument, slippage_times=times))) for times in slippage_times)


@dataclass(frozen=True, slots=True)
class StressLimits:
    """What a record must survive; drawdown limits are those of the risk defaults (limit 15 %, emergency 25 %)."""

    profitable_at_slippage_times: int = 2
    drawdown_at_slippage_times: int = 4
    drawdown_pct: float = 25.0
    window_loss_pct: float = 15.0


DEFAULT_LIMITS = StressLimits()


@dataclass(frozen=True, slots=True)
class StressVerdict:
    """Whether the suite was passed, and each sentence that says why not."""

    passed: bool
    failures: tuple[str, ...]


def judge(
    costs: Iterable[CostStress],
    stretches: Iterable[Stretch],
    *,
    traded_through: Performance,
    limits: StressLimits = DEFAULT_LIMITS,
) -> StressVerdict:
    """Hold stressed fills and stretches against the limits; a cost stress that was not run fails.

    The record must still earn at twice the slippage, stay within the emergency drawdown at four times, still earn where
    a touch fills no target, and lose no more than the drawdown limit in any worst or historic window.

    Args:
        costs: The strategy under multiplied slippage.
        stretches: Worst and historic windows of its record.
        traded_through: The strategy where price must trade through its targets by `TRADED_THROUGH_TICKS`.
        limits: What it must survive.
    """
    by_times = {stress.slippage_times: stress.performance for stress in costs}
    failures = (
        *_cost_failures(by_times, limits),
        *_through_failures(traded_through),
        *(
            f"{stretch.name} must not lose more than {limits.window_loss_pct:g} %, was {stretch.net_pct:.1f} %"
            for stretch in stretches
            if stretch.net_pct < -limits.window_loss_pct
        ),
    )
    return StressVerdict(not failures, failures)


def _cost_failures(by_times: dict[int, Performance], limits: StressLimits) -> Iterable[str]:
    earning, falling = limits.profitable_at_slippage_times, limits.drawdown_at_slippage_times
    for times in sorted({earning, falling} - set(by_times)):
        yield f"slippage x{times} was not run"
    if earning in by_times and by_times[earning].net_pnl_micros <= 0:
        net_usd = by_times[earning].net_pnl_micros / MICROS_PER_USD
        yield f"net P&L at slippage x{earning} must be above 0, was {net_usd:.2f}"
    if falling in by_times and by_times[falling].max_drawdown_pct > limits.drawdown_pct:
        fall = by_times[falling].max_drawdown_pct
        was = fall_in_words(fall, f"{fall:.1f} %")
        yield f"drawdown at slippage x{falling} must be at most {limits.drawdown_pct:g} %, was {was}"


def _through_failures(performance: Performance) -> Iterable[str]:
    if performance.net_pnl_micros <= 0:
        net_usd = performance.net_pnl_micros / MICROS_PER_USD
        yield f"net P&L where a touch fills no target must be above 0, was {net_usd:.2f}"


def _stretch(record: Record, name: str, *, first: int, last: int) -> Stretch:
    begin, end = _bars(record, first, last)
    before = int(record.equity_micros[begin - 1]) if begin else record.account_micros
    inside = record.equity_micros[begin:end]
    net = int(inside[-1]) - before
    lift = record.account_micros - before
    return Stretch(
        name=name,
        first_on=on_day(record.trading_day[begin]),
        last_on=on_day(record.trading_day[end - 1]),
        net_usd=net / MICROS_PER_USD,
        net_pct=100.0 * net / record.account_micros,
        max_drawdown_usd=max_drawdown(inside + lift, account_micros=record.account_micros).usd,
    )


def _bars(record: Record, first: int, last: int) -> tuple[int, int]:
    return (
        int(np.searchsorted(record.trading_day, first, side="left")),
        int(np.searchsorted(record.trading_day, last, side="right")),
    )
