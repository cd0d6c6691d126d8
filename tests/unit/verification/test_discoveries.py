"""Who is proven: the closed e-BH rule against its own definition, and never behind e-BH."""

import math
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trading.arrays import FloatArray
from trading.errors import BadReturns
from trading.verification.discoveries import proven, threshold

log_values = st.one_of(st.floats(-3.0, 6.0), st.sampled_from([-math.inf, math.inf, 0.0, 2.0, 3.0, 4.0]))
fleets = st.lists(log_values, max_size=8).map(np.array)
shares = st.sampled_from([0.05, 0.1, 0.2, 0.5])


def e_bh(log_e: FloatArray, q: float) -> NDArray[np.bool_]:
    """Wang and Ramdas (2022), as it is written there."""
    ordered = sorted((math.exp(min(value, 600.0)) for value in log_e), reverse=True)
    counts = [k for k in range(1, len(ordered) + 1) if k * ordered[k - 1] >= len(ordered) / q * (1 - 1e-12)]
    if not counts:
        return np.zeros(len(log_e), bool)
    chosen: NDArray[np.bool_] = np.exp(np.minimum(log_e, 600.0)) >= ordered[max(counts) - 1]
    return chosen


def allowed(e_values: list[float], chosen: set[int], q: float, *, slack: float) -> bool:
    """Whether every group of bots has a mean e-value of its share of the chosen over q: the definition itself."""
    bots = range(len(e_values))
    groups = (group for size in range(1, len(e_values) + 1) for group in combinations(bots, size))
    return all(
        sum(e_values[bot] for bot in group) >= len(group) * len(chosen & set(group)) / len(chosen) / q * slack
        for group in groups
    )


def test_one_bot_needs_ten() -> None:
    assert proven(np.array([math.log(10.001)])).tolist() == [True]
    assert proven(np.array([math.log(9.999)])).tolist() == [False]


def test_a_fleet_as_worked_out_by_hand() -> None:
    """Of 15 and 9 at q = 10 %: e-BH asks 20 of one or 10 of both. Closed: both, as 9 >= 5 and 15 + 9 >= 20."""
    log_e = np.log([15.0, 9.0])
    assert e_bh(log_e, 0.1).tolist() == [False, False]
    assert proven(log_e).tolist() == [True, True]
    assert threshold(log_e) == math.log(9.0)


def test_worthless_bots_beside_it_raise_what_one_bot_needs() -> None:
    lone = np.append(np.log(50.0), np.full(9, -math.inf))
    assert not proven(lone).any()
    assert threshold(lone) == pytest.approx(math.log(100.0))
    assert proven(np.append(np.log(100.1), np.full(9, -math.inf))).tolist() == [True] + [False] * 9


def test_certainty_is_proof_and_ruin_is_none() -> None:
    log_e = np.array([math.inf, -math.inf, 900.0, 0.0])
    assert proven(log_e).tolist() == [True, False, True, False]


def test_an_empty_fleet_proves_nobody() -> None:
    assert proven(np.zeros(0)).tolist() == []
    assert threshold(np.zeros(0)) == pytest.approx(math.log(10.0))


@given(fleets, shares)
def test_what_is_proven_is_allowed_by_the_definition_and_nothing_larger_is(log_e: FloatArray, q: float) -> None:
    e_values = [math.exp(min(value, 600.0)) for value in log_e]
    discoveries = {int(bot) for bot in np.flatnonzero(proven(log_e, q=q))}
    if discoveries:
        assert allowed(e_values, discoveries, q, slack=1 - 1e-9)
    ordered = sorted(set(e_values), reverse=True)
    whole = [{bot for bot, value in enumerate(e_values) if value >= least} for least in ordered]
    larger = [chosen for chosen in whole if len(chosen) > len(discoveries)]
    assert not any(allowed(e_values, chosen, q, slack=1 + 1e-9) for chosen in larger)


@given(fleets, shares)
def test_no_set_that_is_not_of_the_largest_would_do_better(log_e: FloatArray, q: float) -> None:
    e_values = [math.exp(min(value, 600.0)) for value in log_e]
    size = int(proven(log_e, q=q).sum())
    bots = range(len(e_values))
    parts_equals = {value for value in e_values if e_values.count(value) > 1}
    if not parts_equals:
        any_larger = (set(chosen) for chosen in combinations(bots, size + 1))
        assert not any(allowed(e_values, chosen, q, slack=1 + 1e-9) for chosen in any_larger)


@given(st.lists(log_values, max_size=40).map(np.array), shares)
def test_every_discovery_of_e_bh_is_one(log_e: FloatArray, q: float) -> None:
    assert (proven(log_e, q=q) >= e_bh(log_e, q)).all()


@given(fleets, shares, st.floats(0.0, 5.0), st.integers(0, 7))
def test_more_evidence_never_takes_a_proof(log_e: FloatArray, q: float, more: float, place: int) -> None:
    if place < len(log_e) and proven(log_e, q=q)[place]:
        log_e[place] += more
        assert proven(log_e, q=q)[place]


@given(fleets, shares, st.randoms(use_true_random=False))
def test_the_order_of_bots_does_not_matter(log_e: FloatArray, q: float, chance: Random) -> None:
    order = list(range(len(log_e)))
    chance.shuffle(order)
    assert proven(log_e[order], q=q).tolist() == proven(log_e, q=q)[order].tolist()


@given(fleets, shares)
def test_the_threshold_parts_proven_from_unproven(log_e: FloatArray, q: float) -> None:
    discoveries = proven(log_e, q=q)
    assert (log_e[discoveries] >= threshold(log_e, q=q)).all()
    assert (log_e[~discoveries] < threshold(log_e, q=q)).all()


@pytest.mark.parametrize(("log_e", "q"), [([np.nan], 0.1), ([[0.0]], 0.1), ([0.0], 0.0), ([0.0], 1.0)])
def test_refuses_what_is_no_fleet(log_e: list[Any], q: float) -> None:
    with pytest.raises(BadReturns):
        proven(np.array(log_e), q=q)
