"""A search chooses no genome that got lucky a few times, and its parent where all are such."""

from dataclasses import replace

import numpy as np
import pytest

from services.improvement.search import neighbours_by_optuna, offspring
from trading.backtests.parts import Part
from trading.figures.performance import Performance
from trading.strategies.genome import Genome, default_genome
from trading.verification.walk_forward import Fence, Search

ARCHETYPE = "trend_ema_cross"
PARENT = default_genome(ARCHETYPE)
TRAIN = Part(0, 1_000)
RECORD = Performance(
    net_pnl_micros=1_000_000,
    trades=0,
    winners=0,
    losers=0,
    win_pct=None,
    profit_factor=None,
    expectancy_usd=None,
    max_drawdown_usd=0.0,
    max_drawdown_pct=0.0,
    sharpe=0.0,
    sortino=None,
    exposure_pct=1.0,
    average_trade_bars=None,
)


def trades_of(genome: Genome) -> int:
    return 40 + 4 * int(genome["ema_fast"] - PARENT["ema_fast"])


def the_fewer_the_better(genome: Genome, _: int, __: int) -> Performance:
    trades = trades_of(genome)
    return replace(RECORD, trades=trades, sharpe=100.0 - trades)


def searches(trades_a_bar: float) -> tuple[Search, Search]:
    siblings = [{**PARENT, "ema_fast": fast} for fast in (2, 5, 14)]
    return (
        neighbours_by_optuna(ARCHETYPE, PARENT, trades_a_bar),
        offspring(ARCHETYPE, PARENT, siblings, trades_a_bar=trades_a_bar),
    )


@pytest.mark.parametrize("kind", [0, 1], ids=["neighbours", "offspring"])
def test_a_genome_that_trades_too_seldom_is_not_chosen(kind: int) -> None:
    chosen = {}
    for least in (0, 32):
        search = searches(least / len(TRAIN))[kind]
        chosen[least] = trades_of(search(Fence(the_fewer_the_better, TRAIN), np.random.default_rng(1)))
    assert chosen[0] < 32 <= chosen[32] <= trades_of(PARENT)


@pytest.mark.parametrize("kind", [0, 1], ids=["neighbours", "offspring"])
def test_where_every_genome_trades_too_seldom_the_parent_is_chosen(kind: int) -> None:
    fence = Fence(the_fewer_the_better, TRAIN)
    assert searches(1.0)[kind](fence, np.random.default_rng(1)) == PARENT
    assert len({trades_of(trial.genome) for trial in fence.trials}) > 1
