"""Every reason of a tick can be said in words, on every page alike."""

from datetime import timedelta

import pytest

from trading import reasons
from trading.autonomy import Reason


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
    assert f"{reasons.MAX_FAILURES_IN_ROW} times" in reasons.WORDS[Reason.REPEATED_FAILURE]
