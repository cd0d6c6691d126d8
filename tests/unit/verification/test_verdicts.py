"""Verdicts at their limits: what is wanted passes, a hair beyond it fails, what is unknown is neither."""

from dataclasses import replace

import numpy as np
import pytest

from trading.backtests.parts import Part
from trading.figures.performance import Performance
from trading.verification.luck import Overfitting
from trading.verification.monte_carlo import MonteCarlo, Quantiles
from trading.verification.sensitivity import Sensitivity
from trading.verification.stress import StressVerdict
from trading.verification.trials import Trial
from trading.verification.verdicts import (
    Grade,
    of_detector,
    of_matrix,
    of_overfitting,
    of_resampled_bars,
    of_resampled_trades,
    of_sensitivity,
    of_sharpe,
    of_stress,
    of_walk_forward,
)
from trading.verification.walk_forward import Segment, SegmentResult, WalkForward

BLANK = Performance(0, 0, 0, 0, None, None, None, 0.0, 0.0, None, None, 0.0, None)
SEGMENT = Segment(Part(0, 2), Part(2, 4))
PASSED, FAILED, UNKNOWN = Grade.PASSED, Grade.FAILED, Grade.UNKNOWN


def walked(nets: list[int], *, train: float, test: float) -> WalkForward:
    kept = replace(BLANK, sharpe=train)
    tests = [replace(BLANK, net_pnl_micros=net, sharpe=test) for net in nets]
    return WalkForward(tuple(SegmentResult(SEGMENT, {}, kept, test, ()) for test in tests))


@pytest.mark.parametrize(
    ("walk", "grade"),
    [
        (walked([1, 0], train=2.5, test=1.0), PASSED),
        (walked([1, 0, 0], train=2.5, test=1.0), FAILED),
        (walked([1, 1], train=2.51, test=1.0), FAILED),
        (walked([1, 1], train=1.0, test=-1.0), FAILED),
    ],
)
def test_a_walk_forward_needs_half_of_its_parts_and_a_promise_kept(walk: WalkForward, grade: Grade) -> None:
    assert of_walk_forward(walk).grade is grade


@pytest.mark.parametrize(
    ("retained", "grade"),
    [({"a": 0.5, "b": 0.49}, PASSED), ({"a": 0.5, "b": 0.49, "c": 0.0}, FAILED), ({}, UNKNOWN), (None, UNKNOWN)],
)
def test_half_of_the_parameters_have_to_keep_half(retained: dict[str, float] | None, grade: Grade) -> None:
    sensitivity = None if retained is None else Sensitivity(Trial({}, BLANK), (), retained)
    assert of_sensitivity(sensitivity).grade is grade


@pytest.mark.parametrize(("ruin", "grade"), [(0.05, PASSED), (0.051, FAILED)])
def test_one_path_in_twenty_may_be_ruined(ruin: float, grade: Grade) -> None:
    flat = Quantiles(*[0.0] * 7)
    assert of_resampled_trades(MonteCarlo(1_000, flat, flat, flat, ruin, 0.0)).grade is grade


@pytest.mark.parametrize(("nets", "grade"), [([0.0, 1.0, 1.0, 1.0], PASSED), ([0.0, 0.0, 1.0, 1.0, 1.0, 1.0], FAILED)])
def test_a_quarter_of_the_synthetic_histories_may_earn_nothing(nets: list[float], grade: Grade) -> None:
    assert of_resampled_bars(nets).grade is grade


@pytest.mark.parametrize(("nets", "grade"), [([1, 0], PASSED), ([1, 0, 0], FAILED), ([], UNKNOWN)])
def test_half_of_the_cells_that_traded_have_to_earn(nets: list[int], grade: Grade) -> None:
    cells = [replace(BLANK, trades=1, net_pnl_micros=net) for net in nets]
    assert of_matrix([*cells, BLANK, BLANK]).grade is grade


@pytest.mark.parametrize(("deflated", "grade"), [(0.95, PASSED), (0.949, FAILED), (None, UNKNOWN)])
def test_a_sharpe_ratio_has_to_be_real_with_nineteen_in_twenty(deflated: float | None, grade: Grade) -> None:
    assert of_sharpe(deflated, tried=7).grade is grade


@pytest.mark.parametrize(("probability", "grade"), [(0.2, PASSED), (0.21, FAILED)])
def test_one_winner_in_five_may_be_overfitted(probability: float, grade: Grade) -> None:
    assert of_overfitting(Overfitting(probability, 0.0, np.zeros(1)), among="2 tried").grade is grade


def test_a_detector_passes_without_a_find_and_stress_as_its_suite_says() -> None:
    assert [of_detector(leaks, tried=3, what="futures").grade for leaks in (0, 1)] == [PASSED, FAILED]
    assert of_stress(StressVerdict(True, ())).grade is PASSED
    failed = of_stress(StressVerdict(False, ("it fell", "it lost")))
    assert (failed.grade, failed.reason) == (FAILED, "it fell; it lost")
