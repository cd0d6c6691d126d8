"""Who listens to what: topics, and one bounded queue for each socket.

Belongs here: names of topics, clients, who is told, who must go and why. Does not belong here: what is said
(`stream.py`), sockets (`board.py`).
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from uuid import UUID

from trading.errors import BadInput

POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
QUEUE_MESSAGES = 256
OF_A_BOT = "bot:"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a page follows; every topic has the pulse, which is all that `pulse` has."""

    name: str
    bot_id: UUID | None = None

    @classmethod
    def parse(cls, words: str) -> Self:
        """Read `board`, `pulse` or `bot:<id>`.

        Raises:
            BadInput: it is none of them.
        """
        if words in {"board", "pulse"}:
            return cls(words)
        if words.startswith(OF_A_BOT):
            with suppress(ValueError):
                return cls.of_bot(UUID(words.removeprefix(OF_A_BOT)))
        raise BadInput("no such topic")

    @classmethod
    def of_bot(cls, bot_id: UUID) -> Self:
        """Return the topic of one bot."""
        return cls("bot", bot_id)


BOARD, PULSE = Topic("board"), Topic("pulse")


class Farewell(NamedTuple):
    """How a socket is closed by the server."""

    code: int
    reason: str


TOO_SLOW = Farewell(TRY_AGAIN_LATER, "reads too slowly")
NO_SUCH_BOT = Farewell(POLICY_VIOLATION, "no such bot on the board")


@dataclass(eq=False, slots=True)
class Client:
    """One socket's bounded queue; one that overflows reads too slowly and must go."""

    topic: Topic
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES))
    farewell: Farewell | None = None
    dismissed: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, message: bytes) -> None:
        """Queue a message, or dismiss a client that is too slow."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.dismiss(TOO_SLOW)

    def dismiss(self, farewell: Farewell) -> None:
        """Have the socket closed; what is still queued is lost, and the first reason stands."""
        self.farewell = self.farewell or farewell
        self.dismissed.set()


class Audience:
    """All clients by what they follow; a message is encoded once and queued for each."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[Topic, set[Client]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._by_topic.values()))

    def add(self, client: Client) -> None:
        """Tell a client from now on."""
        self._by_topic[client.topic].add(client)

    def remove(self, client: Client) -> None:
        """Forget a client, and its topic with the last one."""
        self._by_topic[client.topic].discard(client)
        if not self._by_topic[client.topic]:
            del self._by_topic[client.topic]

    def follows(self, topic: Topic) -> bool:
        """Return whether anybody follows a topic."""
        return topic in self._by_topic

    def followed_bots(self) -> list[UUID]:
        """Return the bots somebody follows."""
        return [topic.bot_id for topic in self._by_topic if topic.bot_id is not None]

    def tell(self, topic: Topic, message: bytes) -> None:
        """Queue a message for everyone who follows a topic."""
        for client in self._by_topic.get(topic, ()):
            client.offer(message)

    def tell_all(self, message: bytes) -> None:
        """Queue a message for everyone."""
        for topic in self._by_topic:
            self.tell(topic, message)

    def dismiss(self, topic: Topic, farewell: Farewell) -> None:
        """Have the sockets of a topic closed."""
        for client in self._by_topic.get(topic, ()):
            client.dismiss(farewell)
