"""The audit chain in the database: append at its end, read it from its start.

Belongs here: the lock that makes the sequence free of gaps and forks, and the rows. Does not belong here: hashing
(`trading.audit.chain`), the anchor outside the table (`services.audit.chain`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store.database import hold
from store.tables import AuditEvent
from trading.audit.chain import GENESIS_HASH, Event, Head, Link, link

CHAIN_LOCK = 7_216_384_503  # advisory lock: one transaction appends at a time
ROWS_PER_FETCH = 5_000


def append(db: Session, *, at: datetime, actor: str, action: str, subject: str, payload: Mapping[str, Any]) -> int:
    """Append one event and return its sequence.

    Holds the chain's lock until the transaction ends: appending is the last thing a transaction does, after its row
    locks. If the transaction rolls back, the next one takes the same sequence, so there is never a gap.

    Raises:
        BadAuditEvent: the payload has no canonical form.
    """
    hold(db, CHAIN_LOCK)
    before = head(db)
    event = Event(before.seq + 1, at, actor=actor, action=action, subject=subject, payload=payload)
    linked = link(event, previous_hash=before.hash)
    db.execute(
        insert(AuditEvent).values(
            seq=event.seq,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            payload=dict(payload),
            previous_hash=linked.previous_hash,
            hash=linked.hash,
        )
    )
    return event.seq


def seq_of_act(db: Session, *, act_id: str, action: str) -> int | None:
    """Return the sequence of the event that tells of an act, None where there is none; later ones wait until the end.

    Holds the chain's lock, so that two that look at once cannot both find none; found by the index on actions.
    """
    hold(db, CHAIN_LOCK)
    tells_of_it = AuditEvent.payload["actId"].astext == act_id
    return db.scalar(select(AuditEvent.seq).where(AuditEvent.action == action, tells_of_it))


def head(db: Session) -> Head:
    """Return the last link; sequence 0 and the genesis hash where the chain is empty."""
    last = db.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    return Head(*last) if last is not None else Head(0, GENESIS_HASH)


def chain(db: Session) -> Iterator[Link]:
    """Read the whole chain as it stands now, first link first, a few thousand rows in memory at a time.

    The snapshot is taken when this is called, not when the first link is asked for.
    """
    rows = db.execute(
        select(
            AuditEvent.seq,
            AuditEvent.at,
            AuditEvent.actor,
            AuditEvent.action,
            AuditEvent.subject,
            AuditEvent.payload,
            AuditEvent.previous_hash,
            AuditEvent.hash,
        )
        .order_by(AuditEvent.seq)
        .execution_options(yield_per=ROWS_PER_FETCH)
    )
    return (
        Link(Event(seq, at, actor, action, subject, payload), previous_hash=before, hash=own)
        for seq, at, actor, action, subject, payload, before, own in rows
    )
