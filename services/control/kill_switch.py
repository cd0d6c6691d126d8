"""The kill switch as a use case: stop autonomy from giving out work, or let it go on.

Belongs here: throwing the switch with its audit event, and what it holds up. Does not belong here: HTTP, the locks
(`store.control.kill_switch`).

Tier SOFT: no tick queues work, no run claims any, a person's wish is refused. A job that runs finishes and its result
counts: a backtest moves no money, and half of one is worth nothing. HARD and EMERGENCY concern positions; they come
with the books that hold any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from services.acts import once, require_reason
from services.audit import chain
from services.desk import Desk
from store.control import kill_switch
from store.control.kill_switch import Switch as Switch
from store.control.kill_switch import Tier
from store.database import transaction
from store.work import jobs
from trading.actors import Actor
from trading.errors import Unavailable
from trading.work.jobs import JobType

log = structlog.get_logger(__name__)

ENGAGED, RELEASED = "KILL_SWITCH_ENGAGED", "KILL_SWITCH_RELEASED"
SUBJECT = "fleet"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """The switch, and the work it holds up or lets finish, by type.

    Attributes:
        queued: Jobs that wait; while engaged they stay where they are.
        running: Jobs at work; they finish either way.
    """

    switch: Switch
    queued: Mapping[str, int]
    running: Mapping[str, int]
    now: datetime


@dataclass(frozen=True, slots=True)
class SwitchWish:
    """What a caller wants.

    Attributes:
        engaged: Stop, or let go on.
        reason_code: Why, as `[A-Z][A-Z0-9_]{2,63}`.
        actor: Who asks.
        request_id: Trace of the request.
        idempotency_key: A repeated request with the same key has one effect.
    """

    engaged: bool
    reason_code: str
    actor: Actor
    request_id: str
    idempotency_key: str | None = None


class SwitchReceipt(BaseModel):
    """What throwing the switch did.

    Attributes:
        changed: False where it stood that way already; then nothing was written.
        settled: Whether it is certain that nothing is being queued or claimed any more; None where it is released by
            now. False means that some transaction had not ended after five seconds, and may still claim one job.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    success: bool = True
    engaged: bool
    changed: bool
    settled: bool | None = None
    tier: Tier
    reason_code: str | None
    since: datetime | None
    actor: str | None
    queued: dict[str, int]
    running: dict[str, int]
    audit_seq: int | None
    trace_id: str
    timestamp: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the answer of the API."""
        return self.model_dump(mode="json", by_alias=True)


def switch_state(desk: Desk) -> SwitchState:
    """Return the switch and the work it concerns, in one transaction.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        switch = kill_switch.read(db)
        queued, running = _work(db)
    return SwitchState(switch, queued, running, desk.clock())


def switch_now(desk: Desk) -> Switch:
    """Return the switch as it stands, without the work it concerns.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        return kill_switch.read(db)


def throw_switch(desk: Desk, wish: SwitchWish) -> SwitchReceipt:
    """Engage or release the switch.

    Setting and audit event commit together. An engagement then waits until every tick and claim that began before it
    has ended: once this returns with `settled`, nothing is queued or claimed until a release. Two that throw it at once
    wait for each other; throwing it to where it stands changes and records nothing.

    Raises:
        BadInput: the reason is not plain.
        IdempotencyMismatch: the key belongs to another request.
        Unavailable: the database or the audit anchor is away.
    """
    require_reason(wish.reason_code)
    with transaction(desk.database) as db:
        receipt = _throw_once(desk, db, wish)
    if not wish.engaged:
        return receipt
    return receipt.model_copy(update={"settled": _settled(desk)})


def _throw_once(desk: Desk, db: Session, wish: SwitchWish) -> SwitchReceipt:
    return once(
        db,
        wish.idempotency_key,
        lambda: _throw(desk, db, wish),
        kind=SwitchReceipt,
        body=lambda: ["KILL_SWITCH", wish.engaged, wish.reason_code, str(wish.actor)],
    )


def _throw(desk: Desk, db: Session, wish: SwitchWish) -> SwitchReceipt:
    before = kill_switch.lock(db)
    now = desk.clock()
    queued, running = _work(db)
    changed = before.is_engaged != wish.engaged
    tier = Tier.SOFT if wish.engaged else Tier.NORMAL
    after = Switch(tier, wish.reason_code, now, str(wish.actor)) if changed else before
    work = {"queued": queued, "running": running}
    seq = _record(desk, db, wish, before=before, after=after, work=work) if changed else None
    return SwitchReceipt(
        engaged=after.is_engaged,
        changed=changed,
        tier=after.tier,
        reason_code=after.reason_code,
        since=after.since,
        actor=after.actor,
        queued=queued,
        running=running,
        audit_seq=seq,
        trace_id=wish.request_id,
        timestamp=now,
    )


def _record(
    desk: Desk, db: Session, wish: SwitchWish, *, before: Switch, after: Switch, work: Mapping[str, dict[str, int]]
) -> int:
    kill_switch.write(db, after)
    return chain.record(
        desk,
        db,
        actor=wish.actor,
        action=ENGAGED if wish.engaged else RELEASED,
        subject=SUBJECT,
        payload={
            "reasonCode": wish.reason_code,
            "tier": after.tier.value,
            "previousTier": before.tier.value,
            "requestId": wish.request_id,
            **work,
        },
    )


def _settled(desk: Desk) -> bool | None:
    """Wait for those who saw the switch released; a repeated request may come after a release, then None."""
    try:
        with transaction(desk.database) as db:
            kill_switch.settle(db)
            return True if kill_switch.read(db).is_engaged else None
    except Unavailable as waiting:
        log.warning("kill_switch_not_settled", reason=str(waiting))
        return False


def _work(db: Session) -> tuple[dict[str, int], dict[str, int]]:
    active = jobs.count_active(db)
    return _named(active.queued), _named(active.running)


def _named(counts: Mapping[JobType, int]) -> dict[str, int]:
    return {str(kind): count for kind, count in counts.items()}
