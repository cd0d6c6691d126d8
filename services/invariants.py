"""What must always hold, recounted from raw truth: the platform's own doubts about itself.

Belongs here: verdicts with evidence, for asset checks and proofs. Does not belong here: mending what is broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.desk import Desk
from store import invariants
from store.database import transaction
from trading.jobs import LEASE

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Invariant:
    """One verdict.

    Attributes:
        name: What must hold.
        holds: Whether it does.
        checked: How many rows were looked at; a verdict over none says so.
        broken: Up to ten offending rows.
    """

    name: str
    holds: bool
    checked: int
    broken: tuple[dict[str, Any], ...]


def raw_truth_matches_rollup(desk: Desk) -> Invariant:
    """Recount every bot's BACKTEST figures from its sessions and trades since reset, and compare with what is shown."""
    with transaction(desk.sessions) as session:
        return _verdict("raw_truth_matches_rollup", *invariants.rollup_differences(session))


def session_conserves_cash(desk: Desk) -> Invariant:
    """Account plus the trades' net P&L is the last equity, and costs explain gross less net, for every session."""
    with transaction(desk.sessions) as session:
        return _verdict("session_conserves_cash", *invariants.cash_differences(session))


def no_stuck_jobs(desk: Desk) -> Invariant:
    """No RUNNING job has let its lease run out for longer than the tick needs to take it back."""
    with transaction(desk.sessions) as session:
        return _verdict("no_stuck_jobs", *invariants.stuck_jobs(session, before=desk.clock() - 2 * LEASE))


def _verdict(name: str, checked: int, broken: Sequence[dict[str, Any]]) -> Invariant:
    return Invariant(name, not broken, checked, tuple(broken[:SHOWN]))
