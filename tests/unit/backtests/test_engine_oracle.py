"""The kernel against the slow book, order for order, and what must hold for every record."""

from dataclasses import replace

import numpy as np
import pytest

from tests.oracle.both_ways import Case, by_hand, by_kernel, came_out
from tests.oracle.series import random_bars, random_genome, random_sessions
from trading.backtests.engine import Account, ExitReason, Strategy, margined
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
    return bars, sessions, Strategy(name, genome), random_account(rng)


def random_account(rng: np.random.Generator) -> Account:
    """Return an account that carries whatever happens, or one that is near its margin."""
    root, contracts = instrument(str(rng.choice(sorted(INSTRUMENTS)[:12]))), int(rng.integers(1, 4))
    margin = contracts * root.day_margin_micros
    near = int(margin * rng.uniform(0.6, 1.4))
    return margined(root, near if rng.random() < 0.4 else 10**11 + margin, contracts)


def traded_through(case: Case, ticks: int) -> Case:
    """Return the case with targets that price must trade through."""
    bars, sessions, strategy, account = case
    return bars, sessions, strategy, replace(account, through_ticks=ticks)


def agreeing_runs(seeds: range) -> tuple[set[str], set[tuple[bool, bool]]]:
    traded = 0
    reasons: set[str] = set()
    ends: set[tuple[bool, bool]] = set()
    for seed in seeds:
        case = random_case(seed)
        slow = by_hand(case)
        assert came_out(by_kernel(case)) == slow, f"seed {seed}: {case[2]}"
        trades, _, refused, bust = slow
        traded += bool(trades)
        reasons |= {row[9] for row in trades}
        ends.add((refused > 0, bust is not None))
    assert traded > len(seeds) // 2
    return reasons, ends


def agreeing_ways_through(seeds: range) -> int:
    """Return in how many runs a target that a touch fills was not reached any more."""
    differing = 0
    for seed in seeds:
        case = random_case(seed)
        through = traded_through(case, 1 + seed % 7)
        slow = by_hand(through)
        assert came_out(by_kernel(through)) == slow, f"seed {seed}: {case[2]}"
        differing += slow != by_hand(case)
    return differing


def test_agrees_with_the_slow_book_on_every_archetype() -> None:
    assert agreeing_runs(range(RUNS, RUNS + 2 * len(ARCHETYPES)))


def test_agrees_with_the_slow_book_where_targets_must_be_traded_through() -> None:
    assert agreeing_ways_through(range(2 * len(ARCHETYPES))) > 2


@pytest.mark.thorough
def test_agrees_with_the_slow_book_on_every_way_through_a_target() -> None:
    assert agreeing_ways_through(range(400)) > 30


@pytest.mark.thorough
@pytest.mark.scorecard(25)
def test_agrees_with_the_slow_book_order_for_order() -> None:
    reasons, ends = agreeing_runs(range(RUNS))
    assert ends == {(False, False), (True, False), (False, True), (True, True)}
    assert reasons == {reason.name for reason in ExitReason}
