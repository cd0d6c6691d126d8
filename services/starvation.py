"""How long a bot waits, and how long it can wait at most at the present pace.

Belongs here: waits by type. Does not belong here: the order in which work is given out (`trading.autonomy`), which is
what bounds a wait: the longest need is served first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.desk import Desk
from store import invariants
from store.database import reading
from trading.jobs import JobType

PACE_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wait:
    """The queue of one type.

    Attributes:
        queued: Jobs that wait.
        oldest_queued_seconds: How long the oldest has waited; None where none waits.
        finished_per_minute: Pace over the last ten minutes.
        last_served_in_seconds: When the youngest waiting job is reached at that pace; None without a pace.
    """

    job_type: JobType
    queued: int
    oldest_queued_seconds: float | None
    finished_per_minute: float
    last_served_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Starvation:
    """All queues, and the bots with work due that found no room in one in the newest tick."""

    waits: tuple[Wait, ...]
    refused_for_room: int


def starvation(desk: Desk) -> Starvation:
    """Return how long bots wait.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    kinds = [str(kind) for kind in JobType]
    with reading(desk.sessions) as session:
        rows = invariants.waits(session, kinds, since=now - PACE_WINDOW)
        refused = invariants.refused_for_room(session)
    return Starvation(tuple(_wait(**row, now=now) for row in rows), refused)


def _wait(*, job_type: str, queued: int, oldest_queued_at: datetime | None, finished: int, now: datetime) -> Wait:
    pace = finished / PACE_WINDOW.total_seconds()
    return Wait(
        job_type=JobType(job_type),
        queued=queued,
        oldest_queued_seconds=(now - oldest_queued_at).total_seconds() if oldest_queued_at is not None else None,
        finished_per_minute=pace * 60,
        last_served_in_seconds=queued / pace if pace else None,
    )
