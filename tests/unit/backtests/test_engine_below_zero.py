"""Crude oil in April 2020: prices through zero are prices, and an account that does not survive them shows it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.oracle.series import flat_sessions, made_bars, random_bars, random_sessions
from trading.backtests.engine import Account, ExitReason, Exits, Strategy, margined, run_signals, run_tape
from trading.market.bars import Bars
from trading.market.instruments import instrument
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import default_genome
from trading.strategies.rules import parse_rule, rule_signals
from trading.strategies.signals import Signals
from trading.strategies.tape import Tape, tape_of

CL = instrument("CL")
POINTS = [(19.90, 19.95, 17.31, 18.27), (17.73, 17.85, -40.32, -37.63), (-14.00, 13.86, -16.74, 10.01)]
"""Daily bars in the shape of the May 2020 contract from 17 to 21 April."""

WIDE = 100_000_000_000


def april() -> tuple[Bars, Tape]:
    rows = np.rint(np.array(POINTS) * 100).astype(np.int64)
    bars = made_bars(rows, volume=[1, 1, 1], symbol="CL")
    return bars, tape_of(bars, flat_sessions(3))


def bought(unit_ticks: float = 2_000.0) -> Signals:
    return Signals(np.array([1, 0, 0], np.int8), np.full(3, unit_ticks), np.full(3, unit_ticks))


def test_holds_a_long_through_zero_to_the_cent() -> None:
    _, tape = april()
    backtest = run_signals(tape, bought(), Exits(), account=Account(CL, WIDE))
    assert backtest.trades.entry_ticks.tolist() == [1_774]
    assert backtest.trades.exit_ticks.tolist() == [1_000]
    assert backtest.trades.mae_ticks.tolist() == [1_774 + 4_032]
    assert backtest.trades.net_micros.tolist() == [-7_740_000_000 - 2 * 2_500_000]
    assert backtest.equity_micros[1] == WIDE - (1_774 + 3_763) * 10_000_000 - 2_500_000


def test_stops_below_zero_at_the_stop_and_behind_a_gap_at_the_open() -> None:
    _, tape = april()
    inside = run_signals(tape, bought(), Exits(stop=1.0), account=Account(CL, WIDE)).trades
    assert (inside.exit_bar.tolist(), inside.exit_ticks.tolist()) == ([1], [1_774 - 2_000 - 1])
    shorted = Signals(np.array([0, -1, 0], np.int8), np.full(3, 1.0), np.full(3, 1.0))
    short = run_signals(tape, shorted, Exits(stop=500.0), account=Account(CL, WIDE)).trades
    assert short.entry_ticks.tolist() == [-1_401]
    assert short.exit_ticks.tolist() == [-1_401 + 500 + 1]
    assert ExitReason(int(short.exit_reason[0])) is ExitReason.STOP


def test_calls_an_account_on_the_way_down_where_it_no_longer_carries_the_contract() -> None:
    _, tape = april()
    called = run_signals(tape, bought(), Exits(), account=margined(CL, 20_000_000_000))
    assert ExitReason(int(called.trades.exit_reason[0])) is ExitReason.MARGIN_CALL
    assert called.trades.exit_ticks.tolist() == [1_774 - 1_200 - 1]
    assert (called.performance.net_pnl_micros, called.bust_bar) == (-12_015_000_000, 1)
    assert called.performance.max_drawdown_pct == pytest.approx(60.075)


def test_shows_an_account_that_a_gap_does_not_let_go_as_a_fall_of_more_than_all_of_it() -> None:
    rows = [(1_990, 1_995, 1_731, 1_827), (1_773, 1_785, 1_700, 1_710), (-1_400, 1_386, -1_674, 1_001)]
    tape = tape_of(made_bars(rows, volume=[1, 1, 1], symbol="CL"), flat_sessions(3))
    gone = run_signals(tape, bought(), Exits(), account=margined(CL, 20_000_000_000))
    assert gone.trades.exit_ticks.tolist() == [-1_401]
    assert gone.performance.max_drawdown_usd == 31_755
    assert gone.performance.max_drawdown_pct == pytest.approx(100 * 31_755 / 20_000)
    assert gone.bust_bar == 2


@pytest.mark.parametrize("name", sorted(ARCHETYPES))
def test_a_market_below_zero_trades_like_the_same_market_above_it(name: str) -> None:
    rng = np.random.default_rng(2020)
    bars, sessions = random_bars(rng, 900), random_sessions(rng, 900)
    prices = ("open_ticks", "high_ticks", "low_ticks", "close_ticks")
    lowered, raised = (
        replace(bars, **{column: getattr(bars, column) + shift for column in prices})
        for shift in (-int(np.median(bars.close_ticks)), 1_000_000)
    )
    assert lowered.low_ticks.min() < 0 < lowered.high_ticks.max()
    strategy = Strategy(name, default_genome(name))
    below, above = (
        run_tape(tape_of(series, sessions), strategy, account=Account(CL, 10**14)).trades
        for series in (lowered, raised)
    )
    for column in ("entry_bar", "exit_bar", "side", "net_micros", "exit_reason", "mae_ticks", "mfe_ticks"):
        assert np.array_equal(getattr(below, column), getattr(above, column)), column


def test_reads_a_rule_through_zero() -> None:
    _, tape = april()
    rule = parse_rule("long: close < close[1] short: close crosses above close[1] unit: 4 ticks")
    assert rule_signals(tape, rule).side.tolist() == [0, 0, -1]
