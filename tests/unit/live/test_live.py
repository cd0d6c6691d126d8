"""The live board without sockets: whose place is still known, who finds no room, and a reading that failed."""

import asyncio
import json
from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from api.live import stream as module
from api.live.stream import Live, Picture
from api.live.topics import BOARD, PULSE, Client
from gateways.changes import Changed
from services.desk import Desk
from trading.errors import Unavailable

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def live() -> Live:
    """A board that nobody reads, seven messages into its epoch, of which it still has the last two."""
    desk = SimpleNamespace(clock=lambda: NOW, settings=SimpleNamespace(tick_seconds=9))
    board = Live(cast(Desk, desk), URL.create("postgresql"))
    board._picture = Picture(epoch="e", seq=7, ring=deque([(6, b"six"), (7, b"seven")]))
    return board


def queued(client: Client) -> list[str]:
    """What waits for a client before the pulse that closes its welcome."""
    waiting = [client.queue.get_nowait() for _ in range(client.queue.qsize())]
    return [word.decode() if word in {b"six", b"seven"} else json.loads(word)["type"] for word in waiting[:-1]]


@pytest.mark.parametrize(
    ("since", "epoch", "expected"),
    [
        (4, "e", ["resync"]),
        (5, "e", ["six", "seven"]),
        (6, "e", ["seven"]),
        (7, "e", []),
        (8, "e", ["resync"]),
        (7, "another", ["resync"]),
    ],
)
def test_a_client_is_told_what_it_missed_or_that_nobody_knows(
    live: Live, since: int, epoch: str, expected: list[str]
) -> None:
    assert queued(live.join(BOARD, since=since, epoch=epoch)) == expected


def test_a_board_is_full_at_its_last_seat(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 2)
    first = live.join(PULSE)
    assert not live.is_full
    live.join(PULSE)
    assert live.is_full
    live.leave(first)
    assert not live.is_full


def test_a_reading_that_failed_is_made_up_for_by_reading_everything(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> bool:
        read = asyncio.Event()

        async def read_everything() -> None:
            read.set()

        def refuse(*_: Any) -> Any:
            raise Unavailable("planted")

        monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
        monkeypatch.setattr(module, "bots_by_ids", refuse)
        monkeypatch.setattr(live, "_read_everything", read_everything)
        live._take(Changed(bot_ids=frozenset({UUID(int=1)})))
        flushing = asyncio.ensure_future(live._flush_for_ever())
        try:
            await asyncio.wait_for(read.wait(), 120)
        finally:
            flushing.cancel()
        return read.is_set()

    assert asyncio.run(scene())


def test_the_pulse_of_a_board_that_hears_nothing_says_so(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> dict[str, Any]:
        client = live.join(PULSE)
        client.queue.get_nowait()
        pulsing = asyncio.ensure_future(live._pulse_for_ever())
        try:
            message: dict[str, Any] = json.loads(await asyncio.wait_for(client.queue.get(), 5))
        finally:
            pulsing.cancel()
        return message

    monkeypatch.setattr(module, "PULSE_SECONDS", 0.0)
    message = asyncio.run(scene())
    assert (message["type"], message["live"]) == ("away", False)
