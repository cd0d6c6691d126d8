"""One case run both ways, by the kernel and by hand, and both told alike.

A case is bars, sessions, a strategy and an account.
"""

from tests.oracle.book import Kept, Rules, TradeRow, keep_book
from tests.oracle.rules import wanted_sides
from trading.backtests.engine import Account, Backtest, ExitReason, Strategy, Trades, run_tape
from trading.market.bars import Bars
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import archetype
from trading.strategies.tape import tape_of

Case = tuple[Bars, SessionIndex, Strategy, Account]


def by_kernel(case: Case) -> Backtest:
    bars, sessions, strategy, account = case
    return run_tape(tape_of(bars, sessions), strategy, account=account)


def by_hand(case: Case) -> Kept:
    bars, sessions, strategy, account = case
    root, contracts = account.instrument, account.contracts
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
        margin_micros=account.contract_margin_micros * contracts,
        contract_margin_micros=account.contract_margin_micros,
        through_ticks=account.through_ticks,
    )
    wishes = wanted_sides(bars, sessions, archetype(strategy.style).family.value, genome)
    return keep_book(bars, sessions, wishes, rules, account.account_micros)


def came_out(fast: Backtest) -> Kept:
    """Return of a backtest what is kept of a book."""
    return rows_of(fast), fast.equity_micros.tolist(), fast.refused_entries, fast.bust_bar


def rows_of(backtest: Backtest) -> list[TradeRow]:
    columns = [getattr(backtest.trades, name).tolist() for name in Trades.__slots__]
    columns[9] = [ExitReason(reason).name for reason in columns[9]]
    return list(zip(*columns, strict=True))
