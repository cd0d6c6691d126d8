"""The ledger's own assets: what ticks decide, the queue, the audit chain, with the checks that are about them.

Belongs here: specs, what a tick is seen as, one call a check. Does not belong here: rules.

Nothing here is made by a run: ticks decide in a sensor, because a decision a bot costs microseconds and the start of a
run seconds. Dagster sees them as observations.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from assets.checks import check_result, judged
from assets.keys import AUDIT_EVENTS, BOT_JOBS, DECISIONS, EVOLVE_ITERATIONS, IMPROVE_ITERATIONS, ROLLUPS
from assets.partitions import OWNERS
from assets.reports import table
from services.audit.pages import verify_now
from services.desk import Desk
from services.health.invariants import no_stuck_jobs
from services.work.autonomy import AutonomyTick
from trading.actors import Actor, ActorKind

OBSERVED_AT_LEAST_EVERY = timedelta(minutes=5)
CHECKER = Actor(ActorKind.AUTONOMY, "ledger_audit")

decisions = dg.AssetSpec(
    DECISIONS,
    description="What each tick decided for every bot, and why: one reason a bot, kept with the tick.",
    deps=[ROLLUPS, IMPROVE_ITERATIONS, EVOLVE_ITERATIONS],
    group_name="autonomy",
    kinds={"postgres"},
    owners=OWNERS,
)
bot_jobs = dg.AssetSpec(
    BOT_JOBS,
    description="The queue: one row for each piece of work of a bot, from its decision to its end.",
    deps=[DECISIONS],
    group_name="autonomy",
    kinds={"postgres"},
    owners=OWNERS,
)
audit_events = dg.AssetSpec(
    AUDIT_EVENTS,
    description="Who did what and why, each event chained to the one before it.",
    group_name="autonomy",
    kinds={"postgres"},
    owners=OWNERS,
)


@dg.asset_check(asset=BOT_JOBS, name="no_stuck_jobs")
def stuck_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """No RUNNING job has been silent for longer than the tick needs to take it back."""
    return check_result(no_stuck_jobs(desk))


@dg.asset_check(asset=AUDIT_EVENTS, name="audit_chain_is_whole")
def chain_check(desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
    """Every audit event follows from the one before it; the pages show this verdict until the next one."""
    verdict = verify_now(desk, actor=CHECKER)
    return judged(verdict.is_whole, verdict.events, verdict.breaks)


LEDGER = (decisions, bot_jobs, audit_events)
LEDGER_CHECKS = (stuck_check, chain_check)


@dataclass(frozen=True, slots=True)
class TickObservation:
    """What a tick is seen as.

    Attributes:
        event: The observation; None where it would say what the last one said.
        cursor: What the next tick compares itself with.
    """

    event: dg.AssetObservation | None
    cursor: str


def observation(tick: AutonomyTick, *, runs: int, last: str | None, now: datetime) -> TickObservation:
    """Return a tick as an observation of its decisions, unless it decided as the one observed last.

    A fleet at rest decides the same every few seconds; a thousand such observations a day would say no more than one
    every five minutes.
    """
    reasons: dict[str, int] = tick.summary["reasons"]
    did = sum(tick.summary["jobs_enqueued_by_type"].values()) + len(tick.reclaimed) + runs
    before = json.loads(last) if last else {"reasons": None, "at": None}
    rested = before["at"] is not None and now - datetime.fromisoformat(before["at"]) < OBSERVED_AT_LEAST_EVERY
    if not did and rested and before["reasons"] == reasons:
        return TickObservation(None, json.dumps(before | {"tick": tick.run_id}))
    metadata = {
        "tick": tick.run_id,
        "bots": tick.summary["eligible_candidates_count"],
        "runs": runs,
        "taken_back": len(tick.reclaimed),
        **{f"queued/{kind}": count for kind, count in tick.summary["jobs_enqueued_by_type"].items()},
        "reasons": table(("reason", "bots"), sorted(reasons.items())),
    }
    cursor = json.dumps({"tick": tick.run_id, "reasons": reasons, "at": now.isoformat()})
    return TickObservation(dg.AssetObservation(DECISIONS, metadata=metadata), cursor)
