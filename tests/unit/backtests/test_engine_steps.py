"""A runner that steps bar by bar leaves where the backtest leaves, and its levels stand where a desk expects them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.harness.known import known
from tests.oracle.series import made_bars, random_bars, random_sessions
from trading.backtests.engine import Account, ExitReason, Exits, margined, run_signals
from trading.backtests.steps import Candle, Holding, Leaving, open_holding, room_ticks, step_exit
from trading.errors import BadInput
from trading.market.bars import Bars
from trading.market.instruments import instrument
from trading.strategies.kernels import FILL_NEXT, ROLL_NEXT, SESSION_CUT, SESSION_LAST
from trading.strategies.signals import Signals
from trading.strategies.tape import tape_of

MES = instrument("MES")


def random_exits(rng: np.random.Generator) -> Exits:
    def sometimes(low: float, high: int) -> float:
        return float(rng.uniform(low, high)) * int(rng.random() < 0.6)

    return Exits(
        stop=sometimes(0.5, 4),
        target=sometimes(0.5, 6),
        trailing=sometimes(0.5, 4),
        break_even=sometimes(0.2, 3),
        time_stop_bars=int(rng.integers(0, 20)) * int(rng.random() < 0.5),
        session_close=bool(rng.random() < 0.5),
    )


def random_wishes(rng: np.random.Generator, n_bars: int) -> Signals:
    side = rng.choice([-1, 0, 0, 0, 0, 1], n_bars).astype(np.int8)
    return Signals(side, rng.uniform(0.3, 9.0, n_bars), rng.uniform(0.3, 9.0, n_bars))


def candle_at(bars: Bars, i: int) -> Candle:
    columns = (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)
    return Candle(*(int(column[i]) for column in columns))


class Runner:
    """A paper runner: knows one bar at a time, fills its own orders at the next open."""

    def __init__(self, wishes: Signals, exits: Exits, account: Account) -> None:
        self.wishes, self.exits = wishes, exits
        self.account, self.cash = account, account.account_micros
        self.holding: Holding | None = None
        self.entering: tuple[int, tuple[float, float]] | None = None
        self.leaving: ExitReason | None = None
        self.trades: list[tuple[int, ...]] = []

    def leave(self, i: int, price: int, reason: ExitReason) -> None:
        held = known(self.holding).position
        slip = 0 if reason is ExitReason.TARGET else MES.slippage_ticks
        self.trades.append((held.entry_bar, i, held.side, held.entry_ticks, price - held.side * slip, int(reason)))
        _, tick_micros, commission_micros = self.account.costs
        gain = held.side * (price - held.side * slip - held.entry_ticks) * tick_micros
        self.cash += gain - 2 * commission_micros
        self.holding = None

    def on_open(self, i: int, price: int, *, session_is_over: bool) -> None:
        if session_is_over and self.leaving is None and self.holding is not None and self.holding.leaves_with_session:
            self.leaving = ExitReason.LATE_CLOSE
        if self.leaving is not None:
            self.leave(i, price, self.leaving)
        if self.entering is not None:
            side, units = self.entering
            fill, room = price + side * MES.slippage_ticks, room_ticks(self.account, self.cash)
            if room is not None:
                self.holding = open_holding(
                    side,
                    fill,
                    bar=i,
                    units=units,
                    exits=self.exits,
                    room=room,
                    through_ticks=self.account.through_ticks,
                )
        self.entering = self.leaving = None

    def on_close(self, i: int, candle: Candle, bits: int) -> None:
        signal = int(self.wishes.side[i]) if bits & FILL_NEXT else 0
        wish = (signal, (float(self.wishes.stop_unit_ticks[i]), float(self.wishes.target_unit_ticks[i])))
        if self.holding is None:
            self.entering = wish if signal else None
            return
        stepped = step_exit(
            self.holding,
            candle,
            bar=i,
            signal=signal,
            rolls_next=bool(bits & ROLL_NEXT),
            session_ends=bool(bits & SESSION_LAST),
        )
        if isinstance(stepped, Holding):
            self.holding = stepped
        elif stepped.price_ticks is None:
            self.leaving = stepped.reason
            self.entering = wish if stepped.reason is ExitReason.REVERSAL else None
        else:
            self.leave(i, stepped.price_ticks, stepped.reason)
            self.entering = wish if signal else None


@pytest.mark.scorecard(25)
def test_a_runner_stepping_bar_by_bar_makes_the_backtests_trades() -> None:
    reasons = set()
    for seed in range(120):
        rng = np.random.default_rng([seed, 7])
        bars, sessions = random_bars(rng, 260), random_sessions(rng, 260)
        tape, exits, wishes = tape_of(bars, sessions), random_exits(rng), random_wishes(rng, 260)
        contracts = int(rng.integers(1, 3))
        spare_micros = int(rng.choice((10**8, 10**11)))
        account = margined(MES, contracts * MES.day_margin_micros + spare_micros, contracts)
        account = replace(account, through_ticks=seed % 2)
        trades = run_signals(tape, wishes, exits, account=account).trades
        runner = Runner(wishes, exits, account)
        for i in range(260):
            session_is_over = i > 0 and bool(tape.gate[i - 1] & SESSION_CUT)
            runner.on_open(i, int(bars.open_ticks[i]), session_is_over=session_is_over)
            runner.on_close(i, candle_at(bars, i), int(tape.gate[i]))
        names = ("entry_bar", "exit_bar", "side", "entry_ticks", "exit_ticks", "exit_reason")
        wanted = list(zip(*(getattr(trades, name).tolist() for name in names), strict=True))
        ended_by_data = [row for row in wanted if row[-1] == ExitReason.END_OF_DATA]
        assert runner.trades == [row for row in wanted if row not in ended_by_data], f"seed {seed}"
        assert (runner.holding is not None) == bool(ended_by_data)
        reasons |= {row[-1] for row in wanted}
    assert reasons == {int(reason) for reason in ExitReason}


def test_shows_where_stop_and_target_stand_after_each_bar() -> None:
    exits = Exits(stop=2.0, target=5.0, trailing=3.0, break_even=1.0)
    long = open_holding(1, 100, bar=3, units=(2.0, 2.0), exits=exits)
    assert (long.stop_ticks, long.target_ticks) == (96, 110)
    moved = step_exit(long, Candle(100, 103, 99, 101), bar=3)
    assert isinstance(moved, Holding)
    assert (moved.stop_ticks, moved.target_ticks) == (100, 110)
    trailed = step_exit(moved, Candle(105, 108, 104, 107), bar=4)
    assert isinstance(trailed, Holding)
    assert trailed.stop_ticks == 102
    left = step_exit(trailed, Candle(101, 104, 100, 103), bar=5)
    assert isinstance(left, Leaving)
    assert (left.reason, left.price_ticks) == (ExitReason.STOP, 101)


def test_a_target_that_must_be_traded_through_stands_where_its_order_rests() -> None:
    exits = Exits(stop=2.0, target=5.0)
    short = open_holding(-1, 100, bar=0, units=(2.0, 2.0), exits=exits, through_ticks=1)
    assert (short.stop_ticks, short.target_ticks) == (104, 90)
    touched = step_exit(short, Candle(95, 96, 90, 95), bar=0)
    assert isinstance(touched, Holding)
    left = step_exit(touched, Candle(95, 96, 89, 95), bar=1)
    assert isinstance(left, Leaving)
    assert (left.reason, left.price_ticks) == (ExitReason.TARGET, 90)


def test_has_no_levels_where_a_rule_is_off() -> None:
    short = open_holding(-1, 50, bar=0, units=(1.0, 1.0), exits=Exits(time_stop_bars=2))
    assert (short.stop_ticks, short.target_ticks) == (None, None)
    long = open_holding(1, 50, bar=0, units=(1.0, 1.0), exits=Exits())
    assert (long.stop_ticks, long.target_ticks) == (None, None)
    second = step_exit(short, Candle(50, 99, 1, 50), bar=0)
    assert isinstance(second, Holding)
    late = step_exit(second, Candle(50, 99, 1, 50), bar=1)
    assert isinstance(late, Leaving)
    assert (late.reason, late.price_ticks) == (ExitReason.TIME, None)


def test_an_account_says_how_far_price_may_go_and_the_call_stands_where_the_stop_would() -> None:
    account = margined(MES, 10**10, 2)
    carried = 2 * MES.day_margin_micros
    assert room_ticks(account, carried - 1) is None
    assert known(room_ticks(Account(MES, 10**10, 2), -1)) > 2**31
    assert room_ticks(account, carried) == 1
    room = room_ticks(account, carried + 2 * MES.commission_micros + 9 * 2 * MES.tick_value_micros)
    assert room == 10
    called = open_holding(1, 100, bar=0, units=(1.0, 1.0), exits=Exits(stop=50), room=room)
    assert called.stop_ticks == 90
    left = step_exit(called, Candle(95, 96, 80, 85), bar=0)
    assert isinstance(left, Leaving)
    assert (left.reason, left.price_ticks) == (ExitReason.MARGIN_CALL, 90)


@pytest.mark.parametrize(
    ("side", "units"), [(0, (1.0, 1.0)), (1, (0.0, 1.0)), (1, (1.0, float("nan"))), (2, (1.0, 1.0))]
)
def test_refuses_a_position_without_a_side_or_a_unit(side: int, units: tuple[float, float]) -> None:
    with pytest.raises(BadInput):
        open_holding(side, 100, bar=0, units=units, exits=Exits())


@pytest.mark.parametrize(
    "exits", [{"stop": -1.0}, {"target": float("inf")}, {"trailing": 1e300}, {"time_stop_bars": -1}]
)
def test_refuses_exits_out_of_bounds(exits: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Exits(**exits)


def test_refuses_a_unit_too_wide_for_integers() -> None:
    bars = made_bars([(10, 11, 9, 10)] * 4)
    tape = tape_of(bars, random_sessions(np.random.default_rng(1), 4))
    wishes = Signals(np.array([1, 0, 0, 0], np.int8), np.full(4, 1e300), np.ones(4))
    with pytest.raises(BadInput, match="a unit must be above zero"):
        run_signals(tape, wishes, Exits(stop=1.0), account=Account(MES, 10**10))
