"""The autonomy tick as a use case: read the fleet, plan, commit.

Belongs here: one transaction around the pure planner. Does not belong here: the rules (`trading.work.planner`), asking
Dagster for runs (`sensors`).

What commits together: jobs taken back, new jobs, attempt counters, the tick and its decisions, and the audit event of a
silence that this tick ends. Racing ticks wait for
each other, and the second one sees the first one's jobs, so it enqueues nothing twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from services.audit import chain
from services.desk import Desk
from services.work.autonomy_ticks import silence_limit
from services.work.starts import summary_of
from store.control import kill_switch
from store.database import transaction
from store.market.bars import BarStore
from store.work import autonomy, autonomy_ticks, considered_bots, jobs
from store.work.autonomy_ticks import AutonomyTickRow
from store.work.considered_bots import SeriesOf
from store.work.jobs import ActiveJobs, Reclaimed
from trading.actors import AUTONOMY
from trading.work.jobs import JobType
from trading.work.planner import Plan, plan_autonomy_tick
from trading.work.starts import NO_STARTS, Allowance, Starts, allowance

REASON_OF = attrgetter("reason")
SILENT, SUBJECT = "AUTONOMY_WAS_SILENT", "fleet"


@dataclass(frozen=True, slots=True)
class AutonomyTick:
    """One committed tick.

    Attributes:
        run_id: Its row in `autonomy_runs`.
        summary: What the proof endpoint shows.
        queued: Jobs that wait now and may be claimed, by type; none while the kill switch is engaged.
        reclaimed: Jobs taken back from runs that died or went silent.
        allowed: How many new runs it may ask for, which `summary` tells as `starts`.
    """

    run_id: int
    summary: Mapping[str, Any]
    queued: Mapping[JobType, int]
    reclaimed: tuple[Reclaimed, ...]
    allowed: Allowance


def run_autonomy_tick(desk: Desk, *, dead_runs: Sequence[str] = (), starts: Starts = NO_STARTS) -> AutonomyTick:
    """Run one tick.

    Args:
        desk: The desk.
        dead_runs: Dagster runs known to be over; RUNNING jobs they hold are taken back at once.
        starts: How the newest runs came up.

    Raises:
        Unavailable: the database is away; nothing is committed.
    """
    series = series_at_hand(desk.bars)
    with transaction(desk.database) as db:
        autonomy.lock_autonomy_tick(db)
        admitted = kill_switch.admits_work(db)
        started_at = desk.clock()
        before = autonomy_ticks.newest(db)
        taken_back = jobs.reclaim(db, now=started_at, dead_runs=dead_runs)
        fleet = list(considered_bots.read(db, series))
        plan = plan_autonomy_tick(
            fleet,
            now=started_at,
            caps=desk.settings.caps,
            load=jobs.load(db),
            kill_switch=not admitted,
        )
        jobs.enqueue(db, plan.enqueued, now=started_at)
        active = jobs.count_active(db)
        summary = _summary(desk, plan, active, taken_back) | {"starts": summary_of(starts, now=started_at)}
        run_id = autonomy.record_autonomy_tick(
            db,
            plan.decisions,
            started_at=started_at,
            completed_at=desk.clock(),
            candidates=len(fleet),
            summary=summary,
        )
        if before is not None and started_at - before.started_at > silence_limit(desk):
            _record_silence(desk, db, before, until=started_at)
    queued = {kind: count if admitted else 0 for kind, count in active.queued.items()}
    return AutonomyTick(run_id, summary, queued, tuple(taken_back), allowance(starts, now=started_at))


def running_runs(desk: Desk) -> set[str]:
    """Return the Dagster runs that hold RUNNING jobs, for the sensor to look up."""
    with transaction(desk.database) as db:
        return jobs.running_runs(db)


def series_at_hand(store: BarStore) -> SeriesOf:
    """Return fingerprint, arrival and last opening of the bars that are traded, per (symbol, timeframe)."""
    catalog = store.catalog()
    choices = {key: catalog.choice(*key) for key in {key[:2] for key in catalog.series}}
    traded = {key: choice.series for key, choice in choices.items() if choice is not None}
    return {
        key: (series.fingerprint, series.imported_at, datetime.fromtimestamp(series.last_ts // 1_000_000_000, UTC))
        for key, series in traded.items()
    }


def _record_silence(desk: Desk, db: Session, last: AutonomyTickRow, *, until: datetime) -> None:
    """Say in the audit chain from when to when nothing was decided; whatever stopped it, it is over now."""
    payload = {
        "from": last.started_at.isoformat(),
        "to": until.isoformat(),
        "seconds": round((until - last.started_at).total_seconds()),
        "limitSeconds": round(silence_limit(desk).total_seconds()),
        "lastTick": last.id,
    }
    chain.record(desk, db, actor=AUTONOMY, action=SILENT, subject=SUBJECT, payload=payload)


def _summary(desk: Desk, plan: Plan, active: ActiveJobs, taken_back: Sequence[Reclaimed]) -> dict[str, Any]:
    enqueued = Counter(decision.job_type for decision in plan.enqueued)
    return {
        "jobs_enqueued_by_type": {kind: enqueued[kind] for kind in JobType},
        "currently_running_jobs_by_type": dict(active.running),
        "eligible_candidates_count": plan.eligible,
        "concurrency_caps": dict(desk.settings.caps.running),
        "queued_jobs_by_type": dict(active.queued),
        "reclaimed_jobs": [str(job.job_id) for job in taken_back],
        "reasons": dict(sorted(Counter(map(REASON_OF, plan.decisions)).items())),
    }
