"""Whose tries a bot comes from: its own, and those of the bots it was copied from until it was.

Belongs here: those bots, and which iterations were theirs. Does not belong here: what is counted of them.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from store.tables import AuditEvent, ImproveIteration


class OriginRow(NamedTuple):
    """A bot that tried for another, and the moment until which what it tried belongs to it; None for the bot itself."""

    bot_id: UUID
    until: datetime | None


def origins_of(db: Session, bot_id: UUID) -> list[OriginRow]:
    """Return a bot, and before it whom it was copied from, as the audit chain says; one indexed look for each."""
    line = [OriginRow(bot_id, None)]
    source = AuditEvent.payload["copiedFrom"].astext
    while True:
        newest = line[-1]
        registered = select(source, AuditEvent.at).where(AuditEvent.subject == str(newest.bot_id), source.is_not(None))
        copied = db.execute(registered.order_by(AuditEvent.seq).limit(1)).first()
        if copied is None:
            return line
        line.append(OriginRow(UUID(copied[0]), min(copied.at, newest.until or copied.at)))


def tried_by(origins: list[OriginRow]) -> ColumnElement[bool]:
    """Return the condition that an iteration was one of theirs, until they were copied."""
    tried = ImproveIteration
    return or_(
        *(
            (tried.bot_id == bot.bot_id) & (true() if bot.until is None else tried.created_at <= bot.until)
            for bot in origins
        )
    )
