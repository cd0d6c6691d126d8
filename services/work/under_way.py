"""Long work besides the bots' jobs, as people follow it: verifications, imports, simulations.

Belongs here: telling that such work goes on and how far it is, and reading it. Does not belong here: jobs, which tell
it with their lease (`queue.py`), what the work does.

What commits together: one sign of life, alone. Telling is a courtesy. A thread of its own does it, so that a database
that is away, stopped or older than this code costs the work a few seconds at its end and nothing else. Where a process
died, its row grows silent: it is not read any more once a job would have lost its lease, and retention removes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.desk import Desk
from services.heartbeats import heartbeats
from services.progress import Progress, Step, silent
from store.database import reading, storable, transaction
from store.work import under_way
from store.work.under_way import WorkKind
from store.work.under_way import WorkRow as WorkRow
from trading.errors import Unavailable
from trading.work.jobs import LEASE

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0
PATIENCE_SECONDS = 5.0
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LongWork:
    """What somebody begins.

    Attributes:
        title: What a person reads.
        bot_id: The bot it is about, if it is about one.
        run_id: The Dagster run or the command that does it.
    """

    kind: WorkKind
    title: str
    bot_id: UUID | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The work under way, the longest first; what was silent for `lease_seconds` is not among it."""

    works: tuple[WorkRow, ...]
    lease_seconds: int
    now: datetime


def works_under_way(desk: Desk) -> UnderWay:
    """Return the long work that goes on besides jobs.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    with reading(desk.database) as db:
        heard = under_way.heard_since(db, now - LEASE, limit=SHOWN)
    return UnderWay(tuple(heard), int(LEASE.total_seconds()), now)


@contextmanager
def telling(desk: Desk, work: LongWork, *, progress: Progress = silent) -> Iterator[Progress]:
    """Have people see some work while the block runs; yields what the work calls after each step.

    Args:
        desk: Whose database shows it; where that fails, the loss is logged and the work goes on.
        work: What goes on.
        progress: Told of each step too, at once and in the work's own thread.
    """
    sign = _Sign(desk, work)
    with heartbeats(
        sign.give,
        name=f"under-way-{work.title}",
        every_seconds=HEARTBEAT_SECONDS,
        last=sign.take_back,
        patience_seconds=PATIENCE_SECONDS,
    ) as note:

        def tell(step: str, done: int, of: int) -> None:
            note(step, done, of)
            progress(step, done, of)

        yield tell


class _Sign:
    """The row of one piece of work, written and deleted by the thread beside it."""

    def __init__(self, desk: Desk, work: LongWork) -> None:
        self._desk = desk
        self._is_shown = True
        self._columns: dict[str, Any] = {
            "id": uuid4(),
            "kind": work.kind,
            "title": storable(work.title),
            "bot_id": work.bot_id,
            "dagster_run_id": work.run_id,
            "started_at": desk.clock(),
        }

    def give(self, step: Step | None) -> bool:
        """Write the row with the step; another sign is always wanted."""
        place = {"step": storable(step.step), "done": step.done, "of": step.of} if step is not None else {}
        self._write(partial(under_way.tell, work=self._columns | place | {"heartbeat_at": self._desk.clock()}))
        return True

    def take_back(self) -> None:
        """Delete the row."""
        self._write(partial(under_way.forget, work_id=self._columns["id"]))

    def _write(self, statement: Callable[[Session], None]) -> None:
        try:
            with transaction(self._desk.database) as db:
                statement(db)
        except (Unavailable, SQLAlchemyError) as lost:
            if self._is_shown:
                log.warning("progress is not shown", work=self._columns["title"], reason=str(lost).partition("\n")[0])
            self._is_shown = False
        else:
            self._is_shown = True
