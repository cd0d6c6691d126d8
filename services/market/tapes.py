"""Tapes at hand: the bars a bot trades on, laid out for the engine once per process.

Belongs here: which bars serve a bot, and a small memory of the last tapes. Does not belong here: what runs over them.
"""

from dataclasses import dataclass
from functools import lru_cache

from services.desk import Desk
from store.market.bars import BarSeries, BarStore
from trading.errors import NoMarketData
from trading.market.bars import Bars
from trading.market.marks import data_source
from trading.market.sessions import session_index
from trading.strategies.tape import Tape, tape_of

TAPES_AT_HAND = 16


@dataclass(frozen=True, slots=True)
class TapeAtHand:
    """Bars with their provenance, the tape built from them, and what a session over them names as its source."""

    series: BarSeries
    bars: Bars
    tape: Tape
    data_source: str


def tape_for(desk: Desk, *, symbol: str, timeframe: str, session_mode: str) -> TapeAtHand:
    """Return the best bars of a symbol and timeframe, ready to run.

    Raises:
        NoMarketData: there are none, real or simulated.
        BadBars: the stored bars are damaged.
    """
    return stored_tape(desk.bars, symbol=symbol, timeframe=timeframe, session_mode=session_mode)


def stored_tape(store: BarStore, *, symbol: str, timeframe: str, session_mode: str) -> TapeAtHand:
    """Return the same from a store alone, for what needs no database.

    Raises:
        NoMarketData, BadBars: as `tape_for`.
    """
    series = store.best(symbol, timeframe)
    if series is None:
        raise NoMarketData(f"no {timeframe} bars for {symbol}: import some or run the market simulator")
    return _tape(store, series, session_mode)


@lru_cache(maxsize=TAPES_AT_HAND)
def _tape(store: BarStore, series: BarSeries, session_mode: str) -> TapeAtHand:
    bars = store.load(series.symbol, series.timeframe, provider=series.provider)
    return TapeAtHand(series, bars, tape_of(bars, session_index(bars, mode=session_mode)), data_source(bars))
