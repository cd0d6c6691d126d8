"""Parameters of a rule text: a schema like an archetype's, numbers that stand where their number would stand."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.series import random_bars, random_sessions
from trading.errors import BadGenome, RuleSyntaxError
from trading.improvement.breeding import crossover, distance, mutate
from trading.strategies.genome import Genome, common_exits, default_genome, genome_hash, schema, validated
from trading.strategies.rules import parse_rule, rule_signals, rule_text
from trading.strategies.styles import entry_signals, rule_of, signal_at, warm_up_bars
from trading.strategies.tape import Tape, tape_of
from trading.verification.sensitivity import neighbours

CROSS = """
param fast = 10 bars in 2 to 40
param slow = 30 bars in 10 to 90 step 10   # moves in tens
param push = 0.3 in -1 to 2 step 0.1
param reach = 2 ticks in 0 to 8
param size = 300 contracts in 0 to 900 step 100
exit stop_atr = 2
exit time_stop_bars = 40
long: sma(close, fast) crosses above sma(close, slow)[fast] and momentum(close, 2 * fast) > push * atr(atr_period)
      and high - low > reach and volume > size
short: mirror
"""
STYLE = rule_text(CROSS)
OWN = ("fast", "slow", "push", "reach", "size")
MEASURES = {"reach": " ticks", "size": " contracts"}


def tape(seed: int = 3, *, n_bars: int = 1_100) -> Tape:
    rng = np.random.default_rng([seed, 43])
    return tape_of(random_bars(rng, n_bars), random_sessions(rng, n_bars, longest=60))


@st.composite
def genomes(draw: st.DrawFn) -> Genome:
    rows = schema(STYLE).values()
    steps = {row.name: draw(st.integers(round(row.low / row.step), round(row.high / row.step))) for row in rows}
    return validated(STYLE, {row.name: row.snapped(round(steps[row.name] * row.step, 6)) for row in rows})


def spelled_out(genome: Genome) -> str:
    """Return the rule with every name replaced by its number, as a person would write it without parameters."""
    body = CROSS[CROSS.index("long:") :]
    for name in (*OWN, "atr_period"):
        body = re.sub(rf"\b{name}\b", f"{genome[name]:g}{MEASURES.get(name, '')}".replace("-", "0 - "), body)
    body = re.sub(r"0 - ([0-9.]+) \*", r"(0 - \1) *", body)
    return f"{body} unit: atr({genome['atr_period']})"


def test_have_a_schema_of_bounds_steps_and_units_beside_the_common_exits() -> None:
    rows = schema(STYLE)
    assert list(rows) == sorted(rows)
    facts = {name: (rows[name].default, rows[name].low, rows[name].high, rows[name].step) for name in OWN}
    assert facts == {
        "fast": (10, 2, 40, 1),
        "slow": (30, 10, 90, 10),
        "push": (0.3, -1.0, 2.0, 0.1),
        "reach": (2, 0, 8, 1),
        "size": (300, 0, 900, 100),
    }
    assert [rows[name].unit for name in OWN] == ["bars", "bars", "number", "ticks", "contracts"]
    assert [rows[name].is_integer for name in OWN] == [True, True, False, True, True]
    assert set(rows) - set(OWN) == {row.name for row in common_exits(20)}


def test_may_begin_exits_elsewhere_and_leave_their_bounds_alone() -> None:
    common, rows = {row.name: row for row in common_exits(20)}, schema(STYLE)
    assert (rows["stop_atr"].default, rows["time_stop_bars"].default) == (2.0, 40)
    assert all((rows[name].low, rows[name].high) == (row.low, row.high) for name, row in common.items())
    assert [name for name, row in common.items() if rows[name] != row] == ["stop_atr", "time_stop_bars"]


def test_move_by_one_where_all_is_whole_and_by_a_twentieth_otherwise() -> None:
    whole = rule_text("param n = 4 in 1 to 9 long: close > open[n] short: never")
    fine = rule_text("param n = 0.4 in 0.1 to 1 long: close - open > n * atr(9) short: never")
    assert (schema(whole)["n"].step, schema(fine)["n"].step) == (1, 0.05)


def test_leave_the_period_of_the_unit_out_where_the_rule_has_its_own() -> None:
    assert "atr_period" in schema(rule_text("long: close > open short: never"))
    assert "atr_period" not in schema(rule_text("long: close > open short: never unit: 4 ticks"))


@given(genomes())
def test_stand_where_their_number_would_stand(genome: Genome) -> None:
    series = tape(n_bars=400)
    rule, plain = rule_of(STYLE, genome), parse_rule(spelled_out(genome))
    signals, wanted = rule_signals(series, rule), rule_signals(series, plain)
    assert rule.warm_up_bars == plain.warm_up_bars <= rule.longest_warm_up_bars
    assert np.array_equal(signals.side, wanted.side)
    assert np.array_equal(signals.stop_unit_ticks, wanted.stop_unit_ticks, equal_nan=True)


def test_change_what_the_rule_does() -> None:
    series = tape()
    quick, slow = (validated(STYLE, {**default_genome(STYLE), "fast": fast}) for fast in (4, 25))
    first, other = (entry_signals(series, STYLE, genome).side for genome in (quick, slow))
    assert first.any()
    assert other.any()
    assert not np.array_equal(first, other)


def test_give_a_runner_the_same_step_as_the_whole_series() -> None:
    series, genome = tape(), default_genome(STYLE)
    whole = entry_signals(series, STYLE, genome).side
    bars = [*np.flatnonzero(whole)[:6].tolist(), 500, 1_099]
    assert [signal_at(series, STYLE, genome, bar=bar) for bar in bars] == whole[bars].tolist()


@given(genomes())
def test_need_no_more_history_than_the_longest_of_all(genome: Genome) -> None:
    assert warm_up_bars(STYLE, genome) <= parse_rule(CROSS).longest_warm_up_bars


@given(genomes(), genomes(), st.integers(0, 2**32))
def test_breed_like_any_genome(mother: Genome, father: Genome, seed: int) -> None:
    chance = np.random.default_rng(seed)
    child = mutate(STYLE, crossover(STYLE, mother, father, chance=chance), chance=chance)
    assert validated(STYLE, child) == child
    assert 0.0 <= distance(STYLE, mother, child) <= 1.0
    assert all(validated(STYLE, near.genome) == near.genome for near in neighbours(STYLE, child, reach=1))


def test_refuse_a_genome_of_another_rule() -> None:
    with pytest.raises(BadGenome, match="missing genome parameters: fast"):
        validated(STYLE, default_genome(rule_text("long: close > open short: never")))
    with pytest.raises(BadGenome, match="slow must be between 10 and 90 bars, was 91"):
        validated(STYLE, {**default_genome(STYLE), "slow": 91})


def test_keep_text_and_fingerprint_apart_from_the_numbers() -> None:
    other = rule_text(CROSS.replace("moves in tens", "moves by ten"))
    assert other.parameters == STYLE.parameters
    assert other.fingerprint != STYLE.fingerprint
    assert genome_hash(default_genome(other)) == genome_hash(default_genome(STYLE))


ONE = "param n = {} long: close > highest(high, n)[1] short: never"
REFUSALS = [
    ("param n = 5 in 1 to 9 long: close > open short: never", 1, "no place that reads it", "by the name of 'n'"),
    (
        "param vwap = 5 in 1 to 9 long: close > open[vwap] short: never",
        1,
        "'vwap', which is taken",
        "a name of its own",
    ),
    ("param to = 5 in 1 to 9 long: close > open[to] short: never", 1, "'to', which is taken", "a name of its own"),
    (
        "param stop_atr = 5 in 1 to 9 long: close > open[stop_atr] short: never",
        1,
        "which is taken",
        "a name of its own",
    ),
    (
        "param n = 5 in 1 to 9 param n = 5 in 1 to 9 long: close > open[n] short: never",
        23,
        "taken",
        "a name of its own",
    ),
    (ONE.format("5 in 9 to 1"), 21, "1", "an upper bound above 9"),
    (ONE.format("10 in 1 to 9"), 11, "10", "a number from 1 to 9"),
    (ONE.format("5.5 in 1 to 9"), 53, "1 to 9, fractions among them", "a whole number of bars from 1 to 1000"),
    (ONE.format("5 in 0 to 9"), 51, "0 to 9", "a whole number of bars from 1 to 1000"),
    (ONE.format("5 in 1 to 2000"), 54, "1 to 2000", "a whole number of bars from 1 to 1000"),
    (ONE.format("5 bars in 1 to 9 step 0.5"), 33, "0.5", "a whole step above zero"),
    (ONE.format("5 bars in 1.5 to 9"), 21, "1.5", "a multiple of the step, 1"),
    (ONE.format("5 in 1 to 9 step 0"), 28, "0", "a step above zero"),
    (ONE.format("5 in 1 to 9 step 3"), 11, "5", "a multiple of the step, 3"),
    (ONE.format("5 ticks in 1 to 9"), 57, "a price distance", "a whole number of bars"),
    (ONE.format("5 to 9"), 13, "'to'", "'in'"),
    (ONE.format("x in 1 to 9"), 11, "'x'", "a value"),
    ("param n = 1 in -1 to 1 long: (close - open) / n > 0 short: never", 47, "-1 to 1", "a divisor other than zero"),
    ("param n = 1 in 1 to 2 long: n * close > open short: never", 29, "a price", "a price distance to scale"),
    ("param n = 0 in 0 to 2 long: close - open > n short: never", 44, "a number", "write ticks behind a number"),
    ("param n = 0 in -2 to 2 long: close > open[n] short: never", 38, "-2 to 2", "0 or more"),
    ("param n = 9 in 1 to 9 long: close > sma(close, 9 - n) short: never", 48, "0 to 8", "a whole number of bars"),
    ("long: close > open[n] short: never", 15, "'n'", "a rule never looks forward"),
    ("long: close > open[atr_period] short: never unit: 4 ticks", 15, "'atr_period'", "a rule never looks forward"),
    ("exit stop = 2 long: close > open short: never", 1, "'stop'", "one of atr_period, stop_atr"),
    ("exit stop_atr = 99 long: close > open short: never", 17, "99", "0.25 to 10 in steps of 0.05"),
    ("exit stop_atr = 1.01 long: close > open short: never", 17, "1.01", "in steps of 0.05"),
    ("exit stop_atr = 1 exit stop_atr = 1 long: close > open short: never", 19, "'stop_atr'", "once"),
    ("exit atr_period = 9 long: close > open short: never unit: 4 ticks", 1, "'atr_period'", "one of stop_atr"),
]


@pytest.mark.scorecard(41)
@pytest.mark.parametrize(("text", "column", "was", "expected"), REFUSALS)
def test_are_refused_with_their_place_where_they_mean_nothing(text: str, column: int, was: str, expected: str) -> None:
    with pytest.raises(RuleSyntaxError) as refused:
        rule_text(text)
    assert (refused.value.line, refused.value.column) == (1, column)
    assert was in refused.value.was
    assert expected in refused.value.expected


def test_are_at_most_twelve() -> None:
    lines = [f"param n{number} = 5 in 1 to 9" for number in range(13)]
    condition = " + ".join(f"n{number}" for number in range(13))
    with pytest.raises(RuleSyntaxError, match="line 13, column 1: expected at most 12 parameters, found one more"):
        rule_text("\n".join([*lines, f"long: bars_since_open > {condition} short: never"]))


def test_count_their_longest_windows_against_the_longest_history() -> None:
    nested = "close"
    for _ in range(30):
        nested = f"ema({nested}, n)"
    with pytest.raises(RuleSyntaxError, match="at most 100000 bars of history before the first signal"):
        rule_text(f"param n = 5 in 2 to 1000 long: close > {nested} short: never")


NAMES = ("a", "b", "c")
BOUNDS = st.tuples(st.integers(-30, 40), st.integers(1, 40), st.integers(0, 40), st.sampled_from(["", " step 0.5"]))
FIGURES = st.recursive(
    st.sampled_from(NAMES) | st.integers(0, 9).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
    max_leaves=4,
)
PLACES = st.sampled_from(
    [
        "close > sma(close, {})",
        "close > ema(open, {})[{}]",
        "close - open > {} * atr(14)",
        "(close - open) / {} > 1 ticks",
        "bars_since_open crosses above {}",
        "{} * close > open",
        "rsi(close, {}) > {}",
        "volume > {} * sma(volume, 9)",
        "close > highest(high, {})[1]",
    ]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a text that may be a rule: any declarations, and conditions with numbers in any place."""
    lines = []
    for name in NAMES:
        low, width, start, step = draw(BOUNDS)
        lines.append(f"param {name} = {low + start % (width + 1)} in {low} to {low + width}{step}")
    conditions = [draw(PLACES) for _ in range(draw(st.integers(1, 3)))]
    filled = [place.replace("{}", "@").split("@") for place in conditions]
    spoken = ["".join(part + (draw(FIGURES) if more else "") for part, more in gaps(parts)) for parts in filled]
    read = " or ".join([*spoken, *(f"{name} > rsi(close, 5)" for name in NAMES)])
    return "\n".join([*lines, f"long: {read}", "short: mirror"])


def gaps(parts: list[str]) -> list[tuple[str, bool]]:
    """Return each part of a place with whether a number follows it."""
    return [(part, place < len(parts) - 1) for place, part in enumerate(parts)]


SERIES = tape(n_bars=120)


@pytest.mark.scorecard(41)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(texts(), st.data())
def test_of_a_rule_that_is_accepted_mean_something_at_every_value_within_their_bounds(
    text: str, data: st.DataObject
) -> None:
    try:
        style = rule_text(text)
    except RuleSyntaxError:
        return
    longest = parse_rule(text).longest_warm_up_bars
    for name in NAMES:
        row = schema(style)[name]
        extreme = data.draw(st.sampled_from([row.low, row.high, row.default]))
        genome = validated(style, {**default_genome(style), name: extreme})
        rule = rule_of(style, genome)
        assert rule.warm_up_bars <= longest
        assert len(rule_signals(SERIES, rule).side) == len(SERIES)


WORDS = "param exit in to step = 5 1 9 0.5 - a stop_atr bars ticks contracts long: short: never mirror close > open [a]"


@pytest.mark.scorecard(41)
@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=14))
def test_any_words_of_a_declaration_are_a_rule_or_a_refusal(words: list[str]) -> None:
    try:
        style = rule_text(" ".join([*words, "long: close > open[1] short: never"]))
    except RuleSyntaxError:
        return
    assert set(schema(style)) <= {row.name for row in common_exits(20)}
