"""Answers remembered by idempotency key, so that a repeated request has one effect.

Belongs here: the lock of a key, the remembered answer, its table. Does not belong here: what a body is and does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, delete, insert, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base
from trading.errors import IdempotencyMismatch

KEY_LOCK_SPACE = 721_638  # first half of a two-part advisory lock; the second is the key's hash


class IdempotencyKey(Base):
    """The answer a request with an Idempotency-Key got, written with its effect in one transaction."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (CheckConstraint("length(key) BETWEEN 1 AND 200", name="key_is_bounded"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    response: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


def answer(db: Session, key: str, *, body_hash: str) -> dict[str, Any] | None:
    """Return the answer this key got before, or None if the request is to be done now.

    Waits for another transaction with the same key to end, and holds the key until this one does; so of parallel calls
    one has the effect and the others its answer, and a crash in the middle leaves the key unused.

    Raises:
        IdempotencyMismatch: the key was used with another body.
    """
    lock = text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))")
    db.execute(lock, {"space": KEY_LOCK_SPACE, "key": key})
    known = db.execute(
        select(IdempotencyKey.body_hash, IdempotencyKey.response).where(IdempotencyKey.key == key)
    ).first()
    if known is None:
        return None
    if known.body_hash != body_hash:
        raise IdempotencyMismatch(f"idempotency key {key!r} was used before for a request with another body")
    return dict(known.response)


def remember(db: Session, key: str, *, body_hash: str, response: Mapping[str, Any], now: datetime) -> None:
    """Keep the answer beside its effect; they commit together."""
    db.execute(insert(IdempotencyKey).values(key=key, body_hash=body_hash, response=dict(response), created_at=now))


def forget(db: Session, *, before: datetime) -> int:
    """Delete the keys used before a moment; return how many. Repeated later, their requests take effect again."""
    old = delete(IdempotencyKey).where(IdempotencyKey.created_at < before).returning(IdempotencyKey.key)
    return len(db.execute(old).all())
