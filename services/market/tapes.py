"""The supply of bars: the one way to them for whatever runs over a bot's history.

Belongs here: which bars serve a symbol, laid out for the engine once per process. Does not belong here: what runs over
them (`backtests/workbench.py`).

Backtests, searches and verifications are handed a supply and never the bar store, so what may be read is decided here.
A supply of open days is the fence between a bot's searches and its sealed days: it holds no bar of them, so no way of
asking leads to one.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from store.market.bars import BarSeries, BarStore
from trading.days import on_day
from trading.errors import NoMarketData
from trading.market.bars import Bars, bars_from_columns, columns_of
from trading.market.marks import data_source
from trading.market.sessions import SessionIndex, session_index
from trading.strategies.tape import Tape, tape_of

TAPES_AT_HAND = 16


@dataclass(frozen=True, slots=True, eq=False)
class TapeAtHand:
    """Bars as they are run over; one object per series and process, known by itself.

    Attributes:
        series: Where they come from.
        bars: The bars.
        sessions: Where each of them stands in the sessions of the mode they were asked for in.
        tape: Built from both.
        session_mode: The mode they were asked for in.
        data_source: What a session over them names as its source.
    """

    series: BarSeries
    bars: Bars
    sessions: SessionIndex
    tape: Tape
    session_mode: str
    data_source: str


@dataclass(frozen=True, slots=True)
class BarSupply:
    """Hands out the bars of one symbol in one session mode, on any timeframe.

    Attributes:
        sealed_from: The first trading date, days since 1970-01-01, of which it has no bar; None for all bars there are.
    """

    store: BarStore
    symbol: str
    session_mode: str
    sealed_from: int | None = None

    def before(self, sealed_from: int) -> "BarSupply":
        """Return the supply of open days: the same bars, and none from a trading date on."""
        return replace(self, sealed_from=sealed_from)

    def read(self, timeframe: str) -> TapeAtHand:
        """Return the best bars of a timeframe, ready to run.

        Raises:
            NoMarketData: there are none, real or simulated.
            BadBars: the stored bars are damaged.
        """
        whole = self._whole(timeframe)
        return whole if self.sealed_from is None else _open_days(whole, self.sealed_from)

    def _whole(self, timeframe: str) -> TapeAtHand:
        series = self.store.best(self.symbol, timeframe)
        if series is None:
            raise NoMarketData(f"no {timeframe} bars for {self.symbol}: import some or run the market simulator")
        return _at_hand(self.store, series, self.session_mode)


@lru_cache(maxsize=TAPES_AT_HAND)
def _at_hand(store: BarStore, series: BarSeries, session_mode: str) -> TapeAtHand:
    bars = store.load(series.symbol, series.timeframe, provider=series.provider)
    sessions = session_index(bars, mode=session_mode)
    return TapeAtHand(series, bars, sessions, tape_of(bars, sessions), session_mode, _source(series, bars))


def _source(series: BarSeries, bars: Bars) -> str:
    return data_source(bars, of_marks=series.of_marks)


@lru_cache(maxsize=TAPES_AT_HAND)
def _open_days(whole: TapeAtHand, sealed_from: int) -> TapeAtHand:
    end = int(np.searchsorted(whole.tape.trading_day, sealed_from))
    if end == 0:
        named = f"{whole.series.timeframe} bars of {whole.series.symbol}"
        raise NoMarketData(f"there are no {named} before {on_day(sealed_from)}, from which on its days are sealed")
    kept = np.ascontiguousarray(columns_of(whole.bars)[:, :end])
    series = whole.series
    bars = bars_from_columns(kept, symbol=series.symbol, timeframe=series.timeframe, provider=series.provider)
    sessions = session_index(bars, mode=whole.session_mode)
    return TapeAtHand(series, bars, sessions, tape_of(bars, sessions), whole.session_mode, whole.data_source)
