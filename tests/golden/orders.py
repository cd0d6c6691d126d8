"""The frozen order lists: where they stand, and what the engine says now. To write them anew:

python -m tests.golden.orders <data folder>
"""

import json
import sys
from pathlib import Path

from tests.oracle.real import SOURCES, real_bars
from trading.backtests.engine import ENGINE_VERSION, Output, Strategy, margined, order_list_hash, run_tape
from trading.market.instruments import instrument
from trading.market.sessions import session_index
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import default_genome
from trading.strategies.tape import tape_of

GOLDEN = Path(__file__).with_name("engine_orders.json")


def orders_on(shared_data: Path, symbol: str) -> dict[str, dict[str, int | str]]:
    """Return trades, net and hash of every archetype's default genome on one symbol's series."""
    bars = real_bars(shared_data, symbol)
    tape = tape_of(bars, session_index(bars, mode="FULL_24x5"))
    account, output = margined(instrument(symbol), 100_000_000_000), Output.for_bars(len(bars))
    orders: dict[str, dict[str, int | str]] = {}
    for name in sorted(ARCHETYPES):
        strategy = Strategy(name, default_genome(name))
        backtest = run_tape(tape, strategy, account=account, output=output)
        orders[name] = {
            "trades": len(backtest.trades),
            "net_micros": backtest.performance.net_pnl_micros,
            "orders": order_list_hash(backtest),
        }
    return orders


if __name__ == "__main__":
    orders = {symbol: orders_on(Path(sys.argv[1]), symbol) for symbol in sorted(SOURCES)}
    GOLDEN.write_text(json.dumps({"engine_version": ENGINE_VERSION, "orders": orders}, indent=1) + "\n")
