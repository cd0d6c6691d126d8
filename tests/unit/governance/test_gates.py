"""Stages, gates and demotions: the table is typed here a second time, and every cell is tried on both sides."""

import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.evidence import PERFECT
from tests.harness.known import known
from trading.books import Book, Stage
from trading.errors import BadMove, GateClosed, StageLocked
from trading.figures.performance import Performance
from trading.governance.gates import (
    GATES,
    Evidence,
    PromotionMode,
    StageStanding,
    automatic_move,
    days_in_stage,
    demote,
    demotion,
    evidence_of,
    figures_pass,
    gate,
    is_locked,
    losing_days_in_a_row,
    promote,
)

NOW = datetime(2024, 3, 10, 12, 0, tzinfo=UTC)

EVERY = {
    "TRADES": "trades",
    "WIN_PCT": "win_pct",
    "MAX_DRAWDOWN_PCT": "max_drawdown_pct",
    "PROFIT_FACTOR": "profit_factor",
    "EXPECTANCY_USD": "expectancy_usd",
    "SHARPE": "sharpe",
    "DAYS_IN_STAGE": "days_in_stage",
    "WALK_FORWARD_CONSISTENCY": "walk_forward_consistency",
    "WALK_FORWARD_OVERFIT_RATIO": "walk_forward_overfit_ratio",
    "SHADOW_PAPER_CORRELATION": "shadow_paper_correlation",
}

TABLE = {
    "LAB": "TRADES 50 | WIN_PCT 35 | MAX_DRAWDOWN_PCT 20 | PROFIT_FACTOR 1.2 | EXPECTANCY_USD 10 | SHARPE 0.5"
    " | DAYS_IN_STAGE 0",
    "PAPER": "TRADES 100 | WIN_PCT 40 | MAX_DRAWDOWN_PCT 15 | PROFIT_FACTOR 1.3 | EXPECTANCY_USD 15 | SHARPE 0.7"
    " | DAYS_IN_STAGE 5",
    "SHADOW": "TRADES 200 | WIN_PCT 45 | MAX_DRAWDOWN_PCT 12 | PROFIT_FACTOR 1.4 | EXPECTANCY_USD 20 | SHARPE 0.9"
    " | DAYS_IN_STAGE 10 | WALK_FORWARD_CONSISTENCY 0.5 | WALK_FORWARD_OVERFIT_RATIO 2.5",
    "CANARY": "TRADES 300 | WIN_PCT 48 | MAX_DRAWDOWN_PCT 10 | PROFIT_FACTOR 1.5 | EXPECTANCY_USD 25 | SHARPE 1.0"
    " | DAYS_IN_STAGE 14 | WALK_FORWARD_CONSISTENCY 0.6 | WALK_FORWARD_OVERFIT_RATIO 2.0",
}

CELLS = [
    (Stage(stage), cell.split()[0], float(cell.split()[1])) for stage, row in TABLE.items() for cell in row.split(" | ")
]
AT_MOST = {"MAX_DRAWDOWN_PCT", "WALK_FORWARD_OVERFIT_RATIO"}

BESIDES = [
    (Stage.LAB, "REAL_MARKET_DATA", {"data_sources": frozenset({"cme", "SIMULATED"})}),
    (Stage.LAB, "REAL_MARKET_DATA", {"data_sources": frozenset({"cme", "cme-MARKS"})}),
    (Stage.PAPER, "REAL_MARKET_DATA", {"data_sources": frozenset({"SIMULATED"})}),
    (Stage.SHADOW, "REAL_MARKET_DATA", {"data_sources": frozenset({"SIMULATED"})}),
    (Stage.CANARY, "REAL_MARKET_DATA", {"data_sources": frozenset({"SIMULATED"})}),
    (Stage.LAB, "REAL_MARKET_DATA", {"data_sources": frozenset()}),
    (Stage.LAB, "RECENT_SESSIONS_PASSED", {"recent_sessions_passed": (True, True)}),
    (Stage.LAB, "RECENT_SESSIONS_PASSED", {"recent_sessions_passed": (True, True, True, False)}),
    (Stage.LAB, "RECENT_SESSIONS_PASSED", {"recent_sessions_passed": ()}),
    (Stage.LAB, "EVIDENCE", {"proven": False}),
    (Stage.LAB, "EVIDENCE", {"proven": None}),
    (Stage.LAB, "HAS_LOSING_TRADES", {"losers": 0}),
    (Stage.LAB, "HAS_LOSING_TRADES", {"losers": None}),
    (Stage.SHADOW, "SHADOW_PAPER_CORRELATION", {"shadow_paper_correlation": 0.8}),
    (Stage.SHADOW, "SHADOW_PAPER_CORRELATION", {"shadow_paper_correlation": None}),
    (Stage.CANARY, "STRESS_SUITE_PASSED", {"stress_passed": False}),
    (Stage.CANARY, "STRESS_SUITE_PASSED", {"stress_passed": None}),
    (Stage.CANARY, "MAKER_CHECKER_APPROVED", {"approved": False}),
    (Stage.CANARY, "MAKER_CHECKER_APPROVED", {"approved": None}),
]


def but(**figures: Any) -> Evidence:
    """Return evidence of a bot that shows everything, but for these figures."""
    return replace(PERFECT, **figures)


def blockers(stage: Stage, evidence: Evidence) -> list[str]:
    return [check.code for check in gate(stage, evidence).blockers]


def standing(stage: Stage, *, mode: PromotionMode = PromotionMode.MANUAL, locked_hours: float = -1) -> StageStanding:
    return StageStanding(stage, mode, NOW + timedelta(hours=locked_hours))


@pytest.mark.parametrize("stage", list(GATES))
def test_a_bot_that_shows_everything_may_pass(stage: Stage) -> None:
    verdict = gate(stage, PERFECT)
    assert verdict.allowed
    assert verdict.to is stage.above


@pytest.mark.parametrize(("stage", "code", "threshold"), CELLS)
def test_every_cell_opens_at_its_threshold_and_closes_one_ulp_beyond(stage: Stage, code: str, threshold: float) -> None:
    worse = math.inf if code in AT_MOST else -math.inf
    at, beyond = but(**{EVERY[code]: threshold}), but(**{EVERY[code]: math.nextafter(threshold, worse)})
    assert gate(stage, at).allowed
    assert blockers(stage, beyond) == [code]


@pytest.mark.parametrize(("stage", "code", "threshold"), [cell for cell in CELLS if cell[1] == "TRADES"])
def test_one_trade_too_few_blocks(stage: Stage, code: str, threshold: float) -> None:
    assert blockers(stage, replace(PERFECT, trades=int(threshold) - 1)) == [code]


@pytest.mark.parametrize(("stage", "code", "threshold"), CELLS)
@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -math.inf])
def test_an_unknown_figure_blocks_and_says_so(stage: Stage, code: str, threshold: float, unknown: float | None) -> None:
    verdict = gate(stage, but(**{EVERY[code]: unknown}))
    (blocker,) = verdict.blockers
    assert blocker.code == code
    assert blocker.was is None
    assert blocker.reason.endswith("was unknown")


@pytest.mark.parametrize(("stage", "code", "lacking"), BESIDES)
def test_every_other_condition_blocks_alone(stage: Stage, code: str, lacking: dict[str, Any]) -> None:
    assert blockers(stage, but(**lacking)) == [code]


def test_a_correlation_just_above_the_bar_passes() -> None:
    assert gate(Stage.SHADOW, replace(PERFECT, shadow_paper_correlation=math.nextafter(0.8, 1))).allowed


def test_a_single_losing_trade_is_enough_to_know_how_a_bot_loses() -> None:
    assert gate(Stage.LAB, replace(PERFECT, losers=1)).allowed


def test_old_failures_do_not_count_among_the_last_three_sessions() -> None:
    assert gate(Stage.LAB, replace(PERFECT, recent_sessions_passed=(False, False, True, True, True))).allowed


def test_a_record_without_losers_is_told_both_what_is_missing_and_why() -> None:
    assert blockers(Stage.LAB, replace(PERFECT, losers=0, profit_factor=None)) == ["PROFIT_FACTOR", "HAS_LOSING_TRADES"]


def test_no_gate_asks_for_more_or_fewer_conditions_than_the_table() -> None:
    asked = {(stage, rule.code) for stage, row in GATES.items() for rule in (*row.figures, *row.besides)}
    assert asked == {(stage, code) for stage, code, _ in (*CELLS, *BESIDES)}


def test_nothing_known_blocks_every_condition_of_every_gate() -> None:
    for stage in GATES:
        verdict = gate(stage, replace(Evidence(), days_in_stage=None))
        assert verdict.blockers == verdict.checks


def test_there_is_no_gate_above_live() -> None:
    verdict = gate(Stage.LIVE, PERFECT)
    assert verdict.to is None
    assert not verdict.allowed


@settings(deadline=None)
@given(st.data(), st.sampled_from(list(GATES)))
def test_better_evidence_never_closes_an_open_gate(draw: st.DataObject, stage: Stage) -> None:
    changed = {name: draw.draw(st.floats(0, 400)) for name in ("trades", "win_pct", "expectancy_usd", "sharpe")}
    better = {name: value + draw.draw(st.floats(0, 50)) for name, value in changed.items()}
    before, after = but(**changed), but(**better)
    assert set(blockers(stage, after)) <= set(blockers(stage, before))


def test_a_blocker_states_the_rule_and_the_value() -> None:
    (blocker,) = gate(Stage.LAB, replace(PERFECT, trades=49)).blockers
    assert (blocker.code, str(blocker.relation), blocker.required, blocker.was) == ("TRADES", "≥", 50, 49)
    assert blocker.reason == "TRADES must be ≥ 50, was 49"


@pytest.mark.parametrize(
    ("stage", "stays", "falls"),
    [
        ("PAPER", {"max_drawdown_pct": 30.0}, {"max_drawdown_pct": 30.01}),
        ("PAPER", {"net_pnl_micros": -500_000_000, "trades": 21}, {"net_pnl_micros": -500_000_001, "trades": 21}),
        ("PAPER", {"net_pnl_micros": -500_000_001, "trades": 20}, {"net_pnl_micros": -500_000_001, "trades": 21}),
        ("SHADOW", {"win_pct": 35.0}, {"win_pct": 34.99}),
        ("CANARY", {"sharpe": 0.5}, {"sharpe": 0.49}),
        ("CANARY", {"losing_days_in_a_row": 2}, {"losing_days_in_a_row": 3}),
        ("LIVE", {"max_drawdown_pct": 20.0}, {"max_drawdown_pct": 20.01}),
        ("LIVE", {"profit_factor": 1.0}, {"profit_factor": 0.99}),
    ],
)
def test_demotes_one_stage_on_the_wrong_side_of_each_boundary(
    stage: str, stays: dict[str, float], falls: dict[str, float]
) -> None:
    bot = standing(Stage(stage))
    assert automatic_move(bot, but(**stays), now=NOW) is None
    move = automatic_move(bot, but(**falls), now=NOW)
    assert move is not None
    assert move.is_demotion
    assert move.to_stage is Stage(stage).below
    assert all(check.passed for check in move.because)


@pytest.mark.parametrize("stage", list(Stage))
def test_unknown_figures_never_demote(stage: Stage) -> None:
    nan_everywhere = {f.name: math.nan for f in fields(Evidence) if f.name in EVERY.values()}
    for evidence in (Evidence(), but(**nan_everywhere)):
        assert demotion(stage, evidence) == ()


def test_nothing_lies_below_lab() -> None:
    assert demotion(Stage.LAB, replace(PERFECT, max_drawdown_pct=99.0, sharpe=-5.0)) == ()


def test_auto_promotes_up_to_canary_and_never_to_live() -> None:
    reached = [automatic_move(standing(s, mode=PromotionMode.AUTO), PERFECT, now=NOW) for s in Stage]
    assert [move.to_stage if move else None for move in reached] == ["PAPER", "SHADOW", "CANARY", None, None]


def test_manual_mode_promotes_nobody_by_itself_but_still_demotes() -> None:
    assert all(automatic_move(standing(s), PERFECT, now=NOW) is None for s in Stage)
    assert known(automatic_move(standing(Stage.LIVE), replace(PERFECT, max_drawdown_pct=21.0), now=NOW)).is_demotion


def test_auto_does_not_promote_through_a_closed_gate() -> None:
    auto = standing(Stage.LAB, mode=PromotionMode.AUTO)
    assert automatic_move(auto, replace(PERFECT, trades=49), now=NOW) is None


def test_a_demotion_goes_before_a_promotion() -> None:
    torn = replace(PERFECT, net_pnl_micros=-501_000_000)
    assert gate(Stage.PAPER, torn).allowed
    assert known(automatic_move(standing(Stage.PAPER, mode=PromotionMode.AUTO), torn, now=NOW)).to_stage is Stage.LAB


@pytest.mark.parametrize("mode", list(PromotionMode))
@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_lock_forbids_every_move_until_it_ends(mode: PromotionMode, stage: Stage) -> None:
    ruin = replace(PERFECT, max_drawdown_pct=50.0, win_pct=1.0, sharpe=-1.0)
    locked = standing(stage, mode=mode, locked_hours=24)
    assert is_locked(locked, now=NOW)
    for evidence in (PERFECT, ruin):
        assert automatic_move(locked, evidence, now=NOW) is None
    with pytest.raises(StageLocked):
        promote(locked, PERFECT, now=NOW)
    with pytest.raises(StageLocked):
        demote(locked, Stage.LAB, now=NOW)
    assert not is_locked(locked, now=NOW + timedelta(hours=24))


def test_a_bot_without_a_lock_is_free() -> None:
    assert not is_locked(StageStanding(Stage.LAB, PromotionMode.MANUAL, None), now=NOW)


def test_a_person_promotes_one_stage_through_an_open_gate_only() -> None:
    assert promote(standing(Stage.CANARY), PERFECT, now=NOW).to_stage is Stage.LIVE
    with pytest.raises(GateClosed, match="LAB to PAPER: TRADES must be ≥ 50, was 49"):
        promote(standing(Stage.LAB), replace(PERFECT, trades=49), now=NOW)
    with pytest.raises(GateClosed, match="top stage"):
        promote(standing(Stage.LIVE), PERFECT, now=NOW)


def test_a_person_demotes_any_number_of_stages_but_never_upwards() -> None:
    assert demote(standing(Stage.LIVE), Stage.LAB, now=NOW).to_stage is Stage.LAB
    for to in (Stage.SHADOW, Stage.CANARY):
        with pytest.raises(BadMove):
            demote(standing(Stage.SHADOW), to, now=NOW)


def test_each_stage_is_judged_by_its_own_book() -> None:
    assert [stage.book for stage in Stage] == [Book.BACKTEST, Book.PAPER, Book.SHADOW, Book.CANARY, Book.LIVE]
    assert [stage.rank for stage in Stage] == [0, 1, 2, 3, 4]
    assert (Stage.LAB.below, Stage.LIVE.above) == (None, None)


def test_counts_days_as_fractions_of_the_elapsed_time() -> None:
    assert days_in_stage(NOW - timedelta(hours=36), now=NOW) == 1.5
    assert days_in_stage(NOW + timedelta(hours=1), now=NOW) == 0.0


@pytest.mark.parametrize(
    ("pnl", "run"),
    [([], 0), ([5], 0), ([-1, -1, -1], 3), ([-1, -1, 1], 0), ([1, -1, 0, -1], 2), ([-9, 1, -1, 0], 1), ([0, 0], 0)],
)
def test_counts_the_latest_losing_days_past_flat_ones(pnl: list[int], run: int) -> None:
    assert losing_days_in_a_row(pnl) == run


def test_a_single_session_is_held_against_the_figures_only() -> None:
    good = Performance(5 * 10**8, 50, 20, 30, 40.0, 1.2, 10.0, 900.0, 9.0, 0.5, 0.7, 30.0, 4.0)
    assert figures_pass(Stage.LAB, evidence_of(good))
    assert not figures_pass(Stage.LAB, evidence_of(replace(good, sharpe=0.49)))
    assert not figures_pass(Stage.PAPER, evidence_of(good))
    assert not figures_pass(Stage.LIVE, evidence_of(good))
    assert evidence_of(good) == Evidence(
        trades=50,
        losers=30,
        net_pnl_micros=5 * 10**8,
        win_pct=40.0,
        max_drawdown_pct=9.0,
        profit_factor=1.2,
        expectancy_usd=10.0,
        sharpe=0.5,
    )
