"""What the API ever answered against what it answers: rows may grow fields on the wire, never lose or change one.

A field that is meant to go is taken out of `wire.txt` by hand; `python -m tests.golden.wire` adds the new ones.
"""

from collections.abc import Iterable

import pytest

from tests.golden.wire import recorded, spoken_today, type_of


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return spoken_today(tmp_path_factory.mktemp("home"))


def missing(before: Iterable[str], now: Iterable[str]) -> list[str]:
    return sorted(set(before) - set(now))


def test_every_field_that_was_ever_answered_still_is_with_its_type(answered: list[str]) -> None:
    assert len(recorded()) > 500
    assert missing(recorded(), answered) == []


@pytest.mark.parametrize(
    "changed",
    [
        "JobTold.queuedAt string:date-time",
        "JobTold.createdAt? string:date-time",
        "JobTold.createdAt number",
    ],
)
def test_a_field_that_was_renamed_or_changed_its_type_is_missed(answered: list[str], changed: str) -> None:
    was = "JobTold.createdAt string:date-time"
    assert was in answered
    assert missing(answered, [changed if line == was else line for line in answered]) == [was]


def test_types_are_told_apart_by_what_they_hold() -> None:
    bots = {"type": "array", "items": {"$ref": "#/components/schemas/BotAnswer"}}
    assert type_of(bots) == "[BotAnswer]"
    assert type_of({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}) == "string:uuid|null"
    assert type_of({"type": "object", "additionalProperties": {"type": "integer"}}) == "{integer}"
    assert type_of({"type": "object", "additionalProperties": True}) == "{any}"
    assert type_of({}) == "any"
