"""Runs as the platform asks Dagster about them: which may still work, and which never will again.

Belongs here: the two questions. Does not belong here: asking for runs (`sensors`), what a run does (`queue.py`).
"""

from collections.abc import Iterable

import dagster as dg

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
LOOKED_UP_AT_ONCE = 500
BY_HAND = "cli-"


def unfinished(instance: dg.DagsterInstance, which: dg.RunsFilter) -> int:
    """Return how many runs of a job or with some tags may still work."""
    return instance.get_runs_count(dg.RunsFilter(job_name=which.job_name, tags=which.tags, statuses=UNFINISHED))


def over(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> set[str]:
    """Return the runs that will never work again: finished, or unknown to this instance and not run by hand."""
    asked = [run_id for run_id in run_ids if not run_id.startswith(BY_HAND)]
    ended: set[str] = set()
    for start in range(0, len(asked), LOOKED_UP_AT_ONCE):
        batch = asked[start : start + LOOKED_UP_AT_ONCE]
        alive = {run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=batch, statuses=UNFINISHED))}
        ended |= set(batch) - alive
    return ended
