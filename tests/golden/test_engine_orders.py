"""Order lists on real bars, frozen. A change of any trade is a change of numbers: bump `ENGINE_VERSION`, log it in the
changelog, and write the file anew with `python -m tests.golden.orders <data folder>`.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.golden.orders import GOLDEN, orders_on
from tests.oracle.both_ways import by_hand, by_kernel, came_out
from tests.oracle.real import SOURCES, real_bars
from tests.oracle.series import made_sessions, random_genome
from trading.backtests.engine import ENGINE_VERSION, Account, Strategy, margined, order_list_hash, run_tape
from trading.market.instruments import instrument
from trading.market.sessions import session_index
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import default_genome
from trading.strategies.tape import tape_of

COLUMNS = ("ts_event", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume", "contract")


@pytest.mark.needs_data
@pytest.mark.scorecard(26)
@pytest.mark.parametrize("symbol", sorted(SOURCES))
def test_order_lists_on_real_bars_are_the_frozen_ones(shared_data: Path, symbol: str) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert golden["engine_version"] == ENGINE_VERSION
    orders = orders_on(shared_data, symbol)
    assert sum(int(row["trades"]) for row in orders.values()) > 100
    assert orders == golden["orders"][symbol]


@pytest.mark.needs_data
@pytest.mark.scorecard(26)
def test_one_tick_in_one_bar_changes_the_hash(shared_data: Path) -> None:
    bars = real_bars(shared_data, "NQ")
    strategy = Strategy("trend", default_genome("trend"))
    account = Account(instrument("NQ"), 100_000_000_000)
    sessions = session_index(bars, mode="FULL_24x5")
    before = run_tape(tape_of(bars, sessions), strategy, account=account)
    entry = int(before.trades.entry_bar[3])
    bars.open_ticks[entry] += 1
    bars.high_ticks[entry] += 1
    after = run_tape(tape_of(bars, sessions), strategy, account=account)
    assert order_list_hash(before) != order_list_hash(after)


@pytest.mark.needs_data
@pytest.mark.scorecard(25)
@pytest.mark.parametrize("symbol", sorted(SOURCES))
def test_agrees_with_the_slow_book_on_windows_of_real_bars(shared_data: Path, symbol: str) -> None:
    bars = real_bars(shared_data, symbol)
    index = session_index(bars, mode="ETH")
    rng = np.random.default_rng(sorted(SOURCES).index(symbol))
    traded = 0
    for turn in range(69):
        name = sorted(ARCHETYPES)[turn % len(ARCHETYPES)]
        start = int(rng.integers(0, len(bars) - 600))
        window = slice(start, start + 600)
        part = replace(bars, **{column: getattr(bars, column)[window] for column in COLUMNS}, fingerprint="")
        sessions = made_sessions(index.trading_day[window], index.is_open[window], index.is_last[window])
        account = margined(instrument(symbol), 100_000_000_000)
        case = (part, sessions, Strategy(name, random_genome(rng, name)), account)
        slow = by_hand(case)
        assert came_out(by_kernel(case)) == slow, f"{symbol} {name} from bar {start}"
        traded += len(slow[0])
    assert traded > 100
