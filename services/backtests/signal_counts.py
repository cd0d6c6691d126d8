"""How often a style would signal on the bars of a series: asked before a bot is registered.

Belongs here: one read-only answer that needs bars and no database. Does not belong here: whether a text is a rule
(`trading.strategies.rules`), fills and figures (a backtest's).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.market.tapes import BarSupply
from store.market.bars import BarSeries, BarStore
from trading.market.bars import timeframe_ns
from trading.market.instruments import instrument
from trading.market.sessions import session_mode
from trading.strategies.genome import Style, default_genome
from trading.strategies.memory import History
from trading.strategies.styles import entry_signals


@dataclass(frozen=True, slots=True)
class SignalCount:
    """What a style wants on a series, with the numbers it begins with.

    Attributes:
        series: The bars.
        history: How many of them its warm-up leaves.
        buys, sells: Bars at whose close it would buy and sell; a position that is open passes signals by.
        notes: What was switched off and why.
    """

    series: BarSeries
    history: History
    buys: int
    sells: int
    notes: Sequence[str]


def signal_count(
    store: BarStore, style: Style, *, symbol: str, timeframe: str, mode: str, tolerance: float
) -> SignalCount:
    """Count the signals of a style on the best bars of a symbol and timeframe.

    Raises:
        UnknownInstrument, UnknownTimeframe, UnknownSessionMode: no such thing.
        NoMarketData: there are no such bars.
        BadBars: the stored bars are damaged.
    """
    timeframe_ns(timeframe)
    at_hand = BarSupply(store, instrument(symbol).symbol, session_mode(mode)).read(timeframe)
    wishes = entry_signals(at_hand.tape, style, default_genome(style), tolerance=tolerance)
    return SignalCount(
        series=at_hand.series,
        history=History(len(at_hand.tape), wishes.warm_up_bars),
        buys=int((wishes.side > 0).sum()),
        sells=int((wishes.side < 0).sum()),
        notes=wishes.notes,
    )
