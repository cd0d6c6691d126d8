"""How long a bot waits, and how long it can wait at most at the present pace.

Belongs here: waits by type. Does not belong here: the order in which work is given out (`trading.work.planner`), which
is what bounds a wait: the longest need is served first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.desk import Desk
from store.control import kill_switch
from store.database import reading
from store.work import waits
from store.work.waits import WaitRow
from trading.work.jobs import JobType

PACE_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wait:
    """The queue of one type.

    Attributes:
        queued: Jobs that wait.
        oldest_queued_seconds: How long the oldest has waited; None where none waits.
        finished_per_minute: Pace over the last ten minutes, or since the first job that ended within them began.
        last_served_in_seconds: When the youngest waiting job is reached at that pace; None without a pace, and while
            the kill switch is engaged: then work waits because a person wants it to.
    """

    job_type: JobType
    queued: int
    oldest_queued_seconds: float | None
    finished_per_minute: float
    last_served_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Starvation:
    """All queues.

    Attributes:
        refused_for_room: Bots with work due that found no room in a queue in the newest tick.
        held_by_kill_switch: Whether a person holds all of it back.
    """

    waits: tuple[Wait, ...]
    refused_for_room: int
    held_by_kill_switch: bool


def starvation(desk: Desk) -> Starvation:
    """Return how long bots wait.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    kinds = [str(kind) for kind in JobType]
    with reading(desk.database) as db:
        rows = waits.waits(db, kinds, since=now - PACE_WINDOW)
        refused = waits.refused_for_room(db)
        held = kill_switch.read(db).is_engaged
    return Starvation(tuple(_wait(row, now=now, held=held) for row in rows), refused, held)


def _wait(row: WaitRow, *, now: datetime, held: bool) -> Wait:
    oldest = row.oldest_queued_at
    pace = _per_second(row.finished, row.working_since, now=now)
    return Wait(
        job_type=JobType(row.job_type),
        queued=row.queued,
        oldest_queued_seconds=(now - oldest).total_seconds() if oldest is not None else None,
        finished_per_minute=60 * pace,
        last_served_in_seconds=row.queued / pace if pace and not held else None,
    )


def _per_second(finished: int, working_since: datetime | None, *, now: datetime) -> float:
    """Return the pace over the part of the window in which work went on; 0 where no time has passed."""
    if working_since is None or working_since >= now:
        return 0.0
    return finished / min(PACE_WINDOW, now - working_since).total_seconds()
