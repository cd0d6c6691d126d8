"""The supply of bars: the one way to them for whatever runs over a bot's history.

Belongs here: which bars serve a symbol, laid out for the engine once per process. Does not belong here: what runs over
them (`backtests/workbench.py`).

Backtests, searches and verifications are handed a supply and never the bar store, so what may be read is decided here.
"""

from dataclasses import dataclass
from functools import lru_cache

from store.market.bars import BarSeries, BarStore
from trading.errors import NoMarketData
from trading.market.bars import Bars
from trading.market.marks import data_source
from trading.market.sessions import SessionIndex, session_index
from trading.strategies.tape import Tape, tape_of

TAPES_AT_HAND = 16


@dataclass(frozen=True, slots=True)
class TapeAtHand:
    """Bars as they are run over.

    Attributes:
        series: Where they come from.
        bars: The bars.
        sessions: Where each of them stands in the sessions of the mode they were asked for in.
        tape: Built from both.
        data_source: What a session over them names as its source.
    """

    series: BarSeries
    bars: Bars
    sessions: SessionIndex
    tape: Tape
    data_source: str


@dataclass(frozen=True, slots=True)
class BarSupply:
    """Hands out the bars of one symbol in one session mode, on any timeframe."""

    store: BarStore
    symbol: str
    session_mode: str

    def read(self, timeframe: str) -> TapeAtHand:
        """Return the best bars of a timeframe, ready to run.

        Raises:
            NoMarketData: there are none, real or simulated.
            BadBars: the stored bars are damaged.
        """
        series = self.store.best(self.symbol, timeframe)
        if series is None:
            raise NoMarketData(f"no {timeframe} bars for {self.symbol}: import some or run the market simulator")
        return _at_hand(self.store, series, self.session_mode)


@lru_cache(maxsize=TAPES_AT_HAND)
def _at_hand(store: BarStore, series: BarSeries, session_mode: str) -> TapeAtHand:
    bars = store.load(series.symbol, series.timeframe, provider=series.provider)
    sessions = session_index(bars, mode=session_mode)
    return TapeAtHand(series, bars, sessions, tape_of(bars, sessions), data_source(bars))
