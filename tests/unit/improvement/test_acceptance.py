"""The verdict of an improve iteration, rule by rule, and when an ancestor returns."""

from dataclasses import replace

import pytest

from trading.figures.performance import Performance
from trading.improvement.acceptance import MIN_CONSISTENCY, MIN_DEFLATED, MIN_TEST_TRADES, Outcome, judge, reversion

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


def verdict(candidate: Performance = GOOD, **over: object) -> Outcome:
    asked: dict[str, object] = {"same_genome": False, "deflated": 0.7, "consistency": 0.75, "tried": 96}
    judged = judge(candidate, PARENT, **(asked | over))  # type: ignore[arg-type]
    assert judged.accepted is (judged.outcome is Outcome.ACCEPTED)
    assert judged.reason
    return judged.outcome


def test_a_candidate_that_keeps_every_rule_is_accepted() -> None:
    assert verdict() is Outcome.ACCEPTED
    assert verdict(replace(GOOD, trades=MIN_TEST_TRADES), consistency=MIN_CONSISTENCY) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("candidate", "over", "outcome"),
    [
        (GOOD, {"same_genome": True}, Outcome.SAME_AS_PARENT),
        (replace(GOOD, trades=MIN_TEST_TRADES - 1), {}, Outcome.TOO_FEW_TEST_TRADES),
        (replace(GOOD, net_pnl_micros=0), {}, Outcome.NOT_PROFITABLE_OUT_OF_SAMPLE),
        (replace(GOOD, sharpe=None), {}, Outcome.NOT_PROFITABLE_OUT_OF_SAMPLE),
        (replace(GOOD, sharpe=PARENT.sharpe), {}, Outcome.NO_BETTER_THAN_PARENT),
        (GOOD, {"consistency": 0.49}, Outcome.INCONSISTENT),
        (GOOD, {"deflated": MIN_DEFLATED}, Outcome.COULD_BE_LUCK),
        (GOOD, {"deflated": None}, Outcome.COULD_BE_LUCK),
    ],
)
def test_the_first_broken_rule_is_the_reason(candidate: Performance, over: dict[str, object], outcome: Outcome) -> None:
    assert verdict(candidate, **over) is outcome


def test_a_generation_that_loses_gives_way_to_the_best_ancestor_that_earns() -> None:
    losing = replace(GOOD, net_pnl_micros=-1)
    found = reversion(losing, {1: replace(GOOD, sharpe=1.0), 2: replace(GOOD, sharpe=1.2), 3: losing})
    assert found is not None
    assert (found[0], found[1].outcome, found[1].accepted) == (2, Outcome.REVERTED, True)
    flat = replace(GOOD, net_pnl_micros=0, trades=MIN_TEST_TRADES)
    assert reversion(flat, {1: replace(GOOD, trades=MIN_TEST_TRADES)}) is not None


def test_of_equal_ancestors_the_oldest_returns() -> None:
    found = reversion(replace(GOOD, net_pnl_micros=-1), {2: GOOD, 1: GOOD})
    assert found is not None
    assert found[0] == 1


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
