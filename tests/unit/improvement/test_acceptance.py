"""The verdict of an improve iteration, rule by rule, and when an ancestor is put forward."""

from dataclasses import replace

import pytest

from trading.figures.performance import Performance
from trading.improvement.acceptance import (
    MIN_CONSISTENCY,
    MIN_TEST_TRADES,
    Outcome,
    judged,
    reversion,
    screened,
    spent,
    too_few_days,
)
from trading.improvement.looks import LEAST_DAYS, Budget, Look

GOOD = Performance(
    net_pnl_micros=1_000_000_000,
    trades=40,
    winners=25,
    losers=15,
    win_pct=62.5,
    profit_factor=1.6,
    expectancy_usd=25.0,
    max_drawdown_usd=300.0,
    max_drawdown_pct=3.0,
    sharpe=1.5,
    sortino=2.0,
    exposure_pct=20.0,
    average_trade_bars=6.0,
)
PARENT = replace(GOOD, sharpe=0.8)


WON = Look(statistic=3.1, p_value=0.001, level=0.00625, days=60, active_days=40, passed=True, reason="no luck")


def screening(candidate: Performance = GOOD, *, same_genome: bool = False, consistency: float = 0.75) -> Outcome | None:
    broken = screened(candidate, PARENT, same_genome=same_genome, consistency=consistency, tried=96)
    if broken is None:
        return None
    assert broken.reason
    assert not broken.accepted
    return broken.outcome


def test_a_candidate_that_keeps_every_rule_is_worth_a_look() -> None:
    assert screening() is None
    assert screening(replace(GOOD, trades=MIN_TEST_TRADES), consistency=MIN_CONSISTENCY) is None


@pytest.mark.parametrize(
    ("candidate", "outcome"),
    [
        (replace(GOOD, trades=MIN_TEST_TRADES - 1), Outcome.TOO_FEW_TEST_TRADES),
        (replace(GOOD, net_pnl_micros=0), Outcome.NOT_PROFITABLE_ON_TEST_DAYS),
        (replace(GOOD, sharpe=None), Outcome.NOT_PROFITABLE_ON_TEST_DAYS),
        (replace(GOOD, sharpe=PARENT.sharpe), Outcome.NO_BETTER_THAN_PARENT),
    ],
)
def test_the_first_broken_rule_is_the_reason(candidate: Performance, outcome: Outcome) -> None:
    assert screening(candidate) is outcome
    assert screening(candidate, same_genome=True) is Outcome.SAME_AS_PARENT
    assert screening(candidate, consistency=0.0) is outcome
    assert screening(consistency=0.49) is Outcome.INCONSISTENT


def test_only_a_look_that_was_won_is_accepted() -> None:
    assert (judged(WON).outcome, judged(WON).accepted) == (Outcome.ACCEPTED, True)
    lost = judged(replace(WON, passed=False, reason="luck does as well"))
    assert (lost.outcome, lost.accepted, lost.reason) == (Outcome.LOOK_LOST, False, "luck does as well")
    back = judged(WON, reverts_to=2)
    assert (back.outcome, back.accepted) == (Outcome.REVERTED, True)
    assert "generation 2" in back.reason


def test_without_a_look_it_says_what_it_waits_for() -> None:
    verdict = spent(Budget(lost=0, accepted=True, untouched_days=13))
    assert (verdict.outcome, verdict.accepted) == (Outcome.EVIDENCE_SPENT, False)
    assert verdict.reason.endswith("waits for 47 more trading days")
    assert f"needs {LEAST_DAYS} whole trading days to seal some, was 99" in too_few_days(99).reason


def test_a_generation_that_loses_is_doubted_for_the_best_ancestor_that_earns() -> None:
    losing = replace(GOOD, net_pnl_micros=-1)
    assert reversion(losing, {1: replace(GOOD, sharpe=1.0), 2: replace(GOOD, sharpe=1.2), 3: losing}) == 2
    flat = replace(GOOD, net_pnl_micros=0, trades=MIN_TEST_TRADES)
    assert reversion(flat, {1: replace(GOOD, trades=MIN_TEST_TRADES)}) == 1


def test_of_equal_ancestors_the_oldest_is_put_forward() -> None:
    assert reversion(replace(GOOD, net_pnl_micros=-1), {2: GOOD, 1: GOOD}) == 1


@pytest.mark.parametrize(
    ("current", "ancestors"),
    [
        (GOOD, {1: replace(GOOD, sharpe=9.0)}),
        (replace(GOOD, net_pnl_micros=-1), {}),
        (replace(GOOD, net_pnl_micros=-1), {1: replace(GOOD, net_pnl_micros=0)}),
        (replace(GOOD, net_pnl_micros=-1), {1: replace(GOOD, trades=MIN_TEST_TRADES - 1)}),
        (replace(GOOD, net_pnl_micros=-1, trades=MIN_TEST_TRADES - 1), {1: GOOD}),
    ],
)
def test_a_generation_stays_without_proof_against_it(current: Performance, ancestors: dict[int, Performance]) -> None:
    assert reversion(current, ancestors) is None
