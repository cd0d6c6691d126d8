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
from services.verification.runs import verify
from services.work.autonomy import run_tick
from store.audit import pages
from store.audit.pages import AuditFilter
from store.health import sizes
from store.improvement import lab
from store.improvement.lab import IterationFilter
from store.verification import runs
from store.work import job_pages, jobs, ticks, under_way, waits
from store.work.under_way import WorkKind
from tests.harness.actors import OPS
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot
from tests.harness.rows import assert_as_declared
from trading.verification.verdicts import Kind
from trading.work.jobs import JobType
from trading.work.planner import Decision, Reason

Read = Callable[[Session, UUID], Sequence[object]]


def newest(session: Session) -> ticks.TickRow:
    tick = ticks.newest_tick(session)
    assert tick is not None
    return tick


def yesterday(session: Session) -> datetime:
    return newest(session).started_at - timedelta(days=1)


def iterations(session: Session) -> Sequence[lab.IterationRow]:
    return lab.iterations(session, IterationFilter(), before=None, limit=9)


STATEMENTS: dict[str, Read] = {
    "ticks": lambda session, _: ticks.ticks(session, limit=9),
    "tick": lambda session, _: [ticks.tick(session, newest(session).id)],
    "decisions": lambda session, _: ticks.decisions(session, newest(session).id, limit=9),
    "reasons": lambda session, _: ticks.count_decisions(session, newest(session).id),
    "decisions of a bot": lambda session, bot_id: ticks.decisions_of_bot(session, bot_id, limit=9),
    "running": lambda session, _: job_pages.running(session, limit=9),
    "queued": lambda session, _: job_pages.queued(session, JobType.EVOLVE, limit=9),
    "oldest queued": lambda session, _: [job_pages.oldest_queued(session)],
    "ended": lambda session, _: job_pages.ended(session, troubled=False, before=None, limit=9),
    "recent": lambda session, _: job_pages.recent(session, limit=9),
    "jobs of a bot": lambda session, bot_id: job_pages.of_bot(session, bot_id, limit=9),
    "jobs by status": lambda session, _: job_pages.count_by_status(session),
    "waits": lambda session, _: waits.waits(session, list(JobType), since=yesterday(session)),
    "long work": lambda session, _: under_way.heard_since(session, yesterday(session), limit=9),
    "events": lambda session, _: pages.events(session, AuditFilter(), before=None, limit=9),
    "iterations": lambda session, _: iterations(session),
    "iteration": lambda session, _: [lab.iteration(session, iterations(session)[0].id)],
    "candidates": lambda session, _: lab.candidates(session, iterations(session)[0].id, limit=9_999),
    "what gates read": lambda session, bot_id: runs.latest_of_bots(session, [bot_id], kinds=list(Kind))[bot_id],
    "tables": lambda session, _: sizes.largest_tables(session, limit=99),
}


def lived(desk: Desk, clock: FixedClock) -> UUID:
    """Return a bot that was backtested, improved, verified and renamed; another job runs, one waits, work goes on."""
    with desk.sessions.begin() as session:
        bot_id = make_bot(session, archetype="trend_ema_cross").id
    run_baseline(desk, bot_id, run_id="run-1")
    run_improvement(desk, bot_id, run_id="run-2")
    verify(desk, bot_id, Kind.WALK_FORWARD)
    why: dict[str, Any] = {"reason_code": "BETTER_NAME", "actor": OPS, "request_id": "trace-1"}
    act_on_bot(desk, ActWish(act=Act.RENAME, bot_id=bot_id, name="Cobalt Otter", **why))
    run_tick(desk)
    with desk.sessions.begin() as session:
        for kind in (JobType.BACKTEST, JobType.EVOLVE):
            jobs.enqueue_by_hand(session, Decision(bot_id, Reason.BY_HAND, kind), now=clock.now)
        claim = jobs.claim(session, JobType.BACKTEST, run_id="run-3", cap=2, now=clock.now)
        assert claim is not None
        assert jobs.heartbeat(session, claim.job_id, run_id="run-3", now=clock.now, progress_pct=12.5)
        work = {"id": uuid4(), "kind": WorkKind.VERIFICATION, "title": "Walk-forward", "bot_id": bot_id}
        place = {"step": "walk forward", "done": 1, "of": 4, "started_at": clock.now, "heartbeat_at": clock.now}
        under_way.tell(session, work | place)
    return bot_id


def test_rows_hold_what_their_types_say(stocked_desk: Desk, clock: FixedClock) -> None:
    bot_id = lived(stocked_desk, clock)
    wrong: dict[str, str] = {}
    with stocked_desk.sessions() as session:
        for name, read in STATEMENTS.items():
            try:
                assert_as_declared(read(session, bot_id))
            except (AssertionError, ValidationError) as refusal:
                wrong[name] = str(refusal)
        assert job_pages.stuck(session, now=clock.now + timedelta(hours=1), limit=9) == job_pages.running(
            session, limit=9
        )
    assert wrong == {}
