"""The kernel against the slow book, order for order, and what must hold for every record."""

import numpy as np
import pytest

from tests.oracle.both_ways import Case, by_hand, by_kernel, rows_of
from tests.oracle.series import random_bars, random_genome, random_sessions
from trading.backtests.engine import ExitReason, Strategy
from trading.market.instruments import INSTRUMENTS, instrument
from trading.strategies.archetypes import ARCHETYPES

RUNS = 1_150


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    name = sorted(ARCHETYPES)[seed % len(ARCHETYPES)]
    n_bars = int(rng.integers(1, 500)) if seed % 10 == 0 else int(rng.integers(330, 500))
    bars = random_bars(rng, n_bars)
    sessions = random_sessions(rng, n_bars, longest=12 if name.startswith("gap_f") else 60)
    genome = random_genome(rng, name)
    root = instrument(str(rng.choice(sorted(INSTRUMENTS)[:12])))
    return bars, sessions, Strategy(name, genome), (root, int(rng.integers(1, 4)))


def agreeing_runs(seeds: range) -> set[str]:
    traded = 0
    reasons: set[str] = set()
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


def test_agrees_with_the_slow_book_on_every_archetype() -> None:
    assert agreeing_runs(range(RUNS, RUNS + 2 * len(ARCHETYPES)))


@pytest.mark.thorough
@pytest.mark.scorecard(25)
def test_agrees_with_the_slow_book_order_for_order() -> None:
    reasons = agreeing_runs(range(RUNS))
    assert reasons == {reason.name for reason in ExitReason}
