"""What a planted edge was worth: the record of an oracle that knows it.

Belongs here: measuring what was planted. Does not belong here: planting (`market/simulator.py`).
"""

import numpy as np

from trading.figures.performance import sharpe_ratio
from trading.market.simulator import SimulatedMarket


def oracle_sharpe(market: SimulatedMarket) -> float | None:
    """Return the annualised Sharpe ratio, before costs, of one who knows the planted edge of a made-up market.

    It holds one contract the way the edge pushes, from the open of each minute it pushes to its close, and nothing
    otherwise; gains are daily, in ticks.

    Returns:
        The ratio; None under 20 days, or where nothing is planted.
    """
    begins = np.append(0, np.flatnonzero(np.diff(market.trading_day)) + 1)
    gained = market.side * (market.bars.close_ticks - market.bars.open_ticks)
    return sharpe_ratio(np.add.reduceat(gained, begins).astype(np.float64))
