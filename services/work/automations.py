"""Dagster's automations as use cases: a sensor or schedule that was stopped is noticed, recorded and told.

Belongs here: comparing how they stand with how they stood, and the audit event. Does not belong here: asking Dagster
(`sensors`), whether autonomy ticks (`autonomy_ticks.py`).

Anybody with a shell can stop a sensor in Dagster, and Dagster keeps no name of who did it. Each sensor looks at all of
them, so that the stop of one is noticed by the others; with all of them stopped the silence of the tick tells.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from services.audit import chain
from services.desk import Desk
from store.database import reading, transaction
from store.work import automations
from store.work.automations import AutomationStanding
from trading.actors import Actor, ActorKind

STOPPED, STARTED = "AUTOMATION_STOPPED", "AUTOMATION_STARTED"
AT_DAGSTER = Actor(ActorKind.NOBODY_KNOWN, "dagster")


def note_automations(desk: Desk, stopped: Mapping[str, bool], *, noticed_by: str) -> None:
    """Record which automations were stopped or started since the last look; write nothing where nothing changed.

    The standing and its audit events commit together. Two that look at once wait for each other, and the second finds
    nothing new. An automation seen for the first time is recorded only where it is stopped.

    Args:
        desk: The desk.
        stopped: Whether each automation is stopped, by name.
        noticed_by: The automation that looked.

    Raises:
        Unavailable: the database or the audit anchor is away.
    """
    with reading(desk.database) as db:
        if not _changed(automations.read(db), stopped):
            return
    with transaction(desk.database) as db:
        before, now = automations.lock(db), desk.clock()
        changed = _changed(before, stopped)
        after = {name: AutomationStanding(is_stopped, now) for name, is_stopped in changed.items()}
        automations.write(db, {**before, **after}, at=now, by=noticed_by)
        for name, is_stopped in changed.items():
            if is_stopped or name in before:
                _record(desk, db, name, is_stopped=is_stopped, noticed_by=noticed_by)


def stopped_automations(desk: Desk) -> dict[str, AutomationStanding]:
    """Return the automations that are stopped, by name, as they were last looked at.

    Raises:
        Unavailable: the database is away.
    """
    with reading(desk.database) as db:
        return {name: standing for name, standing in automations.read(db).items() if standing.is_stopped}


def _changed(before: Mapping[str, AutomationStanding], stopped: Mapping[str, bool]) -> dict[str, bool]:
    return {
        name: is_stopped
        for name, is_stopped in sorted(stopped.items())
        if name not in before or before[name].is_stopped != is_stopped
    }


def _record(desk: Desk, db: Session, name: str, *, is_stopped: bool, noticed_by: str) -> None:
    chain.record(
        desk,
        db,
        actor=AT_DAGSTER,
        action=STOPPED if is_stopped else STARTED,
        subject=name,
        payload={"noticedBy": noticed_by},
    )
