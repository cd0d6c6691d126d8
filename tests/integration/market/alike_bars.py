"""Bars for the bar store that need only be told apart: minutes that are all alike, by price and provider.

A module of its own, because other processes write them too.
"""

import numpy as np

from trading.market.bars import Bars, bars_from_columns


def bars_of(count: int, *, symbol: str = "MES", provider: str = "ACME", price: int = 100) -> Bars:
    times = 1_700_000_040_000_000_000 + np.arange(count, dtype=np.int64) * 60_000_000_000
    ticks = np.full(count, price, np.int64)
    columns = np.stack([times, ticks, ticks + 2, ticks - 2, ticks + 1, ticks * 0 + 9, ticks * 0])
    return bars_from_columns(columns, symbol=symbol, timeframe="1m", provider=provider)
