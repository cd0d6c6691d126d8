"""Numbers with their nouns."""

from datetime import UTC, datetime

import pytest

from trading.errors import UnknownBots
from trading.words import counted, margin_in_words

THEN = datetime(2015, 1, 15, 18, tzinfo=UTC)


def test_one_is_one_and_every_other_number_is_many() -> None:
    assert [counted(number, "bad row") for number in (0, 1, 2, 10_000)] == [
        "0 bad rows",
        "1 bad row",
        "2 bad rows",
        "10,000 bad rows",
    ]


def test_unknown_bots_are_counted_in_words() -> None:
    assert str(UnknownBots(["a"])) == "1 unknown bot id: a"
    assert str(UnknownBots(["a", "b"])) == "2 unknown bot ids: a, b"


@pytest.mark.parametrize(
    ("refused", "bust_at", "words"),
    [
        (None, None, None),
        (0, None, None),
        (1, None, "1 entry refused for want of margin"),
        (1_412, THEN, "bust at 2015-01-15 18:00 UTC, 1,412 entries refused for want of margin"),
        (0, THEN, "bust at 2015-01-15 18:00 UTC"),
    ],
)
def test_what_margin_did_is_said_only_where_it_did_something(
    refused: int | None, bust_at: datetime | None, words: str | None
) -> None:
    assert margin_in_words(refused, bust_at) == words
