"""How long work waits: the queues, the pace at which they empty, and what found no room in them.

Belongs here: read-only counts of waiting work. Does not belong here: the jobs themselves (`job_pages.py`), what a wait
comes to at that pace (`services.work.starvation`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.rows import rows_of


class WaitRow(NamedTuple):
    """The queue of one type: how many wait and since when, how many completed and since when they were worked on."""

    job_type: str
    queued: int
    oldest_queued_at: datetime | None
    finished: int
    working_since: datetime | None


_WAITS = text("""
    SELECT kind AS job_type,
           (SELECT count(*) FROM bot_jobs WHERE status = 'QUEUED' AND job_type = kind) AS queued,
           (SELECT min(created_at) FROM bot_jobs WHERE status = 'QUEUED' AND job_type = kind) AS oldest_queued_at,
           ended.finished, ended.working_since
    FROM unnest(CAST(:kinds AS text[])) AS kind
    CROSS JOIN LATERAL (
        SELECT count(*) AS finished, min(started_at) AS working_since
        FROM bot_jobs WHERE job_type = kind AND status = 'COMPLETED' AND completed_at > :since
    ) AS ended
""")

_NO_ROOM = text("""
    SELECT count(*) FROM autonomy_bot_decisions
    WHERE run_id = (SELECT max(id) FROM autonomy_runs) AND reason_code IN ('CAP_REACHED', 'SYMBOL_CAP_REACHED')
""")


def waits(db: Session, kinds: Sequence[str], *, since: datetime) -> Sequence[WaitRow]:
    """Return by type how many jobs wait, since when, how many completed since a moment, and when their first began."""
    return rows_of(db.execute(_WAITS, {"kinds": list(kinds), "since": since}), WaitRow)


def refused_for_room(db: Session) -> int:
    """Return how many bots with work due found no room in the queue in the newest tick."""
    return int(db.execute(_NO_ROOM).scalar_one())
