from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.oracle.series import made_bars, made_sessions, random_bars, random_genome, random_sessions
from trading.market.bars import Bars
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import ARCHETYPES, ONE_PER_FAMILY
from trading.strategies.genome import default_genome
from trading.strategies.kernels import IN_SESSION
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.signals import SPREADS, Signals, signal_at, signals, sma_cross, warm_up_bars
from trading.strategies.tape import tape_of

BUSY = {
    "rsi_extreme": 45.0,
    "vwap_distance_atr": 0.1,
    "volume_ratio": 0.5,
    "gap_min_atr": 0.05,
    "range_atr": 8.0,
    "atr_period": 5,
    "rsi_period": 5,
    "volume_bars": 10,
}


def busy_genome(name: str) -> dict[str, float]:
    genome = dict(default_genome(name))
    return genome | {key: value for key, value in BUSY.items() if key in genome}


def market(seed: int, *, n_bars: int = 900) -> tuple[Bars, SessionIndex]:
    rng = np.random.default_rng(seed)
    return random_bars(rng, n_bars), random_sessions(rng, n_bars)


def upside_down(bars: Bars) -> Bars:
    return replace(
        bars,
        open_ticks=-bars.open_ticks,
        high_ticks=-bars.low_ticks,
        low_ticks=-bars.high_ticks,
        close_ticks=-bars.close_ticks,
    )


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_long_and_short_mirror_each_other_exactly(name: str) -> None:
    seen = set()
    for seed in range(30):
        bars, sessions = market(seed)
        up = signals(tape_of(bars, sessions), name, busy_genome(name))
        down = signals(tape_of(upside_down(bars), sessions), name, busy_genome(name))
        assert np.array_equal(up.side, -down.side)
        assert np.array_equal(up.stop_unit_ticks, down.stop_unit_ticks, equal_nan=True)
        seen |= set(np.unique(up.side).tolist())
    assert seen == {-1, 0, 1}


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_the_step_of_a_runner_equals_the_vector_at_every_bar(name: str) -> None:
    bars, sessions = market(5, n_bars=400)
    tape = tape_of(bars, sessions)
    vector = signals(tape, name, busy_genome(name)).side
    stepped = [signal_at(tape, name, busy_genome(name), bar=bar) for bar in range(len(tape))]
    assert stepped == vector.tolist()


@pytest.mark.parametrize("name", sorted(ARCHETYPES))
def test_signals_only_in_session_and_after_the_warm_up(name: str) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        bars, sessions = random_bars(rng, 500), random_sessions(rng, 500)
        genome = random_genome(rng, name)
        tape = tape_of(bars, sessions)
        wishes = signals(tape, name, genome)
        assert not wishes.side[: warm_up_bars(name, genome)].any()
        assert not wishes.side[(tape.gate & IN_SESSION) == 0].any()
        assert (wishes.target_unit_ticks[wishes.side != 0] > 0).all()


@pytest.mark.scorecard(22)
@pytest.mark.parametrize("name", sorted(ARCHETYPES))
def test_a_longer_history_changes_no_unit_and_no_decision_after_the_warm_up(name: str) -> None:
    decided = 0
    for seed in range(12):
        bars, sessions = market(seed, n_bars=1_400)
        genome = busy_genome(name)
        whole = signals(tape_of(bars, sessions), name, genome)
        start = int(np.random.default_rng(seed).integers(1, 700))
        recent = _recent(bars, sessions, start, name)
        first_day = sessions.trading_day[start]
        settled = np.arange(start, 1_400) >= start + warm_up_bars(name, genome)
        settled &= sessions.trading_day[start:] > first_day + 1
        assert np.array_equal(whole.side[start:][settled], recent.side[settled])
        ours, theirs = whole.stop_unit_ticks[start:][settled], recent.stop_unit_ticks[settled]
        np.testing.assert_allclose(ours, theirs, rtol=WARM_UP_TOLERANCE)
        decided += int(np.count_nonzero(recent.side))
    assert decided


def _recent(bars: Bars, sessions: SessionIndex, start: int, name: str) -> Signals:
    columns = ("ts_event", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume", "contract")
    tail = replace(bars, **{column: getattr(bars, column)[start:] for column in columns})
    index = made_sessions(sessions.trading_day[start:], sessions.is_open[start:], sessions.is_last[start:])
    return signals(tape_of(tail, index), name, busy_genome(name))


def test_a_roll_gap_is_no_signal() -> None:
    rows = [(1_000 + i % 3, 1_003 + i % 3, 998 + i % 3, 1_001 + i % 3) for i in range(300)]
    jumped = np.array(rows) + 500 * (np.arange(300) >= 150)[:, None]
    sessions = made_sessions(np.arange(300) // 24, [True] * 300, [False] * 300)
    for name in ONE_PER_FAMILY:
        one_contract = signals(tape_of(made_bars(jumped), sessions), name, busy_genome(name))
        contract = [202403] * 150 + [202406] * 150
        rolled = signals(tape_of(made_bars(jumped, contract=contract), sessions), name, busy_genome(name))
        steady = signals(tape_of(made_bars(rows), sessions), name, busy_genome(name))
        assert rolled.stop_unit_ticks[299] < 10
        if name == "momentum_surge":
            assert one_contract.side[150] == 1
            assert rolled.side[150] == 0
        assert np.count_nonzero(rolled.side) <= np.count_nonzero(steady.side) + 5


@pytest.mark.parametrize(("name", "says"), [("breakout", "switched off"), ("vwap", "weighs every bar alike")])
def test_unknown_volume_is_said_and_never_counted_against_a_bar(name: str, says: str) -> None:
    bars, sessions = market(3)
    silent = replace(bars, volume=np.zeros(len(bars), np.int64))
    wishes = signals(tape_of(silent, sessions), name, busy_genome(name))
    assert any(says in note for note in wishes.notes)
    assert wishes.side.any()
    loud = signals(tape_of(replace(bars, volume=np.ones(len(bars), np.int64)), sessions), name, busy_genome(name))
    assert loud.notes == ()


def test_a_market_that_never_moves_gives_no_signal() -> None:
    bars = made_bars([(100, 100, 100, 100)] * 400)
    sessions = made_sessions(np.arange(400) // 24, [True] * 400, [False] * 400)
    for name in sorted(ARCHETYPES):
        assert not signals(tape_of(bars, sessions), name, busy_genome(name)).side.any()


def test_a_short_history_says_that_no_signal_is_possible() -> None:
    bars, sessions = market(1, n_bars=40)
    wishes = signals(tape_of(bars, sessions), "breakout", default_genome("breakout"))
    assert "not longer than the warm-up" in wishes.notes[0]


@pytest.mark.parametrize("n_bars", [5, 13, 14, 400, 13 + SPREADS, 14 + SPREADS, 13 + 2 * SPREADS, 1_200])
def test_crossings_of_simple_averages_are_where_the_definition_says(n_bars: int) -> None:
    rng = np.random.default_rng(8)
    bars = random_bars(rng, n_bars)
    side = sma_cross(tape_of(bars, random_sessions(rng, n_bars)), 5, 13).side.tolist()
    closes = bars.close_ticks.tolist()
    above = [sum(closes[i - 4 : i + 1]) * 13 - sum(closes[i - 12 : i + 1]) * 5 for i in range(12, n_bars)]
    wanted = [0] * min(13, n_bars)
    for before, now in pairwise(above):
        wanted.append((now > 0 >= before) - (now < 0 <= before))
    assert side == wanted
    assert set(side) == ({-1, 0, 1} if n_bars >= 400 else {0})
