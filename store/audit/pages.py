"""The audit chain as people read it: newest first, filtered, a page at a time; and the last verification of it.

Belongs here: read-only statements on `audit_events`, each on an index, and the remembered verdict. Does not belong
here: appending and walking the chain (`chain.py`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.bots import registry
from store.rows import rows_of
from store.tables import AuditEvent, Bot, SystemSetting

BOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VERIFICATION = "audit_verification"
_ACTIONS = text("""
    WITH RECURSIVE step AS (
        SELECT min(action) AS action FROM audit_events
        UNION ALL
        SELECT (SELECT min(action) FROM audit_events WHERE action > step.action) FROM step WHERE step.action IS NOT NULL
    )
    SELECT action FROM step WHERE action IS NOT NULL
""")


class EventRow(NamedTuple):
    """One link of the chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    payload: dict[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events; None leaves a filter out."""

    action: str | None = None
    actor: str | None = None
    subject: str | None = None
    reason_code: str | None = None


def events(db: Session, wanted: AuditFilter, *, before: int | None, limit: int) -> Sequence[EventRow]:
    """Return events, newest first, before a given sequence if one is given."""
    asked = _events(wanted).limit(limit)
    return rows_of(db.execute(asked if before is None else asked.where(AuditEvent.seq < before)), EventRow)


def subject_named(db: Session, words: str) -> str:
    """Return the id of the bot of that name, as a subject writes it, or the words themselves where there is none."""
    bot_id = db.execute(select(Bot.id).where(Bot.name == words)).scalar()
    return str(bot_id) if bot_id is not None else words


def names_of(db: Session, subjects: Iterable[str]) -> dict[str, str]:
    """Return the names of the bots among some subjects, by subject."""
    ids = {UUID(subject) for subject in subjects if BOT_ID.fullmatch(subject)}
    return {str(bot_id): name for bot_id, name in registry.names_of(db, ids).items()}


def actions(db: Session) -> list[str]:
    """Return every action there is, by name: one step of the index an action, however many events."""
    return list(db.execute(_ACTIONS).scalars())


def last_verification(db: Session) -> tuple[Mapping[str, Any], str] | None:
    """Return the verdict that was last remembered and who asked for it, or None before the first."""
    asked = select(SystemSetting.value, SystemSetting.updated_by).where(SystemSetting.key == VERIFICATION)
    remembered = db.execute(asked).first()
    return tuple(remembered) if remembered is not None else None


def remember_verification(db: Session, verdict: Mapping[str, Any], *, at: datetime, actor: str) -> None:
    """Keep a verdict; an older one never replaces a newer one."""
    columns = {"value": dict(verdict), "updated_at": at, "updated_by": actor}
    statement = upsert(SystemSetting).values(key=VERIFICATION, **columns)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=[SystemSetting.key], set_=columns, where=SystemSetting.updated_at <= at
        )
    )


def _events(wanted: AuditFilter) -> Select[int, datetime, str, str, str, dict[str, Any], str, str]:
    event = AuditEvent
    asked = select(
        event.seq, event.at, event.actor, event.action, event.subject, event.payload, event.previous_hash, event.hash
    )
    for column, value in (
        (event.action, wanted.action),
        (event.actor, wanted.actor),
        (event.subject, wanted.subject),
        (event.payload["reasonCode"].astext, wanted.reason_code),
    ):
        if value is not None:
            asked = asked.where(column == value)
    return asked.order_by(event.seq.desc())
