"""Texts that are written in one way alone: whoever breaks it is told the way in words, not a pattern."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.harness.client import ADMIN, Client

SOME_ID = str(UUID(int=1))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("/api/bots?symbol=mes", "query.symbol: takes a symbol, 1 to 8 capitals and digits, was 'mes'"),
        ("/api/bots?timeframe=2h", "query.timeframe: takes one of 1m, 5m, 15m, 1h, 1d, was '2h'"),
        ("/api/bots?cursor=a%20b", "query.cursor: takes the nextCursor of the page before, was 'a b'"),
        (
            "/api/audit/events?action=reset",
            "query.action: takes a code, 2 to 64 capitals, digits and '_', a capital first, was 'reset'",
        ),
        ("/api/board/sparks?bots=", "query.bots: takes 1 to 200 ids of bots, comma between, was ''"),
        (
            "/proof?pack=newest",
            "query.pack: takes the name of a proof pack: proof-2026-03-02T15-00-00Z, was 'newest'",
        ),
    ],
)
def test_what_may_stand_there_is_said_in_words_with_what_stood_there(client: Client, asked: str, words: str) -> None:
    answer = client.get(asked)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (422, "BAD_INPUT", words)


def test_an_unknown_sort_is_refused_with_all_that_are_known(client: Client) -> None:
    words = client.get("/api/bots?sort=profit").json()["detail"]
    assert words.startswith("query.sort: takes one of activity, name, symbol, stage, netPnl, ")
    assert words.endswith(", with - before it the other way round, was 'profit'")


def test_a_long_text_is_told_by_its_beginning(client: Client) -> None:
    words = client.get("/api/bots", params={"symbol": "x" * 5_000}).json()["detail"]
    assert words == f"query.symbol: takes a symbol, 1 to 8 capitals and digits, was '{'x' * 60}'"


def test_no_query_or_header_answers_with_a_pattern(client: Client) -> None:
    asked = list(patterned(client.get("/openapi.json").json()))
    assert len(asked) > 20
    for method, path, where, name in asked:
        sent: dict[str, Any] = {"params": {name: "\x7f"}} if where == "query" else {"headers": {name: "\x7f"} | ADMIN}
        answer = client(method, path.replace("{bot_id}", SOME_ID), **sent).json()
        (error,) = [
            fault for fault in answer["errors"] if fault["at"].endswith(name) or fault["at"].endswith(name.lower())
        ]
        assert error["message"].startswith("takes "), (path, error)
        assert "^" not in error["message"]


def patterned(document: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield method, path, place and name of each query parameter and header whose text has a pattern."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                forms = [schema, *schema.get("anyOf", ())]
                if parameter["in"] in ("query", "header") and any("pattern" in form for form in forms):
                    yield method.upper(), path, parameter["in"], parameter["name"]
