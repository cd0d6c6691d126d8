import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.errors import BadGenome, UnknownArchetype
from trading.market.regimes import Regime
from trading.strategies.archetypes import ARCHETYPES, ONE_PER_FAMILY, Family, archetype
from trading.strategies.genome import default_genome, genome_hash, schema, validated

names = st.sampled_from(sorted(ARCHETYPES))


@st.composite
def genomes(draw: st.DrawFn) -> tuple[str, dict[str, float]]:
    name = draw(names)
    numbers = {row.name: draw(st.floats(row.low, row.high)) for row in schema(name).values()}
    if "ema_fast" in numbers:
        numbers["ema_fast"], numbers["ema_slow"] = draw(st.integers(2, 40)), draw(st.integers(41, 300))
    return name, numbers


def test_twenty_three_archetypes_fill_nine_families() -> None:
    assert len(ARCHETYPES) == 23
    assert {row.family for row in ARCHETYPES.values()} == set(Family)
    assert {archetype(name).family for name in ONE_PER_FAMILY} == set(Family)
    assert len(ONE_PER_FAMILY) == 9


def test_no_archetype_favours_a_regime_it_avoids() -> None:
    for row in ARCHETYPES.values():
        assert row.affinity.favours
        assert row.affinity.avoids
        assert not row.affinity.favours & row.affinity.avoids
    assert archetype("range_scalper").affinity.avoids == {Regime.TRENDING, Regime.VOLATILITY_SPIKE}


@pytest.mark.parametrize("name", ["", "Breakout", "my breakout bot", "trend "])
def test_never_guesses_an_archetype(name: str) -> None:
    with pytest.raises(UnknownArchetype):
        archetype(name)
    with pytest.raises(UnknownArchetype):
        default_genome(name)


def test_defaults_are_the_domains() -> None:
    wanted: dict[str, dict[str, float]] = {
        "breakout": {"range_bars": 10, "volume_ratio": 1.5, "time_stop_bars": 20},
        "mean_reversion": {"rsi_extreme": 30.0, "vwap_distance_atr": 1.0, "time_stop_bars": 15},
        "vwap": {"touch_atr": 0.5, "time_stop_bars": 12},
        "trend": {"ema_fast": 9, "ema_slow": 21},
        "scalping": {"ema_fast": 5, "ema_slow": 13, "time_stop_bars": 5},
        "gap_fade": {"fill_fraction": 0.5, "time_stop_bars": 20},
        "gap_fill": {"fill_fraction": 0.5, "time_stop_bars": 20},
        "reversal": {"rsi_extreme": 25.0, "extreme_bars": 5},
        "range_scalper": {"range_bars": 10, "range_atr": 1.5, "zone_fraction": 0.2, "time_stop_bars": 8},
        "momentum_surge": {"momentum_atr": 0.5, "volume_ratio": 1.3},
    }
    for name, numbers in wanted.items():
        assert {key: default_genome(name)[key] for key in numbers} == numbers


@pytest.mark.parametrize("name", sorted(ARCHETYPES))
def test_every_default_lies_on_its_own_step_inside_its_bounds(name: str) -> None:
    for row in schema(name).values():
        assert row.snapped(row.default) == row.default
        assert row.snapped(row.low) == row.low
        assert row.snapped(row.high) == row.high


@settings(deadline=None)
@given(genomes())
def test_a_validated_genome_is_complete_sorted_and_stays_itself(case: tuple[str, dict[str, float]]) -> None:
    name, numbers = case
    genome = validated(name, numbers)
    assert list(genome) == sorted(schema(name))
    again = validated(name, json.loads(json.dumps(dict(genome))))
    assert again == genome
    assert genome_hash(again) == genome_hash(genome)
    for row in schema(name).values():
        assert row.low <= genome[row.name] <= row.high
        assert abs(genome[row.name] - numbers[row.name]) <= row.step / 2 + 1e-9


@settings(deadline=None)
@given(genomes(), st.data())
def test_refuses_a_number_outside_its_bounds_and_names_it(
    case: tuple[str, dict[str, float]], data: st.DataObject
) -> None:
    name, numbers = case
    row = data.draw(st.sampled_from(sorted(schema(name).values(), key=lambda row: row.name)))
    low, high = math.nextafter(row.low, -math.inf), math.nextafter(row.high, math.inf)
    wrong = data.draw(
        st.floats(max_value=low) | st.floats(min_value=high) | st.sampled_from([math.nan, None, "9", True])
    )
    with pytest.raises(BadGenome, match=row.name):
        validated(name, {**numbers, row.name: wrong})


def test_refuses_unknown_missing_and_contradicting_numbers() -> None:
    genome = dict(default_genome("trend"))
    with pytest.raises(BadGenome, match="unknown genome parameters: colour"):
        validated("trend", {**genome, "colour": 1})
    with pytest.raises(BadGenome, match="missing genome parameters: ema_fast"):
        validated("trend", {key: value for key, value in genome.items() if key != "ema_fast"})
    with pytest.raises(BadGenome, match=r"ema_fast must be less than ema_slow \(21\), was 21"):
        validated("trend", {**genome, "ema_fast": 21})


def test_the_hash_ignores_order_and_whole_number_spelling_and_sees_every_step() -> None:
    genome = dict(default_genome("breakout"))
    shuffled = dict(reversed(genome.items())) | {"range_bars": 10.0}
    assert genome_hash(validated("breakout", shuffled)) == genome_hash(genome)
    assert genome_hash(validated("breakout", genome | {"stop_atr": 1.55})) != genome_hash(genome)
