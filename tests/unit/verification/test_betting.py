"""Evidence of a record: fair where it must be, counted exactly on small markets; the same in every form."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trading.arrays import FloatArray
from trading.errors import BadReturns
from trading.verification import betting_kernels
from trading.verification.betting import (
    Bettor,
    advance_states,
    log_e_values,
    log_e_values_of_many,
    new_states,
)

pnl = hnp.arrays(np.float64, st.integers(0, 60), elements=st.integers(-500, 500).map(float))


def open_days(*, seed: int = 1, days: int = 30) -> FloatArray:
    """Days enough to bet on."""
    return np.random.default_rng(seed).normal(0.0, 100.0, days)


def betting_on(record: FloatArray) -> Bettor:
    bettor = Bettor.new()
    for day in record:
        bettor = bettor.advance(float(day))
    return bettor


def e_after(bettor: Bettor, days: tuple[float, ...]) -> float:
    for day in days:
        bettor = bettor.advance(day)
    return math.exp(bettor.log_e)


FAIR_DAYS = {
    "a coin": {-100.0: 1 / 2, 100.0: 1 / 2},
    "mostly flat": {-100.0: 1 / 8, 0.0: 3 / 4, 100.0: 1 / 8},
    "many small wins, rare losses": {-200.0: 1 / 5, 50.0: 4 / 5},
    "many small losses, rare wins": {-50.0: 4 / 5, 200.0: 1 / 5},
    "tails far beyond what was shown": {-5000.0: 1 / 100, -50.0: 49 / 100, 50.0: 49 / 100, 5000.0: 1 / 100},
    "a loss": {-150.0: 1 / 2, 100.0: 1 / 2},
}


@pytest.mark.parametrize("market", FAIR_DAYS)
@pytest.mark.parametrize("seed", range(4))
def test_no_one_can_expect_to_win_against_days_worth_nothing(market: str, seed: int) -> None:
    """Every way four days can go, weighed by its chance: the mean of the e-values is exactly what one can expect."""
    days = FAIR_DAYS[market]
    before = betting_on(open_days(seed=seed))
    expected = sum(math.prod(days[day] for day in way) * e_after(before, way) for way in product(days, repeat=4))
    assert expected <= math.exp(before.log_e) * (1.0 + 1e-12)
    assert expected > 0.5 * math.exp(before.log_e)


def test_days_worth_something_are_worth_betting_on() -> None:
    before = betting_on(open_days())
    ways = product((-100.0, 120.0), repeat=4)
    expected = sum(e_after(before, way) / 16 for way in ways)
    assert expected > math.exp(before.log_e)


def test_the_first_bet_is_as_worked_out_by_hand() -> None:
    record = np.tile([30.0, -30.0], 10)
    kept = betting_kernels.KEPT
    weight = sum(kept**age for age in range(20))
    assert weight > 0
    before = betting_on(record)
    assert before.log_e == pytest.approx(0.0, abs=1e-12)
    stakes = [min(bet / 30.0, 1.0 / (betting_kernels.LOSS_RESERVE * 30.0)) for bet in betting_kernels.BETS]
    held = sum(share * (1.0 + stake * 45.0) for share, stake in zip(betting_kernels.SHARES, stakes, strict=True))
    assert before.advance(45.0).log_e == pytest.approx(math.log(held), rel=1e-12)


def test_first_days_and_records_without_losers_carry_no_bet() -> None:
    assert (log_e_values(open_days(days=betting_kernels.FIRST_DAYS)) == 0.0).all()
    assert (log_e_values(np.full(500, 10.0)) == 0.0).all()
    assert (log_e_values(np.zeros(500)) == 0.0).all()


def test_what_each_bettor_starts_with_adds_up_to_one() -> None:
    assert sum(betting_kernels.SHARES) == pytest.approx(1.0, abs=1e-15)
    assert Bettor.new().log_e == pytest.approx(0.0, abs=1e-15)


def test_a_day_beyond_every_stake_takes_all_for_good() -> None:
    lost = betting_on(open_days()).advance(-1e9)
    assert lost.log_e == -math.inf
    assert betting_on(np.append(open_days(), -1e9)).advance(1e9).log_e == -math.inf


def test_no_day_more_than_doubles_what_is_held() -> None:
    before = betting_on(open_days())
    assert before.advance(1e9).log_e == pytest.approx(before.log_e + math.log(2.0), rel=1e-12)


def test_a_steady_edge_becomes_evidence_and_its_mirror_none() -> None:
    days = np.random.default_rng(3).normal(0.2, 1.0, 750)
    assert log_e_values(days)[-1] > math.log(20.0)
    assert log_e_values(-days).max() < math.log(20.0)


def test_runs_of_like_days_are_charged_for() -> None:
    """The same days, once in turns and once in runs: what repeats itself says less than it seems to."""
    turns = np.tile([12.0, -10.0], 300)
    runs = np.repeat(np.tile([12.0, -10.0], 75), 4)
    assert log_e_values(turns)[-1] > log_e_values(runs)[-1] + 0.5


@given(pnl)
def test_a_better_last_day_is_never_less_evidence(record: FloatArray) -> None:
    for better in (0.5, 50.0, 1e6):
        improved = record.copy()
        improved[-1:] += better
        assert (log_e_values(improved)[-1:] >= log_e_values(record)[-1:]).all()


@given(pnl, st.sampled_from([2.0**-10, 2.0, 2.0**20]))
def test_the_unit_of_money_does_not_matter(record: FloatArray, unit: float) -> None:
    np.testing.assert_array_equal(log_e_values(record * unit), log_e_values(record))


@given(st.lists(pnl, max_size=5))
def test_many_bots_at_once_are_each_as_alone(records: list[FloatArray]) -> None:
    together = log_e_values_of_many(np.concatenate([*records, []]), np.array([len(r) for r in records], np.int64))
    alone = np.concatenate([*(log_e_values(record) for record in records), []])
    np.testing.assert_array_equal(together, alone)


@given(pnl)
def test_a_day_at_a_time_is_the_whole_record_to_the_byte(record: FloatArray) -> None:
    bettor = Bettor.new()
    for day, log_e in zip(record, log_e_values(record), strict=True):
        bettor = Bettor(tuple(float(kept) for kept in bettor.state)).advance(float(day))
        assert bettor.log_e == log_e
    assert bettor.days == len(record)


def test_a_fleet_moves_on_as_each_of_its_bots() -> None:
    records = np.stack([open_days(seed=seed, days=40) for seed in range(7)])
    states = new_states(7)
    for day in range(40):
        log_e = advance_states(states, records[:, day])
    np.testing.assert_array_equal(log_e, [log_e_values(record)[-1] for record in records])


@given(st.floats(1e-300, 1e290))
def test_the_logarithm_is_that_of_the_library(value: float) -> None:
    state = np.zeros(len(Bettor.new().state))
    state[betting_kernels.CAPITAL] = value
    assert Bettor(tuple(state.tolist())).log_e == pytest.approx(math.log(value), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("net_pnl", [np.array([1.0, np.nan]), np.array([np.inf]), np.zeros((2, 2))])
def test_refuses_what_is_no_record(net_pnl: FloatArray) -> None:
    with pytest.raises(BadReturns):
        log_e_values(net_pnl)


def test_refuses_days_that_do_not_add_up_and_states_of_another_shape() -> None:
    with pytest.raises(BadReturns, match="add up to 3, was 2"):
        log_e_values_of_many(np.zeros(3), np.array([2]))
    with pytest.raises(BadReturns, match="shape"):
        advance_states(new_states(2), np.zeros(3))
