"""Rows of work, audit, improvement, verification and health hold what the types declared for them say."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy.orm import Session

from services.backtests.baselines import run_baseline
from services.bots.acts import Act, ActWish, act_on_bot
from services.desk import Desk
from services.improvement.iterations import run_improvement
from services.verification.verifications import verify
from services.work.autonomy import run_autonomy_tick
from store.audit import pages
from store.audit.pages import AuditFilter
from store.health import sizes
from store.improvement import lab
from store.improvement.lab import IterationFilter
from store.verification import verifications
from store.work import autonomy_ticks, job_pages, jobs, under_way, waits
from store.work.under_way import WorkKind
from tests.harness.actors import OPS
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot
from tests.harness.rows import assert_as_declared
from trading.verification.verdicts import Kind
from trading.work.jobs import JobType
from trading.work.planner import Decision, Reason

Read = Callable[[Session, UUID], Sequence[object]]


def newest(db: Session) -> autonomy_ticks.AutonomyTickRow:
    tick = autonomy_ticks.newest(db)
    assert tick is not None
    return tick


def yesterday(db: Session) -> datetime:
    return newest(db).started_at - timedelta(days=1)


def iterations(db: Session) -> Sequence[lab.IterationRow]:
    return lab.iterations(db, IterationFilter(), before=None, limit=9)


STATEMENTS: dict[str, Read] = {
    "ticks": lambda db, _: autonomy_ticks.page(db, limit=9),
    "tick": lambda db, _: [autonomy_ticks.by_id(db, newest(db).id)],
    "decisions": lambda db, _: autonomy_ticks.decisions(db, newest(db).id, limit=9),
    "reasons": lambda db, _: autonomy_ticks.count_decisions(db, newest(db).id),
    "decisions of a bot": lambda db, bot_id: autonomy_ticks.decisions_of_bot(db, bot_id, limit=9),
    "running": lambda db, _: job_pages.running(db, limit=9),
    "queued": lambda db, _: job_pages.queued(db, JobType.EVOLVE, limit=9),
    "oldest queued": lambda db, _: [job_pages.oldest_queued(db)],
    "ended": lambda db, _: job_pages.ended(db, troubled=False, before=None, limit=9),
    "recent": lambda db, _: job_pages.recent(db, limit=9),
    "jobs of a bot": lambda db, bot_id: job_pages.of_bot(db, bot_id, limit=9),
    "jobs by status": lambda db, _: job_pages.count_by_status(db),
    "waits": lambda db, _: waits.waits(db, list(JobType), since=yesterday(db)),
    "long work": lambda db, _: under_way.heard_since(db, yesterday(db), limit=9),
    "events": lambda db, _: pages.events(db, AuditFilter(), before=None, limit=9),
    "iterations": lambda db, _: iterations(db),
    "iteration": lambda db, _: [lab.iteration(db, iterations(db)[0].id)],
    "candidates": lambda db, _: lab.candidates(db, iterations(db)[0].id, limit=9_999),
    "what gates read": lambda db, bot_id: verifications.latest_of_bots(db, [bot_id], kinds=list(Kind))[bot_id],
    "tables": lambda db, _: sizes.largest_tables(db, limit=99),
}


def lived(desk: Desk, clock: FixedClock) -> UUID:
    """Return a bot that was backtested, improved, verified and renamed; another job runs, one waits, work goes on."""
    with desk.database.begin() as db:
        bot_id = make_bot(db, archetype="trend_ema_cross").id
    run_baseline(desk, bot_id, run_id="run-1")
    run_improvement(desk, bot_id, run_id="run-2")
    verify(desk, bot_id, Kind.WALK_FORWARD)
    why: dict[str, Any] = {"reason_code": "BETTER_NAME", "actor": OPS, "request_id": "trace-1"}
    act_on_bot(desk, ActWish(act=Act.RENAME, bot_id=bot_id, name="Cobalt Otter", **why))
    run_autonomy_tick(desk)
    with desk.database.begin() as db:
        for kind in (JobType.BACKTEST, JobType.EVOLVE):
            jobs.enqueue_by_hand(db, Decision(bot_id, Reason.BY_HAND, kind), now=clock.now)
        claim = jobs.claim(db, JobType.BACKTEST, run_id="run-3", cap=2, now=clock.now)
        assert claim is not None
        assert jobs.heartbeat(db, claim.job_id, run_id="run-3", now=clock.now, progress_pct=12.5)
        work = {"id": uuid4(), "kind": WorkKind.VERIFICATION, "title": "Walk-forward", "bot_id": bot_id}
        place = {"step": "walk forward", "done": 1, "of": 4, "started_at": clock.now, "heartbeat_at": clock.now}
        under_way.tell(db, work | place)
    return bot_id


def test_rows_hold_what_their_types_say(stocked_desk: Desk, clock: FixedClock) -> None:
    bot_id = lived(stocked_desk, clock)
    wrong: dict[str, str] = {}
    with stocked_desk.database() as db:
        for name, read in STATEMENTS.items():
            try:
                assert_as_declared(read(db, bot_id))
            except (AssertionError, ValidationError) as refusal:
                wrong[name] = str(refusal)
        assert job_pages.stuck(db, now=clock.now + timedelta(hours=1), limit=9) == job_pages.running(db, limit=9)
    assert wrong == {}
