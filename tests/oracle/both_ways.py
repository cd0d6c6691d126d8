"""One case run both ways, by the kernel and by hand, and both told alike.

A case is bars, sessions, a strategy, and an instrument with a number of contracts.
"""

from tests.oracle.book import Kept, Rules, TradeRow, keep_book
from tests.oracle.rules import wanted_sides
from trading.backtests.engine import Backtest, ExitReason, Strategy, Trades, run_backtest
from trading.market.bars import Bars
from trading.market.instruments import Instrument
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import archetype

Case = tuple[Bars, SessionIndex, Strategy, tuple[Instrument, int]]

ACCOUNT_MICROS = 100_000_000_000


def by_kernel(case: Case) -> Backtest:
    bars, sessions, strategy, (root, contracts) = case
    return run_backtest(bars, sessions, strategy, instrument=root, account_micros=ACCOUNT_MICROS, contracts=contracts)


def by_hand(case: Case) -> Kept:
    bars, sessions, strategy, (root, contracts) = case
    assert isinstance(strategy.style, str)
    genome = strategy.genome
    rules = Rules(
        stop=genome["stop_atr"],
        target=genome.get("target_atr", 1.0),
        trailing=genome["trailing_atr"],
        break_even=genome["break_even_atr"],
        time_stop_bars=int(genome["time_stop_bars"]),
        session_close=bool(genome["session_close_exit"]),
        slippage_ticks=root.slippage_ticks,
        tick_micros=root.tick_value_micros * contracts,
        commission_micros=root.commission_micros * contracts,
    )
    wishes = wanted_sides(bars, sessions, archetype(strategy.style).family.value, genome)
    return keep_book(bars, sessions, wishes, rules, ACCOUNT_MICROS)


def rows_of(backtest: Backtest) -> list[TradeRow]:
    columns = [getattr(backtest.trades, name).tolist() for name in Trades.__slots__]
    columns[9] = [ExitReason(reason).name for reason in columns[9]]
    return list(zip(*columns, strict=True))
