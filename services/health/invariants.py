"""What must always hold, recounted from raw truth: the platform's own doubts about itself.

Belongs here: verdicts with evidence, for asset checks and proofs. Does not belong here: mending what is broken.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.audit.chain import verify_chain
from services.desk import Desk
from services.work.autonomy_ticks import tick_age
from store.control import kill_switch
from store.database import reading, transaction
from store.health import invariants
from store.work import autonomy_ticks, jobs
from trading.work.jobs import LEASE

SHOWN = 10
PROGRESS_LIMIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Invariant:
    """One verdict.

    Attributes:
        name: What must hold.
        holds: Whether it does.
        checked: How many rows were looked at; a verdict over none says so.
        faults: How many rows offend.
        broken: Up to ten of them.
    """

    name: str
    holds: bool
    checked: int
    faults: int
    broken: tuple[dict[str, Any], ...]


def raw_truth_matches_rollup(desk: Desk) -> Invariant:
    """Recount every bot's BACKTEST figures from its sessions and trades since reset, and compare with what is shown."""
    with transaction(desk.database) as db:
        return _verdict("raw_truth_matches_rollup", *invariants.rollup_differences(db))


def session_conserves_cash(desk: Desk) -> Invariant:
    """Account plus the trades' net P&L is the last equity, and costs explain gross less net, for every session."""
    with transaction(desk.database) as db:
        return _verdict("session_conserves_cash", *invariants.cash_differences(db))


def no_stuck_jobs(desk: Desk, db: Session | None = None) -> Invariant:
    """No RUNNING job has let its lease run out for longer than the tick needs to take it back."""
    with _at_hand(desk, db) as open_session:
        return _verdict("no_stuck_jobs", *invariants.stuck_jobs(open_session, before=desk.clock() - 2 * LEASE))


def tick_is_recent(desk: Desk, db: Session | None = None) -> Invariant:
    """The last tick is no older than what `silence_limit` allows."""
    with _at_hand(desk, db) as open_session:
        last = autonomy_ticks.newest(open_session)
    age = tick_age(desk, last.started_at if last is not None else None, now=desk.clock())
    late = [] if age.is_recent else [{"seconds_since_last_tick": age.seconds, "limit_seconds": age.limit_seconds}]
    return _verdict("tick_is_recent", int(last is not None), late)


def caps_are_kept(desk: Desk, db: Session | None = None) -> Invariant:
    """No more jobs of a type run than its cap allows."""
    limits = desk.settings.caps.running
    with _at_hand(desk, db) as open_session:
        running = jobs.count_active(open_session).running
    over = [
        {"job_type": str(kind), "running": running[kind], "cap": cap}
        for kind, cap in limits.items()
        if running[kind] > cap
    ]
    return _verdict("caps_are_kept", len(limits), over)


def figures_are_current(desk: Desk, db: Session | None = None) -> Invariant:
    """Every BACKTEST figure shown is that of the bot's latest completed session since its reset."""
    with _at_hand(desk, db) as open_session:
        return _verdict("figures_are_current", *invariants.shown_differences(open_session))


def work_is_finishing(desk: Desk, db: Session | None = None) -> Invariant:
    """A job completed within the last ten minutes, unless none has waited that long: being alive is not enough.

    While the kill switch is engaged work waits because a person wants it to; after a release its ten minutes begin.
    """
    now = desk.clock()
    with _at_hand(desk, db) as open_session:
        finished_at, waiting_since = invariants.progress(open_session)
        switch = kill_switch.read(open_session)
    recent = finished_at is not None and now - finished_at <= PROGRESS_LIMIT
    free_since = None if waiting_since is None else max(waiting_since, switch.since or waiting_since)
    idle = switch.is_engaged or free_since is None or now - free_since <= PROGRESS_LIMIT
    silent = {"last_finished_at": str(finished_at), "oldest_active_since": str(waiting_since)}
    return _verdict("work_is_finishing", int(finished_at is not None), [] if recent or idle else [silent])


def audit_chain_is_whole(desk: Desk) -> Invariant:
    """Every audit event follows from the one before it, up to the head remembered outside the database."""
    verdict = verify_chain(desk)
    broken = [asdict(place) for place in verdict.breaks]
    return _verdict("audit_chain_is_whole", verdict.events, broken)


def all_invariants(desk: Desk) -> tuple[Invariant, ...]:
    """Return every verdict that is cheap enough to ask for at any time; all but the chain's share one connection.

    Each is a recount of every row it speaks of, made now; nothing is remembered between two askings. The ledger checks
    recount the rest.
    """
    with reading(desk.database) as db:
        counted = tuple(
            check(desk, db)
            for check in (tick_is_recent, no_stuck_jobs, caps_are_kept, figures_are_current, work_is_finishing)
        )
    return *counted, audit_chain_is_whole(desk)


def _at_hand(desk: Desk, db: Session | None) -> AbstractContextManager[Session]:
    return reading(desk.database) if db is None else nullcontext(db)


def _verdict(name: str, checked: int, broken: Sequence[dict[str, Any]]) -> Invariant:
    return Invariant(name, not broken, checked, len(broken), tuple(broken[:SHOWN]))
