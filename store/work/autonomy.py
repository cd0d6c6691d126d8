"""What autonomy did: one row a tick, one row a bot considered.

Belongs here: statements on `autonomy_runs` and `autonomy_bot_decisions`. Does not belong here: the plan itself,
the kill switch it obeys (`store.control.kill_switch`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from store.database import hold
from store.tables import AutonomyBotDecision, AutonomyRun
from trading.work.planner import Decision

TICK_LOCK = 7_216_384_501


def lock_autonomy_tick(db: Session) -> None:
    """Wait until no tick plans and no reset is written; held to the end of the transaction."""
    hold(db, TICK_LOCK)


def record_autonomy_tick(
    db: Session,
    decisions: Iterable[Decision],
    *,
    started_at: datetime,
    completed_at: datetime,
    candidates: int,
    summary: Mapping[str, Any],
) -> int:
    """Write one tick and its decisions; return the tick's id."""
    listed = list(decisions)
    run_id = db.execute(
        insert(AutonomyRun)
        .values(
            started_at=started_at,
            completed_at=completed_at,
            candidates=candidates,
            decisions=len(listed),
            summary=dict(summary),
        )
        .returning(AutonomyRun.id)
    ).scalar_one()
    _copy_decisions(db, run_id, listed)
    return run_id


def forget_autonomy_ticks(db: Session, *, before: datetime) -> int:
    """Delete the ticks that started before a moment, with their decisions; return how many."""
    gone = db.execute(delete(AutonomyRun).where(AutonomyRun.started_at < before).returning(AutonomyRun.id))
    return len(gone.all())


def forget_decisions(db: Session, *, before: datetime) -> int:
    """Delete the decisions of ticks that started before a moment, keeping the ticks; return how many."""
    old = select(AutonomyRun.id).where(AutonomyRun.started_at < before)
    gone = db.execute(delete(AutonomyBotDecision).where(AutonomyBotDecision.run_id.in_(old)))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _copy_decisions(db: Session, run_id: int, decisions: Iterable[Decision]) -> None:
    driver = db.connection().connection.driver_connection
    if driver is None:
        return
    columns = "run_id, seq, bot_id, decision, job_type, reason_code, blockers"
    with driver.cursor().copy(f"COPY autonomy_bot_decisions ({columns}) FROM STDIN") as copy:
        copy.write("".join(_copy_line(run_id, seq, decision) for seq, decision in enumerate(decisions)))


def _copy_line(run_id: int, seq: int, decision: Decision) -> str:
    """One row in COPY's text format; every word in it is one of ours, so nothing needs escaping."""
    verdict = f"ENQUEUE\t{decision.job_type}" if decision.job_type is not None else "SKIP\t\\N"
    blockers = ",".join(decision.blockers)
    return f"{run_id}\t{seq}\t{decision.bot_id}\t{verdict}\t{decision.reason}\t{{{blockers}}}\n"
