"""Monte-Carlo: paths with a known answer, exhaustive oracles on tiny records, and the same bytes for the same seed."""

from collections.abc import Callable
from dataclasses import astuple
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.arrays import IntArray
from trading.errors import BadReturns
from trading.figures.performance import max_drawdown
from trading.verification import monte_carlo
from trading.verification.monte_carlo import Sampling, bootstrap_blocks, bootstrap_trades, reshuffle_trades

USD = 1_000_000
ACCOUNT = 1_000 * USD
records = st.lists(st.integers(-400 * USD, 400 * USD), min_size=1, max_size=30).map(np.array)


def sampling(**changes: Any) -> Sampling:
    return Sampling(**({"account_micros": ACCOUNT, "seed": 1, "paths": 400} | changes))


def exact(paths: list[tuple[int, ...]], floor: int) -> tuple[float, float, float]:
    """Return mean drawdown in dollars, share of ruined and share of losing paths over every possible path."""
    curves = [ACCOUNT + np.cumsum(path) for path in paths]
    falls = [max_drawdown(curve, account_micros=ACCOUNT).usd for curve in curves]
    ruined = np.mean([curve.min() <= floor for curve in curves])
    return float(np.mean(falls)), float(ruined), float(np.mean([curve[-1] < ACCOUNT for curve in curves]))


def test_reshuffling_approaches_the_spread_of_every_permutation() -> None:
    pnl = [300 * USD, -200 * USD, -350 * USD, 100 * USD, 250 * USD, -150 * USD]
    answer = reshuffle_trades(np.array(pnl), sampling(paths=20_000, ruin_pct=50))
    paths = list(permutations(pnl))
    _, ruined, losing = exact(paths, ACCOUNT // 2)
    falls = [max_drawdown(ACCOUNT + np.cumsum(path), account_micros=ACCOUNT).usd for path in paths]
    assert answer.ruin_probability == pytest.approx(ruined, abs=0.02)
    assert answer.loss_probability == losing
    assert answer.drawdown_usd.p50 == pytest.approx(np.quantile(falls, 0.5), abs=1)
    assert answer.drawdown_usd.p95 == pytest.approx(np.quantile(falls, 0.95), abs=1)


def test_bootstrapping_approaches_the_spread_of_every_draw() -> None:
    pnl = [400 * USD, -300 * USD, 50 * USD]
    answer = bootstrap_trades(np.array(pnl), sampling(paths=20_000, ruin_pct=60), trades=4)
    _, ruined, losing = exact(list(product(pnl, repeat=4)), ACCOUNT * 4 // 10)
    assert answer.ruin_probability == pytest.approx(ruined, abs=0.02)
    assert answer.loss_probability == pytest.approx(losing, abs=0.02)


def test_block_bootstrapping_approaches_the_spread_of_every_pair_of_blocks() -> None:
    pnl = [100 * USD, 200 * USD, -600 * USD, 50 * USD]
    answer = bootstrap_blocks(np.array(pnl), sampling(paths=20_000, ruin_pct=50), block=2)
    blocks = [(pnl[i], pnl[(i + 1) % 4]) for i in range(4)]
    _, ruined, losing = exact([first + other for first, other in product(blocks, repeat=2)], ACCOUNT // 2)
    assert answer.ruin_probability == pytest.approx(ruined, abs=0.02)
    assert answer.loss_probability == pytest.approx(losing, abs=0.02)


@settings(deadline=None)
@given(records)
def test_reshuffling_never_changes_the_net(pnl: IntArray) -> None:
    answer = reshuffle_trades(pnl, sampling(paths=50))
    assert set(astuple(answer.net_usd)) == {pnl.sum() / USD}
    assert answer.loss_probability == float(pnl.sum() < 0)


@settings(deadline=None)
@given(records, st.integers(1, 30))
def test_a_block_as_long_as_the_record_only_rotates_it(pnl: IntArray, paths: int) -> None:
    answer = bootstrap_blocks(pnl, sampling(paths=paths), block=len(pnl))
    assert set(astuple(answer.net_usd)) == {pnl.sum() / USD}


@settings(deadline=None)
@given(records)
def test_drawdowns_lie_between_the_final_loss_and_the_sum_of_losses(pnl: IntArray) -> None:
    answer = reshuffle_trades(pnl, sampling(paths=50))
    losses = -pnl[pnl < 0].sum() / USD
    assert max(0, -pnl.sum() / USD) <= answer.drawdown_usd.p01 <= answer.drawdown_usd.p99 <= losses
    assert answer.drawdown_pct.p99 <= 100 * losses * USD / ACCOUNT + 1e-9


@settings(deadline=None)
@given(records, st.integers(2, 20))
def test_scaling_money_scales_dollars_and_leaves_shares_alone(pnl: IntArray, scale: int) -> None:
    few = bootstrap_trades(pnl, sampling(paths=60))
    many = bootstrap_trades(pnl * scale, sampling(paths=60, account_micros=ACCOUNT * scale))
    assert many.ruin_probability == few.ruin_probability
    assert many.drawdown_pct.p95 == pytest.approx(few.drawdown_pct.p95, rel=1e-9)
    assert many.net_usd.p50 == pytest.approx(few.net_usd.p50 * scale, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("draw", [reshuffle_trades, bootstrap_trades, lambda p, s: bootstrap_blocks(p, s, block=5)])
def test_the_seed_decides_everything(draw: Callable[..., Any]) -> None:
    pnl = np.random.default_rng(2).integers(-50 * USD, 55 * USD, 60)
    assert draw(pnl, sampling(seed=7)) == draw(pnl, sampling(seed=7))
    assert draw(pnl, sampling(seed=7)) != draw(pnl, sampling(seed=8))


@pytest.mark.parametrize("draw", [reshuffle_trades, bootstrap_trades, lambda p, s: bootstrap_blocks(p, s, block=5)])
def test_working_in_batches_draws_from_the_same_record_as_working_at_once(
    monkeypatch: pytest.MonkeyPatch, draw: Callable[..., Any]
) -> None:
    pnl = np.random.default_rng(3).integers(-50 * USD, 55 * USD, 60)
    at_once = draw(pnl, sampling(paths=2_000))
    monkeypatch.setattr(monte_carlo, "STEPS_AT_ONCE", 600)
    batched = draw(pnl, sampling(paths=2_000))
    assert batched.drawdown_usd.p50 == pytest.approx(at_once.drawdown_usd.p50, rel=0.1)
    assert batched.paths == 2_000


def test_blocks_keep_streaks_that_single_draws_tear_apart() -> None:
    streaks = np.tile(np.repeat([60 * USD, -50 * USD], 10), 10)
    torn = bootstrap_blocks(streaks, sampling(account_micros=10 * ACCOUNT), block=1)
    kept = bootstrap_blocks(streaks, sampling(account_micros=10 * ACCOUNT), block=20)
    assert kept.drawdown_usd.p05 > 400
    assert torn.drawdown_usd.p05 < kept.drawdown_usd.p05


def test_ruin_counts_from_exactly_the_floor() -> None:
    losing = np.array([-500 * USD])
    assert reshuffle_trades(losing, sampling(ruin_pct=50)).ruin_probability == 1.0
    assert reshuffle_trades(losing + 1, sampling(ruin_pct=50)).ruin_probability == 0.0


def test_does_not_touch_the_record() -> None:
    pnl = np.arange(-5, 5) * USD
    before = pnl.copy()
    reshuffle_trades(pnl, sampling())
    assert (pnl == before).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: reshuffle_trades(np.array([], np.int64), sampling()),
        lambda: reshuffle_trades(np.array([0.5]), sampling()),
        lambda: reshuffle_trades(np.array([[1]]), sampling()),
        lambda: bootstrap_trades(np.array([1]), sampling(), trades=0),
        lambda: bootstrap_blocks(np.array([1, 2]), sampling(), block=0),
        lambda: bootstrap_blocks(np.array([1, 2]), sampling(), block=3),
        lambda: sampling(paths=0),
        lambda: sampling(account_micros=0),
        lambda: sampling(ruin_pct=0),
        lambda: sampling(ruin_pct=101),
    ],
)
def test_refuses_what_it_cannot_draw_from(call: Callable[..., Any]) -> None:
    with pytest.raises(BadReturns):
        call()
