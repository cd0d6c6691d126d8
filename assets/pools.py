"""The pools that limit how many runs of a kind are at work: autonomy's, a person's and those of backfills together.

Belongs here: names, and telling Dagster the limits of the settings. Does not belong here: the limits
(`gateways.settings`), the claim, which keeps them in the ledger whatever Dagster allows.
"""

from collections.abc import Mapping

import dagster as dg

from trading.work.jobs import JobType

VERIFICATION_POOL, VERIFICATIONS_AT_ONCE = "verification", 1


def pool_of(job_type: JobType) -> str:
    """Return the pool of the runs that do jobs of a type."""
    return job_type.lower()


def keep_limits(instance: dg.DagsterInstance, limits: Mapping[JobType, int]) -> None:
    """Let Dagster start no more runs of each type than may work at once; a changed setting takes effect here."""
    wanted = {pool_of(job_type): limit for job_type, limit in limits.items()} | {
        VERIFICATION_POOL: VERIFICATIONS_AT_ONCE
    }
    kept = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits() if not pool.from_default}
    for pool_name, limit in wanted.items():
        if kept.get(pool_name) != limit:
            instance.event_log_storage.set_concurrency_slots(pool_name, limit)
