"""How far a Sharpe ratio may be believed: published examples, seeded simulations with a known truth, a slow oracle."""

import math
import statistics
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tests.harness.known import known
from trading.arrays import FloatArray
from trading.errors import BadReturns
from trading.verification.luck import (
    SharpeEstimate,
    deflated_sharpe,
    estimate_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    overfitting_probability,
    probabilistic_sharpe,
    variance_of_trials,
)

wiggly = hnp.arrays(np.float64, st.integers(5, 80), elements=st.integers(-1000, 1000).map(lambda r: r / 1e4)).filter(
    lambda r: np.ptp(r) > 0
)


def noise(*shape: int, seed: int, sharpe: float = 0.0) -> FloatArray:
    return np.random.default_rng(seed).normal(sharpe, 1.0, shape)


def belief(estimate: SharpeEstimate, *, benchmark: float = 0.0) -> float:
    return known(probabilistic_sharpe(estimate, benchmark=benchmark))


def per_period_sharpe(matrix: FloatArray) -> FloatArray:
    ratios: FloatArray = matrix.mean(axis=0) / matrix.std(axis=0, ddof=1)
    return ratios


@settings(deadline=None)
@given(wiggly)
def test_estimates_shape_as_scipy_does(returns: FloatArray) -> None:
    estimate = known(estimate_sharpe(returns))
    assert estimate.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-9, abs=1e-12)
    assert estimate.skewness == pytest.approx(stats.skew(returns), rel=1e-6, abs=1e-9)
    assert estimate.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)


@settings(deadline=None)
@given(wiggly, st.integers(1, 1000))
def test_the_unit_of_returns_does_not_matter(returns: FloatArray, scale: int) -> None:
    single, many = known(estimate_sharpe(returns)), known(estimate_sharpe(returns * scale))
    assert many.sharpe == pytest.approx(single.sharpe, rel=1e-9, abs=1e-12)
    assert many.standard_error == pytest.approx(single.standard_error, rel=1e-6)


@pytest.mark.parametrize("returns", [[], [0.1], [0.1] * 9])
def test_has_no_estimate_without_two_different_returns(returns: list[float]) -> None:
    assert estimate_sharpe(np.array(returns)) is None


def test_agrees_with_the_published_deflated_example() -> None:
    # Bailey and López de Prado (2014): annual Sharpe 2.5 over five years of days, variance of trials 1/2
    fat_tailed = SharpeEstimate(2.5 / math.sqrt(250), 1250, -3.0, 10.0)
    normal = SharpeEstimate(2.5 / math.sqrt(250), 1250, 0.0, 3.0)
    variance = 0.5 / 250
    assert expected_maximum_sharpe(trials=100, sharpe_variance=variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(fat_tailed, trials=100, sharpe_variance=variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(fat_tailed, trials=46, sharpe_variance=variance) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(normal, trials=88, sharpe_variance=variance) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_agrees_with_the_published_minimum_track_records(
    periods: int, skewness: float, kurtosis: float, years: float
) -> None:
    # Bailey and López de Prado (2012): an annual Sharpe of 2 shown to exceed 1 with 95 % confidence
    estimate = SharpeEstimate(2 / math.sqrt(periods), 10, skewness, kurtosis)
    needed = known(minimum_track_record(estimate, benchmark=1 / math.sqrt(periods)))
    assert needed / periods == pytest.approx(years, abs=0.005)


@settings(deadline=None)
@given(st.floats(0.01, 0.5), st.floats(-2, 0.5), st.floats(0.6, 0.99))
def test_a_record_of_the_minimum_length_is_exactly_convincing(
    sharpe: float, skewness: float, confidence: float
) -> None:
    estimate = SharpeEstimate(sharpe, 100, skewness, 8.0)
    needed = known(minimum_track_record(estimate, confidence=confidence))
    z = sharpe / (estimate.standard_error * math.sqrt((estimate.observations - 1) / (needed - 1)))
    assert stats.norm.cdf(z) == pytest.approx(confidence, abs=1e-9)


def test_no_record_is_long_enough_below_the_benchmark() -> None:
    assert minimum_track_record(SharpeEstimate(0.05, 100, 0.0, 3.0), benchmark=0.05) is None
    assert minimum_track_record(SharpeEstimate(-0.1, 100, 0.0, 3.0)) is None


def test_a_probabilistic_sharpe_is_uniform_when_the_benchmark_is_the_truth() -> None:
    truth = 0.1
    draws = noise(4000, 300, seed=1, sharpe=truth)
    answers = [belief(known(estimate_sharpe(row)), benchmark=truth) for row in draws]
    assert stats.kstest(answers, "uniform").pvalue > 0.01


def test_a_probabilistic_sharpe_stays_calibrated_under_skew_and_fat_tails() -> None:
    # truth in closed form: a mean of 0.1 on top of minus a standardised exponential (skew -2, kurtosis 9)
    draws = 0.1 - (np.random.default_rng(2).exponential(1.0, (4000, 500)) - 1.0)
    estimates = [known(estimate_sharpe(row)) for row in draws]
    believed = np.mean([belief(estimate, benchmark=0.1) > 0.95 for estimate in estimates])
    naive = [SharpeEstimate(estimate.sharpe, 500, 0.0, 3.0) for estimate in estimates]
    fooled = np.mean([belief(estimate, benchmark=0.1) > 0.95 for estimate in naive])
    assert believed == pytest.approx(0.05, abs=0.02)
    assert abs(fooled - 0.05) > abs(believed - 0.05)


@pytest.mark.parametrize("trials", [2, 5, 20, 100, 1000])
def test_the_expected_maximum_matches_simulated_worthless_trials(trials: int) -> None:
    simulated = noise(3000, trials, seed=3).max(axis=1).mean()
    assert expected_maximum_sharpe(trials=trials, sharpe_variance=1.0) == pytest.approx(simulated, abs=0.08)


def test_one_trial_needs_no_deflation() -> None:
    estimate = known(estimate_sharpe(noise(250, seed=4, sharpe=0.1)))
    assert deflated_sharpe(estimate, trials=1, sharpe_variance=0.0) == probabilistic_sharpe(estimate)
    assert expected_maximum_sharpe(trials=1, sharpe_variance=9.0) == 0.0


@settings(deadline=None)
@given(st.integers(1, 10_000), st.floats(0.0001, 0.1))
def test_more_trials_never_raise_the_belief(trials: int, variance: float) -> None:
    estimate = SharpeEstimate(0.15, 500, -0.5, 5.0)
    few = known(deflated_sharpe(estimate, trials=trials, sharpe_variance=variance))
    assert known(deflated_sharpe(estimate, trials=trials + 1, sharpe_variance=variance)) <= few


def deflated_among(chosen: FloatArray, sharpes: FloatArray) -> float | None:
    """Deflate the chosen returns by all trials' Sharpe ratios per period, as callers do."""
    variance = known(variance_of_trials((sharpes * math.sqrt(252)).tolist()))
    return deflated_sharpe(known(estimate_sharpe(chosen)), trials=len(sharpes), sharpe_variance=variance)


def test_the_best_of_many_worthless_trials_is_rarely_believed() -> None:
    believed = fooled = 0
    median = []
    for seed in range(400):
        matrix = noise(250, 30, seed=1000 + seed)
        sharpes = per_period_sharpe(matrix)
        best = matrix[:, np.argmax(sharpes)]
        answer = known(deflated_among(best, sharpes))
        median.append(answer)
        believed += answer > 0.95
        fooled += belief(known(estimate_sharpe(best))) > 0.95
    assert believed / 400 <= 0.05
    assert np.median(median) == pytest.approx(0.5, abs=0.1)
    assert fooled / 400 > 0.7, "without deflation the same trials convince almost every time"


def test_a_real_edge_among_worthless_trials_is_believed() -> None:
    believed = 0
    for seed in range(100):
        matrix = noise(750, 30, seed=5000 + seed)
        matrix[:, 7] += 0.25
        sharpes = per_period_sharpe(matrix)
        believed += known(deflated_among(matrix[:, np.argmax(sharpes)], sharpes)) > 0.95
    assert believed / 100 > 0.9


def slow_overfitting(matrix: FloatArray, blocks: int) -> tuple[float, float]:
    edges = np.linspace(0, len(matrix), blocks + 1).astype(int)
    parts = [matrix[a:b] for a, b in pairwise(edges)]
    lower = losses = splits = 0
    for train in combinations(range(blocks), blocks // 2):
        inside = per_period_sharpe(np.concatenate([parts[i] for i in train]))
        outside = per_period_sharpe(np.concatenate([parts[i] for i in range(blocks) if i not in train]))
        winner = int(np.argmax(inside))
        rank = stats.rankdata(outside)[winner] / (matrix.shape[1] + 1)
        lower += rank <= 0.5
        losses += outside[winner] < 0
        splits += 1
    return lower / splits, losses / splits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([2, 4, 6]), st.integers(30, 75))
def test_overfitting_matches_splitting_by_hand(seed: int, strategies: int, blocks: int, periods: int) -> None:
    matrix = noise(periods, strategies, seed=seed)
    answer = overfitting_probability(matrix, blocks=blocks)
    assert (answer.probability, answer.loss_probability) == slow_overfitting(matrix, blocks)
    assert len(answer.logits) == math.comb(blocks, blocks // 2)


def test_choosing_among_pure_noise_overfits_half_the_time() -> None:
    answers = [overfitting_probability(noise(240, 20, seed=seed), blocks=8).probability for seed in range(60)]
    assert np.mean(answers) == pytest.approx(0.5, abs=0.06)


def test_choosing_a_real_edge_does_not_overfit() -> None:
    matrix = noise(600, 20, seed=9)
    matrix[:, 4] += 0.3
    assert overfitting_probability(matrix).probability < 0.01


def test_choosing_by_a_peak_that_reverses_overfits_always() -> None:
    # each strategy earns in one block only and gives it back in all others: the winner in train must lose in test
    matrix = noise(160, 8, seed=10) * 0.01 - 0.1
    for column in range(8):
        matrix[column * 20 : column * 20 + 20, column] += 1.0
    answer = overfitting_probability(matrix, blocks=8)
    assert answer.probability == 1.0
    assert answer.loss_probability == 1.0


def test_identical_strategies_share_the_middle_rank() -> None:
    column = noise(64, 1, seed=11)
    answer = overfitting_probability(np.repeat(column, 4, axis=1), blocks=4)
    assert answer.logits.tolist() == [0.0] * 6
    assert answer.probability == 1.0


def test_a_strategy_that_never_trades_counts_as_zero() -> None:
    matrix = np.column_stack([np.zeros(64), -np.abs(noise(64, seed=12))])
    answer = overfitting_probability(matrix, blocks=4)
    assert answer.probability == 0.0
    assert answer.loss_probability == 0.0


@given(st.integers(0, 1000), st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_leverage_does_not_change_the_overfitting(seed: int, leverage: float) -> None:
    matrix = noise(60, 5, seed=seed)
    scaled = overfitting_probability(matrix * leverage, blocks=6)
    assert scaled.probability == overfitting_probability(matrix, blocks=6).probability


@pytest.mark.parametrize(
    ("matrix", "blocks", "rule"),
    [
        (np.zeros((64, 4)), 3, "even"),
        (np.zeros((64, 4)), 0, "even"),
        (np.zeros((64, 4)), 22, "even"),
        (np.zeros((64, 1)), 4, "2 strategies"),
        (np.zeros((31, 4)), 16, "32 periods"),
        (np.zeros(64), 4, "2 dimensions"),
        (np.full((64, 4), np.nan), 4, "finite"),
    ],
)
def test_refuses_returns_it_cannot_split(matrix: FloatArray, blocks: int, rule: str) -> None:
    with pytest.raises(BadReturns, match=rule):
        overfitting_probability(matrix, blocks=blocks)


def test_refuses_impossible_trials_and_confidences() -> None:
    with pytest.raises(BadReturns, match="at least one trial"):
        expected_maximum_sharpe(trials=0, sharpe_variance=1.0)
    for variance in (-1.0, math.nan, math.inf):
        with pytest.raises(BadReturns, match="variance"):
            expected_maximum_sharpe(trials=2, sharpe_variance=variance)
    for confidence in (0.0, 1.0, -1.0):
        with pytest.raises(BadReturns, match="confidence"):
            minimum_track_record(SharpeEstimate(0.1, 10, 0.0, 3.0), confidence=confidence)
    with pytest.raises(BadReturns, match="finite"):
        estimate_sharpe(np.array([0.1, math.nan]))


def test_two_valued_returns_without_spread_are_unknown() -> None:
    estimate = SharpeEstimate(1.0, 10, 2.0, 5.0)
    assert estimate.standard_error == 0.0
    assert probabilistic_sharpe(estimate) is None


@pytest.mark.parametrize("sharpes", [[], [1.2]])
def test_fewer_than_two_trials_have_no_spread(sharpes: list[float]) -> None:
    assert variance_of_trials(sharpes) is None


def test_trials_spread_by_the_unbiased_variance_of_their_daily_sharpes() -> None:
    assert variance_of_trials([0.32, 1.9, -0.5]) == pytest.approx(statistics.variance([0.32, 1.9, -0.5]) / 252)
    assert variance_of_trials([0.32, 0.32]) == 0.0


def test_two_different_returns_are_enough_for_an_estimate() -> None:
    assert known(estimate_sharpe(np.array([0.0, 2.0]))).sharpe == pytest.approx(1 / math.sqrt(2))


@pytest.mark.parametrize("blocks", [2, 16])
def test_two_strategies_on_two_periods_per_block_are_enough(blocks: int) -> None:
    answer = overfitting_probability(noise(2 * blocks, 2, seed=13), blocks=blocks)
    assert len(answer.logits) == math.comb(blocks, blocks // 2)
