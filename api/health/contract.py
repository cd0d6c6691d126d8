"""The JSON of readiness, invariants and vital signs."""

from datetime import datetime
from typing import Any, Literal

from api.edge.contract import Spoken
from api.work.pages_contract import StartsAnswer, TickTold


class InvariantAnswer(Spoken):
    """One thing that must always hold, and whether it does; `broken` shows up to ten of the `faults`."""

    name: str
    holds: bool
    checked: int
    faults: int
    broken: list[dict[str, str | int | float | None]]


class InvariantsAnswer(Spoken):
    """Every invariant; `holds` only if all of them do."""

    holds: bool
    invariants: list[InvariantAnswer]


class HealthCheck(Spoken):
    """One check and what it found."""

    name: str
    passed: bool
    detail: str


class HealthAnswer(Spoken):
    """Whether the platform is ready, check by check."""

    status: Literal["ready", "not ready"]
    version: str
    checks: list[HealthCheck]


class VerdictTold(Spoken):
    """One thing that must hold: what was found, what it is held against, when it was looked at."""

    name: str
    words: str
    value: str
    bar: str
    holds: bool | None
    broken: list[dict[str, Any]]
    checked_at: datetime | None


class ProgramTold(Spoken):
    """One program and whether it answers."""

    name: str
    address: str
    answers: bool
    question: str


class LimitTold(Spoken):
    """One limit in force and where it is set."""

    name: str
    value: str
    source: str


class TableTold(Spoken):
    """One table with its indexes."""

    name: str
    bytes: int
    rows_estimated: int | None


class RoomTold(Spoken):
    """How much room the database takes."""

    database_bytes: int
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
