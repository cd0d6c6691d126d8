"""A look: which days are sealed, what an epoch may spend, and when a candidate wins on days it has not seen."""

import math
from itertools import count, takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trading.arrays import FloatArray
from trading.errors import BadReturns
from trading.improvement.looks import (
    EPOCH_ERROR,
    MIN_ACTIVE_DAYS,
    NEW_EPOCH_DAYS,
    Budget,
    Look,
    can_win,
    level,
    memory_of,
    paired_look,
    sealed_from,
)

STRICT = 0.0125


def days_of(mean: float, *, seed: int, days: int = 120) -> FloatArray:
    return np.random.default_rng(seed).normal(mean, 1.0, days)


def look(candidate: FloatArray, newest: FloatArray, **judged: float) -> Look:
    asked = {"worst_candidate_day": -2.0, "worst_difference_day": -2.0, "level": STRICT} | judged
    return paired_look(candidate, newest, seed=1, **asked)


@pytest.mark.parametrize(
    ("history", "open_days"),
    [(99, None), (100, 40), (300, 240), (500, 400), (1000, 800), (1250, 1000), (2000, 1750)],
)
def test_the_last_fifth_of_a_history_is_sealed_within_bounds(history: int, open_days: int | None) -> None:
    first = sealed_from(np.arange(history) * 3 + 18_000)
    assert first == (None if open_days is None else 18_000 + 3 * open_days)


def test_a_trading_day_counts_once_however_many_bars_it_has() -> None:
    days = np.arange(18_000, 18_400)
    assert sealed_from(np.repeat(days, 7)[::-1]) == sealed_from(days)


def test_no_days_have_no_sealed_day() -> None:
    assert sealed_from(np.zeros(0, np.int64)) is None


def test_the_looks_of_an_epoch_spend_no_more_than_its_error() -> None:
    levels = [most for most in takewhile(lambda most: most is not None, map(level, count(1))) if most is not None]
    assert levels
    assert min(levels) > 0.0
    assert sum(levels) <= EPOCH_ERROR + 1e-12
    assert level(len(levels) + 1) is None
    with pytest.raises(BadReturns):
        level(0)


def test_a_fresh_epoch_has_a_look_and_waits_for_nothing() -> None:
    fresh = Budget(lost=0, accepted=False, untouched_days=80)
    assert (fresh.level, fresh.waits_for_days, fresh.opens_epoch) == (level(1), 0, False)


@pytest.mark.parametrize(("lost", "accepted"), [(0, True), (2, True), (99, False)])
def test_a_closed_or_spent_epoch_waits_for_untouched_days(lost: int, accepted: bool) -> None:
    waiting = Budget(lost=lost, accepted=accepted, untouched_days=NEW_EPOCH_DAYS - 13)
    assert (waiting.level, waiting.waits_for_days, waiting.opens_epoch) == (None, 13, False)
    ripe = Budget(lost=lost, accepted=accepted, untouched_days=NEW_EPOCH_DAYS)
    assert (ripe.level, ripe.waits_for_days, ripe.opens_epoch) == (None, 0, True)


def test_a_strong_candidate_wins_and_says_by_how_much() -> None:
    won = look(days_of(1.0, seed=1), days_of(0.0, seed=2))
    assert won.passed
    assert won.p_value <= STRICT < 1.0 < won.statistic
    assert (won.days, won.active_days, won.level) == (120, 120, STRICT)
    assert "newest generation" in won.reason or "net P&L" in won.reason


def test_a_candidate_that_only_beats_a_worse_one_loses() -> None:
    lost = look(days_of(0.0, seed=1), days_of(-2.0, seed=2))
    assert not lost.passed
    assert "its own net P&L" in lost.reason


def test_a_candidate_that_earns_as_much_as_the_newest_generation_loses() -> None:
    earning = days_of(1.0, seed=1)
    lost = look(earning + days_of(0.0, seed=2), earning)
    assert not lost.passed
    assert "newest generation" in lost.reason


def test_too_few_active_days_win_nothing() -> None:
    quiet = np.zeros(200)
    quiet[:: 200 // (MIN_ACTIVE_DAYS - 1)][: MIN_ACTIVE_DAYS - 1] = 5.0 + np.arange(MIN_ACTIVE_DAYS - 1)
    quiet[15 * (MIN_ACTIVE_DAYS - 1) :] = 0.0
    lost = look(quiet, np.zeros(200), worst_candidate_day=-0.01, worst_difference_day=-0.01)
    assert lost.active_days < MIN_ACTIVE_DAYS
    assert not lost.passed
    assert f"at least {MIN_ACTIVE_DAYS}, was {lost.active_days}" in lost.reason


def test_a_record_without_losers_is_judged_by_the_loss_it_hides() -> None:
    winners = np.abs(days_of(1.0, seed=4)) + 0.1
    small = look(winners, np.zeros(120), worst_candidate_day=-1.0, worst_difference_day=-1.0)
    large = look(winners, np.zeros(120), worst_candidate_day=-90.0, worst_difference_day=-90.0)
    assert small.passed
    assert not large.passed


def test_losses_the_sealed_days_have_shown_themselves_are_not_added_once_more() -> None:
    """The worst sealed day is -4: half of -8 was shown, so how far beyond -4 the open days went makes no difference."""
    record = np.append(days_of(0.5, seed=3, days=80).clip(-3.0, None), -4.0)
    looks = [
        look(record, np.zeros(81), worst_candidate_day=worst, worst_difference_day=worst) for worst in (-5.0, -8.0)
    ]
    hidden = look(record, np.zeros(81), worst_candidate_day=-8.5, worst_difference_day=-8.5)
    assert looks[0] == looks[1]
    assert hidden.statistic < looks[0].statistic
    assert hidden.p_value > looks[0].p_value


def test_where_no_day_ever_lost_the_best_day_is_taken_for_the_loss() -> None:
    lucky = np.append(np.full(60, 0.1), 9.0)
    unknown = look(lucky, np.zeros(61), worst_candidate_day=0.1, worst_difference_day=0.1)
    stated = look(lucky, np.zeros(61), worst_candidate_day=-9.0, worst_difference_day=-9.0)
    assert unknown == stated
    assert not unknown.passed


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([2.0**-20, 4.0, 2.0**30]))
def test_the_unit_of_money_does_not_matter(seed: int, unit: float) -> None:
    candidate, newest = days_of(0.3, seed=seed, days=70), days_of(0.0, seed=seed + 1, days=70)
    in_units = look(candidate * unit, newest * unit, worst_candidate_day=-2 * unit, worst_difference_day=-2 * unit)
    assert in_units == look(candidate, newest)


def test_the_same_look_is_judged_the_same_and_another_seed_alters_little() -> None:
    candidate, newest = days_of(0.2, seed=5), days_of(0.0, seed=6)
    first, again = look(candidate, newest), look(candidate, newest)
    assert first == again
    other = paired_look(
        candidate, newest, worst_candidate_day=-2.0, worst_difference_day=-2.0, level=STRICT, seed=2**40
    )
    assert other.statistic == first.statistic
    assert other.p_value != first.p_value
    assert other.p_value == pytest.approx(first.p_value, abs=0.02)


def test_p_values_are_those_of_student_on_average_where_days_are_independent_and_normal() -> None:
    """Normal, independent days and a negligible loss: the bootstrap must find what the textbook says."""
    off = []
    for seed in range(8):
        candidate = days_of(0.1, seed=seed, days=400)
        taken = look(candidate, np.zeros(400), worst_candidate_day=-1e-9, worst_difference_day=-1e-9)
        off.append(taken.p_value - float(stats.ttest_1samp(candidate, 0.0, alternative="greater").pvalue))
    assert np.mean(off) == pytest.approx(0.0, abs=0.015)
    assert np.abs(off).max() < 0.06


@pytest.mark.parametrize(("days", "block_days", "lags"), [(1, 1.0, 1), (60, 4.0, 3), (150, 5.0, 4), (250, 6.0, 4)])
def test_a_longer_record_remembers_longer(days: int, block_days: float, lags: int) -> None:
    assert memory_of(days) == (block_days, lags)


def test_a_look_is_taken_where_the_open_days_give_it_a_chance_of_one_in_three() -> None:
    """Means of so many standard errors over as many sealed as open days, and a loss too small to matter."""
    base = days_of(0.0, seed=1, days=10_000)
    base = np.append(base, -base)
    least = stats.norm.isf(STRICT) - stats.norm.isf(1 / 3)
    for errors, worth in ((least - 0.15, False), (least + 0.15, True)):
        record = base + errors * base.std() / math.sqrt(len(base))
        assert can_win(record, np.zeros(len(base)), sealed_days=len(base), level=STRICT) is worth


@pytest.mark.parametrize(
    ("candidate", "newest"),
    [(np.zeros(3), np.zeros(4)), (np.zeros(0), np.zeros(0)), (np.zeros((2, 2)), np.zeros((2, 2))), ([np.nan], [0.0])],
)
def test_refuses_records_of_other_days(candidate: FloatArray, newest: FloatArray) -> None:
    with pytest.raises(BadReturns):
        look(candidate, newest)
    with pytest.raises(BadReturns):
        can_win(candidate, newest, sealed_days=60, level=STRICT)


def test_no_look_is_spent_where_even_the_open_days_would_not_win() -> None:
    strong, weak, flat = days_of(0.6, seed=1, days=400), days_of(0.02, seed=1, days=400), np.zeros(400)
    assert can_win(strong, flat, sealed_days=100, level=STRICT)
    assert not can_win(weak, flat, sealed_days=100, level=STRICT)
    assert not can_win(strong, flat, sealed_days=6, level=STRICT)
    assert not can_win(strong, strong - weak, sealed_days=100, level=STRICT)
    assert not can_win(-strong, -3 * strong, sealed_days=100, level=STRICT)


def test_no_look_is_spent_where_too_few_days_would_trade() -> None:
    rare = np.where(np.arange(400) % 10 == 0, np.abs(days_of(3.0, seed=1, days=400)), 0.0)
    assert not can_win(rare, np.zeros(400), sealed_days=140, level=STRICT)
    assert can_win(rare, np.zeros(400), sealed_days=250, level=STRICT)


def test_a_loss_that_the_sealed_days_could_not_earn_back_wins_no_look() -> None:
    winners = np.full(400, 1.0)
    winners[7] = -90.0
    assert not can_win(winners, np.zeros(400), sealed_days=60, level=STRICT)
