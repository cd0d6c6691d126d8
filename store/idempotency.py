"""Answers remembered by idempotency key, so that a repeated request has one effect.

Belongs here: the lock of a key and the remembered answer. Does not belong here: what a body is and what it does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from store.tables import IdempotencyKey
from trading.errors import IdempotencyMismatch

KEY_LOCK_SPACE = 721_638  # first half of a two-part advisory lock; the second is the key's hash


def answer(session: Session, key: str, *, body_hash: str) -> dict[str, Any] | None:
    """Return the answer this key got before, or None if the request is to be done now.

    Waits for another transaction with the same key to end, and holds the key until this one does; so of parallel calls
    one has the effect and the others its answer, and a crash in the middle leaves the key unused.

    Raises:
        IdempotencyMismatch: the key was used with another body.
    """
    lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))")
    session.execute(lock, {"space": KEY_LOCK_SPACE, "key": key})
    known = session.execute(
        select(IdempotencyKey.body_hash, IdempotencyKey.response).where(IdempotencyKey.key == key)
    ).first()
    if known is None:
        return None
    if known.body_hash != body_hash:
        raise IdempotencyMismatch(f"idempotency key {key!r} was used before for a request with another body")
    return dict(known.response)


def remember(session: Session, key: str, *, body_hash: str, response: Mapping[str, Any], now: datetime) -> None:
    """Keep the answer beside its effect; they commit together."""
    session.execute(
        insert(IdempotencyKey).values(key=key, body_hash=body_hash, response=dict(response), created_at=now)
    )


def forget(session: Session, *, before: datetime) -> int:
    """Delete the keys used before a moment; return how many. Repeated later, their requests take effect again."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at < before).returning(IdempotencyKey.key)
    return len(session.execute(old).all())
