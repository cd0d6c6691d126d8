"""Synthetic bars: valid, seeded, made of the days there were; and the warm-up detector on its own."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest

from trading.arrays import FloatArray
from trading.errors import BadBars, BadInput
from trading.market.aggregation import aggregate
from trading.market.bars import Bars, columns_of, fingerprint_of, require_valid
from trading.market.sessions import SessionIndex, session_index
from trading.market.simulator import simulate
from trading.strategies.tape import Tape, tape_of
from trading.verification.resampling import resampled_bars
from trading.verification.warm_up import warm_up_drifts

MODE = "FULL_24x5"


@pytest.fixture(scope="module")
def bars() -> Bars:
    return aggregate(simulate("MES", seed=3, start_on=date(2024, 1, 2), years=0.3), "15m")


@pytest.fixture(scope="module")
def sessions(bars: Bars) -> SessionIndex:
    return session_index(bars, mode=MODE)


def days_of(bars: Bars, sessions: SessionIndex) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every day as the times of day of its bars and their volume."""
    days = []
    for day in np.unique(sessions.trading_day):
        at = sessions.trading_day == day
        days.append((tuple(bars.volume[at].tolist()), tuple(np.diff(bars.ts_event[at]).tolist())))
    return days


def test_a_resampled_series_keeps_every_rule_of_bars(bars: Bars, sessions: SessionIndex) -> None:
    for seed in range(5):
        made, index = resampled_bars(bars, sessions, block_days=5, seed=seed)
        require_valid(made)
        assert made.fingerprint == fingerprint_of(columns_of(made)) != bars.fingerprint
        assert (index.trading_day == session_index(made, mode=MODE).trading_day).all()
        assert len(tape_of(made, index)) == len(made)


def test_its_days_are_days_of_the_original_in_blocks(bars: Bars, sessions: SessionIndex) -> None:
    made, index = resampled_bars(bars, sessions, block_days=4, seed=1)
    original = days_of(bars, sessions)
    drawn = [original.index(day) for day in days_of(made, index)]
    assert len(drawn) == len(original)
    followers = [(index + 1) % len(original) == other for index, other in pairwise(drawn)]
    assert all(follows for at, follows in enumerate(followers) if (at + 1) % 4)
    assert drawn != list(range(len(original)))


def test_returns_survive_up_to_the_rounding_of_ticks(bars: Bars, sessions: SessionIndex) -> None:
    made, _ = resampled_bars(bars, sessions, block_days=len(np.unique(sessions.trading_day)), seed=9)
    moves = np.sort(np.diff(np.log(bars.close_ticks)))
    other = np.sort(np.diff(np.log(made.close_ticks)))
    assert np.abs(moves - other).max() < 1e-3
    assert np.median(np.abs(moves - other)) < 1e-4


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(bars: Bars, sessions: SessionIndex) -> None:
    prints = [resampled_bars(bars, sessions, block_days=5, seed=seed)[0].fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_local_times_of_day_survive_the_change_of_clocks(bars: Bars, sessions: SessionIndex) -> None:
    made, _ = resampled_bars(bars, sessions, block_days=3, seed=4)
    first = datetime.fromtimestamp(int(made.ts_event[0]) // 10**9, UTC)
    last = datetime.fromtimestamp(int(made.ts_event[-1]) // 10**9, UTC)
    assert first.date() < date(2024, 3, 10) < last.date()
    hours = {int(ns // 3_600_000_000_000) % 24 for ns in made.ts_event[: len(made) // 4]}
    assert 22 not in hours or 23 in hours


def test_prices_of_zero_or_less_and_blocks_that_do_not_fit_are_refused(bars: Bars, sessions: SessionIndex) -> None:
    fallen = replace(bars, low_ticks=bars.low_ticks - int(bars.low_ticks.min()))
    with pytest.raises(BadBars, match="above zero"):
        resampled_bars(fallen, sessions, block_days=5, seed=1)
    with pytest.raises(BadBars, match="block"):
        resampled_bars(bars, sessions, block_days=0, seed=1)


def moving_average(tape: Tape) -> FloatArray:
    """Forgets: the mean of the last 20 closes."""
    mean = np.convolve(tape.close, np.ones(20) / 20)[: len(tape)]
    return np.column_stack([np.where(tape.close - mean > 0.51, 1.0, -1.0), tape.close - mean])


def slow_average(tape: Tape) -> FloatArray:
    """Remembers: an average that needs far more than 20 bars to forget its first value."""
    mean = np.empty(len(tape))
    mean[0] = tape.close[0]
    for bar in range(1, len(tape)):
        mean[bar] = mean[bar - 1] + 0.001 * (tape.close[bar] - mean[bar - 1])
    return np.column_stack([np.ones(len(tape)), tape.close - mean])


@pytest.mark.scorecard(22)
def test_the_warm_up_detector_tells_what_forgets_from_what_remembers(bars: Bars, sessions: SessionIndex) -> None:
    tape = tape_of(bars, sessions)
    clean = warm_up_drifts(tape, moving_average, warm_up_bars=20)
    assert (clean.drifts, clean.refused) == ((), 0)
    assert clean.compared > 1_000
    memory = warm_up_drifts(tape, slow_average, warm_up_bars=20)
    assert len(memory.drifts) == memory.beginnings
    too_short = warm_up_drifts(tape, moving_average, warm_up_bars=5)
    assert too_short.drifts
    assert all(drift.bar - drift.first_bar < 20 for drift in too_short.drifts)


def test_silence_is_allowed_only_until_the_second_day(bars: Bars, sessions: SessionIndex) -> None:
    tape = tape_of(bars, sessions)
    day = np.diff(tape.trading_day).nonzero()[0][0] + 1

    def quiet_for(silent_bars: int):  # type: ignore[no-untyped-def]
        def known(part: Tape) -> FloatArray:
            side = np.where((np.arange(len(part)) < silent_bars) & (len(part) < len(tape)), 0.0, 1.0)
            return side[:, None]

        return known

    assert warm_up_drifts(tape, quiet_for(int(day)), warm_up_bars=10).drifts == ()
    assert warm_up_drifts(tape, quiet_for(int(day)), warm_up_bars=10).refused > 0
    assert warm_up_drifts(tape, quiet_for(3 * int(day)), warm_up_bars=10).drifts


def test_a_history_without_anything_to_compare_is_refused(bars: Bars, sessions: SessionIndex) -> None:
    with pytest.raises(BadInput, match="nothing to compare"):
        warm_up_drifts(tape_of(bars, sessions), moving_average, warm_up_bars=len(bars))
