"""Jobs: the words for autonomous work, and their limits.

Belongs here: types, statuses, caps, timeouts, lease. Does not belong here: which bot gets a job (`planner.py`), SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class JobType(StrEnum):
    """What a job does."""

    BACKTEST = "BACKTEST"
    IMPROVE = "IMPROVE"
    EVOLVE = "EVOLVE"


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELED = "CANCELED"


ITERATIONS = (JobType.IMPROVE, JobType.EVOLVE)
LEASE = timedelta(minutes=2)
MAX_RECLAIMS = 1
TIMEOUTS: Mapping[JobType, timedelta] = MappingProxyType(
    {
        JobType.BACKTEST: timedelta(minutes=30),
        JobType.IMPROVE: timedelta(minutes=15),
        JobType.EVOLVE: timedelta(minutes=45),
    }
)
QUEUE_PER_SLOT: Mapping[JobType, int] = MappingProxyType(
    {JobType.BACKTEST: 500, JobType.IMPROVE: 20, JobType.EVOLVE: 10}
)


@dataclass(frozen=True, slots=True)
class Caps:
    """How many jobs of each type may be RUNNING at once, and (optionally) wait or run per symbol."""

    running: Mapping[JobType, int]
    per_symbol: int | None = None

    def queue_limit(self, job_type: JobType) -> int:
        """Return how many jobs may wait: enough to keep every slot busy, few enough to stay steerable."""
        return self.running[job_type] * QUEUE_PER_SLOT[job_type]
