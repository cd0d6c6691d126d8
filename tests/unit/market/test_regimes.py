"""Regimes from past bars only, and the detector of bars made from marks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.series import between_marks, made_bars, random_bars
from trading.market.aggregation import aggregate
from trading.market.bars import Bars
from trading.market.marks import (
    at_marks,
    data_source,
    joined_note,
    joined_share,
    marks_note,
    may_pass_a_gate,
    wickless_share,
)
from trading.market.regimes import REGIMES, Regime, regime_codes
from trading.verification.lookahead import leaks


def slow_regime(bars: Bars, bar: int) -> Regime | None:
    """The rule as it is written, bar by bar."""
    if bar < 200:
        return None
    before = {at: int(bars.close_ticks[at - 1]) for at in range(1, bar + 1)}
    for at in range(1, bar + 1):
        if bars.contract[at] != bars.contract[at - 1]:
            before[at] = int(bars.open_ticks[at])
    ranges = [
        max(int(bars.high_ticks[at]), before[at]) - min(int(bars.low_ticks[at]), before[at])
        for at in range(bar - 199, bar + 1)
    ]
    if sum(ranges) == 0:
        return None
    ratio = (sum(ranges[-20:]) / 20) / (sum(ranges) / 200)
    moves = [int(bars.close_ticks[at]) - before[at] for at in range(bar - 19, bar + 1)]
    travelled = sum(abs(move) for move in moves)
    if ratio >= 1.5:
        return Regime.VOLATILITY_SPIKE
    if ratio <= 0.6:
        return Regime.VOLATILITY_COMPRESSION
    return Regime.TRENDING if travelled and abs(sum(moves)) / travelled >= 0.35 else Regime.RANGE_BOUND


@pytest.mark.parametrize("seed", range(4))
def test_regimes_are_what_the_rule_says_bar_by_bar(seed: int) -> None:
    bars = random_bars(np.random.default_rng(seed), 700)
    codes = regime_codes(bars)
    assert [REGIMES[code] for code in codes] == [slow_regime(bars, bar) for bar in range(700)]


def test_all_four_regimes_occur() -> None:
    calm, wild = np.full(600, 4), np.full(100, 40)
    step = np.concatenate([calm, wild, calm, np.full(300, 1)])
    sign = np.where(np.arange(len(step)) % 2 == 0, 1, -1)
    sign[300:340] = 1
    close = 20_000 + np.cumsum(step * sign)
    bars = random_bars(np.random.default_rng(1), len(close))
    shaped = replace(
        bars,
        open_ticks=close,
        close_ticks=close,
        high_ticks=close + step,
        low_ticks=close - step,
        contract=np.zeros(len(close), np.int64),
    )
    assert set(regime_codes(shaped).tolist()) == {0, 1, 2, 3, 4}


def test_a_regime_does_not_know_the_future() -> None:
    assert leaks(random_bars(np.random.default_rng(5), 900), regime_codes) == ()


def test_a_regime_forgets_what_lies_more_than_two_hundred_bars_back() -> None:
    bars = random_bars(np.random.default_rng(6), 1_000)
    columns = ("ts_event", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume", "contract")
    later = replace(bars, **{name: getattr(bars, name)[300:] for name in columns})
    assert (regime_codes(later)[201:] == regime_codes(bars)[501:]).all()


@given(st.integers(0, 2**32 - 1), st.integers(60, 400))
def test_the_marks_of_any_series_joined_by_lines_are_recognised(seed: int, count: int) -> None:
    close = 5_000 + np.cumsum(np.random.default_rng(seed).integers(1, 9, count))
    bars = random_bars(np.random.default_rng(seed), count)
    opened = np.append(close[0], close[:-1])
    marks = replace(bars, open_ticks=opened, close_ticks=close, high_ticks=np.maximum(opened, close), low_ticks=opened)
    assert wickless_share(marks) == 1.0
    assert "made from marks" in (marks_note(marks) or "")
    points = at_marks(marks)
    assert (points.open_ticks == close).all()
    assert (points.high_ticks == points.low_ticks).all()
    assert points.fingerprint != marks.fingerprint


def test_longer_bars_of_marks_have_wicks_and_are_told_by_whoever_made_them() -> None:
    hours = between_marks(random_bars(np.random.default_rng(3), 3_000))
    longer = aggregate(hours, "1d")
    assert marks_note(hours) is not None
    assert marks_note(longer) is None
    assert data_source(longer) == longer.provider
    assert "the 1d bars consist of bars that were made from marks" in (marks_note(longer, of_marks=True) or "")
    assert data_source(longer, of_marks=True) == f"{longer.provider}-MARKS"
    assert not may_pass_a_gate(data_source(longer, of_marks=True))


@pytest.mark.parametrize(
    ("wickless", "timeframe", "is_marks"), [(20, "1h", True), (19, "1h", False), (20, "5m", False)]
)
def test_long_bars_from_a_few_marks_each_are_no_traded_bars(wickless: int, timeframe: str, is_marks: bool) -> None:
    """Of 100 bars some have no wick; fifty more without one span three ticks only, which says nothing."""
    rows = [[100, 104, 100, 104]] * wickless + [[100, 105, 99, 104]] * (100 - wickless) + [[100, 103, 100, 103]] * 50
    bars = replace(made_bars(np.array(rows)), timeframe=timeframe)
    note = marks_note(bars)
    assert (note is not None) is is_marks
    assert may_pass_a_gate(data_source(bars)) is not is_marks
    assert not is_marks or f"{wickless} % of the 1h bars that span 4 ticks have no wick" in (note or "")


@pytest.mark.parametrize(("joined", "of", "hides"), [(20, 20, True), (19, 20, True), (17, 20, False), (19, 19, False)])
def test_bars_that_hide_what_price_did_over_pauses_say_so(joined: int, of: int, hides: bool) -> None:
    """Ten bars lie between pauses; the bars between open at the close before, which alone says nothing."""
    n_bars = 10 * (of + 1)
    begins = np.arange(10, n_bars, 10)
    opened = np.full(n_bars, 100)
    opened[begins[joined:]] = 103
    close = np.full(n_bars, 100)
    rows = np.stack([opened, np.full(n_bars, 105), np.full(n_bars, 95), close], axis=1)
    bars = made_bars(rows)
    paused = replace(bars, ts_event=bars.ts_event + 5 * 3_600_000_000_000 * (np.arange(n_bars) // 10))
    share = joined_share(paused)
    assert share == (pytest.approx(joined / of) if of >= 20 else None)
    assert (joined_note(paused) is not None) is hides
    assert joined_share(bars) is None
    rolled = replace(paused, contract=np.arange(n_bars) // 10)
    assert joined_share(rolled) is None


def test_bars_with_wicks_carry_no_note_and_few_bars_are_not_judged() -> None:
    bars = random_bars(np.random.default_rng(3), 500)
    wicked = replace(bars, high_ticks=bars.high_ticks + 1)
    assert wickless_share(wicked) == 0.0
    assert marks_note(wicked) is None
    assert wickless_share(replace(bars, high_ticks=bars.low_ticks)) is None
