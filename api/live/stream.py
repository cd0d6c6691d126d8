"""The board kept live: one listener, one picture of the fleet in memory, one stream of numbered messages.

Belongs here: coalescing changes, numbering messages, the ring for replay, what each topic is told. Does not belong
here: clients and their queues (`topics.py`), what a row says (`rows.py`), SQL.

A client of the board takes the snapshot, which names `epoch` and `seq`, then asks for what came after. Within an epoch
messages are numbered without gaps. Whenever messages may have been missed (the listener lost its connection, too much
changed at once) everything is read again under a new epoch, and clients are told to take a new snapshot.

A client of one bot asks for nothing before: each message holds the whole row, on joining, with every change and after
everything was read again. Every topic has the pulse, which says how the kill switch stands, at once when it is thrown,
when the last tick was, after how many seconds without one autonomy is silent, and what was stopped in Dagster.
"""

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from time import monotonic
from typing import Any
from uuid import UUID

from anyio import to_thread
from sqlalchemy.engine import URL

from api.edge.zipped import Zipped
from api.live.rows import BoardRow, board_row, encode_rows, spark_text
from api.live.topics import BOARD, NO_SUCH_BOT, PULSE, Audience, Client, Topic
from gateways.changes import Change, Changed, Listening, Lost, watch
from services.bots.cards import BotCard
from services.bots.fleet import bots_by_ids, each_bot
from services.control.kill_switch import Switch, switch_now
from services.desk import Desk
from services.work.automations import stopped_automations
from services.work.autonomy_ticks import last_tick_at, silence_limit
from services.work.starts import StartsView, starts_view
from trading.errors import ProvingError, UnknownBots
from trading.work.starts import Pace

log = logging.getLogger("api.live.stream")

COALESCE_SECONDS = 0.1  # between two readings; a change after a pause is read at once
PULSE_SECONDS = 3.0
FIRST_READ_SECONDS = 1.5
RETRY_SECONDS = 1.0
RING_MESSAGES = 512
MAX_ROWS_PER_MESSAGE = 1_000
MAX_CLIENTS = 500
BY_NAME = attrgetter("name")  # names that stand side by side zip to half


@dataclass(slots=True)
class Picture:
    """The fleet as of one message: every bot's row."""

    epoch: str = ""
    seq: int = 0
    rows: dict[UUID, BoardRow] = field(default_factory=dict)
    ring: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=RING_MESSAGES))


class Live:
    """Keeps the picture of the fleet and tells clients what changed."""

    def __init__(self, desk: Desk, url: URL) -> None:
        self._desk = desk
        self._url = url
        self._picture = Picture()
        self._audience = Audience()
        self._pending: set[UUID] = set()
        self._reread = False
        self._ticked = False
        self._thrown = False
        self._switch: Switch | None = None
        self._stopped: tuple[str, ...] = ()
        self._woken = asyncio.Event()
        self._hears = False
        self._loaded = asyncio.Event()
        self._last_tick_at: datetime | None = None
        self._starts: StartsView | None = None
        self._zipped: tuple[tuple[str, int], Zipped] | None = None
        self._flushed_at = -COALESCE_SECONDS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen, flush and pulse until the block ends."""
        tasks = [asyncio.create_task(work()) for work in (self._listen, self._flush_for_ever, self._pulse_for_ever)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_loaded(self) -> bool:
        """Wait a moment for the first reading of the fleet; return whether there has been one."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._loaded.wait(), FIRST_READ_SECONDS)
        return self._loaded.is_set()

    async def snapshot(self) -> bytes:
        """Return the gzipped snapshot; its rows are zipped once per message and shared by everyone who asks."""
        head = self._head("snapshot") | self._switch_cell()
        key = (self._picture.epoch, self._picture.seq)
        if self._zipped is None or self._zipped[0] != key:
            rows = sorted(self._picture.rows.values(), key=BY_NAME)
            self._zipped = (key, await to_thread.run_sync(_zip, rows))
        return self._zipped[1].under(_opened(head))

    async def sparks(self, bot_ids: Collection[UUID]) -> dict[str, str]:
        """Return the equity lines of some bots: the picture's, of archived ones the stored; unknown bots have none."""
        rows = self._picture.rows
        lines = {bot_id: rows[bot_id].spark for bot_id in bot_ids if bot_id in rows}
        if away := [bot_id for bot_id in bot_ids if bot_id not in lines]:
            cards = await to_thread.run_sync(bots_by_ids, self._desk, away)
            lines |= {card.id: spark_text(card.sparkline) for card in cards}
        return {str(bot_id): spark for bot_id, spark in lines.items()}

    def join(self, topic: Topic, *, since: int = 0, epoch: str = "") -> Client:
        """Register a client and queue what it lacks: of the board what it missed, of a bot its row as of now.

        A client of the board whose place is not known any more gets the word that it must take a new snapshot.

        Raises:
            UnknownBots: the bot is not on the board.
        """
        client = Client(topic)
        if topic.bot_id is not None:
            row = self._picture.rows.get(topic.bot_id)
            if row is None:
                raise UnknownBots([str(topic.bot_id)])
            client.offer(self._bot_message(row))
        elif topic == BOARD:
            self._replay(client, since=since, epoch=epoch)
        client.offer(self._message("pulse"))
        self._audience.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._audience.remove(client)

    @property
    def is_full(self) -> bool:
        """Whether no further client is taken."""
        return len(self._audience) >= MAX_CLIENTS

    def _replay(self, client: Client, *, since: int, epoch: str) -> None:
        picture = self._picture
        oldest = picture.ring[0][0] if picture.ring else picture.seq + 1
        if epoch != picture.epoch or not oldest - 1 <= since <= picture.seq:
            client.offer(self._message("resync"))
            return
        for seq, message in picture.ring:
            if seq > since:
                client.offer(message)

    async def _listen(self) -> None:
        async for change in watch(self._url):
            self._take(change)

    def _take(self, change: Change) -> None:
        match change:
            case Listening():
                self._hears, self._reread = True, True
            case Lost(reason):
                log.warning("the board hears nothing: %s", reason)
                if self._hears:
                    self._hears = False
                    self._audience.tell_all(self._message("away"))
                return
            case Changed(bot_ids, tick, switch, everything):
                self._pending |= bot_ids
                self._ticked |= tick
                self._thrown |= switch
                self._reread |= everything
        self._woken.set()

    async def _flush_for_ever(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(self._flushed_at + COALESCE_SECONDS - monotonic())
            self._woken.clear()
            self._flushed_at = monotonic()
            try:
                await self._flush()
            except ProvingError as failure:
                log.warning("the board could not read the fleet: %s", failure)
                self._reread = True
                await asyncio.sleep(RETRY_SECONDS)
                self._woken.set()

    async def _flush(self) -> None:
        bot_ids, self._pending = self._pending, set()
        ticked, self._ticked = self._ticked, False
        thrown, self._thrown = self._thrown, False
        if thrown:
            self._switch = await to_thread.run_sync(switch_now, self._desk)
            self._audience.tell_all(self._message("pulse"))
        if self._reread or len(bot_ids) > MAX_ROWS_PER_MESSAGE:
            self._reread = False
            await self._read_everything()
        elif bot_ids:
            cards = await to_thread.run_sync(bots_by_ids, self._desk, list(bot_ids))
            self._tell_rows(cards)
        if ticked:
            await self._read_tick()
            self._audience.tell_all(self._message("pulse"))

    async def _read_everything(self) -> None:
        rows = await to_thread.run_sync(_read_rows, self._desk)
        await self._read_tick()
        self._switch = await to_thread.run_sync(switch_now, self._desk)
        self._picture = Picture(epoch=secrets.token_hex(8), rows=rows)
        self._loaded.set()
        self._audience.tell(BOARD, self._message("resync"))
        self._audience.tell(PULSE, self._message("pulse"))
        for bot_id in self._audience.followed_bots():
            self._tell_bot(bot_id)

    async def _read_tick(self) -> None:
        self._last_tick_at = await to_thread.run_sync(last_tick_at, self._desk)
        self._starts = await to_thread.run_sync(starts_view, self._desk)

    def _tell_rows(self, cards: Sequence[BotCard]) -> None:
        picture, changed, gone = self._picture, [], []
        for card in cards:
            if card.archived_at is not None:
                if picture.rows.pop(card.id, None) is not None:
                    gone.append(card.id)
                continue
            row = board_row(card)
            if picture.rows.get(card.id) != row:
                picture.rows[card.id] = row
                changed.append(row)
        if not changed and not gone:
            return
        picture.seq += 1
        message = _with_rows(self._head("rows") | {"gone": list(map(str, gone))}, changed)
        picture.ring.append((picture.seq, message))
        self._audience.tell(BOARD, message)
        for bot_id in (*gone, *(row.id for row in changed)):
            self._tell_bot(bot_id)

    def _tell_bot(self, bot_id: UUID) -> None:
        topic = Topic.of_bot(bot_id)
        if not self._audience.follows(topic):
            return
        row = self._picture.rows.get(bot_id)
        if row is None:
            self._audience.dismiss(topic, NO_SUCH_BOT)
        else:
            self._audience.tell(topic, self._bot_message(row))

    async def _pulse_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            if self._hears:
                with suppress(ProvingError):
                    self._stopped = tuple(await to_thread.run_sync(stopped_automations, self._desk))
            self._audience.tell_all(self._message("pulse" if self._hears else "away"))

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "type": kind,
            "epoch": self._picture.epoch,
            "seq": self._picture.seq,
            "live": self._hears,
            "now": self._desk.clock().isoformat(),
            "lastTickAt": self._last_tick_at.isoformat() if self._last_tick_at is not None else None,
            "tickLimitSeconds": silence_limit(self._desk).total_seconds(),
            "starts": self._starts_cell(),
            "stopped": self._stopped,
        }

    def _switch_cell(self) -> dict[str, Any]:
        switch = self._switch
        if switch is None:
            return {"killSwitch": None}
        since = switch.since.isoformat() if switch.since is not None else None
        cell = {"engaged": switch.is_engaged, "tier": switch.tier, "reasonCode": switch.reason_code}
        return {"killSwitch": cell | {"since": since, "actor": switch.actor}}

    def _starts_cell(self) -> dict[str, Any] | None:
        """How runs start where they do not start well; None where there is nothing to tell."""
        starts = self._starts
        if starts is None or starts.pace is Pace.STARTS_WELL:
            return None
        return {"pace": starts.pace, "words": starts.words}

    def _message(self, kind: str) -> bytes:
        return json.dumps(self._head(kind) | self._switch_cell(), separators=(",", ":")).encode()

    def _bot_message(self, row: BoardRow) -> bytes:
        return _with_rows(self._head("bot") | self._switch_cell(), [row])


def _read_rows(desk: Desk) -> dict[UUID, BoardRow]:
    return {card.id: board_row(card) for card in each_bot(desk)}


def _zip(rows: Sequence[BoardRow]) -> Zipped:
    return Zipped.of(encode_rows(rows, sparks=False) + b"}")


def _with_rows(head: dict[str, Any], rows: Sequence[BoardRow]) -> bytes:
    return _opened(head) + encode_rows(rows, sparks=True) + b"}"


def _opened(head: dict[str, Any]) -> bytes:
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"rows":'
