"""Whether the platform is ready to work: database, migrations, and a daemon that ticks.

Belongs here: readiness checks. Does not belong here: proofs of what was done (`proofs.py`).

The application role has no right to Dagster's schema, so the daemon is judged by what it leaves behind: the age of the
last autonomy tick.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from services.desk import Desk
from services.proofs import last_tick_at, tick_limit
from store.provision import pending_migrations
from trading.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Check:
    """One check and what it found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every check; ready when all passed."""

    checked_at: datetime
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class MigrationCheck:
    """Asks for pending migrations until there are none; after that the answer cannot change under this code."""

    def __init__(self) -> None:
        self._done = False

    def run(self, engine: Engine) -> Check:
        """Return whether the database is migrated to what this code needs."""
        pending = [] if self._done else pending_migrations(engine)
        self._done = not pending
        return Check("migrations", not pending, f"pending: {', '.join(pending)}" if pending else "up to date")


def readiness(desk: Desk, migrations: MigrationCheck) -> Readiness:
    """Check everything the platform needs; a database that is away fails every check instead of raising."""
    now = desk.clock()
    try:
        ticked_at = last_tick_at(desk)
        migrated = migrations.run(desk.sessions.kw["bind"])
    except Unavailable as failure:
        return Readiness(now, (Check("database", False, str(failure)),))
    return Readiness(now, (Check("database", True, "reachable"), migrated, _tick_check(desk, ticked_at, now=now)))


def _tick_check(desk: Desk, ticked_at: datetime | None, *, now: datetime) -> Check:
    limit = tick_limit(desk).total_seconds()
    if ticked_at is None:
        return Check("daemon", False, "no autonomy tick yet")
    age = (now - ticked_at).total_seconds()
    return Check("daemon", age <= limit, f"last autonomy tick {age:.0f} s ago, at most {limit:.0f} s")
