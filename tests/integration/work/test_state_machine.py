"""Ticks, claims, crashes, finishes and resets in any order, driven against a model (hypothesis, stateful).

The model is a few dictionaries and knows nothing of SQL. After every step the ledger must agree with it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.desk import Desk
from services.figures.resets import reset_metrics
from services.work.autonomy import run_autonomy_tick
from store.bots import registry
from store.figures import rollups
from store.tables import BacktestSession, Bot, BotJob, BotMetricsRollup, BotProgress
from store.work import jobs
from store.work.jobs import Claim
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_session, reset_request
from trading.work.jobs import LEASE, JobStatus, JobType

CAP = 2
BOTS = 3
WHICH = st.integers(0, BOTS - 1)


@dataclass
class Known:
    """What the model knows of one bot."""

    attempts: int = 0
    completed_since_reset: int = 0
    reset_at: datetime | None = None
    all_sessions: int = 0


@dataclass
class Model:
    bots: dict[UUID, Known] = field(default_factory=dict)
    owners: dict[UUID, str] = field(default_factory=dict)  # job -> run that holds it
    beats: dict[UUID, datetime] = field(default_factory=dict)
    reclaims: dict[UUID, int] = field(default_factory=dict)


class Autonomy(RuleBasedStateMachine):
    desk: Desk
    clock: FixedClock
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.runs = 0
        with self.desk.database.begin() as db:
            db.execute(text("UPDATE bots SET archived_at = now() WHERE archived_at IS NULL"))
            db.execute(text("UPDATE bot_jobs SET status = 'CANCELED', completed_at = now() WHERE completed_at IS NULL"))
            for _ in range(BOTS):
                self.model.bots[make_bot(db, symbol="MES").id] = Known()

    @initialize()
    def first_tick(self) -> None:
        self.tick(1)

    @rule(seconds=st.sampled_from([1, 60, 121, 700]))
    def tick(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)
        before = self.statuses()
        result = run_autonomy_tick(self.desk)
        lapsed = {job for job, beat in self.model.beats.items() if self.clock() - beat > LEASE}
        assert {taken.job_id for taken in result.reclaimed} == lapsed
        for job in lapsed:
            bot = before[job][0]
            again = self.model.reclaims.get(job, 0) == 0
            self.model.reclaims[job] = self.model.reclaims.get(job, 0) + 1
            self.model.bots[bot].attempts += int(again)
            del self.model.beats[job], self.model.owners[job]
        for job, (bot, _) in self.statuses().items():
            self.model.bots[bot].attempts += int(job not in before)

    @rule(target=claims, which=WHICH)
    def claim(self, which: int) -> object:
        """A run takes the job of one bot; naming it keeps a history the same each time it is replayed."""
        taken = self.take(list(self.model.bots)[which])
        return multiple() if taken is None else taken

    @rule(target=claims, which=WHICH)
    def fall_asleep(self, which: int) -> object:
        """A run takes a job and sleeps past its lease; the tick gives the job to another run."""
        bot_id = list(self.model.bots)[which]
        asleep = self.take(bot_id)
        self.tick(int(LEASE.total_seconds()) + 1)
        successor = self.take(bot_id)
        return multiple(*(claim for claim in (asleep, successor) if claim is not None))

    def take(self, bot_id: UUID) -> Claim | None:
        self.runs += 1
        queued = [job for job, (bot, status) in self.statuses().items() if (bot, status) == (bot_id, "QUEUED")]
        wanted = queued[0] if queued else bot_id
        with self.desk.database.begin() as db:
            run_id = f"run-{self.runs}"
            taken = jobs.claim(db, JobType.BACKTEST, run_id=run_id, cap=CAP, now=self.clock(), job_id=wanted)
        assert (taken is not None) is (bool(queued) and len(self.model.owners) < CAP)
        if taken is not None:
            self.model.owners[taken.job_id] = taken.run_id
            self.model.beats[taken.job_id] = self.clock()
        return taken

    @rule(claim=claims)
    def heartbeat(self, claim: Claim) -> None:
        with self.desk.database.begin() as db:
            renewed = jobs.heartbeat(db, claim.job_id, run_id=claim.run_id, now=self.clock())
        assert renewed is self.owns(claim)
        if renewed:
            self.model.beats[claim.job_id] = self.clock()

    @rule(claim=consumes(claims))
    def finish(self, claim: Claim) -> None:
        owned = self.owns(claim)
        with self.desk.database.begin() as db:
            registry.lock(db, claim.bot_id)
            closed = jobs.close(db, claim.job_id, run_id=claim.run_id, status=JobStatus.COMPLETED, now=self.clock())
            assert closed is owned
            if not closed:
                return
            self.store_session(db, claim)
        known = self.model.bots[claim.bot_id]
        known.all_sessions += 1
        known.completed_since_reset += int(known.reset_at is None or claim.started_at >= known.reset_at)
        del self.model.owners[claim.job_id], self.model.beats[claim.job_id]

    def store_session(self, db: Session, claim: Claim) -> None:
        make_session(db, db.get_one(Bot, claim.bot_id), created_at=claim.started_at, job_id=claim.job_id)
        counters = registry.progress(db, claim.bot_id)
        if registry.counts_since_baseline(db, claim.bot_id, created_at=claim.started_at):
            done = counters.backtests_completed + 1
            registry.set_progress(db, claim.bot_id, backtests_completed=done, last_backtest_at=self.clock())
        rollups.rebuild(db, [claim.bot_id], now=self.clock())

    @rule(which=WHICH)
    def reset(self, which: int) -> None:
        bot_id = list(self.model.bots)[which]
        reset_metrics(self.desk, reset_request(scope="BACKTEST_ONLY", bot_ids=[bot_id]))
        with self.desk.database() as db:
            baseline = db.execute(
                text("SELECT reset_at FROM metrics_baselines WHERE bot_id = :bot AND book = 'BACKTEST'"),
                {"bot": bot_id},
            ).scalar_one()
        waiting = [job for job, standing in self.statuses().items() if standing == (bot_id, JobStatus.QUEUED)]
        for job in waiting:
            self.model.reclaims.pop(job, None)
        known = self.model.bots[bot_id]
        known.reset_at, known.completed_since_reset, known.attempts = baseline, 0, len(waiting)

    @invariant()
    def the_ledger_agrees(self) -> None:
        with self.desk.database() as db:
            for bot_id, known in self.model.bots.items():
                counters = db.get_one(BotProgress, bot_id, populate_existing=True)
                assert counters.backtest_attempts == known.attempts
                assert counters.backtests_completed == known.completed_since_reset
                stored = db.scalars(select(BacktestSession.id).where(BacktestSession.bot_id == bot_id)).all()
                assert len(stored) == known.all_sessions
                rollup = db.get(BotMetricsRollup, (bot_id, "BACKTEST"), populate_existing=True)
                assert (rollup.sessions if rollup is not None else 0) == known.completed_since_reset

    @invariant()
    def nothing_runs_twice_or_over_the_cap(self) -> None:
        by_status = list(self.statuses().values())
        active = [bot for bot, status in by_status if status in (JobStatus.QUEUED, JobStatus.RUNNING)]
        assert len(active) == len(set(active))
        running = sum(status == JobStatus.RUNNING for _, status in by_status)
        assert running == len(self.model.owners) <= CAP

    def owns(self, claim: Claim) -> bool:
        return self.model.owners.get(claim.job_id) == claim.run_id

    def statuses(self) -> dict[UUID, tuple[UUID, str]]:
        mine = select(BotJob.id, BotJob.bot_id, BotJob.status).where(BotJob.bot_id.in_(self.model.bots))
        with self.desk.database() as db:
            return {job: (bot, status) for job, bot, status in db.execute(mine.where(BotJob.job_type == "BACKTEST"))}


@pytest.fixture
def machine(stocked_desk: Desk, clock: FixedClock) -> type[Autonomy]:
    return type("AutonomyOverDesk", (Autonomy,), {"desk": stocked_desk, "clock": clock})


@pytest.mark.thorough
def test_the_ledger_agrees_with_a_model_after_any_history(machine: type[Autonomy]) -> None:
    checks = settings(
        max_examples=40,
        stateful_step_count=30,
        derandomize=True,
        phases=(Phase.generate,),  # a history that fails is short enough to read; shrinking it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=checks)
