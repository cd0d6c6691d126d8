"""Whether the platform is ready to work: database, migrations, and a daemon that ticks.

Belongs here: readiness checks. Does not belong here: proofs of what was done (`work/proofs.py`).

The application role has no right to Dagster's schema, so the daemon is judged by what it leaves behind: the age of the
last autonomy tick, and its sensors by what they saw of each other.
"""

from dataclasses import dataclass
from datetime import datetime

from services.desk import Desk
from services.work.automations import stopped_automations
from services.work.autonomy_ticks import last_tick_at, tick_age
from store.database import reading
from store.provision import pending_migrations
from trading.errors import Unavailable

DAEMON = "daemon"
AUTOMATIONS = "automations"
AUTONOMY = frozenset({DAEMON, AUTOMATIONS})


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One check and what it found."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every check; ready when all passed."""

    checked_at: datetime
    checks: tuple[ReadinessCheck, ...]

    @property
    def ready(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def has_tables(self) -> bool:
        """Whether the database is there and migrated, so that the rest can be asked of it."""
        return all(check.passed for check in self.checks if check.name not in AUTONOMY)


class MigrationCheck:
    """Asks for pending migrations until there are none; after that the answer cannot change under this code."""

    def __init__(self) -> None:
        self._done = False

    def run(self, desk: Desk) -> ReadinessCheck:
        """Return whether the database is migrated to what this code needs.

        Raises:
            Unavailable: the database is away.
        """
        pending = [] if self._done else self._ask(desk)
        self._done = not pending
        return ReadinessCheck("migrations", not pending, f"pending: {', '.join(pending)}" if pending else "up to date")

    def _ask(self, desk: Desk) -> list[str]:
        with reading(desk.database) as db:
            return pending_migrations(db.connection())


def readiness(desk: Desk, migrations: MigrationCheck) -> Readiness:
    """Check everything the platform needs, each as far as the one before it allows; nothing is raised."""
    now, reachable = desk.clock(), ReadinessCheck("database", True, "reachable")
    try:
        migrated = migrations.run(desk)
        if not migrated.passed:
            return Readiness(now, (reachable, migrated))
        ticks = _tick_check(desk, last_tick_at(desk), now=now)
        return Readiness(now, (reachable, migrated, ticks, _automations_check(desk)))
    except Unavailable as failure:
        return Readiness(now, (ReadinessCheck("database", False, str(failure)),))


def _tick_check(desk: Desk, ticked_at: datetime | None, *, now: datetime) -> ReadinessCheck:
    age = tick_age(desk, ticked_at, now=now)
    if age.seconds is None:
        return ReadinessCheck(DAEMON, False, "no autonomy tick yet")
    sentence = f"last autonomy tick {age.seconds:.0f} s ago, at most {age.limit_seconds:.0f} s"
    return ReadinessCheck(DAEMON, age.is_recent, sentence)


def _automations_check(desk: Desk) -> ReadinessCheck:
    stopped = stopped_automations(desk)
    sentence = "; ".join(
        f"{name} was stopped in Dagster, noticed {standing.since:%Y-%m-%d %H:%M:%S} UTC"
        for name, standing in stopped.items()
    )
    return ReadinessCheck(AUTOMATIONS, not stopped, sentence or "none was stopped")
