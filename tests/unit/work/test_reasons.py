"""Every reason of a tick can be said in words, on every page alike."""

from datetime import timedelta

import pytest

from trading.governance.gates import Check, Relation
from trading.work import reasons
from trading.work.planner import MAX_FAILURES_IN_ROW, Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence_for_people(reason: Reason) -> None:
    words = reasons.in_words(reason.value) or ""
    assert words[:1].isupper() or words[:1].isdigit()
    assert words.endswith(".")
    assert reason.value not in words


def test_a_code_of_another_version_is_left_unexplained() -> None:
    assert reasons.in_words("NOT_A_REASON") is None


def test_limits_in_words_are_those_in_force() -> None:
    assert reasons._minutes(timedelta(minutes=30)) == "30 min"
    assert f"{MAX_FAILURES_IN_ROW} times" in reasons.WORDS[Reason.REPEATED_FAILURE]


@pytest.mark.parametrize(
    ("code", "required", "was", "passed", "words"),
    [
        ("TRADES", 50, 49.0, False, "Trades: needed ≥ 50, was 49"),
        ("TRADES", 1_000, None, False, "Trades: needed ≥ 1,000, was unknown"),
        ("SHARPE", 0.5, -0.69937, False, "Sharpe: needed ≥ 0.5, was -0.7"),
        ("EXPECTANCY_USD", 10, -0.001, False, "Expectancy $: needed ≥ 10, was 0"),
        ("REAL_MARKET_DATA", 1, 0.0, False, "Real market data: needed yes, was no"),
        ("REAL_MARKET_DATA", 1, 1.0, True, "Real market data: needed yes, was yes"),
        ("MAX_DRAWDOWN_PCT", 20, 166.4, False, "Max drawdown %: needed ≥ 20, was bust"),
    ],
)
def test_a_check_of_a_gate_is_said_as_a_page_says_it(
    code: str, required: float, was: float | None, passed: bool, words: str
) -> None:
    assert reasons.check_in_words(Check(code, Relation.AT_LEAST, required, was, passed)) == words


def test_a_check_says_why_its_value_is_unknown() -> None:
    check = Check("SHARPE", Relation.AT_LEAST, 0.5, None, passed=False, because="under 20 days")
    assert reasons.check_in_words(check) == "Sharpe: needed ≥ 0.5, was unknown: under 20 days"
