"""Walk-forward: the plan, the fence, planted cheats, and a verdict that has no number for a broken promise."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.known import known
from tests.harness.searches import best_of, by_net_pnl, in_order
from trading.arrays import IntArray
from trading.backtests.parts import Part
from trading.errors import BadBars, BadGenome, LookAhead
from trading.figures.performance import Performance, measure
from trading.strategies.genome import Genome
from trading.verification.trials import Trial, by_sharpe, ranked
from trading.verification.walk_forward import (
    Fence,
    Segment,
    SegmentResult,
    WalkForward,
    Windows,
    anchored,
    as_many_as_fit,
    plan,
    walk_forward,
)

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
CHOICES = tuple({"column": float(column)} for column in range(12))


def hours(days: float) -> IntArray:
    return 1_600_000_000_000_000_000 + np.arange(int(days * 24)) * HOUR_NS


def market(seed: int, bars: int = 4_000) -> IntArray:
    """P&L per bar and strategy: pure noise, 12 strategies."""
    return np.random.default_rng(seed).integers(-1_000_000, 1_000_001, (bars, len(CHOICES)))


def evaluator(pnl: IntArray) -> Callable[[Genome, int, int], Performance]:
    def evaluate(genome: Genome, first_bar: int, end_bar: int) -> Performance:
        earned = pnl[first_bar:end_bar, int(genome["column"])]
        return measure(
            trade_pnl_micros=earned,
            trade_bars=np.ones(len(earned), np.int64),
            equity_micros=10**10 + np.cumsum(earned),
            trading_day=np.arange(first_bar, end_bar) // 24,
            account_micros=10**10,
            bars_in_position=len(earned),
        )

    return evaluate


SEGMENTS = tuple(Segment(Part(at, at + 1_500), Part(at + 1_500, at + 2_100)) for at in (0, 600, 1_200, 1_800))


def test_plans_the_default_windows_over_two_years() -> None:
    segments = plan(hours(900))
    assert len(segments) == 4
    assert [len(segment.train) for segment in segments] == [365 * 24] * 4
    assert [len(segment.test) for segment in segments] == [90 * 24] * 4
    assert segments[-1].test.end_bar == 900 * 24
    assert [b.test.first_bar - a.test.first_bar for a, b in pairwise(segments)] == [90 * 24] * 3


@settings(deadline=None)
@given(st.integers(3, 2000), st.integers(1, 6))
def test_every_plan_keeps_train_before_test_and_tests_apart(days: int, count: int) -> None:
    segments = plan(hours(days), Windows(segments=count))
    assert len(segments) == count
    for segment in segments:
        assert 0 <= segment.train.first_bar < segment.train.end_bar == segment.test.first_bar < segment.test.end_bar
    for earlier, later in pairwise(segments):
        assert earlier.test.end_bar == later.test.first_bar
    assert segments[-1].test.end_bar == days * 24


@settings(deadline=None)
@given(st.integers(30, 724))
def test_a_short_history_scales_train_and_test_alike(days: int) -> None:
    segments = plan(hours(days))
    assert segments[0].train.first_bar <= 1
    for segment in segments:
        assert len(segment.train) / len(segment.test) == pytest.approx(365 / 90, rel=0.05)


def test_two_bars_for_each_part_are_enough() -> None:
    daily = 1_600_000_000_000_000_000 + np.arange(4) * DAY_NS
    (segment,) = plan(daily, Windows(segments=1, train_days=2, test_days=2))
    assert segment == Segment(Part(0, 2), Part(2, 4))
    with pytest.raises(BadBars, match="too few bars"):
        plan(daily, Windows(segments=1, train_days=3, test_days=1))


def test_closed_weekends_count_as_time_not_as_bars() -> None:
    daily = 1_600_000_000_000_000_000 + np.arange(2_000) * DAY_NS
    weekdays = daily[np.arange(2_000) % 7 < 5]
    assert len(plan(weekdays)[0].train) == pytest.approx(365 * 5 / 7, abs=3)


@pytest.mark.parametrize(("days", "segments"), [(100, 1), (455, 1), (544, 1), (545, 2), (725, 4), (12 * 365, 44)])
def test_fits_as_many_segments_as_the_history_holds(days: int, segments: int) -> None:
    windows = as_many_as_fit(hours(days))
    assert windows == Windows(segments=segments)
    assert len(plan(hours(days), windows)) == segments


@pytest.mark.parametrize(
    ("ts_event", "windows"),
    [
        (hours(0), Windows()),
        (hours(0.125), Windows()),
        (hours(0.25), Windows()),
        (hours(900), Windows(segments=0)),
        (hours(900), Windows(test_days=0)),
        (hours(900), Windows(step_days=-1)),
    ],
)
def test_refuses_a_history_or_windows_it_cannot_cut(ts_event: IntArray, windows: Windows) -> None:
    with pytest.raises(BadBars):
        plan(ts_event, windows)


def test_no_number_of_segments_fits_a_history_of_three_bars() -> None:
    with pytest.raises(BadBars, match="at least 4 bars, was 3"):
        as_many_as_fit(hours(0.125))


def test_chooses_on_train_what_an_exhaustive_look_would_choose() -> None:
    pnl = market(1)
    verdict = walk_forward(SEGMENTS, evaluate=evaluator(pnl), search=best_of(in_order(CHOICES), trials=99), seed=0)
    for result in verdict.segments:
        train, test = result.segment.train, result.segment.test
        daily = [pnl[d : min(d + 24, train.end_bar)].sum(axis=0) for d in range(train.first_bar, train.end_bar, 24)]
        sharpes = np.mean(daily, axis=0) / np.std(daily, axis=0, ddof=1)
        assert result.genome == CHOICES[int(np.argmax(sharpes))]
        assert result.test.net_pnl_micros == pnl[test.first_bar : test.end_bar, int(result.genome["column"])].sum()
        assert len(result.trials) == len(CHOICES)
    assert verdict.trials == 4 * len(CHOICES)


@pytest.mark.scorecard(21)
def test_nothing_chosen_or_tried_moves_when_the_test_part_changes() -> None:
    pnl = market(2)
    for position, segment in enumerate(SEGMENTS):
        poisoned = pnl.copy()
        poisoned[segment.test.first_bar :] = market(99)[segment.test.first_bar :] * 50
        before, after = (
            walk_forward(SEGMENTS, evaluate=evaluator(p), search=best_of(in_order(CHOICES), trials=99), seed=0)
            for p in (pnl, poisoned)
        )
        assert before.segments[position].genome == after.segments[position].genome
        assert before.segments[position].trials == after.segments[position].trials
        assert before.segments[position].test != after.segments[position].test


@pytest.mark.scorecard(21)
@pytest.mark.parametrize(
    ("first_bar", "end_bar"), [(0, 1_501), (None, 2_100), (1_500, 2_100), (1_499, 1_501), (5, 5), (9, 4), (-1, 10)]
)
def test_a_search_that_peeks_beyond_its_train_part_is_refused(first_bar: int | None, end_bar: int) -> None:
    def peek(fence: Fence, chance: np.random.Generator) -> Genome:
        return max(CHOICES, key=lambda genome: fence(genome, first_bar, end_bar).net_pnl_micros)

    with pytest.raises(LookAhead, match="bars 0 to 1500"):
        walk_forward(SEGMENTS, evaluate=evaluator(market(3)), search=peek, seed=0)


@pytest.mark.scorecard(21)
def test_a_search_that_keeps_its_fence_cannot_use_it_later() -> None:
    kept: list[Fence] = []

    def hoard(fence: Fence, chance: np.random.Generator) -> Genome:
        kept.append(fence)
        kept[0](CHOICES[0])
        return CHOICES[0]

    with pytest.raises(LookAhead, match="has answered"):
        walk_forward(SEGMENTS, evaluate=evaluator(market(4)), search=hoard, seed=0)


@pytest.mark.scorecard(21)
def test_no_bar_of_the_test_part_is_run_before_the_search_has_answered() -> None:
    pnl, asked = market(5), []
    honest = evaluator(pnl)

    def watched(genome: Genome, first_bar: int, end_bar: int) -> Performance:
        asked.append(end_bar)
        return honest(genome, first_bar, end_bar)

    def search(fence: Fence, chance: np.random.Generator) -> Genome:
        answer = best_of(in_order(CHOICES), trials=99)(fence, chance)
        assert max(asked) <= fence.train.end_bar
        return answer

    for segment in SEGMENTS:
        asked.clear()
        walk_forward([segment], evaluate=watched, search=search, seed=0)
        assert max(asked) == segment.test.end_bar


def test_looking_inside_the_train_part_is_allowed_and_counted() -> None:
    def halves(fence: Fence, chance: np.random.Generator) -> Genome:
        fence(CHOICES[0], 0, 700)
        fence(CHOICES[1], 700, 1_500)
        return CHOICES[1]

    verdict = walk_forward(SEGMENTS[:1], evaluate=evaluator(market(6)), search=halves, seed=0)
    assert [trial.genome for trial in verdict.segments[0].trials] == [CHOICES[0], CHOICES[1]]


def test_chance_comes_from_the_seed_and_each_segment_can_be_repeated() -> None:
    def at_random(trials: tuple[Trial, ...], chance: np.random.Generator) -> Genome:
        return CHOICES[int(chance.integers(len(CHOICES)))]

    def run(seed: int) -> WalkForward:
        return walk_forward(SEGMENTS, evaluate=evaluator(market(7)), search=best_of(at_random, trials=3), seed=seed)

    assert run(5) == run(5)
    tried = [[trial.genome for trial in result.trials] for result in run(5).segments]
    assert len({str(genomes) for genomes in tried}) > 1
    assert tried != [[trial.genome for trial in result.trials] for result in run(6).segments]


def test_a_real_edge_is_found_and_pays_while_noise_does_not() -> None:
    edge = market(8)
    edge[:, 7] += 200_000
    search = best_of(in_order(CHOICES), trials=99)
    walked = walk_forward(SEGMENTS, evaluate=evaluator(edge), search=search, seed=0)
    assert {result.genome["column"] for result in walked.segments} == {7.0}
    assert walked.consistency == 1.0
    assert 0.5 < known(walked.overfit_ratio) < 2.0
    noise = [
        walk_forward(SEGMENTS, evaluate=evaluator(market(100 + seed)), search=search, seed=0).consistency
        for seed in range(30)
    ]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.15)


def test_a_search_without_proposals_is_refused() -> None:
    with pytest.raises(BadGenome):
        walk_forward(SEGMENTS, evaluate=evaluator(market(9)), search=best_of(in_order([]), trials=5), seed=0)
    with pytest.raises(BadBars):
        walk_forward([], evaluate=evaluator(market(9)), search=best_of(in_order(CHOICES), trials=5), seed=0)


BLANK = Performance(0, 0, 0, 0, None, None, None, 0.0, 0.0, None, None, 0.0, None)


def verdict_of(*pairs: tuple[float | None, float | None, int]) -> WalkForward:
    return WalkForward(
        tuple(
            SegmentResult(
                SEGMENTS[0], {}, replace(BLANK, sharpe=train), replace(BLANK, sharpe=test, net_pnl_micros=net), ()
            )
            for train, test, net in pairs
        )
    )


def test_the_verdict_is_a_share_of_earning_segments_and_a_ratio_of_means() -> None:
    verdict = verdict_of((2.0, 1.0, 5), (3.0, 1.5, 0), (1.0, 0.5, -5), (2.0, 1.0, 1))
    assert verdict.consistency == 0.5
    assert verdict.overfit_ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    "pairs",
    [
        [(2.0, None, 5), (2.0, 1.0, 5)],
        [(None, 1.0, 5), (2.0, 1.0, 5)],
        [(2.0, -1.0, 5), (2.0, 1.0, 5)],
        [(2.0, -3.0, 5), (2.0, 1.0, 5)],
        [(2.0, 0.0, 5)],
    ],
)
def test_there_is_no_ratio_for_an_unknown_or_broken_promise(
    pairs: list[tuple[float | None, float | None, int]],
) -> None:
    assert verdict_of(*pairs).overfit_ratio is None


def test_ranking_does_not_depend_on_the_order_of_arrival() -> None:
    trials = [Trial({"a": n}, replace(BLANK, sharpe=s, net_pnl_micros=n)) for n, s in enumerate([1.0, None, 2.0, 1.0])]
    order = [trial.genome["a"] for trial in ranked(trials)]
    assert order == [2, 0, 3, 1]
    assert [trial.genome["a"] for trial in ranked(reversed(trials))] == order
    assert [trial.genome["a"] for trial in ranked(trials, score=by_net_pnl)] == [3, 2, 1, 0]
    assert by_sharpe(BLANK) == -np.inf


def test_anchored_segments_train_on_every_bar_before_the_same_test_part() -> None:
    segments = plan(hours(2_000))
    assert segments[0].train.first_bar > 0
    widened = anchored(segments)
    assert [segment.test for segment in widened] == [segment.test for segment in segments]
    assert [(segment.train.first_bar, segment.train.end_bar) for segment in widened] == [
        (0, segment.train.end_bar) for segment in segments
    ]
