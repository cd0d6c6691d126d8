"""The wall clock, and the only place that reads it.

Belongs here: `system_clock` and the `Clock` type a test replaces. Does not belong here: time arithmetic of a rule.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)
