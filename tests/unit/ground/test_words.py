"""Numbers with their nouns."""

from trading.errors import UnknownBots
from trading.words import counted


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
