"""The engine against its peers, interleaved in one run on the same seeded 1-minute bars on a quarter-point grid.

    python -m bench.engine [--rounds 2] [--peers PYTHON]      (from the root of the repository)

Scenarios: SMA 20/50 crossover, always in, next-open fill, $2.50 a side, one tick slippage, with trade list, equity and
metrics; the same with a 20-tick stop and a 40-tick target; every family with its default genome; 1,000 pairs of
averages over 100,000 bars on two threads; a fresh process to its first result.
Peers live in an environment of their own
(`bench/peers.txt`; its interpreter is `--peers` or PROVING_PEERS_PYTHON). A peer that is absent or fails is NOT RUN.

Both sides are timed by one rule: CPU-seconds of the whole process, the least of `REPEATS` runs in each round after a
run that is not counted, and of all rounds. A run begins with the prices and ends with the metrics: averages, signals,
every trade, equity at every bar, drawdown over the bars, ratios over the days. What is made once per series is outside
on both sides: for us the tape (checks, 32-bit prices, session facts; its own line below), for the peers arrays or
Series of their type, slippage and stop distances. See `peers.py` for what they are not asked to do.
Rates are thousand bars per CPU-second. The last line is JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from statistics import median

import numpy as np

from trading.backtests.engine import Account, Exits, Output, Strategy, run_signals, run_tape, warm_kernels
from trading.market.bars import Bars
from trading.market.instruments import Instrument
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import ONE_PER_FAMILY, archetype
from trading.strategies.genome import default_genome
from trading.strategies.signals import sma_cross
from trading.strategies.tape import Tape, tape_of

REPEATS = 7
SIZES = (10_000, 100_000, 1_000_000)
SCENARIOS = {"crossover": Exits(), "stop_target": Exits(stop=20, target=40)}
PEERS = {"raptorbt": SIZES, "vectorbt": SIZES, "backtesting": SIZES[:2]}
INSTRUMENT = Instrument("ES", Decimal("0.25"), Decimal(50), Decimal("2.50"), 1, 15_000, "CME")
ACCOUNT = Account(INSTRUMENT, 10**15)
FIRST_RESULT = """
from trading.backtests.engine import Account, Strategy, run_tape, warm_up_tape
from trading.market.instruments import instrument
from trading.strategies.genome import default_genome
strategy = Strategy("trend", default_genome("trend"))
print(len(run_tape(warm_up_tape(), strategy, account=Account(instrument("ES"), 10**12)).trades))
"""


def market(n_bars: int) -> tuple[Bars, SessionIndex]:
    """Return a seeded random walk of about 5,000 points."""
    rng = np.random.default_rng(20_26)
    opened = 20_000 + np.cumsum(rng.integers(-4, 5, n_bars))
    close = opened + rng.integers(-6, 7, n_bars)
    bars = Bars(
        symbol="ES",
        timeframe="1m",
        provider="BENCH",
        ts_event=np.arange(n_bars) * 60_000_000_000,
        open_ticks=opened,
        high_ticks=np.maximum(opened, close) + rng.integers(0, 5, n_bars),
        low_ticks=np.minimum(opened, close) - rng.integers(0, 5, n_bars),
        close_ticks=close,
        volume=rng.integers(1, 1_000, n_bars),
        contract=np.zeros(n_bars, np.int64),
        fingerprint="",
    )
    day = np.arange(n_bars) // 1_380
    return bars, SessionIndex("FULL_24x5", day, np.ones(n_bars, np.bool_), np.append(np.diff(day) > 0, False))


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the least CPU time of some repeats, after one that is not counted."""
    work()
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def crossover_seconds(tape: Tape, exits: Exits, output: Output) -> float:
    """Return CPU seconds from prices to metrics, signals included."""

    def work() -> None:
        run_signals(tape, sma_cross(tape, 20, 50, scratch=output.scratch), exits, account=ACCOUNT, output=output)

    return cpu_seconds(work)


def family_seconds(tape: Tape, name: str, output: Output) -> float:
    """Return CPU seconds of one archetype, indicators included."""
    strategy = Strategy(name, default_genome(name))
    return cpu_seconds(lambda: run_tape(tape, strategy, account=ACCOUNT, output=output))


def sweep_seconds(tape: Tape, repeats: int = 3) -> tuple[float, float]:
    """Return median wall and CPU seconds of 1,000 pairs of averages on two threads."""
    pairs = [(fast, slow) for fast in range(5, 45) for slow in range(50, 175, 5)]

    def work(share: list[tuple[int, int]]) -> int:
        output = Output.for_bars(len(tape))
        runs = (sma_cross(tape, *pair, scratch=output.scratch) for pair in share)
        return sum(len(run_signals(tape, run, Exits(), account=ACCOUNT, output=output).trades) for run in runs)

    walls, cpus, trades = [], [], 0
    for _ in range(repeats):
        started, before = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(2) as pool:
            trades = sum(pool.map(work, (pairs[::2], pairs[1::2])))
        walls.append(time.perf_counter() - started)
        cpus.append(time.process_time() - before)
    load = os.getloadavg()[0]
    print(
        f"sweep: {len(pairs)} pairs, {trades} trades, median {median(walls):.2f} s, least {min(walls):.2f}, "
        f"CPU {median(cpus):.2f}, load {load:.1f}"
    )
    return median(walls), median(cpus)


def first_result_seconds(repeats: int = 7) -> tuple[float, float]:
    """Return median wall and CPU seconds from starting an interpreter to its end with a backtest, warm kernel cache."""
    walls, cpus = [], []
    for _ in range(repeats):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", FIRST_RESULT], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - started)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    load = os.getloadavg()[0]
    print(
        f"first result: median {median(walls):.2f} s, least {min(walls):.2f}, CPU {median(cpus):.2f}, load {load:.1f}"
    )
    return median(walls), median(cpus)


def peer_seconds(python: str, peer: str, scenario: str, path: Path) -> float | None:
    """Return the CPU seconds of a peer, or None if it cannot run; says why."""
    command = [python, "-P", str(Path(__file__).with_name("peers.py")), peer, scenario, str(path), str(REPEATS)]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=True, env=_without_version_checks()
        )
    except (OSError, subprocess.SubprocessError) as failure:
        lines = str(getattr(failure, "stderr", "") or failure).strip().splitlines()
        print(f"{peer:>12} {scenario}: NOT RUN ({lines[-1] if lines else failure})")
        return None
    return float(json.loads(answer.stdout.strip().splitlines()[-1])["cpu_s"])


def _without_version_checks() -> dict[str, str]:
    return {**os.environ, "RAPTORBT_NO_VERSION_CHECK": "1"}


def save_for_peers(bars: Bars, sessions: SessionIndex, folder: Path) -> Path:
    """Write the bars in points for the peers, with their trading days."""
    path = folder / f"{len(bars)}.npz"
    columns = {name: getattr(bars, f"{name}_ticks") * 0.25 for name in ("open", "high", "low", "close")}
    volume = bars.volume.astype(np.float64)
    np.savez(path, ts=bars.ts_event, day=sessions.trading_day, volume=volume, **columns)
    return path


def compare(rounds: int, python: str, folder: Path) -> dict[tuple[str, str, int], float]:
    """Return the best CPU seconds by (engine, scenario, bars), every round visiting every engine in turn."""
    best: dict[tuple[str, str, int], float] = {}
    for n_bars in SIZES:
        bars, sessions = market(n_bars)
        tape, output, path = tape_of(bars, sessions), Output.for_bars(n_bars), save_for_peers(bars, sessions, folder)
        for _ in range(rounds):
            for scenario, exits in SCENARIOS.items():
                seconds_by_engine = {"ours": crossover_seconds(tape, exits, output)}
                for peer, sizes in PEERS.items():
                    if n_bars in sizes and best.get((peer, scenario, n_bars)) != float("inf"):
                        seconds_by_engine[peer] = peer_seconds(python, peer, scenario, path) or float("inf")
                for engine, seconds in seconds_by_engine.items():
                    key = engine, scenario, n_bars
                    best[key] = min(best.get(key, float("inf")), seconds)
    return best


def show(best: dict[tuple[str, str, int], float]) -> float | None:
    """Print thousand bars per CPU-second, and return the smaller ratio to the fastest peer at a million bars."""
    ratios = []
    for scenario in SCENARIOS:
        print(f"\n{scenario}: thousand bars per CPU-second at {', '.join(f'{size:,}' for size in SIZES)} bars")
        for engine in ("ours", *PEERS):
            cells = []
            for size in SIZES:
                seconds = best.get((engine, scenario, size))
                if seconds is None or seconds == float("inf"):
                    cells.append(f"{'NOT RUN':>12}")
                else:
                    cells.append(f"{size / seconds / 1_000:>12,.0f}")
            print(f"{engine:>12}", *cells)
        peers = [best.get((peer, scenario, SIZES[-1]), float("inf")) for peer in PEERS]
        if min(peers) < float("inf"):
            ratios.append(min(peers) / best["ours", scenario, SIZES[-1]])
            print(f"{'ratio':>12} {ratios[-1]:.1f} to the fastest peer at {SIZES[-1]:,} bars")
    return min(ratios) if len(ratios) == len(SCENARIOS) else None


def main() -> None:
    """Run everything and print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="interleaved rounds")
    default = os.environ.get("PROVING_PEERS_PYTHON", ".venv-peers/bin/python")
    parser.add_argument("--peers", default=default, help="interpreter of the peers' environment")
    chosen = parser.parse_args()
    warm_kernels()
    with tempfile.TemporaryDirectory() as folder:
        best = compare(chosen.rounds, chosen.peers, Path(folder))
    ratio = show(best)
    bars, sessions = market(SIZES[-1])
    million, output = tape_of(bars, sessions), Output.for_bars(SIZES[-1])
    lay_out_s = cpu_seconds(lambda: tape_of(bars, sessions).travel_ticks)
    print(f"\ntape: {1_000 * lay_out_s:.1f} CPU-ms to lay out {SIZES[-1]:,} bars, once per series")
    families = {name: SIZES[-1] / family_seconds(million, name, output) for name in ONE_PER_FAMILY}
    print("\nfamilies: thousand bars per CPU-second at 1,000,000 bars")
    for name, rate in families.items():
        print(f"{archetype(name).family:>20} {rate / 1_000:>12,.0f}")
    sweep, first = sweep_seconds(tape_of(*market(100_000))), first_result_seconds()
    figures = {
        "crossover_bars_per_s": round(SIZES[-1] / best["ours", "crossover", SIZES[-1]]),
        "stop_target_bars_per_s": round(SIZES[-1] / best["ours", "stop_target", SIZES[-1]]),
        "lay_out_cpu_s": round(lay_out_s, 4),
        "family_bars_per_s": round(min(families.values())),
        "sweep_1000x100k_s": round(sweep[0], 3),
        "sweep_1000x100k_cpu_s": round(sweep[1], 3),
        "first_result_s": round(first[0], 3),
        "first_result_cpu_s": round(first[1], 3),
        "load": round(os.getloadavg()[0], 1),
        "ratio_to_fastest_peer": None if ratio is None else round(ratio, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
