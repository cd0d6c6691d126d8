"""The kernel against the slow book, order for order, and what must hold for every record."""

import numpy as np
import pytest

from tests.oracle.book import Rules, keep_book
from tests.oracle.rules import wanted_sides
from tests.oracle.series import random_bars, random_genome, random_sessions
from trading.backtests.engine import ExitReason, Strategy, Trades, run_backtest
from trading.market.instruments import INSTRUMENTS, instrument
from trading.strategies.archetypes import ARCHETYPES, archetype

ACCOUNT_MICROS = 100_000_000_000
RUNS = 1_150


def random_case(seed):
    rng = np.random.default_rng(seed)
    name = sorted(ARCHETYPES)[seed % len(ARCHETYPES)]
    n_bars = int(rng.integers(1, 500)) if seed % 10 == 0 else int(rng.integers(330, 500))
    bars = random_bars(rng, n_bars)
    sessions = random_sessions(rng, n_bars, longest=12 if name.startswith("gap_f") else 60)
    genome = random_genome(rng, name)
    root = instrument(str(rng.choice(sorted(INSTRUMENTS)[:12])))
    return bars, sessions, Strategy(name, genome, "CUSTOM"), (root, int(rng.integers(1, 4)))


def by_kernel(case):
    bars, sessions, strategy, (root, contracts) = case
    return run_backtest(bars, sessions, strategy, instrument=root, account_micros=ACCOUNT_MICROS, contracts=contracts)


def by_hand(case):
    bars, sessions, strategy, (root, contracts) = case
    genome = strategy.genome
    rules = Rules(
        stop=genome["stop_atr"],
        target=genome.get("target_atr", 1.0),
        trailing=genome["trailing_atr"],
        break_even=genome["break_even_atr"],
        time_stop_bars=genome["time_stop_bars"],
        session_close=bool(genome["session_close_exit"]),
        slippage_ticks=root.slippage_ticks,
        tick_micros=root.tick_value_micros * contracts,
        commission_micros=root.commission_micros * contracts,
    )
    wishes = wanted_sides(bars, sessions, archetype(strategy.archetype).family.value, genome)
    return keep_book(bars, sessions, wishes, rules, ACCOUNT_MICROS)


def rows_of(backtest):
    columns = [getattr(backtest.trades, name).tolist() for name in Trades.__slots__]
    rows = [list(row) for row in zip(*columns, strict=True)]
    for row in rows:
        row[9] = ExitReason(row[9]).name
    return [tuple(row) for row in rows]


def agreeing_runs(seeds):
    traded, reasons = 0, set()
    for seed in seeds:
        case = random_case(seed)
        fast = by_kernel(case)
        trades, equity = by_hand(case)
        assert rows_of(fast) == trades, f"seed {seed}: {case[2]}"
        assert fast.equity_micros.tolist() == equity, f"seed {seed}"
        traded += bool(trades)
        reasons |= {row[9] for row in trades}
    assert traded > len(seeds) // 2
    return reasons


def test_agrees_with_the_slow_book_on_every_archetype():
    assert agreeing_runs(range(RUNS, RUNS + 2 * len(ARCHETYPES)))


@pytest.mark.thorough
@pytest.mark.scorecard(25)
def test_agrees_with_the_slow_book_order_for_order():
    reasons = agreeing_runs(range(RUNS))
    assert reasons == {reason.name for reason in ExitReason}
