"""The JSON of readiness, invariants and vital signs."""

from datetime import datetime
from typing import Any, Literal

from api.edge.contract import Spoken
from api.work.pages_contract import StartsAnswer, TickTold
from services.health.invariants import Invariant
from services.health.readiness import ReadinessCheck
from services.health.vitals import DatabaseSize, Limit, ProgramCheck, Promise, TableSize


class InvariantAnswer(Spoken, of=Invariant):
    """One thing that must always hold, and whether it does; `broken` shows up to ten of the `faults`."""

    broken: list[dict[str, str | int | float | None]]


class InvariantsAnswer(Spoken):
    """Every invariant; `holds` only if all of them do."""

    holds: bool
    invariants: list[InvariantAnswer]


class HealthCheck(Spoken, of=ReadinessCheck):
    """One check and what it found."""


class HealthAnswer(Spoken):
    """Whether the platform is ready, check by check."""

    status: Literal["ready", "not ready"]
    version: str
    checks: list[HealthCheck]


class VerdictTold(Spoken, of=Promise):
    """One thing that must hold: what was found, what it is held against, when it was looked at."""

    broken: list[dict[str, Any]]


class ProgramTold(Spoken, of=ProgramCheck):
    """One program and whether it answers."""


class LimitTold(Spoken, of=Limit):
    """One limit in force and where it is set."""


class TableTold(Spoken, of=TableSize):
    """One table with its indexes."""


class RoomTold(Spoken, of=DatabaseSize):
    """How much room the database takes."""

    tables: list[TableTold]


class VitalsAnswer(Spoken):
    """The platform's vital signs; what could not be read is null and `checks` say why."""

    ready: bool
    version: str
    checks: list[HealthCheck]
    verdicts: list[VerdictTold] | None
    programs: list[ProgramTold]
    limits: list[LimitTold]
    room: RoomTold | None
    last_tick: TickTold | None
    starts: StartsAnswer | None
    now: datetime
