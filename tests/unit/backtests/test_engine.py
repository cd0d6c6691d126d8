"""Every rule of the engine once, worked by hand. MES: 0.25 points a tick, $1.25 a tick, $0.62 and one tick a side."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.oracle.series import flat_sessions, made_bars, made_sessions, random_bars, random_sessions
from trading.backtests.engine import (
    ENGINE_VERSION,
    Account,
    Backtest,
    ExitReason,
    Exits,
    Output,
    Strategy,
    margined,
    order_list_hash,
    run_backtest,
    run_signals,
    run_tape,
    warm_kernels,
)
from trading.errors import BadBars, BadGenome, BadInput, UnknownArchetype
from trading.market.instruments import instrument
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import ONE_PER_FAMILY
from trading.strategies.genome import default_genome, genome_hash
from trading.strategies.signals import Signals
from trading.strategies.tape import tape_of

ACCOUNT = Account(instrument("MES"), 50_000_000_000)
TICK, COMMISSION = 1_250_000, 620_000
QUIET = (100, 102, 98, 100)


def run(
    rows: list[tuple[int, int, int, int]],
    sides: list[int],
    exits: Exits,
    *,
    sessions: SessionIndex | None = None,
    contract: list[int] | None = None,
    account: Account = ACCOUNT,
) -> Backtest:
    """Trade signals whose unit is one tick, so that multiples are ticks."""
    bars = made_bars(rows, contract=contract)
    tape = tape_of(bars, sessions or flat_sessions(len(bars)))
    padded = np.zeros(len(bars), np.int8)
    padded[: len(sides)] = sides
    return run_signals(tape, Signals(padded, np.ones(1), np.ones(1)), exits, account=account)


def only(backtest: Backtest) -> tuple[int, int, int, int, str]:
    """Return the single trade as (entry bar, exit bar, entry, exit, reason)."""
    trades = backtest.trades
    assert len(trades) == 1
    columns = (trades.entry_bar, trades.exit_bar, trades.entry_ticks, trades.exit_ticks)
    entry_bar, exit_bar, entry, left = (int(column[0]) for column in columns)
    return entry_bar, exit_bar, entry, left, ExitReason(int(trades.exit_reason[0])).name


def test_a_signal_fills_at_the_next_open_with_slippage_and_pays_commission_on_both_sides() -> None:
    backtest = run([QUIET, (104, 110, 103, 109), (111, 115, 110, 114)], [1], Exits())
    assert only(backtest) == (1, 2, 105, 113, "END_OF_DATA")
    trades = backtest.trades
    assert trades.net_micros.tolist() == [8 * TICK - 2 * COMMISSION]
    assert trades.gross_micros.tolist() == [10 * TICK]
    assert trades.slippage_micros.tolist() == [2 * TICK]
    marked = 50_000_000_000 + 4 * TICK - COMMISSION
    assert backtest.equity_micros.tolist() == [50_000_000_000, marked, 50_000_000_000 + 8 * TICK - 2 * COMMISSION]
    assert backtest.bars_in_position == 2


def test_a_short_mirrors_a_long() -> None:
    backtest = run([QUIET, (96, 97, 90, 91), (89, 90, 85, 86)], [-1], Exits())
    assert only(backtest) == (1, 2, 95, 87, "END_OF_DATA")
    assert backtest.trades.net_micros.tolist() == [8 * TICK - 2 * COMMISSION]


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((100, 102, 95, 100), (96 - 1, "STOP")),
        ((94, 96, 90, 95), (94 - 1, "STOP")),
        ((100, 109, 99, 105), (109, "TARGET")),
        ((112, 115, 111, 113), (112, "TARGET")),
        ((100, 110, 96, 100), (96 - 1, "STOP")),
        ((112, 115, 96, 100), (96 - 1, "STOP")),
        ((100, 108, 97, 100), (100 - 1, "END_OF_DATA")),
    ],
    ids=["stop", "stop gaps", "target", "target gaps", "both", "both after a gap", "neither"],
)
def test_stop_and_target_fill_where_the_market_allows(
    bar: tuple[int, int, int, int], expected: tuple[int, str]
) -> None:
    backtest = run([QUIET, QUIET, bar], [1], Exits(stop=5, target=8))
    assert only(backtest)[2:] == (101, *expected)


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((100, 109, 98, 100), (99, "END_OF_DATA")),  # touches the target, which somebody else's order may have taken
        ((100, 110, 98, 100), (109, "TARGET")),
        ((109, 110, 104, 108), (109, "TARGET")),
        ((112, 113, 104, 108), (112, "TARGET")),
        ((109, 109, 104, 108), (107, "END_OF_DATA")),
        ((109, 110, 96, 108), (95, "STOP")),
    ],
)
def test_a_target_that_must_be_traded_through_is_not_filled_by_a_touch(
    bar: tuple[int, int, int, int], expected: tuple[int, str]
) -> None:
    account = replace(ACCOUNT, through_ticks=1)
    assert only(run([QUIET, QUIET, bar], [1], Exits(stop=5, target=8), account=account))[2:] == (101, *expected)
    mirrored = tuple(200 - bar[row] for row in (0, 2, 1, 3))
    rows = [QUIET, QUIET, (mirrored[0], mirrored[1], mirrored[2], mirrored[3])]
    assert only(run(rows, [-1], Exits(stop=5, target=8), account=account))[2:] == (99, 200 - expected[0], expected[1])


def test_the_entry_bar_can_hit_its_own_stop() -> None:
    backtest = run([QUIET, (100, 102, 95, 101), QUIET], [1], Exits(stop=5))
    assert only(backtest) == (1, 1, 101, 95, "STOP")
    assert backtest.bars_in_position == 1


def test_a_stop_closer_than_the_slippage_fills_at_once() -> None:
    assert only(run([QUIET, QUIET, QUIET], [1], Exits(stop=0.1))) == (1, 1, 101, 99, "STOP")


@pytest.mark.parametrize(("unit", "ticks"), [(0.2, 1), (1.49, 1), (1.5, 2), (2.5, 3)])
def test_distances_round_half_up_to_whole_ticks_and_never_to_none(unit: float, ticks: int) -> None:
    tape = tape_of(made_bars([QUIET, QUIET, (100, 102, 80, 90)]), flat_sessions(3))
    wishes = Signals(np.array([1, 0, 0], np.int8), np.full(1, unit), np.ones(1))
    account = Account(instrument("MES"), 10**10)
    trades = run_signals(tape, wishes, Exits(stop=1.0), account=account).trades
    touched = 101 - ticks
    assert trades.exit_ticks.tolist() == [min(touched, 100) - 1]


def test_a_time_stop_counts_the_entry_bar_and_leaves_at_the_next_open() -> None:
    backtest = run([QUIET] * 6, [1], Exits(time_stop_bars=3))
    assert only(backtest) == (1, 4, 101, 99, "TIME")
    assert backtest.trades.bars_held.tolist() == [3]


def test_an_opposite_signal_reverses_at_one_price() -> None:
    backtest = run([QUIET, QUIET, (105, 106, 104, 105), QUIET], [1, -1], Exits(time_stop_bars=1))
    trades = backtest.trades
    assert [ExitReason(code).name for code in trades.exit_reason] == ["REVERSAL", "TIME"]
    assert trades.entry_bar.tolist() == [1, 2]
    assert trades.exit_bar.tolist() == [2, 3]
    assert trades.exit_ticks[0] == trades.entry_ticks[1] == 104
    assert backtest.bars_in_position == 2


def test_a_signal_in_the_same_direction_changes_nothing() -> None:
    assert only(run([QUIET] * 5, [1, 1, 1, 1], Exits())) == (1, 4, 101, 99, "END_OF_DATA")


def test_a_flat_book_takes_the_signal_of_the_bar_it_went_flat_in() -> None:
    backtest = run([QUIET, (100, 102, 90, 95), QUIET, QUIET], [1, 1], Exits(stop=5))
    assert backtest.trades.entry_bar.tolist() == [1, 2]
    assert backtest.trades.exit_bar.tolist() == [1, 3]


def test_a_session_close_exit_leaves_at_the_close_of_the_last_bar() -> None:
    sessions = made_sessions([0, 0, 0, 1, 1], [True] * 5, [False, False, True, False, True])
    assert only(run([QUIET] * 5, [1], Exits(session_close=True), sessions=sessions)) == (1, 2, 101, 99, "SESSION_CLOSE")
    assert only(run([QUIET] * 5, [1], Exits(), sessions=sessions)) == (1, 4, 101, 99, "END_OF_DATA")


def test_without_the_sessions_last_bar_the_exit_is_late_at_the_next_open_and_is_said_so() -> None:
    sessions = made_sessions([0, 0, 0, 1, 1], [True] * 5, [False, False, False, False, True])
    rows = [QUIET, QUIET, QUIET, (91, 120, 90, 110), QUIET]
    late = run(rows, [1, 0, 1], Exits(session_close=True, stop=5, target=8), sessions=sessions)
    assert only(late) == (1, 3, 101, 90, "LATE_CLOSE")
    assert late.trades.bars_held.tolist() == [2]
    assert late.trades.mae_ticks.tolist() == [11]
    assert late.bars_in_position == 2
    assert late.notes == (
        "1 position left after the session's close, at the next open there was: the session's last bar is missing",
    )
    assert only(run(rows, [1], Exits(), sessions=sessions)) == (1, 4, 101, 99, "END_OF_DATA")


def test_a_late_exit_waits_for_no_session_and_lets_turns_and_time_stops_go_first() -> None:
    sessions = made_sessions([0, 0, 0, 0, 1], [True, True, True, False, True], [False] * 5)
    assert only(run([QUIET] * 5, [1], Exits(session_close=True), sessions=sessions)) == (1, 3, 101, 99, "LATE_CLOSE")
    overnight = made_sessions([0, 0, 0, 1, 1], [True] * 5, [False] * 5)
    timed = run([QUIET] * 5, [1], Exits(session_close=True, time_stop_bars=2), sessions=overnight)
    assert only(timed) == (1, 3, 101, 99, "TIME")
    turned = run([QUIET] * 5, [1, 0, -1], Exits(session_close=True), sessions=overnight).trades
    assert [ExitReason(code).name for code in turned.exit_reason] == ["REVERSAL", "END_OF_DATA"]


MARGIN = 1_500_000_000


@pytest.mark.parametrize(("account_micros", "entered"), [(MARGIN, 1), (MARGIN - 1, 0), (2 * MARGIN - 1, 0)])
def test_an_entry_the_equity_cannot_carry_is_refused_and_counted(account_micros: int, entered: int) -> None:
    contracts = 1 if account_micros <= MARGIN else 2
    account = margined(instrument("MES"), account_micros, contracts)
    backtest = run([QUIET] * 3, [1], Exits(), account=account)
    assert (len(backtest.trades), backtest.refused_entries) == (entered, 1 - entered)


def test_an_account_that_carries_one_contract_but_not_its_own_two_is_not_bust() -> None:
    few = run([QUIET] * 3, [1], Exits(), account=margined(instrument("MES"), 2 * MARGIN - 1, 2))
    assert (few.refused_entries, few.bust_bar) == (1, None)
    none = run([QUIET] * 3, [1], Exits(), account=margined(instrument("MES"), MARGIN - 1))
    assert (none.refused_entries, none.bust_bar) == (1, 0)
    assert none.equity_micros.tolist() == [MARGIN - 1] * 3


def test_a_position_is_called_at_the_first_price_that_leaves_less_than_its_margin_and_the_account_stops() -> None:
    account = margined(instrument("MES"), MARGIN + COMMISSION + 5 * TICK)
    rows = [QUIET, (100, 101, 96, 98), (98, 99, 95, 97), QUIET, QUIET, QUIET]
    backtest = run(rows, [1, 0, -1, 1], Exits(), account=account)
    assert only(backtest) == (1, 2, 101, 94, "MARGIN_CALL")
    assert backtest.equity_micros[1] == MARGIN + 2 * TICK
    assert backtest.equity_micros[2:].tolist() == [MARGIN - 2 * TICK - COMMISSION] * 4
    assert (backtest.refused_entries, backtest.bust_bar) == (2, 2)
    short = run([QUIET, (100, 104, 99, 100), (112, 113, 110, 112), QUIET], [-1, 0, 1], Exits(), account=account)
    assert only(short) == (1, 2, 99, 113, "MARGIN_CALL")
    assert short.bust_bar == 2


def test_a_stop_that_is_nearer_than_the_call_is_a_stop_also_once_it_has_trailed_there() -> None:
    account = margined(instrument("MES"), MARGIN + COMMISSION + 5 * TICK)
    falls = [QUIET, (100, 101, 97, 98), (98, 99, 90, 92), QUIET]
    assert only(run(falls, [1], Exits(stop=5), account=account))[3:] == (95, "STOP")
    assert only(run(falls, [1], Exits(stop=6), account=account))[3:] == (94, "MARGIN_CALL")
    rises = [QUIET, (100, 110, 99, 108), (108, 109, 90, 92), QUIET]
    assert only(run(rises, [1], Exits(trailing=8), account=account))[3:] == (101, "STOP")


def test_a_turn_the_equity_cannot_carry_closes_and_does_not_enter() -> None:
    rows = [QUIET, (100, 101, 100, 100), (100, 101, 99, 100), QUIET]
    lost = 2 * TICK + 2 * COMMISSION
    turned = run(rows, [1, -1], Exits(), account=margined(instrument("MES"), MARGIN + lost))
    assert (turned.trades.side.tolist(), turned.refused_entries) == ([1, -1], 0)
    closed = run(rows, [1, -1], Exits(), account=margined(instrument("MES"), MARGIN + lost - 1))
    assert only(closed) == (1, 2, 101, 99, "REVERSAL")
    assert (closed.refused_entries, closed.bust_bar) == (1, 2)


def test_an_account_without_a_margin_is_asked_for_nothing() -> None:
    broke = run([QUIET] * 4, [1, -1, 1], Exits(), account=Account(instrument("MES"), 1_000_000))
    assert (len(broke.trades), broke.refused_entries, broke.bust_bar) == (3, 0, None)
    assert broke.equity_micros[-1] < 0
    with pytest.raises(BadInput, match="margin"):
        Account(instrument("MES"), 1_000_000, 1, -1)
    with pytest.raises(BadInput, match="traded through by 0 ticks or more, was -1"):
        Account(instrument("MES"), 1_000_000, through_ticks=-1)


def test_an_entry_needs_signal_bar_and_fill_bar_in_session() -> None:
    for is_open in ([False, True, True, True], [True, False, True, True]):
        sessions = made_sessions([0] * 4, is_open, [False] * 4)
        assert len(run([QUIET] * 4, [1], Exits(), sessions=sessions).trades) == 0


def test_a_trade_never_spans_a_roll_and_its_gap_is_nobodys_profit() -> None:
    rows = [QUIET, QUIET, (100, 102, 98, 101), (500, 502, 498, 500), (500, 502, 498, 500)]
    backtest = run(rows, [1, 0, 1], Exits(time_stop_bars=2), contract=[1, 1, 1, 2, 2])
    assert only(backtest) == (1, 2, 101, 100, "ROLL")
    assert backtest.equity_micros[-1] == 50_000_000_000 - TICK - 2 * COMMISSION


def test_trailing_and_break_even_stops_know_completed_bars_only() -> None:
    rows = [QUIET, (100, 112, 99, 100), (100, 101, 99, 100), QUIET]
    assert only(run(rows, [1], Exits(stop=20, trailing=4))) == (1, 2, 101, 99, "STOP")
    steady = [QUIET, (100, 112, 99, 111), (110, 111, 103, 104), (104, 104, 99, 100)]
    assert only(run(steady, [1], Exits(stop=20, break_even=10))) == (1, 3, 101, 100, "STOP")
    assert only(run(steady, [1], Exits(stop=20, break_even=12))) == (1, 3, 101, 99, "END_OF_DATA")


def test_excursions_cover_bars_held_to_their_close_and_the_exit_fill() -> None:
    backtest = run([QUIET, (100, 107, 97, 103), (103, 130, 90, 100)], [1], Exits(stop=8))
    assert backtest.trades.mae_ticks.tolist() == [101 - 92]
    assert backtest.trades.mfe_ticks.tolist() == [6]


def test_prices_below_zero_are_prices() -> None:
    backtest = run([QUIET, (-10, -8, -12, -11), (-3_763, -3_700, -4_032, -4_000)], [-1], Exits())
    assert only(backtest) == (1, 2, -11, -3_999, "END_OF_DATA")
    assert backtest.trades.net_micros.tolist() == [3_988 * TICK - 2 * COMMISSION]


@pytest.mark.parametrize("n_bars", [1, 2])
def test_one_bar_or_two_make_no_trade_and_known_figures(n_bars: int) -> None:
    backtest = run([QUIET] * n_bars, [1, 1][n_bars - 1 :] * (n_bars - 1), Exits(stop=5))
    assert len(backtest.trades) == n_bars - 1
    single = run_backtest(
        made_bars([QUIET]),
        flat_sessions(1),
        Strategy("trend", default_genome("trend")),
        instrument=instrument("MES"),
        account_micros=10**9,
    )
    assert single.performance.trades == 0
    assert single.performance.win_pct is None
    assert single.equity_micros.tolist() == [10**9]


def test_zero_range_bars_are_traded_like_others() -> None:
    backtest = run([(50, 50, 50, 50)] * 4, [1], Exits(stop=3, target=3, time_stop_bars=2))
    assert only(backtest) == (1, 3, 51, 49, "TIME")


def test_contracts_multiply_money_and_nothing_else() -> None:
    rng = np.random.default_rng(4)
    bars, sessions = random_bars(rng, 600), random_sessions(rng, 600)
    strategy = Strategy("trend", default_genome("trend"))
    single, three = (
        run_backtest(bars, sessions, strategy, instrument=instrument("MES"), account_micros=10**11, contracts=contracts)
        for contracts in (1, 3)
    )
    assert len(single.trades) > 3
    assert np.array_equal(single.trades.net_micros * 3, three.trades.net_micros)
    assert np.array_equal(single.trades.exit_ticks, three.trades.exit_ticks)


def test_a_reused_output_gives_the_same_bytes_as_fresh_memory() -> None:
    rng = np.random.default_rng(9)
    bars, sessions = random_bars(rng, 700), random_sessions(rng, 700)
    tape, output = tape_of(bars, sessions), Output.for_bars(700)
    for name in ONE_PER_FAMILY:
        strategy = Strategy(name, default_genome(name))
        fresh = run_tape(tape, strategy, account=ACCOUNT)
        reused = run_tape(tape, strategy, account=ACCOUNT, output=output)
        assert order_list_hash(fresh) == order_list_hash(reused)
        assert np.array_equal(fresh.equity_micros, reused.equity_micros)
        assert fresh.performance == reused.performance


def test_a_backtest_says_what_it_ran() -> None:
    rng = np.random.default_rng(2)
    genome = default_genome("breakout")
    bars, sessions = random_bars(rng, 500), random_sessions(rng, 500)
    account: dict[str, Any] = {"instrument": instrument("MES"), "account_micros": 10**10}
    backtest = run_backtest(bars, sessions, Strategy("breakout", genome), **account)
    assert backtest.genome_hash == genome_hash(genome)
    assert backtest.engine_version == ENGINE_VERSION


def test_the_order_list_hash_sees_one_tick() -> None:
    rows = [QUIET, QUIET, QUIET, QUIET]
    moved = [*rows[:3], (100, 102, 98, 101)]
    assert order_list_hash(run(rows, [1], Exits())) == order_list_hash(run(list(rows), [1], Exits()))
    assert order_list_hash(run(rows, [1], Exits())) != order_list_hash(run(moved, [1], Exits()))


def test_refuses_what_it_cannot_run() -> None:
    bars, sessions = made_bars([QUIET] * 5), flat_sessions(5)
    account: dict[str, Any] = {"instrument": instrument("MES"), "account_micros": 10**9}
    good = Strategy("trend", default_genome("trend"))
    with pytest.raises(BadBars, match="bar 2: high must not be below"):
        run_backtest(made_bars([QUIET, QUIET, (100, 99, 98, 99)]), flat_sessions(3), good, **account)
    with pytest.raises(BadBars, match="one value per bar"):
        run_backtest(bars, flat_sessions(4), good, **account)
    with pytest.raises(UnknownArchetype):
        run_backtest(bars, sessions, Strategy("wizardry", good.genome), **account)
    broken = dict(good.genome) | {"stop_atr": float("nan")}
    with pytest.raises(BadGenome, match="stop_atr"):
        run_backtest(bars, sessions, Strategy("trend", broken), **account)
    with pytest.raises(BadInput, match="must be positive"):
        run_backtest(bars, sessions, good, **(account | {"account_micros": 0}))
    with pytest.raises(BadInput, match="made for 5 bars, was made for 6"):
        run_backtest(bars, sessions, good, **account, output=Output.for_bars(6))
    with pytest.raises(BadInput, match="beyond exact integers"):
        run_backtest(bars, sessions, good, **account, contracts=10**13)
    far = np.array([QUIET] * 5, np.int64) + 2**50
    with pytest.raises(BadBars, match="ticks of zero"):
        run_backtest(made_bars(far), sessions, good, **account)


@pytest.mark.parametrize("unit", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_signal_without_a_unit_of_risk(unit: float) -> None:
    tape, side = tape_of(made_bars([QUIET] * 3), flat_sessions(3)), np.array([0, 1, 0], np.int8)
    for units in (np.full(1, unit), np.array([1.0, unit, 1.0]), np.ones(2)):
        with pytest.raises(BadInput, match="unit"):
            run_signals(tape, Signals(side, units, np.ones(1)), Exits(), account=ACCOUNT)
    with pytest.raises(BadInput, match="-1, 0 or 1"):
        run_signals(tape, Signals(side * 2, np.ones(1), np.ones(1)), Exits(), account=ACCOUNT)
    where_it_counts = np.array([unit, 1.0, unit])
    assert len(run_signals(tape, Signals(side, where_it_counts, np.ones(1)), Exits(), account=ACCOUNT).trades) == 1


def test_warming_up_compiles_every_family() -> None:
    warm_kernels()
