"""Market regimes: which of four states a bar's close finds the market in, from past bars only.

Belongs here: the classification. Does not belong here: which archetype favours which regime
(`strategies/archetypes.py`), what is done about it.

The rule, at the close of each bar, first match wins. ATR(n) is the plain mean of the true ranges of the last n bars,
the efficiency ratio the net move over the travelled one (P. Kaufman, "Trading Systems and Methods", 1995).

    VOLATILITY_SPIKE        ATR(20) is at least 1.5 times ATR(200)
    VOLATILITY_COMPRESSION  ATR(20) is at most 0.6 times ATR(200)
    TRENDING                the efficiency ratio of the last 20 closes is at least 0.35
    RANGE_BOUND             anything else

Before 201 bars of history, and where ATR(200) is zero, the regime is unknown. All sums are of whole ticks, so the
answer is the same on every machine and a longer history changes nothing. Rolls are left out: from one contract to the
next there is no move.

Can show: under which conditions, as they could be known then, a record was earned. Cannot show: that the next regime
can be foreseen; the thresholds are conventions and were fitted to nothing.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trading.arrays import IntArray
from trading.market.bars import Bars

SHORT_BARS = 20
LONG_BARS = 200
SPIKE_RATIO = 1.5
COMPRESSION_RATIO = 0.6
TREND_EFFICIENCY = 0.35


class Regime(StrEnum):
    """A state of the market."""

    VOLATILITY_SPIKE = "VOLATILITY_SPIKE"
    VOLATILITY_COMPRESSION = "VOLATILITY_COMPRESSION"
    TRENDING = "TRENDING"
    RANGE_BOUND = "RANGE_BOUND"


REGIMES: tuple[Regime | None, ...] = (
    None,
    Regime.VOLATILITY_SPIKE,
    Regime.VOLATILITY_COMPRESSION,
    Regime.TRENDING,
    Regime.RANGE_BOUND,
)
"""What a code means; code 0 is unknown."""


def regime_codes(bars: Bars) -> NDArray[np.int8]:
    """Return the regime at each bar's close as an index into `REGIMES`, shape (n_bars,), oldest first.

    A value depends on its own bar and the 200 bars before it, on nothing later and nothing earlier.
    """
    move, true_range = _moves(bars)
    short, long = _sum_of_last(true_range, SHORT_BARS), _sum_of_last(true_range, LONG_BARS)
    ratio = np.divide(short * LONG_BARS, long * SHORT_BARS, out=np.ones(len(bars)), where=long > 0)
    net, travelled = np.abs(_sum_of_last(move, SHORT_BARS)), _sum_of_last(np.abs(move), SHORT_BARS)
    efficiency = np.divide(net, travelled, out=np.zeros(len(bars)), where=travelled > 0)
    codes = np.select(
        [ratio >= SPIKE_RATIO, ratio <= COMPRESSION_RATIO, efficiency >= TREND_EFFICIENCY], [1, 2, 3], 4
    ).astype(np.int8)
    codes[(np.arange(len(bars)) < LONG_BARS) | (long == 0)] = 0
    return codes


def _moves(bars: Bars) -> tuple[IntArray, IntArray]:
    """Return close-to-close move and true range in ticks; both ignore the step from one contract to the next."""
    before = np.append(bars.open_ticks[:1], bars.close_ticks[:-1])
    rolled = np.append(False, np.diff(bars.contract) != 0)
    before = np.where(rolled, bars.open_ticks, before)
    true_range = np.maximum(bars.high_ticks, before) - np.minimum(bars.low_ticks, before)
    return bars.close_ticks - before, true_range


def _sum_of_last(values: IntArray, bars: int) -> IntArray:
    """Return the sum of the last `bars` values up to each place; of all there are where there are fewer."""
    total = np.cumsum(values)
    total[bars:] = total[bars:] - total[:-bars]
    return total
