"""What changed in the database, as it happens: one LISTEN connection that heals itself.

Belongs here: listening, heartbeat, reconnecting, parsing payloads. Does not belong here: who sends them
(`store/migrations/notify.sql`), what is done with a change.

Notifications sent while the connection was away are lost, so every `Listening` means: read everything again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection, OperationalError
from sqlalchemy.engine import URL

CHANNEL = "proving_changes"
HEARTBEAT_SECONDS = 5.0
ANSWER_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Listening:
    """The connection listens (again); whatever happened before is unknown."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Some bots changed, a tick was written, the kill switch thrown, or so much that everything must be read again."""

    bot_ids: frozenset[UUID] = frozenset()
    tick: bool = False
    switch: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The database cannot be heard; another attempt follows."""

    reason: str


Change = Listening | Changed | Lost


async def watch(url: URL, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> AsyncIterator[Change]:
    """Yield changes for ever; loss and return of the connection are changes too."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async for change in _listen(url, heartbeat_seconds):
                pause = FIRST_PAUSE_SECONDS
                yield change
        except (OperationalError, TimeoutError, OSError) as failure:
            yield Lost(str(failure).strip().partition("\n")[0] or "no answer")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def parse(payload: str) -> Changed:
    """Read one payload; what cannot be understood means that everything must be read again."""
    kind, _, listed = payload.partition(":")
    if kind == "tick":
        return Changed(tick=True)
    if kind == "switch":
        return Changed(switch=True)
    if kind == "bots":
        with suppress(ValueError):
            return Changed(bot_ids=frozenset(UUID(bot_id) for bot_id in listed.split(",")))
    return Changed(everything=True)


async def _listen(url: URL, heartbeat_seconds: float) -> AsyncIterator[Change]:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connecting = AsyncConnection.connect(
        address, autocommit=True, connect_timeout=2, application_name="proving-listen", tcp_user_timeout=5_000
    )
    async with await connecting as connection:
        await connection.execute(f"LISTEN {CHANNEL}")
        yield Listening()
        while True:
            async for notice in connection.notifies(timeout=heartbeat_seconds):
                yield parse(notice.payload)
            await asyncio.wait_for(connection.execute("SELECT 1"), ANSWER_SECONDS)
