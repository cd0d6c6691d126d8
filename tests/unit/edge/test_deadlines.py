"""Deadlines of requests: who waits how long, and what a late answer says."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from api.edge.middleware import OUTCOME_UNKNOWN, Deadline


class Desk:
    """An application that answers when it is let go, and remembers that it did its work."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.worked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.go.wait()
        self.worked = True
        await PlainTextResponse(f"did {Request(scope).method}")(scope, receive, send)


async def ask(
    app: Any, method: str, sent: list[Message] | None = None, *, accept: str = "", platform: FastAPI | None = None
) -> tuple[int, bytes]:
    sent = [] if sent is None else sent

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "app": platform}
    await app(scope | {"headers": [(b"accept", accept.encode())]}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize(
    ("method", "read_seconds", "write_seconds", "status"),
    [("GET", 0.0, 60.0, 503), ("POST", 60.0, 0.0, 503), ("GET", 60.0, 0.0, 200), ("POST", 0.0, 60.0, 200)],
)
def test_reads_and_writes_each_have_their_own_deadline(
    method: str, read_seconds: float, write_seconds: float, status: int
) -> None:
    async def scene() -> int:
        desk = Desk()
        if status == 200:
            desk.go.set()
        return (await ask(Deadline(desk, read_seconds, write_seconds), method))[0]

    assert asyncio.run(scene()) == status


def test_a_late_write_says_that_its_outcome_is_unknown_and_goes_on() -> None:
    async def scene() -> tuple[int, dict[str, Any], bool]:
        desk = Desk()
        status, body = await ask(Deadline(desk, write_seconds=0.0), "POST")
        desk.go.set()
        while not desk.worked:
            await asyncio.sleep(0)
        return status, json.loads(body), desk.worked

    status, body, worked = asyncio.run(scene())
    assert (status, body["code"], worked) == (503, OUTCOME_UNKNOWN, True)
    assert "Idempotency-Key" in body["detail"]


def test_work_that_was_given_up_adds_nothing_to_the_late_answer() -> None:
    async def scene() -> list[str]:
        desk, sent = Desk(), list[Message]()
        await ask(Deadline(desk, write_seconds=0.0), "POST", sent)
        desk.go.set()
        while not desk.worked:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [message["type"] for message in sent]

    assert asyncio.run(scene()) == ["http.response.start", "http.response.body"]


def test_an_answer_that_began_in_time_is_finished() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"all of it"})

    assert asyncio.run(ask(Deadline(slow, read_seconds=0.01), "GET")) == (200, b"all of it")


def test_work_ends_with_the_request_that_is_cancelled() -> None:
    async def scene() -> bool:
        desk = Desk()
        asking = asyncio.ensure_future(ask(Deadline(desk), "GET"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        desk.go.set()
        for _ in range(5):
            await asyncio.sleep(0)
        return desk.worked

    assert not asyncio.run(scene())


def test_a_late_read_is_just_late() -> None:
    status, body = asyncio.run(_late_read())
    assert (status, json.loads(body)["code"]) == (503, "UNAVAILABLE")


async def _late_read() -> tuple[int, bytes]:
    return await ask(Deadline(Desk(), read_seconds=0.0), "GET")


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(("accept", "status"), [(BROWSER, 200), ("application/json", 503), ("*/*", 503), ("", 503)])
def test_a_person_at_a_page_waits_longer_than_a_program(accept: str, status: int) -> None:
    async def scene() -> int:
        desk = Desk()
        asyncio.get_running_loop().call_later(0.02, desk.go.set)
        return (await ask(Deadline(desk, read_seconds=0.0, page_seconds=60.0), "GET", accept=accept))[0]

    assert asyncio.run(scene()) == status


def test_a_person_who_waited_in_vain_is_offered_to_try_again() -> None:
    platform = FastAPI()
    platform.router.routes.append(Route("/static/{name:path}", Desk(), name="static"))
    late = Deadline(Desk(), page_seconds=0.0)
    status, body = asyncio.run(ask(late, "GET", accept=BROWSER, platform=platform))
    page = body.decode()
    assert status == 503
    assert "No answer within 0 seconds" in page
    assert '<a class="action" href="">Try again</a>' in page


def test_a_form_that_a_browser_sent_late_is_told_as_a_write() -> None:
    status, body = asyncio.run(ask(Deadline(Desk(), write_seconds=0.0), "POST", accept=BROWSER))
    assert (status, json.loads(body)["code"]) == (503, OUTCOME_UNKNOWN)
