"""Bars are looked through a block at a time: a series of any length must trade as the slow book trades bar by bar."""

from dataclasses import replace

import numpy as np
import pytest

from tests.oracle.book import Kept, Rules, keep_book
from tests.oracle.both_ways import came_out
from tests.oracle.series import flat_sessions, made_bars, random_bars, random_sessions
from trading.arrays import SideArray
from trading.backtests.engine import Account, Exits, run_signals
from trading.compiling import BLOCK
from trading.market.bars import Bars
from trading.market.instruments import instrument
from trading.market.sessions import SessionIndex
from trading.strategies.signals import Signals
from trading.strategies.tape import tape_of

ACCOUNT = Account(instrument("MES"), 50_000_000_000)
LENGTHS = (BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 2, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK + 7)


def random_exits(rng: np.random.Generator) -> Exits:
    """Return exits of which most are far away or off, so that many positions live longer than a block."""
    return Exits(
        stop=float(rng.choice((0, 5, 60, 400))),
        target=float(rng.choice((0, 9, 80, 500))),
        trailing=float(rng.choice((0, 0, 0, 90))),
        break_even=float(rng.choice((0, 0, 0, 30))),
        time_stop_bars=int(rng.choice((0, 0, 3, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK))),
        session_close=bool(rng.integers(0, 2)),
    )


def by_both(
    bars: Bars, sessions: SessionIndex, side: SideArray, exits: Exits, *, through_ticks: int = 0
) -> tuple[Kept, Kept]:
    """Return what came of it by the kernel and by the slow book."""
    n_bars = len(bars)
    account = replace(ACCOUNT, through_ticks=through_ticks)
    fast = run_signals(tape_of(bars, sessions), Signals(side, np.ones(1), np.ones(1)), exits, account=account)
    rules = Rules(
        stop=exits.stop,
        target=exits.target,
        trailing=exits.trailing,
        break_even=exits.break_even,
        time_stop_bars=exits.time_stop_bars,
        session_close=exits.session_close,
        slippage_ticks=ACCOUNT.costs[0],
        tick_micros=ACCOUNT.costs[1],
        commission_micros=ACCOUNT.costs[2],
        margin_micros=ACCOUNT.margin_micros,
        contract_margin_micros=ACCOUNT.margin_micros,
        through_ticks=through_ticks,
    )
    wishes = side.tolist(), [1.0] * n_bars, [1.0] * n_bars
    return came_out(fast), keep_book(bars, sessions, wishes, rules, ACCOUNT.account_micros)


@pytest.mark.parametrize("n_bars", LENGTHS)
def test_few_signals_and_long_positions_trade_as_in_the_slow_book(n_bars: int) -> None:
    longest = 0
    for seed in range(40):
        rng = np.random.default_rng([n_bars, seed])
        bars, sessions = random_bars(rng, n_bars), random_sessions(rng, n_bars, longest=3 * n_bars)
        rare = rng.random(n_bars) < rng.choice((0.01, 0.03, 0.2))
        side = (rng.choice((-1, 1), n_bars) * rare).astype(np.int8)
        fast, slow = by_both(bars, sessions, side, random_exits(rng), through_ticks=seed % 3)
        assert fast == slow, f"{n_bars} bars, seed {seed}"
        longest = max([longest, *(row[1] - row[0] for row in fast[0])])
    assert longest > min(BLOCK, n_bars // 3)


@pytest.mark.parametrize("event", range(2 * BLOCK + 3))
@pytest.mark.parametrize("what", ["low", "high", "turn", "deadline"])
def test_the_one_bar_that_ends_a_position_is_found_wherever_it_stands(what: str, event: int) -> None:
    rows = [(100, 101, 99, 100)] * (3 * BLOCK)
    side = np.zeros(len(rows), np.int8)
    side[0] = 1
    if what == "low":
        rows[1 + event] = (100, 101, 90, 100)
    if what == "high":
        rows[1 + event] = (100, 110, 99, 100)
    if what == "turn":
        side[1 + event] = -1
    exits = Exits(stop=9, target=9, time_stop_bars=event + 1 if what == "deadline" else 0)
    fast, slow = by_both(made_bars(rows), flat_sessions(len(rows)), side, exits)
    assert fast == slow
    first = fast[0][0]
    reason = {"low": "STOP", "high": "TARGET", "turn": "REVERSAL", "deadline": "TIME"}[what]
    at_next_open = what in ("turn", "deadline")
    assert first[9] == reason
    assert first[1] == 1 + event + at_next_open


@pytest.mark.parametrize("bar", [0, 1, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 3, 3 * BLOCK - 2])
def test_the_only_signal_is_found_wherever_it_stands(bar: int) -> None:
    side = np.zeros(3 * BLOCK, np.int8)
    side[bar] = -1
    bars = made_bars([(100, 101, 99, 100)] * len(side))
    fast, slow = by_both(bars, flat_sessions(len(side)), side, Exits())
    assert fast == slow
    assert [row[0] for row in fast[0]] == [bar + 1]
