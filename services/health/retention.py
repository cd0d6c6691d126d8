"""What the ledger forgets: working papers that nobody reads again. Raw truth is never forgotten.

Belongs here: how long ticks, decisions, idempotency keys and signs of dead work are kept. Does not belong here:
Dagster's runs and events (`jobs/upkeep.py`).
"""

from dataclasses import dataclass
from datetime import timedelta

from services.desk import Desk
from store import idempotency
from store.database import transaction
from store.work import autonomy, under_way

KEEP_TICKS = timedelta(days=7)
KEEP_DECISIONS = timedelta(hours=2)  # ten thousand bots decide two megabytes a tick
KEEP_KEYS = timedelta(days=7)  # an answer of ten thousand bots is a megabyte
KEEP_DEAD_WORK = timedelta(hours=1)  # nobody is shown it after its lease


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were deleted."""

    ticks: int
    decisions: int
    idempotency_keys: int
    dead_work: int


def forget_the_old(desk: Desk) -> Forgotten:
    """Delete ticks older than a week, decisions of ticks older than two hours, keys used a week ago, dead work's signs.

    Raises:
        Unavailable: the database is away; nothing is deleted.
    """
    now = desk.clock()
    with transaction(desk.database) as db:
        decisions = autonomy.forget_decisions(db, before=now - KEEP_DECISIONS)
        ticks = autonomy.forget_autonomy_ticks(db, before=now - KEEP_TICKS)
        keys = idempotency.forget(db, before=now - KEEP_KEYS)
        dead = under_way.forget_silent(db, before=now - KEEP_DEAD_WORK)
        return Forgotten(ticks, decisions, keys, dead)
