"""`/api/board` and `/ws/bots`: the snapshot of the whole fleet, and what happens from then on, by topic.

Belongs here: transport. Does not belong here: what is sent (`stream.py`, `rows.py`), to whom (`topics.py`).
"""

import asyncio
from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, WebSocket
from starlette.websockets import WebSocketState

from api.edge.contract import BoardBots, Epoch
from api.edge.given import given
from api.edge.problems import documented
from api.live.contract import SparksAnswer
from api.live.stream import Live
from api.live.topics import BOARD, NO_SUCH_BOT, POLICY_VIOLATION, TRY_AGAIN_LATER, Client, Farewell, Topic
from trading.errors import BadInput, Unavailable, UnknownBots

router = APIRouter(tags=["board"])


@router.get("/api/board", responses=documented(), response_class=Response)
async def snapshot(request: Request) -> Response:
    """Return the whole fleet in compact rows with the epoch and seq that `/ws/bots` continues from; always gzipped."""
    live = given(request, Live)
    if not await live.wait_loaded():
        raise Unavailable("the fleet has not been read yet")
    return Response(await live.snapshot(), media_type="application/json", headers={"Content-Encoding": "gzip"})


@router.get("/api/board/sparks", response_model=SparksAnswer, responses=documented(422))
async def sparks(request: Request, bots: BoardBots) -> Any:
    """Return the equity lines of the named bots, archived ones too, one level 0-z per point; the snapshot has none."""
    live = given(request, Live)
    if not await live.wait_loaded():
        raise Unavailable("the fleet has not been read yet")
    return SparksAnswer(sparks=await live.sparks([UUID(bot_id) for bot_id in bots.split(",")]))


@router.websocket("/ws/bots")
async def changes(
    socket: WebSocket,
    *,
    topic: Annotated[str, Query(max_length=50)] = "board",
    epoch: Annotated[Epoch | None, Query()] = None,
    since: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> None:
    """Send what happens in a topic, with the pulse: the platform's time, its last tick, the kill switch.

    `board`: every change after `since` of `epoch`, or `resync` when that is no longer known. `bot:<id>`: the bot's row
    as of now and whenever it changes. `pulse`: nothing else.
    """
    live = given(socket, Live)
    if live.is_full:
        await socket.close(TRY_AGAIN_LATER)
        return
    await socket.accept()
    client = await _joined(live, topic, since=since, epoch=epoch)
    if isinstance(client, Farewell):
        await socket.close(*client)
        return
    try:
        await _converse(socket, client)
    finally:
        live.leave(client)


async def _joined(live: Live, words: str, *, since: int | None, epoch: str | None) -> Client | Farewell:
    try:
        topic = Topic.parse(words)
        if topic.bot_id is not None and not await live.wait_loaded():
            return Farewell(TRY_AGAIN_LATER, "the fleet has not been read yet")
        if topic != BOARD:
            return live.join(topic)
        if since is None or epoch is None:
            raise BadInput("the board is followed from an epoch and a seq")
        return live.join(topic, since=since, epoch=epoch)
    except UnknownBots:
        return NO_SUCH_BOT
    except BadInput as refusal:
        return Farewell(POLICY_VIOLATION, str(refusal))


async def _converse(socket: WebSocket, client: Client) -> None:
    tasks = {asyncio.create_task(work) for work in (_send(socket, client), _drain(socket), client.dismissed.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if client.farewell is not None and socket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError, OSError):
            await socket.close(*client.farewell)


async def _send(socket: WebSocket, client: Client) -> None:
    while True:
        await socket.send_text((await client.queue.get()).decode())


async def _drain(socket: WebSocket) -> None:
    """Clients have nothing to say; reading only notices that they left."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
