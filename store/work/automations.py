"""How Dagster's automations stood when they were last looked at.

Belongs here: statements on their row of `system_settings`. Does not belong here: looking at Dagster (`sensors`), what
is recorded when one was stopped (`services.work.automations`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from store.database import hold
from store.tables import SystemSetting

KEY = "automations"
LOCK = 7_216_384_531


@dataclass(frozen=True, slots=True)
class AutomationStanding:
    """Whether an automation is stopped, and since when it is known to stand that way."""

    is_stopped: bool
    since: datetime


def read(db: Session) -> dict[str, AutomationStanding]:
    """Return how each automation stood, by name; none before the first look."""
    value = db.execute(select(SystemSetting.value).where(SystemSetting.key == KEY)).scalar()
    rows = value if isinstance(value, dict) else {}
    return {
        name: AutomationStanding(row["stopped"], datetime.fromisoformat(row["since"])) for name, row in rows.items()
    }


def lock(db: Session) -> dict[str, AutomationStanding]:
    """Wait until nobody else notes them, and return how they stood; held to the end of the transaction."""
    hold(db, LOCK)
    return read(db)


def write(db: Session, standings: Mapping[str, AutomationStanding], *, at: datetime, by: str) -> None:
    """Write how they stand; call `lock` first."""
    value = {
        name: {"stopped": standing.is_stopped, "since": standing.since.isoformat()}
        for name, standing in standings.items()
    }
    columns = {"value": value, "updated_at": at, "updated_by": by}
    statement = upsert(SystemSetting).values(key=KEY, **columns)
    db.execute(statement.on_conflict_do_update(index_elements=[SystemSetting.key], set_=columns))
