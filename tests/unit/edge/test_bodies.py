"""Bodies and answers at the edge of the application: the bound to the byte, a caller who leaves, an error half-way."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.edge.middleware import BoundedBody, Envelope


async def ask(app: Any, *pieces: bytes, announced: bool = False) -> list[Message]:
    """Post a body in pieces and hang up; return what was sent."""
    sent: list[Message] = []
    coming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces[:-1]]
    coming += [{"type": "http.request", "body": pieces[-1], "more_body": False}, {"type": "http.disconnect"}]
    length = [(b"content-length", str(sum(map(len, pieces))).encode())] if announced else []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": "/", "headers": length, "query_string": b""}, receive, send)
    return sent


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    heard, then = await receive(), await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": heard["body"] + then["type"].encode()})


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("size", "status"), [(8, 200), (9, 413)])
def test_a_body_of_exactly_the_bound_is_taken(size: int, status: int, announced: bool) -> None:
    sent = asyncio.run(ask(BoundedBody(echo, max_bytes=8), b"x" * (size - 3), b"yyy", announced=announced))
    assert sent[0]["status"] == status


def test_the_body_is_told_once_and_then_that_the_caller_left() -> None:
    sent = asyncio.run(ask(BoundedBody(echo), b"ab", b"cd"))
    assert sent[1]["body"] == b"abcdhttp.disconnect"


def test_an_error_after_the_answer_began_is_no_second_answer() -> None:
    sent: list[Message] = []

    async def torn(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("planted")

    async def note(message: Message) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError, match="planted"):
        asyncio.run(Envelope(torn)({"type": "http", "path": "/", "headers": []}, _nothing, note))
    assert [message.get("status") for message in sent] == [200]


async def _nothing() -> Message:
    raise AssertionError("nobody asks for the body")
