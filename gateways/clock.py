"""The wall clock of everything that works at a desk, in one place so that a test can replace it.

Belongs here: `system_clock` and the `Clock` type. Does not belong here: time arithmetic of a rule, and how long
something took, which a monotonic clock tells. Bar files and Dagster's upkeep have no desk and ask the time themselves.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)
