"""What holds for every record: money is conserved, bytes repeat, the future changes nothing."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.oracle.series import random_bars, random_genome, random_sessions
from trading.arrays import BoolArray, FloatArray, IntArray
from trading.backtests.engine import Account, Backtest, Strategy, Trades, order_list_hash, run_backtest, run_tape
from trading.errors import BadInput
from trading.market.bars import Bars
from trading.market.instruments import INSTRUMENTS, Instrument, instrument
from trading.strategies.archetypes import ARCHETYPES, ONE_PER_FAMILY
from trading.strategies.signals import signals
from trading.strategies.tape import tape_of
from trading.verification.lookahead import leaks

NAMES = sorted(ARCHETYPES)
ACCOUNT_MICROS = 100_000_000_000


def session_of(seed: int, *, n_bars: int = 420) -> tuple[Bars, Instrument, int, Backtest]:
    """Return the backtest of a seeded random strategy on a seeded random market."""
    rng = np.random.default_rng([seed, 17])
    name = NAMES[seed % len(NAMES)]
    bars, sessions = random_bars(rng, n_bars), random_sessions(rng, n_bars)
    root = instrument(str(rng.choice(sorted(INSTRUMENTS)[:12])))
    contracts = int(rng.integers(1, 5))
    strategy = Strategy(name, random_genome(rng, name))
    backtest = run_backtest(
        bars, sessions, strategy, instrument=root, account_micros=ACCOUNT_MICROS, contracts=contracts
    )
    return bars, root, contracts, backtest


@pytest.mark.scorecard(24)
def test_cash_and_position_are_conserved_over_a_thousand_strategies() -> None:
    traded = 0
    for seed in range(1_000):
        bars, root, contracts, backtest = session_of(seed)
        trades = backtest.trades
        cost_free = trades.side * (trades.exit_ticks - trades.entry_ticks) * root.tick_value_micros * contracts
        assert np.array_equal(trades.net_micros, cost_free - trades.commission_micros)
        assert np.array_equal(
            trades.net_micros, trades.gross_micros - trades.commission_micros - trades.slippage_micros
        )
        assert (trades.commission_micros == 2 * contracts * root.commission_micros).all()
        assert backtest.equity_micros[-1] == ACCOUNT_MICROS + trades.net_micros.sum()
        assert backtest.performance.net_pnl_micros == trades.net_micros.sum()
        assert (trades.exit_bar >= trades.entry_bar).all()
        assert (trades.entry_bar[1:] >= trades.exit_bar[:-1]).all()
        assert np.array_equal(bars.contract[trades.entry_bar], bars.contract[trades.exit_bar])
        assert backtest.bars_in_position == trades.bars_held.sum()
        assert np.array_equal(backtest.equity_micros, _marked(bars, root, contracts, trades))
        traded += len(trades)
    assert traded > 5_000


def _marked(bars: Bars, root: Instrument, contracts: int, trades: Trades) -> IntArray:
    """Rebuild the equity curve from fills alone: cash in, cash out, and inventory at each close."""
    fee, tick = root.commission_micros * contracts, root.tick_value_micros * contracts
    cash, inventory = np.zeros(len(bars), np.int64), np.zeros(len(bars), np.int64)
    for bar, price, side in (
        (trades.entry_bar, trades.entry_ticks, trades.side),
        (trades.exit_bar, trades.exit_ticks, -trades.side),
    ):
        np.add.at(cash, bar, -side * price * tick - fee)
        np.add.at(inventory, bar, side)
    held = np.cumsum(inventory)
    assert set(np.unique(held)) <= {-1, 0, 1}
    return ACCOUNT_MICROS + np.cumsum(cash) + held * bars.close_ticks * tick


def digest_of_sessions(seeds: Iterable[int]) -> str:
    digest = hashlib.sha256()
    for seed in sorted(seeds):
        digest.update(order_list_hash(session_of(seed)[3]).encode())
    return digest.hexdigest()


@pytest.mark.thorough
@pytest.mark.scorecard(20)
def test_fifty_sessions_repeat_byte_for_byte_across_processes_orders_and_threads() -> None:
    seeds = list(range(50))
    here = [order_list_hash(session_of(seed)[3]) for seed in seeds]
    backwards = [order_list_hash(session_of(seed)[3]) for seed in reversed(seeds)][::-1]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda seed: order_list_hash(session_of(seed)[3]), seeds))
    assert here == backwards == threaded
    assert len(set(here)) > 25
    program = f"from {__name__} import digest_of_sessions; print(digest_of_sessions(range(50)))"
    for environment in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "NUMBA_NUM_THREADS": "1"}):
        command = [sys.executable, "-c", program]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment(environment))
        assert answer.stdout.strip() == digest_of_sessions(seeds)


def _environment(changes: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **changes, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}


@pytest.mark.scorecard(21)
@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_no_future_bar_moves_a_signal_or_the_equity_so_far(name: str) -> None:
    rng = np.random.default_rng(NAMES.index(name))
    bars, sessions = random_bars(rng, 500), random_sessions(rng, 500, longest=12)
    strategy = Strategy(name, random_genome(rng, name))
    account = Account(instrument("MES"), ACCOUNT_MICROS)

    def decide(series: Bars) -> FloatArray:
        tape = tape_of(series, sessions)
        wishes = signals(tape, name, strategy.genome)
        backtest = run_tape(tape, strategy, account=account)
        return np.column_stack((wishes.side, wishes.stop_unit_ticks, backtest.equity_micros))

    assert leaks(bars, decide, cuts=40) == ()


def peeks_at_the_next_close(bars: Bars) -> IntArray:
    return np.append(np.sign(np.diff(bars.close_ticks)), 0)


def normalises_with_the_whole_history(bars: Bars) -> BoolArray:
    close = bars.close_ticks.astype(np.float64)
    loud: BoolArray = close > close.mean() + close.std()
    return loud


def adjusts_the_past_for_later_rolls(bars: Bars) -> IntArray:
    gaps = np.zeros(len(bars), np.int64)
    rolls = np.flatnonzero(np.diff(bars.contract)) + 1
    gaps[rolls] = bars.open_ticks[rolls] - bars.close_ticks[rolls - 1]
    adjusted: IntArray = bars.close_ticks + gaps.sum() - np.cumsum(gaps)
    return adjusted // 10


@pytest.mark.scorecard(21)
@pytest.mark.parametrize(
    "cheat", [peeks_at_the_next_close, normalises_with_the_whole_history, adjusts_the_past_for_later_rolls]
)
def test_catches_planted_cheats(cheat: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)
    bars = replace(random_bars(rng, 300), contract=np.arange(300) // 60)
    leaked = leaks(bars, cheat)
    assert leaked
    assert all(leak.bar <= leak.cut_bar for leak in leaked)


def test_the_detector_wants_one_decision_per_bar() -> None:
    bars = random_bars(np.random.default_rng(1), 50)
    with pytest.raises(BadInput, match="one decision per bar"):
        leaks(bars, lambda series: series.close_ticks[:-1])
