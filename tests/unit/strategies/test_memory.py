"""The warm-up's formula: what a beginning still weighs, by hand and on averages that began otherwise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.series import then_alike
from trading.strategies import indicators
from trading.strategies.genome import Style, default_genome, validated
from trading.strategies.memory import WARM_UP_TOLERANCE, WILDEST, forgotten_after, history_notes
from trading.strategies.rules import parse_rule, rule_text
from trading.strategies.styles import entry_signals, warm_up_bars

tolerances = st.floats(1e-12, 1e-2)
periods = st.integers(2, 300)


@pytest.mark.parametrize(
    ("period", "weight", "tolerance", "bars"),
    [
        (14, 1 / 14, 1e-4, 179),  # Wilder's 14: ln(20 / 1e-4) = 12.206; -ln(13 / 14) = 0.07411; 164.7 bars more
        (200, 2 / 201, 1e-4, 1_421),
        (14, 1 / 14, 1e-9, 335),
        (1, 1.0, 1e-4, 1),
    ],
)
def test_counts_from_where_the_beginning_weighs_little_enough(
    period: int, weight: float, tolerance: float, bars: int
) -> None:
    assert forgotten_after(period, weight, tolerance=tolerance) == bars


@given(periods, tolerances)
def test_a_beginning_weighs_a_twentieth_of_the_tolerance_there_and_more_a_bar_before(
    period: int, tolerance: float
) -> None:
    after = forgotten_after(period, 1 / period, tolerance=tolerance) - period
    assert (1 - 1 / period) ** after <= tolerance / WILDEST * (1 + 1e-9)
    assert (1 - 1 / period) ** (after - 1) > tolerance / WILDEST * (1 - 1e-9)


@given(periods, st.floats(0.0, WILDEST), st.integers(0, 2**32))
def test_a_beginning_that_was_off_by_as_much_as_is_allowed_moves_an_average_by_no_more_than_the_tolerance(
    period: int, off: float, seed: int
) -> None:
    first = forgotten_after(period, 1 / period)
    ranges = np.random.default_rng(seed).uniform(0.9, 1.1, first + 60)
    other = ranges.copy()
    other[: period + 1] += off * 0.9
    zeros = np.zeros(len(ranges))
    before, after = (indicators.atr(column, zeros, zeros, period)[first:] for column in (ranges, other))
    assert (np.abs(before - after) <= WARM_UP_TOLERANCE * before).all()


@given(tolerances, tolerances)
def test_a_finer_tolerance_never_asks_for_less_history(first: float, other: float) -> None:
    finer, coarser = sorted((first, other))
    style = rule_text("long: ema(close, 9) > ema(close, 20) and rsi(close, 7) < 40 short: mirror")
    for wanted in (style, "trend"):
        genome = validated(wanted, default_genome(wanted))
        assert warm_up_bars(wanted, genome, tolerance=finer) >= warm_up_bars(wanted, genome, tolerance=coarser)


@pytest.mark.parametrize("style", ["trend", rule_text("long: close > close[1] short: mirror")])
def test_signals_count_from_the_tolerance_that_is_asked_for(style: Style) -> None:
    tape, genome = then_alike(3, at=1_900), validated(style, {**default_genome(style), "atr_period": 20})
    firsts = []
    for tolerance in (1e-2, WARM_UP_TOLERANCE, 1e-9):
        wishes = entry_signals(tape, style, genome, tolerance=tolerance)
        assert wishes.warm_up_bars == warm_up_bars(style, genome, tolerance=tolerance)
        firsts.append(int(np.argmax(wishes.side != 0)))
        assert firsts[-1] >= wishes.warm_up_bars
        assert any("tolerance" in note for note in wishes.notes) is (tolerance != WARM_UP_TOLERANCE)
    assert firsts == sorted(firsts)
    assert len(set(firsts)) > 1


def test_says_what_is_left_of_a_history() -> None:
    assert history_notes(180, 179, tolerance=1e-4) == ()
    assert "history of 179 bars is not longer than the warm-up of 179" in history_notes(179, 179, tolerance=1e-4)[0]
    assert "to a tolerance of 1e-09 instead of 0.0001" in history_notes(500, 335, tolerance=1e-9)[0]


def test_the_readmes_rule_can_trade_on_two_weeks_of_hours() -> None:
    style = rule_text("long: close > sma(close, 100) and low <= sma(close, 20) - 0.5 * atr(atr_period) short: mirror")
    assert warm_up_bars(style, default_genome(style)) < 10 * 23
    assert parse_rule("long: close > ema(close, 200) short: mirror").warm_up_bars == 1_421
