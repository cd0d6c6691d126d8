"""The platform's vital signs in words and figures: readiness, verdicts with value and bar, programs, room.

Belongs here: what the health page shows, each figure beside the limit it is held against. Does not belong here: the
checks themselves (`readiness.py`, `invariants.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateways.ports import speaks_http, speaks_http2
from services.audit.pages import SHOWN_BREAKS, ChainVerification, chain_view
from services.desk import Desk
from services.health import invariants
from services.health.invariants import Invariant
from services.work.autonomy_ticks import last_tick_at, tick_age
from services.work.starts import starts_view
from store.database import transaction
from store.health import sizes
from store.health.sizes import TableSize as TableSize
from trading.work.jobs import LEASE, TIMEOUTS
from trading.work.planner import MAX_FAILURES_IN_ROW
from trading.work.starts import Pace

LOOPBACK = "127.0.0.1"
SHOWN_TABLES = 12


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that must always hold.

    Attributes:
        name, words: What must hold, as code and as a sentence.
        value, bar: What was found, and what it is held against.
        holds: Whether it does; None before it was first looked at.
        broken: The first offending rows.
        checked_at: When it was looked at.
    """

    name: str
    words: str
    value: str
    bar: str
    holds: bool | None
    broken: tuple[Mapping[str, Any], ...]
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProgramCheck:
    """One program of the platform and whether it answers where it should."""

    name: str
    address: str
    answers: bool
    question: str


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """How much room the database takes."""

    database_bytes: int
    tables: tuple[TableSize, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit in force and where it is set."""

    name: str
    value: str
    source: str


def verdicts(desk: Desk) -> tuple[Promise, ...]:
    """Give a verdict on everything that must hold; the audit chain's is the last one remembered.

    Raises:
        Unavailable: the database is away.
    """
    now = desk.clock()
    cheap = (_tick(desk, now), _starts(desk, now), *(_counted(check(desk), words, now) for check, words in _COUNTED))
    return (*cheap, _chain(chain_view(desk).verification))


def programs(desk: Desk) -> tuple[ProgramCheck, ...]:
    """Ask the programs an operator cannot see from here, code server and Dagster UI, whether they answer."""
    settings = desk.settings
    code, ui, web = settings.code_server_port, settings.dagster_host, settings.webserver_port
    return (
        ProgramCheck("Code server", f"{LOOPBACK}:{code}", speaks_http2(LOOPBACK, code), "does it speak gRPC"),
        ProgramCheck("Dagster UI", f"{ui}:{web}", speaks_http(ui, web, "/server_info"), "/server_info"),
    )


def room(desk: Desk) -> DatabaseSize:
    """Return the size of the database and its largest tables.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        tables = tuple(sizes.largest_tables(db, limit=SHOWN_TABLES))
        return DatabaseSize(sizes.database_bytes(db), tables)


def limits(desk: Desk) -> tuple[Limit, ...]:
    """Return the limits in force."""
    running = desk.settings.caps
    per_symbol = "none" if running.per_symbol is None else str(running.per_symbol)
    return (
        *(Limit(f"{kind} at once", str(cap), f"CONCURRENCY_{kind}") for kind, cap in running.running.items()),
        Limit("Of one type and symbol, waiting or running", per_symbol, "CONCURRENCY_PER_SYMBOL"),
        *(Limit(f"{kind} takes at most", _span(limit.total_seconds()), "code") for kind, limit in TIMEOUTS.items()),
        Limit("Heartbeat no older than", _span(LEASE.total_seconds()), "code"),
        Limit("Failures in a row before a person is asked", str(MAX_FAILURES_IN_ROW), "code"),
        Limit("A tick every", _span(desk.settings.tick_seconds), "TICK_SECONDS"),
    )


_COUNTED = (
    (invariants.no_stuck_jobs, "No running job has let its lease run out"),
    (invariants.caps_are_kept, "No more jobs of a type run than its cap"),
    (invariants.figures_are_current, "Every figure shown is that of the latest session since reset"),
    (invariants.work_is_finishing, "Work finishes while work waits"),
)


def _tick(desk: Desk, now: datetime) -> Promise:
    age = tick_age(desk, last_tick_at(desk), now=now)
    value = "no tick yet" if age.seconds is None else f"{_span(age.seconds)} ago"
    bar = f"at most {_span(age.limit_seconds)} ago"
    return Promise("tick_is_recent", "Autonomy ticks", value, bar, age.is_recent, (), now)


def _starts(desk: Desk, now: datetime) -> Promise:
    starts = starts_view(desk)
    failing = starts is not None and starts.pace is Pace.STARTS_FAILING
    value = "no tick yet" if starts is None else starts.words
    holds = None if starts is None else not failing
    return Promise(
        "runs_start", "Runs that autonomy asks for start", value, "none failed since the last", holds, (), now
    )


def _counted(invariant: Invariant, words: str, now: datetime) -> Promise:
    of_all = f" of {invariant.checked:,}" if invariant.checked else ""
    value = f"{invariant.faults:,}{of_all} broken" if invariant.checked or invariant.faults else "none to look at"
    return Promise(invariant.name, words, value, "0 broken", invariant.holds, invariant.broken, now)


def _chain(last: ChainVerification | None) -> Promise:
    words = "Every audit event follows from the one before it"
    if last is None:
        return Promise("audit_chain_is_whole", words, "never verified", "0 breaks", None, (), None)
    breaks = f"{len(last.breaks)}{' or more' if len(last.breaks) == SHOWN_BREAKS else ''} breaks"
    value = f"{breaks} in {last.events:,} events"
    broken: Sequence[Mapping[str, Any]] = last.breaks
    return Promise("audit_chain_is_whole", words, value, "0 breaks", last.is_whole, tuple(broken), last.checked_at)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
