"""Evolution: children are valid and made of their parents, mutants move a little, distance is a distance."""

from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.known import known
from trading.errors import BadGenome, BadReturns
from trading.improvement import breeding
from trading.improvement.breeding import confidence_pct, crossover, distance, mutate, tournament, uniqueness_pct
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import Genome, default_genome, schema, validated

TREND = "trend_ema_cross"
archetypes = st.sampled_from(sorted(ARCHETYPES))
seeds = st.integers(0, 2**32)


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def wander(archetype: str, seed: int, steps: int = 12) -> Genome:
    genome, source = default_genome(archetype), chance(seed)
    for _ in range(steps):
        genome = mutate(archetype, genome, chance=source, rate=0.7, reach=5)
    return genome


@settings(deadline=None)
@given(archetypes, seeds, seeds)
def test_a_child_is_valid_and_takes_every_number_from_a_parent(archetype: str, first: int, other: int) -> None:
    mother, father = wander(archetype, first), wander(archetype, other)
    child = crossover(archetype, mother, father, chance=chance(first ^ other))
    assert validated(archetype, child) == child
    assert all(child[name] in (mother[name], father[name]) for name in schema(archetype))


@settings(deadline=None)
@given(archetypes, seeds)
def test_a_child_of_twins_is_their_copy(archetype: str, seed: int) -> None:
    twin = wander(archetype, seed)
    assert crossover(archetype, twin, twin, chance=chance(seed)) == twin


def test_both_parents_give_about_half_of_the_numbers() -> None:
    mother, father = wander(TREND, 1, steps=60), wander(TREND, 2, steps=60)
    differing = [name for name in mother if mother[name] != father[name] and not name.startswith("ema")]
    children = [crossover(TREND, mother, father, chance=chance(seed)) for seed in range(400)]
    for name in differing:
        assert fmean(child[name] == father[name] for child in children) == pytest.approx(0.5, abs=0.1)


def test_a_mixture_that_breaks_a_rule_is_drawn_again() -> None:
    slow = validated(TREND, {**default_genome(TREND), "ema_fast": 90, "ema_slow": 300})
    quick = validated(TREND, {**default_genome(TREND), "ema_fast": 2, "ema_slow": 3})
    children = [crossover(TREND, slow, quick, chance=chance(seed)) for seed in range(50)]
    assert {(child["ema_fast"], child["ema_slow"]) for child in children} == {(90, 300), (2, 3), (2, 300)}


def test_gives_a_parent_back_when_no_draw_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    mother, father = wander(TREND, 1), default_genome(TREND)
    monkeypatch.setattr(breeding, "ATTEMPTS", 0)
    assert crossover(TREND, mother, father, chance=chance(1)) == mother
    assert mutate(TREND, father, chance=chance(1)) == father


@settings(deadline=None)
@given(archetypes, seeds, st.floats(0, 1), st.integers(1, 6))
def test_a_mutant_is_valid_differs_and_stays_within_reach(archetype: str, seed: int, rate: float, reach: int) -> None:
    parent = wander(archetype, seed)
    mutant = mutate(archetype, parent, chance=chance(seed), rate=rate, reach=reach)
    rows = schema(archetype)
    assert validated(archetype, mutant) == mutant
    assert mutant != parent
    assert all(abs(mutant[name] - parent[name]) <= reach * rows[name].step + 1e-9 for name in rows)


def test_a_rate_of_zero_moves_exactly_one_number() -> None:
    parent = default_genome(TREND)
    for seed in range(50):
        mutant = mutate(TREND, parent, chance=chance(seed), rate=0.0)
        assert sum(mutant[name] != parent[name] for name in parent) == 1


def test_a_mutant_moves_up_and_down_alike() -> None:
    parent = default_genome(TREND)
    mutants = [mutate(TREND, parent, chance=chance(seed), rate=1.0, reach=1) for seed in range(40)]
    for name in ("ema_fast", "stop_atr"):
        assert {np.sign(mutant[name] - parent[name]) for mutant in mutants} >= {-1, 1}


@settings(deadline=None)
@given(archetypes, seeds)
def test_the_generator_decides_everything(archetype: str, seed: int) -> None:
    parent = default_genome(archetype)
    assert mutate(archetype, parent, chance=chance(seed)) == mutate(archetype, parent, chance=chance(seed))


@settings(deadline=None)
@given(archetypes, st.tuples(seeds, seeds, seeds))
def test_distance_is_symmetric_bounded_and_obeys_the_triangle(archetype: str, three: tuple[int, int, int]) -> None:
    a, b, c = (wander(archetype, seed) for seed in three)
    assert distance(archetype, a, a) == 0.0
    assert distance(archetype, a, b) == distance(archetype, b, a)
    assert 0.0 <= distance(archetype, a, b) <= 1.0
    assert distance(archetype, a, c) <= distance(archetype, a, b) + distance(archetype, b, c) + 1e-12


@settings(deadline=None)
@given(archetypes, st.lists(seeds, min_size=1, max_size=5), seeds)
def test_uniqueness_is_the_distance_to_the_nearest_sibling(archetype: str, siblings: list[int], seed: int) -> None:
    genome, others = wander(archetype, seed), [wander(archetype, sibling) for sibling in siblings]
    rows = schema(archetype)
    by_hand = [
        fmean(abs(genome[name] - other[name]) / (rows[name].high - rows[name].low) for name in rows) for other in others
    ]
    uniqueness = uniqueness_pct(archetype, genome, others)
    assert uniqueness == pytest.approx(100 * min(by_hand), rel=1e-9, abs=1e-9)
    assert uniqueness_pct(archetype, genome, others[::-1]) == uniqueness
    assert uniqueness_pct(archetype, genome, [*others, genome]) == 0.0


def test_the_farthest_genomes_are_wholly_unique_and_an_only_child_is_unknown() -> None:
    rows = schema("mean_reversion")
    low = {name: row.low for name, row in rows.items()}
    high = {name: row.high for name, row in rows.items()}
    assert uniqueness_pct("mean_reversion", low, [high]) == pytest.approx(100.0)
    assert uniqueness_pct("mean_reversion", low, []) is None


def test_a_tournament_of_all_is_won_by_the_best_known_score() -> None:
    assert tournament([0.5, None, 2.0, 1.0], chance=chance(1), entrants=9) == 2
    assert tournament([None, -5.0, None], chance=chance(1), entrants=3) == 1
    assert tournament([1.0, 1.0], chance=chance(1), entrants=2) == 0
    assert tournament([None, None], chance=chance(1), entrants=2) == 0


def test_a_tournament_prefers_the_better_without_shutting_out_the_rest() -> None:
    scores = [float(rank) for rank in range(10)]
    winners = [tournament(scores, chance=chance(seed), entrants=3) for seed in range(4_000)]
    # the best of three out of ten: probability of index k is C(k, 2) / C(10, 3)
    for index, wins in enumerate(np.bincount(winners, minlength=10)):
        assert wins / 4_000 == pytest.approx(index * (index - 1) / 2 / 120, abs=0.025)


shares = st.floats(0, 1)


@given(shares, st.integers(0, 10_000), shares)
def test_confidence_is_never_above_its_weakest_part(probability: float, trades: int, consistency: float) -> None:
    confidence = known(confidence_pct(deflated_probability=probability, trades=trades, consistency=consistency))
    assert 0 <= confidence <= 100 * min(probability, consistency, trades / (trades + 50)) + 1e-9


@given(shares, shares, st.integers(0, 1000), shares, shares)
def test_confidence_grows_with_every_part(
    probability: float, more: float, trades: int, consistency: float, further: float
) -> None:
    def confidence(p: float, n: int, c: float) -> float:
        return known(confidence_pct(deflated_probability=p, trades=n, consistency=c))

    here = confidence(probability, trades, consistency)
    assert confidence(max(probability, more), trades + 10, max(consistency, further)) >= here


def test_confidence_by_hand_and_unknown_parts() -> None:
    assert confidence_pct(deflated_probability=0.9, trades=150, consistency=0.75) == pytest.approx(50.625)
    assert confidence_pct(deflated_probability=1.0, trades=50, consistency=1.0) == 50.0
    assert confidence_pct(deflated_probability=None, trades=50, consistency=1.0) is None
    assert confidence_pct(deflated_probability=0.9, trades=None, consistency=1.0) is None
    assert confidence_pct(deflated_probability=0.9, trades=50, consistency=None) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: confidence_pct(deflated_probability=1.1, trades=5, consistency=0.5),
        lambda: confidence_pct(deflated_probability=0.5, trades=-1, consistency=0.5),
        lambda: confidence_pct(deflated_probability=0.5, trades=5, consistency=float("nan")),
        lambda: tournament([], chance=chance(0)),
        lambda: tournament([1.0], chance=chance(0), entrants=0),
    ],
)
def test_refuses_impossible_parts(call: Callable[[], object]) -> None:
    with pytest.raises(BadReturns):
        call()


@pytest.mark.parametrize("change", [{"rate": -0.1}, {"rate": 1.1}, {"reach": 0}])
def test_refuses_an_impossible_mutation(change: dict[str, Any]) -> None:
    with pytest.raises(BadGenome):
        mutate(TREND, default_genome(TREND), chance=chance(0), **change)


def test_refuses_parents_that_are_not_valid() -> None:
    with pytest.raises(BadGenome):
        crossover(TREND, {"ema_fast": 3}, default_genome(TREND), chance=chance(0))
