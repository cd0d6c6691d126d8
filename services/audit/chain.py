"""The audit chain as use cases: record an event beside its effect, verify the whole chain.

Belongs here: tying the chain to its anchor outside the database. Does not belong here: the chain's form
(`trading.audit.chain`) and rows (`store.audit.chain`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from gateways.anchor import AnchorFile, quiet_anchor
from services.desk import Desk
from store.audit import chain
from store.database import transaction
from trading.actors import Actor
from trading.audit.chain import AnchorState, AuditVerdict, anchor_line, verify
from trading.errors import Unavailable

log = structlog.get_logger(__name__)
_ANCHORED = "audit_anchor"


def record(desk: Desk, db: Session, *, actor: Actor, action: str, subject: str, payload: Mapping[str, Any]) -> int:
    """Append one event to the chain, inside the transaction of what it tells of; return its sequence.

    Call it last, after every row lock: the chain is locked from here to the end of the transaction. Just before the
    commit the new head is written to the anchor as intended, just after it as committed. If the anchor cannot be
    written the transaction fails: nothing happens unrecorded.

    Raises:
        BadAuditEvent: the payload has no canonical form.
    """
    if db.in_nested_transaction():
        raise RuntimeError("an audit event belongs to the whole transaction, not to a savepoint")
    seq = chain.append(db, at=desk.clock(), actor=str(actor), action=action, subject=subject, payload=payload)
    if _ANCHORED not in db.info:
        db.info[_ANCHORED] = _AnchoredCommit(db, desk.settings.audit_anchor)
    db.info[_ANCHORED].armed = True
    return seq


def verify_chain(desk: Desk) -> AuditVerdict:
    """Read the whole chain beside its anchor and say whether it holds; works while others append.

    Raises:
        Unavailable: the database or the anchor cannot be read.
    """
    anchor_path = desk.settings.audit_anchor
    with transaction(desk.database) as db:
        with quiet_anchor(anchor_path) as anchor:
            links = chain.chain(db)
        return verify(links, anchor)


class _AnchoredCommit:
    """Writes the head of a transaction's events to the anchor around its commit."""

    def __init__(self, db: Session, path: Path) -> None:
        self.armed = False
        self._path = path
        self._open: AnchorFile | None = None
        event.listen(db, "before_commit", self._before)
        event.listen(db, "after_commit", self._after)
        event.listen(db, "after_transaction_end", self._end)

    def _before(self, db: Session) -> None:
        if db.in_nested_transaction() or not self.armed:
            return
        self._head = chain.head(db)
        self._open = AnchorFile(self._path)
        self._open.append(anchor_line(AnchorState.INTENDED, self._head))

    def _after(self, db: Session) -> None:
        if db.in_nested_transaction() or self._open is None:
            return
        try:
            self._open.append(anchor_line(AnchorState.COMMITTED, self._head))
        except Unavailable as failure:
            log.error("audit_anchor_behind", seq=self._head.seq, failure=str(failure))

    def _end(self, _: Session, ended: SessionTransaction) -> None:
        if ended.parent is not None:
            return
        self.armed = False
        if self._open is not None:
            self._open.close()
            self._open = None
