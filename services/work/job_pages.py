"""The work at hand as people look at it: what runs, what waits and for how long, what ended and how.

Belongs here: read-only pages over jobs. Does not belong here: counts as evidence (`proofs.py`), putting back work that
was given up (`dead_letters.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.desk import Desk
from services.paging import page_of, read_moment, write_moment
from services.work.starts import StartsView, starts_view
from services.work.starvation import Starvation, starvation
from store.database import transaction
from store.work import dead_letters, job_pages
from store.work.dead_letters import DeadLetter
from store.work.job_pages import JobRow as JobRow
from trading.work.jobs import LEASE, TIMEOUTS, JobType

SHOWN_RUNNING = 200
SHOWN_QUEUED = 60


@dataclass(frozen=True, slots=True)
class WorkNow:
    """The work at hand.

    Attributes:
        caps, timeouts_seconds: By type, what may run at once and for how long.
        lease_seconds: How old a heartbeat may be before a job is taken back.
        starts: How runs start, as the newest tick saw it.
        queued: The first of each type in the order in which they will be claimed; `starvation` counts all.
    """

    caps: dict[str, int]
    timeouts_seconds: dict[str, int]
    lease_seconds: int
    running: tuple[JobRow, ...]
    queued: tuple[JobRow, ...]
    starvation: Starvation
    dead_letters: tuple[DeadLetter, ...]
    starts: StartsView | None
    now: datetime


@dataclass(frozen=True, slots=True)
class EndedPage:
    """Jobs that ended, the last to end first; `next_cursor` continues."""

    jobs: tuple[JobRow, ...]
    next_cursor: str | None


def work_now(desk: Desk) -> WorkNow:
    """Return the work at hand.

    Raises:
        Unavailable: the database is away.
    """
    waits = starvation(desk)
    with transaction(desk.database) as db:
        running = job_pages.running(db, limit=SHOWN_RUNNING)
        queued = [row for kind in JobType for row in job_pages.queued(db, kind, limit=SHOWN_QUEUED)]
        given_up = dead_letters.dead_letters(db)
    return WorkNow(
        caps={str(kind): cap for kind, cap in desk.settings.caps.running.items()},
        timeouts_seconds={str(kind): int(limit.total_seconds()) for kind, limit in TIMEOUTS.items()},
        lease_seconds=int(LEASE.total_seconds()),
        running=tuple(running),
        queued=tuple(queued),
        starvation=waits,
        dead_letters=tuple(given_up),
        starts=starts_view(desk),
        now=desk.clock(),
    )


def ended_page(desk: Desk, *, troubled: bool, cursor: str | None, limit: int) -> EndedPage:
    """Return a page of jobs that ended, the last to end first, or only of those that failed or timed out.

    Raises:
        BadCursor: the cursor is none of ours.
        Unavailable: the database is away.
    """
    before = read_moment(cursor) if cursor is not None else None
    with transaction(desk.database) as db:
        rows = job_pages.ended(db, troubled=troubled, before=before, limit=limit + 1)
    ended, last = page_of(rows, limit)
    return EndedPage(ended, _continued(last))


def last_ended(desk: Desk, bot_id: UUID, job_type: JobType) -> JobRow | None:
    """Return the last job of a type that a bot has behind it, or None.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        return job_pages.last_ended(db, bot_id, job_type)


def _continued(last: JobRow | None) -> str | None:
    if last is None or last.completed_at is None:
        return None
    return write_moment(last.completed_at, last.id)
