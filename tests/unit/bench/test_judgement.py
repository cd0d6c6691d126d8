"""The bench of judgement at a size that fits a test: nothing is called better or proven by luck, and what is, is found.

Bounds are binomial: a rate that keeps its bar passes them in all but one of ten thousand seeds.
"""

import math

import numpy as np
import pytest
from scipy.stats import binom

from bench.judgement import epoch_accepts, ever, evidence, oracle, share, wins
from bench.null_records import NULLS, TRADING_DAYS, normal, planted, siblings
from trading.improvement.looks import EPOCH_ERROR, LEVELS
from trading.verification.discoveries import FALSE_SHARE, proven

RARE = 1e-4
DAYS = 3 * TRADING_DAYS


def at_most(rate: float, of: int) -> int:
    return int(binom.isf(RARE, of, rate))


@pytest.mark.parametrize("name", NULLS)
def test_null_records_are_worth_nothing(name: str) -> None:
    days = NULLS[name](np.random.default_rng(1), 400, 400).ravel()
    assert abs(days.mean()) < 0.05 * days.std()


def test_a_planted_edge_has_the_sharpe_ratio_it_says() -> None:
    made = planted(NULLS["85 % of days flat"](np.random.default_rng(1), 400, 1_000), 2.0)
    assert made.mean() / made.std() * math.sqrt(TRADING_DAYS) == pytest.approx(2.0, rel=0.1)
    assert (made == 0.0).mean() == pytest.approx(0.85, abs=0.01)


def test_a_share_is_told_with_its_interval() -> None:
    assert share(5, 100) == " 5.00% [1.64%, 11.28%]"


@pytest.mark.thorough
@pytest.mark.parametrize("name", NULLS)
def test_records_worth_nothing_seldom_have_evidence(name: str) -> None:
    days = NULLS[name](np.random.default_rng(2), 1_000, DAYS)
    assert ever(evidence(days)).sum() <= at_most(0.05, 1_000)


@pytest.mark.thorough
@pytest.mark.parametrize("sharpe", [1.0, 2.0, 3.0])
def test_evidence_finds_four_fifths_of_what_an_oracle_finds(sharpe: float) -> None:
    days = planted(normal(np.random.default_rng(3), 2_000, DAYS), sharpe)
    assert ever(evidence(days)).mean() >= 0.8 * ever(oracle(days)).mean() > 0.1


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["independent normal days", "fat tails (t3)", "each day follows the last (0.2)"])
def test_an_epoch_of_looks_seldom_accepts_what_is_no_better(name: str) -> None:
    chance = np.random.default_rng(4)
    fooled = sum(epoch_accepts(NULLS[name], chance, days=60) for _ in range(120))
    assert fooled <= at_most(EPOCH_ERROR, 120)


@pytest.mark.thorough
def test_a_look_finds_what_is_much_better() -> None:
    length = 750
    better = planted(normal(np.random.default_rng(5), 40, length), 5.0)
    won = sum(wins(record, np.zeros(length), length - 250, level=LEVELS[0]) for record in better)
    assert won >= 30


@pytest.mark.thorough
def test_of_the_proven_of_dependent_fleets_few_are_false() -> None:
    chance = np.random.default_rng(6)
    false, shares = [], []
    for _ in range(10):
        fleet = siblings(chance, 330, DAYS, together=330)
        fleet[:30] = planted(fleet[:30], 3.0)
        chosen = proven(evidence(fleet)[:, -1])
        false.append(chosen[30:].sum() / max(1, chosen.sum()))
        shares.append(chosen[:30].mean())
    assert np.mean(false) <= FALSE_SHARE
    assert np.mean(shares) > 0.5
