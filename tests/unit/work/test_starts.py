"""How many runs a tick asks for while runs start slowly or not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from trading.work.starts import LONGEST_PAUSE, SLOW_START, Allowance, Pace, Starts, allowance, in_words, pause

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
SOON = timedelta(seconds=1)


@pytest.mark.parametrize(
    "starts",
    [
        Starts(),
        Starts(last_took=SLOW_START - SOON),
        Starts(starting=3, starting_since=NOW - SLOW_START + SOON, last_took=timedelta(seconds=4)),
    ],
)
def test_only_the_caps_limit_runs_that_start_well(starts: Starts) -> None:
    assert allowance(starts, now=NOW) == Allowance(Pace.STARTS_WELL, None, None)


def test_one_run_at_a_time_is_asked_for_after_a_slow_start() -> None:
    assert allowance(Starts(last_took=SLOW_START), now=NOW) == Allowance(Pace.STARTS_SLOW, 1)


def test_none_is_asked_for_while_a_slow_one_is_starting() -> None:
    slow = Starts(starting=1, starting_since=NOW - SLOW_START)
    assert allowance(slow, now=NOW) == Allowance(Pace.STARTS_SLOW, 0)
    again = Starts(starting=1, starting_since=NOW, last_took=SLOW_START)
    assert allowance(again, now=NOW) == Allowance(Pace.STARTS_SLOW, 0)


def test_none_is_asked_for_while_the_last_one_asked_for_is_not_even_launched() -> None:
    assert allowance(Starts(asked=1, last_took=SLOW_START), now=NOW).runs == 0
    assert allowance(Starts(asked=1, failed_in_row=1, last_failed_at=NOW - LONGEST_PAUSE), now=NOW).runs == 0


def test_a_failed_start_makes_a_pause_and_then_one_is_tried() -> None:
    failed = Starts(failed_in_row=1, last_failed_at=NOW)
    next_at = NOW + pause(1)
    assert allowance(failed, now=next_at - SOON) == Allowance(Pace.STARTS_FAILING, 0, next_at)
    assert allowance(failed, now=next_at) == Allowance(Pace.STARTS_FAILING, 1, next_at)
    trying = Starts(starting=1, starting_since=next_at, failed_in_row=1, last_failed_at=NOW)
    assert allowance(trying, now=next_at).runs == 0


def test_a_clock_that_was_set_back_past_the_failure_makes_no_pause_of_days() -> None:
    ahead = Starts(failed_in_row=1, last_failed_at=NOW + timedelta(days=2))
    assert allowance(ahead, now=NOW) == Allowance(Pace.STARTS_FAILING, 1, NOW)
    assert in_words(ahead, now=NOW) == "1 run in a row failed to start; one is tried."


def test_each_failure_in_a_row_doubles_the_pause_up_to_the_longest() -> None:
    pauses = [pause(failed).total_seconds() for failed in (1, 2, 3, 4, 5, 50)]
    assert pauses == [30, 60, 120, 240, 300, 300]
    assert pause(50) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        (Starts(), "Runs start as they are asked for."),
        (Starts(starting=2, starting_since=NOW), "2 runs starting."),
        (
            Starts(starting=1, starting_since=NOW - timedelta(seconds=45)),
            "A run has been starting for 45 s; the machine is busy, so new runs are asked for one at a time.",
        ),
        (
            Starts(last_took=timedelta(seconds=70)),
            "The last run took 70 s to start; the machine is busy, so new runs are asked for one at a time.",
        ),
        (
            Starts(failed_in_row=3, last_failed_at=NOW),
            "3 runs in a row failed to start; the next is asked for at 15:02:00 UTC, alone.",
        ),
        (Starts(failed_in_row=1, last_failed_at=NOW - LONGEST_PAUSE), "1 run in a row failed to start; one is tried."),
    ],
)
def test_it_is_told_in_words(starts: Starts, words: str) -> None:
    assert in_words(starts, now=NOW) == words
