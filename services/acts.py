"""What every act of an operator shares: a plain reason, and one effect however often it is asked for.

Belongs here: the form of a reason, remembering an answer by its Idempotency-Key and the hash of what was asked. Does
not belong here: what an act does (`figures/resets.py`, `control/kill_switch.py`), how keys are stored
(`store.idempotency`).
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy.orm import Session

from store import idempotency
from trading.errors import BadInput

REASON_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")


class Receipt(Protocol):
    """The answer to an act, able to be kept and read back."""

    @property
    def timestamp(self) -> datetime:
        """When the act was done."""

    def as_json(self) -> dict[str, Any]:
        """Return the answer as it is sent and kept."""

    @classmethod
    def model_validate(cls, obj: Any, /) -> Self:
        """Read a kept answer back."""


Kept = TypeVar("Kept", bound=Receipt)


def require_reason(reason_code: str) -> None:
    """Refuse a reason that is not plain.

    Raises:
        BadInput: it is not of the form `[A-Z][A-Z0-9_]{2,63}`.
    """
    if REASON_CODE.fullmatch(reason_code) is None:
        raise BadInput(f"reasonCode must match {REASON_CODE.pattern}, was {reason_code!r}")


def hash_of(body: object) -> str:
    """Return the SHA-256 of what is asked for, as JSON in ASCII: 64 hex digits, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("ascii")).hexdigest()


def once(
    db: Session, key: str | None, act: Callable[[], Kept], *, kind: type[Kept], body: Callable[[], object]
) -> Kept:
    """Act, or return what the same request was answered before; answer and effect commit together.

    Args:
        db: The transaction of the act.
        key: The request's Idempotency-Key; without one it acts.
        act: Does the work.
        kind: What it answers.
        body: What tells this request from another that used the key; asked only where there is one.

    Raises:
        IdempotencyMismatch: the key belongs to another request.
    """
    if key is None:
        return act()
    hashed = hash_of(body())
    known = idempotency.answer(db, key, body_hash=hashed)
    if known is not None:
        return kind.model_validate(known)
    receipt = act()
    idempotency.remember(db, key, body_hash=hashed, response=receipt.as_json(), now=receipt.timestamp)
    return receipt
