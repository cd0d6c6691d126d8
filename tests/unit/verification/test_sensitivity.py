"""Parameter sensitivity and grids: neighbours stay valid, plateaus are told from needles, grids are exact."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.known import known
from tests.harness.searches import by_net_pnl
from trading.errors import BadGenome
from trading.figures.performance import Performance
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import Genome, default_genome, genome_hash, schema, validated
from trading.verification.sensitivity import axis, grid, neighbours, sensitivity

BLANK = Performance(0, 0, 0, 0, None, None, None, 0.0, 0.0, None, None, 0.0, None)
TREND = "trend_ema_cross"
names = st.sampled_from(sorted(ARCHETYPES))


def earning(net: float) -> Performance:
    return replace(BLANK, net_pnl_micros=round(net))


@given(names, st.integers(1, 4))
@settings(deadline=None)
def test_neighbours_differ_in_one_parameter_by_so_many_steps_and_are_valid(archetype: str, reach: int) -> None:
    home = default_genome(archetype)
    rows = schema(archetype)
    nearby = neighbours(archetype, home, reach=reach)
    assert {near.parameter for near in nearby} == set(rows)
    assert len({genome_hash(near.genome) for near in nearby}) == len(nearby)
    for near in nearby:
        assert validated(archetype, near.genome) == near.genome
        assert [name for name in rows if near.genome[name] != home[name]] == [near.parameter]
        moved = (near.genome[near.parameter] - home[near.parameter]) / rows[near.parameter].step
        assert moved == pytest.approx(near.steps)
        assert 1 <= abs(near.steps) <= reach


def test_a_neighbour_outside_its_bounds_or_rules_is_left_out() -> None:
    home = validated(TREND, {**default_genome(TREND), "ema_fast": 20, "ema_slow": 21, "stop_atr": 0.25})
    steps = {(near.parameter, near.steps) for near in neighbours(TREND, home, reach=1)}
    assert ("ema_fast", -1) in steps
    assert ("ema_fast", 1) not in steps
    assert ("ema_slow", -1) not in steps
    assert ("stop_atr", -1) not in steps
    assert ("stop_atr", 1) in steps


def test_tells_a_plateau_from_a_needle() -> None:
    home = default_genome(TREND)
    flat = known(sensitivity(TREND, home, evaluate=lambda genome: earning(1_000), score=by_net_pnl))
    alone = sensitivity(
        TREND, home, evaluate=lambda genome: earning(1_000 if genome == home else -500), score=by_net_pnl
    )
    assert flat.plateau == 1.0
    needle = known(alone)
    assert needle.plateau == 0.0
    assert set(needle.retained.values()) == {-0.5}


def test_keeps_the_worst_neighbour_of_each_parameter() -> None:
    home = default_genome(TREND)

    def evaluate(genome: Genome) -> Performance:
        return earning(1_000 - 300 * max(0, home["ema_fast"] - genome["ema_fast"]))

    answer = known(sensitivity(TREND, home, evaluate=evaluate, reach=3, score=by_net_pnl))
    assert answer.retained["ema_fast"] == pytest.approx(0.1)
    assert answer.retained["ema_slow"] == 1.0
    assert answer.plateau == pytest.approx(1 - 1 / len(schema(TREND)))


def test_a_neighbour_whose_score_is_unknown_keeps_nothing() -> None:
    home = default_genome(TREND)

    def evaluate(genome: Genome) -> Performance:
        return replace(BLANK, sharpe=1.0 if genome["ema_fast"] == home["ema_fast"] else None)

    assert known(sensitivity(TREND, home, evaluate=evaluate)).retained["ema_fast"] == 0.0


@pytest.mark.parametrize("own", [0, -5])
def test_has_nothing_to_say_about_a_genome_that_earns_nothing(own: int) -> None:
    assert sensitivity(TREND, default_genome(TREND), evaluate=lambda g: earning(own), score=by_net_pnl) is None
    assert sensitivity(TREND, default_genome(TREND), evaluate=lambda g: BLANK) is None


def test_a_genome_without_neighbours_has_no_plateau() -> None:
    answer = known(sensitivity(TREND, default_genome(TREND), evaluate=lambda g: earning(9), reach=0, score=by_net_pnl))
    assert answer.plateau is None


@given(names, st.integers(1, 12), st.data())
@settings(deadline=None)
def test_an_axis_spans_its_bounds_with_values_on_the_step(archetype: str, points: int, draw: st.DataObject) -> None:
    row = schema(archetype)[draw.draw(st.sampled_from(sorted(schema(archetype))))]
    values = axis(row, points=points)
    assert list(values) == sorted(set(values))
    assert 1 <= len(values) <= points
    assert all(row.snapped(value) == value for value in values)
    if points > 1:
        assert (values[0], values[-1]) == (row.low, row.high)


def test_an_axis_by_hand() -> None:
    fast = schema(TREND)["ema_fast"]
    assert (fast.low, fast.high) == (2, 100)
    assert axis(fast, points=1) == (51,)
    assert axis(fast, points=2) == (2, 100)
    assert axis(fast, points=3) == (2, 51, 100)


def test_a_small_grid_is_the_product_of_its_axes_in_order() -> None:
    axes = {"ema_slow": (20, 30), "ema_fast": (5, 25)}
    made = grid(TREND, default_genome(TREND), axes=axes)
    expected = [(fast, slow) for fast, slow in product((5, 25), (20, 30)) if fast < slow]
    assert [(genome["ema_fast"], genome["ema_slow"]) for genome in made] == expected
    assert all(genome["stop_atr"] == default_genome(TREND)["stop_atr"] for genome in made)
    assert grid(TREND, default_genome(TREND), axes=dict(reversed(axes.items()))) == made


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None)
def test_a_capped_grid_is_a_distinct_ordered_part_of_the_whole_one(cap: int, fast: int, slow: int, stop: int) -> None:
    axes = {
        "atr_period": list(range(5, 5 + fast)),
        "momentum_bars": list(range(1, 1 + slow)),
        "time_stop_bars": list(range(stop)),
    }
    whole = grid(TREND, default_genome(TREND), axes=axes, cap=10_000)
    thinned = grid(TREND, default_genome(TREND), axes=axes, cap=cap)
    hashes = [genome_hash(genome) for genome in whole]
    kept = [hashes.index(genome_hash(genome)) for genome in thinned]
    assert len(whole) == fast * slow * stop
    assert len(kept) == min(cap, len(whole))
    assert kept == sorted(set(kept))


def test_thinning_leaves_no_axis_out() -> None:
    axes = {"atr_period": list(range(5, 15)), "momentum_bars": list(range(1, 11)), "time_stop_bars": list(range(10))}
    thinned = grid(TREND, default_genome(TREND), axes=axes, cap=100)
    for name in axes:
        assert len({genome[name] for genome in thinned}) == 10


@pytest.mark.parametrize(
    ("axes", "cap"), [({"nonsense": [1]}, 10), ({"ema_fast": []}, 10), ({"ema_fast": [5]}, 0), ({"ema_fast": [5]}, -1)]
)
def test_refuses_a_grid_of_unknown_or_empty_axes(axes: dict[str, list[int]], cap: int) -> None:
    with pytest.raises(BadGenome):
        grid(TREND, default_genome(TREND), axes=axes, cap=cap)


def test_refuses_an_axis_without_points() -> None:
    with pytest.raises(BadGenome):
        axis(schema(TREND)["ema_fast"], points=0)
