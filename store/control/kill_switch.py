"""The kill switch: whether new work is admitted, and the barrier that makes a stop certain.

Belongs here: statements on its row of `system_settings`, the admission lock. Does not belong here: who may throw it and
what is recorded (`services.control.kill_switch`).

Everyone who queues or claims work holds the admission lock, shared, to the end of the transaction and reads the switch
after taking it. Whoever throws the switch commits first and then takes the lock alone, once: then every transaction
that still saw the switch released has ended, and every later one sees it engaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.database import hold, hold_shared
from store.tables import SystemSetting

KEY = "kill_switch"
ADMISSION_LOCK = 7_216_384_521
THROW_LOCK = 7_216_384_522
SETTLE_MS = 5_000
UNREADABLE = "KILL_SWITCH_UNREADABLE"


class Tier(StrEnum):
    """How much is stopped. NORMAL: nothing. SOFT: no new work. HARD and EMERGENCY: positions too."""

    NORMAL = "NORMAL"
    SOFT = "SOFT"
    HARD = "HARD"
    EMERGENCY = "EMERGENCY"


TIERS = tuple(map(str, Tier))


@dataclass(frozen=True, slots=True)
class Switch:
    """The switch as it stands; the last three are None where nobody has ever thrown it."""

    tier: Tier = Tier.NORMAL
    reason_code: str | None = None
    since: datetime | None = None
    actor: str | None = None

    @property
    def is_engaged(self) -> bool:
        """Whether anything is stopped."""
        return self.tier is not Tier.NORMAL


def admits_work(db: Session) -> bool:
    """Return whether new work may be queued or claimed, and keep it so to the end of the transaction."""
    hold_shared(db, ADMISSION_LOCK)
    return not read(db).is_engaged


def read(db: Session) -> Switch:
    """Return the switch as it stands; one that cannot be read counts as engaged until somebody releases it."""
    row = db.execute(
        select(SystemSetting.value, SystemSetting.updated_at, SystemSetting.updated_by).where(SystemSetting.key == KEY)
    ).first()
    if row is None:
        return Switch()
    written, since, actor = row
    value = written if isinstance(written, dict) else {}
    if value.get("tier") not in TIERS:
        return Switch(Tier.SOFT, UNREADABLE, since, actor)
    return Switch(Tier(value["tier"]), value.get("reasonCode"), since, actor)


def lock(db: Session) -> Switch:
    """Wait until nobody else throws the switch, and return it; held to the end of the transaction."""
    hold(db, THROW_LOCK)
    return read(db)


def write(db: Session, switch: Switch) -> None:
    """Set the switch; call `lock` first."""
    value: Mapping[str, str | None] = {"tier": switch.tier.value, "reasonCode": switch.reason_code}
    columns = {"value": value, "updated_at": switch.since, "updated_by": switch.actor}
    statement = upsert(SystemSetting).values(key=KEY, **columns)
    db.execute(statement.on_conflict_do_update(index_elements=[SystemSetting.key], set_=columns))


def settle(db: Session) -> None:
    """Wait until every transaction that was admitted before has ended; gives up after five seconds."""
    db.execute(text(f"SET LOCAL lock_timeout = {SETTLE_MS}"))
    hold(db, ADMISSION_LOCK)
