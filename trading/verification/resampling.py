"""Synthetic bars from real ones: whole trading days drawn in blocks and joined to another history that might have been.

Belongs here: the resampler. Does not belong here: resampled trades and days (`monte_carlo.py`), invented markets
(`market/simulator.py`). All chance comes from a seed; the same seed and bars give the same bytes.

Days are drawn in blocks of consecutive ones (circular block bootstrap, see `monte_carlo.bootstrap_blocks`) and keep
their bars' times of day, sessions and volume. Each bar keeps its ratios to the close before it, so that a move of 1 %
stays one at any price level; prices are rounded to whole ticks once, at the end, which keeps highs high and lows low.
Only multiplication and division are used, so the result is the same on every machine.

Can show: how a strategy does on markets with the same days in another order: what is left of a result when history's
one sequence of trends and crises is taken away. Cannot show: anything longer than a block, a day that was never seen,
or rolls: the synthetic history is one endless contract.
"""

import numpy as np

from trading.arrays import IntArray
from trading.errors import BadBars
from trading.market.bars import Bars, bars_from_columns
from trading.market.contracts import UNKNOWN_CONTRACT
from trading.market.sessions import SessionIndex, day_opens


def resampled_bars(bars: Bars, sessions: SessionIndex, *, block_days: int, seed: int) -> tuple[Bars, SessionIndex]:
    """Return as many trading days as the series has, drawn from it in blocks, with their session index.

    The calendar stays: the n-th new day has the date of the n-th old one and the bars of the day that was drawn.

    Args:
        bars: At least two trading days; every price above zero.
        sessions: Their session index.
        block_days: Consecutive days per block, at least 1 and at most all.
        seed: Not negative.

    Raises:
        BadBars: a price of zero or less (a ratio would mean nothing), too few days, or a block that does not fit.
    """
    starts = np.append(0, np.flatnonzero(np.diff(sessions.trading_day)) + 1)
    days = len(starts)
    if days < 2 or not 1 <= block_days <= days:
        raise BadBars(f"resampling needs two days and a block of 1 to {days} days, was {block_days}")
    if int(bars.low_ticks.min()) <= 0:
        raise BadBars(f"resampling needs prices above zero, was {int(bars.low_ticks.min())} ticks")
    drawn = _drawn_days(days, block_days=block_days, seed=seed)
    lengths = np.diff(np.append(starts, len(bars)))[drawn]
    source = _ranges(starts[drawn], lengths)
    on = sessions.trading_day[starts]
    opens = day_opens(bars.symbol, on)
    ts_event = bars.ts_event[source] + np.repeat(opens - opens[drawn], lengths)
    prices = _prices(bars, source)
    columns = np.stack([ts_event, *prices, bars.volume[source], np.full(len(source), UNKNOWN_CONTRACT)])
    made = bars_from_columns(columns, symbol=bars.symbol, timeframe=bars.timeframe, provider=bars.provider)
    kept = SessionIndex(sessions.mode, np.repeat(on, lengths), sessions.is_open[source], sessions.is_last[source])
    return made, kept


def _drawn_days(days: int, *, block_days: int, seed: int) -> IntArray:
    chance = np.random.default_rng(seed)
    starts = chance.integers(0, days, (-(-days // block_days), 1))
    drawn: IntArray = ((starts + np.arange(block_days)) % days).ravel()[:days]
    return drawn


def _ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """Return starts[0], starts[0] + 1, ... for each start and length, one after another."""
    ends = np.cumsum(lengths)
    ranges: IntArray = np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)
    return ranges


def _prices(bars: Bars, source: IntArray) -> list[IntArray]:
    """Return open, high, low and close in ticks of the chain of drawn bars, begun at the first close there is."""
    before = np.append(bars.open_ticks[:1], bars.close_ticks[:-1])
    before = np.where(np.append(False, np.diff(bars.contract) != 0), bars.open_ticks, before).astype(np.float64)
    close = bars.close_ticks[0] * np.cumprod((bars.close_ticks / before)[source])
    previous = np.append(float(bars.close_ticks[0]), close[:-1])
    inner = (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)
    ticks = [np.rint(previous * (column / before)[source]).astype(np.int64) for column in inner]
    if int(ticks[2].min()) <= 0:
        raise BadBars("resampled prices fell to zero: the ticks are too coarse for this history")
    return ticks
