"""The engine beside its peers: the same bars, the same strategy, every trade to the cent. See docs/peers.md.

Peers live in environments of their own (`bench/peers.txt`, `bench/peers-nautilus.txt`); without them the tests skip.
"""

import json
import os
import subprocess
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.oracle.series import flat_sessions, made_bars
from trading.arrays import IntArray
from trading.backtests.engine import Account, ExitReason, Exits, Trades, run_signals
from trading.market.bars import Bars
from trading.market.instruments import Instrument
from trading.strategies.signals import sma_cross
from trading.strategies.tape import tape_of

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[3]
ES = Instrument("ES", Decimal("0.25"), Decimal(50), Decimal("2.50"), 1, 15_000, "CME")
FOLDED = replace(ES, commission_usd=Decimal("15.00"), slippage_ticks=0)
STOP_TARGET = Exits(stop=20, target=40)
N_BARS = 6_000


def interpreter(peer: str) -> str:
    """Return the interpreter of a peer's environment, or skip."""
    if peer == "nautilus":
        path = Path(os.environ.get("PROVING_NAUTILUS_PYTHON", ROOT / ".venv-peers/nautilus/bin/python"))
        recipe = "bench/peers-nautilus.txt"
    else:
        path = Path(os.environ.get("PROVING_PEERS_PYTHON", ROOT / ".venv-peers/bin/python"))
        recipe = "bench/peers.txt"
    if not path.exists():
        pytest.skip(f"no environment for {peer} at {path}: its first lines in {recipe} say how to make one")
    return str(path)


@pytest.fixture(scope="module")
def bars() -> Bars:
    """A random walk on a quarter-point grid: sums of prices are exact in every engine."""
    rng = np.random.default_rng(41)
    opened = 20_000 + np.cumsum(rng.integers(-6, 7, N_BARS))
    close = opened + rng.integers(-6, 7, N_BARS)
    high = np.maximum(opened, close) + rng.integers(0, 9, N_BARS)
    low = np.minimum(opened, close) - rng.integers(0, 9, N_BARS)
    return made_bars(np.stack([opened, high, low, close], axis=1), volume=np.ones(N_BARS, np.int64), symbol="ES")


@pytest.fixture(scope="module")
def in_points(bars: Bars, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("peers") / "bars.npz"
    columns = {name: getattr(bars, f"{name}_ticks") * 0.25 for name in ("open", "high", "low", "close")}
    np.savez(path, ts=10**18 + bars.ts_event, volume=bars.volume.astype(np.float64), **columns)
    return path


@cache
def theirs(peer: str, scenario: str, path: Path) -> Any:
    command = [interpreter(peer), "-P", str(Path(__file__).with_name("peer_orders.py")), peer, scenario, str(path)]
    quiet = {**os.environ, "RAPTORBT_NO_VERSION_CHECK": "1"}
    answer = subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)
    assert answer.returncode == 0, answer.stderr[-2_000:]
    return json.loads(answer.stdout.strip().splitlines()[-1])


def ours(bars: Bars, instrument: Instrument, exits: Exits) -> Trades:
    tape = tape_of(bars, flat_sessions(len(bars)))
    return run_signals(tape, sma_cross(tape, 20, 50), exits, account=Account(instrument, 10**15)).trades


def rows_of(trades: Trades, net_micros: IntArray) -> list[list[int]]:
    """Return closed trades as a peer prints them, prices in ticks and money in cents."""
    kept = trades.exit_reason != ExitReason.END_OF_DATA
    columns = (trades.entry_bar, trades.exit_bar, trades.side, trades.entry_ticks, trades.exit_ticks)
    cents = net_micros[kept] // 10_000
    assert (cents * 10_000 == net_micros[kept]).all()
    return [list(row) for row in zip(*(column[kept].tolist() for column in columns), cents.tolist(), strict=True)]


def in_ticks_and_cents(rows: list[list[float]]) -> Any:
    """Round a peer's trades to ticks and cents, and refuse what was not there already but for float noise."""
    prices, dollars = np.array(rows)[:, 3:5] / 0.25, np.array(rows)[:, 5] * 100
    assert np.abs(prices - np.rint(prices)).max() < 1e-6
    assert np.abs(dollars - np.rint(dollars)).max() < 1e-4
    whole = np.column_stack([np.array(rows)[:, :3], np.rint(prices), np.rint(dollars)]).astype(int)
    return whole.tolist()


def test_backtesting_py_makes_the_same_crossover_trades(bars: Bars, in_points: Path) -> None:
    trades = ours(bars, FOLDED, Exits())
    peers = in_ticks_and_cents(theirs("backtesting", "crossover", in_points))
    assert len(trades) > 100
    assert peers[: len(trades) - 1] == rows_of(trades, trades.net_micros)
    assert len(peers) == len(trades)


def test_backtesting_py_pays_in_commission_what_we_pay_in_slippage(bars: Bars) -> None:
    folded, apart = ours(bars, FOLDED, Exits()), ours(bars, ES, Exits())
    assert np.array_equal(folded.net_micros, apart.net_micros)


def test_backtesting_py_makes_the_same_stop_and_target_trades(bars: Bars, in_points: Path) -> None:
    trades = ours(bars, FOLDED, STOP_TARGET)
    peers = in_ticks_and_cents(theirs("backtesting", "stop_target", in_points))
    mine = rows_of(trades, trades.net_micros)
    assert {ExitReason.STOP, ExitReason.TARGET, ExitReason.REVERSAL} <= set(trades.exit_reason.tolist())
    assert peers[: len(mine)] == mine
    assert len(peers) - len(mine) <= 1


def test_vectorbt_makes_the_same_crossover_trades(bars: Bars, in_points: Path) -> None:
    trades = ours(bars, ES, Exits())
    peers = in_ticks_and_cents(theirs("vectorbt", "crossover", in_points))
    assert peers == rows_of(trades, trades.net_micros)


def test_raptorbt_makes_the_same_crossover_trades_in_two_runs(bars: Bars, in_points: Path) -> None:
    trades = ours(bars, replace(ES, commission_usd=Decimal(0), slippage_ticks=0), Exits())
    peers = in_ticks_and_cents(theirs("raptorbt", "crossover", in_points))
    assert [row[:5] for row in peers[: len(trades) - 1]] == [row[:5] for row in rows_of(trades, trades.gross_micros)]
    assert [row[5] for row in peers[: len(trades) - 1]] == [row[5] for row in rows_of(trades, trades.gross_micros)]


def test_nautilus_makes_the_same_fills(bars: Bars, in_points: Path) -> None:
    trades = ours(bars, replace(ES, slippage_ticks=0), Exits())
    fills = theirs("nautilus", "crossover", in_points)
    closed = rows_of(trades, trades.net_micros)
    assert [[int(fill[0]), int(fill[1]), round(fill[3] / 0.25)] for fill in fills] == [
        [entry, side, price]
        for entry, side, price in zip(trades.entry_bar, trades.side, trades.entry_ticks, strict=True)
    ]
    bought = [fill[1] * fill[2] * fill[3] * 50.0 + fill[4] for fill in fills]
    inventory = fills[-1][1] * fills[-1][3] * 50.0 + 2.5
    cash_cents = -round((sum(bought) - inventory) * 100)
    assert cash_cents == sum(row[5] for row in closed)


def test_a_single_tick_in_one_fill_would_be_noticed(bars: Bars, in_points: Path) -> None:
    moved = replace(bars, open_ticks=bars.open_ticks.copy())
    trades = ours(bars, ES, Exits())
    moved.open_ticks[trades.entry_bar[5]] += 1
    moved.high_ticks[:] = np.maximum(moved.high_ticks, moved.open_ticks)
    peers = in_ticks_and_cents(theirs("vectorbt", "crossover", in_points))
    other = ours(moved, ES, Exits())
    assert peers != rows_of(other, other.net_micros)
