"""What Dagster has yet to be told of finished work, and that it has been told.

Belongs here: one transaction each. Does not belong here: telling it (`jobs/finished_work.py`), writing the debt down,
which the end of a job does (`queue.py`).
"""

from collections.abc import Sequence
from uuid import UUID

from services.desk import Desk
from services.work.queue import Finished
from store.database import transaction
from store.work import owed_materializations
from trading.work.jobs import JobStatus


def owing_runs(desk: Desk) -> set[str]:
    """Return the runs that finished work Dagster may not know of; those at work will tell it themselves."""
    with transaction(desk.database) as db:
        return owed_materializations.owing_runs(db)


def owed_by(desk: Desk, run_ids: Sequence[str], *, limit: int) -> list[Finished]:
    """Return the oldest finished work of these runs that Dagster may not know of."""
    with transaction(desk.database) as db:
        owed = owed_materializations.owed_by(db, run_ids, limit=limit)
    return [Finished(job.job_id, job.bot_id, job.job_type, JobStatus.COMPLETED, job.figures) for job in owed]


def settle(desk: Desk, job_ids: Sequence[UUID]) -> None:
    """Forget what Dagster has recorded; what is forgotten already is no matter.

    A run that dies before leaves the debt, and whoever pays it looks first what Dagster has.
    """
    if job_ids:
        with transaction(desk.database) as db:
            owed_materializations.settle(db, job_ids)
