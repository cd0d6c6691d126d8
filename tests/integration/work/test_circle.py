"""The circle without Dagster: tick, claim, backtest, improve, next tick."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from services.backtests.baselines import BaselineBacktest
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.improvement.iterations import Evolution, Improvement
from services.progress import Progress
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Result, Task, drain, work_by_hand
from store.backtests.trades import TradeLog
from store.improvement import iterations
from store.tables import (
    AutonomyBotDecision,
    BacktestSession,
    Bot,
    BotGeneration,
    BotJob,
    BotMetricsRollup,
    BotProgress,
    ImproveCandidate,
    ImproveIteration,
)
from store.work.jobs import Claim
from tests.harness.clocks import FixedClock
from tests.harness.factories import reset_request
from tests.harness.known import known
from trading.backtests.parts import Part, PartBacktester, PartResult
from trading.strategies.genome import Genome, genome_hash
from trading.work.jobs import JobStatus, JobType

SYMBOLS = ("MES", "MGC")
HOUR = timedelta(hours=1)

TASKS: dict[JobType, Task] = {
    JobType.BACKTEST: BaselineBacktest(),
    JobType.IMPROVE: Improvement(),
    JobType.EVOLVE: Evolution(),
}


@pytest.fixture
def fleet(stocked_desk: Desk) -> Desk:
    seed_fleet(stocked_desk, size=6, symbols=SYMBOLS, timeframes=("1h",))
    return stocked_desk


def drained(desk: Desk, job_type: JobType) -> list[JobStatus]:
    return [done.status for done in drain(desk, TASKS[job_type], job_type, run_id=f"run-{job_type}", time_limit=HOUR)]


def test_a_fresh_fleet_gets_baselines_then_improvements(fleet: Desk, clock: FixedClock) -> None:
    tick = run_autonomy_tick(fleet)
    assert tick.summary["jobs_enqueued_by_type"] == {"BACKTEST": 6, "IMPROVE": 0, "EVOLVE": 0}
    assert drained(fleet, JobType.BACKTEST) == [JobStatus.COMPLETED] * 6
    clock.advance(seconds=10)
    tick = run_autonomy_tick(fleet)
    improves = tick.summary["jobs_enqueued_by_type"]["IMPROVE"]
    assert improves >= 1
    assert drained(fleet, JobType.IMPROVE) == [JobStatus.COMPLETED] * improves
    with fleet.database() as db:
        assert db.scalar(select(func.count()).select_from(ImproveIteration)) == improves
        tried = db.scalar(select(func.sum(ImproveIteration.candidates_tried)))
        assert db.scalar(select(func.count()).select_from(ImproveCandidate)) == tried
        accepted = db.scalar(select(func.count()).where(ImproveIteration.accepted))
        assert db.scalar(select(func.count()).select_from(BotGeneration)) == 6 + known(accepted)


def test_a_session_stores_trades_that_add_up_to_it(fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    drained(fleet, JobType.BACKTEST)
    with fleet.database() as db:
        sums = select(TradeLog.session_id, func.sum(TradeLog.net_pnl_usd), func.count()).group_by(TradeLog.session_id)
        recount = {row[0]: (row[1], row[2]) for row in db.execute(sums)}
        sessions = db.scalars(select(BacktestSession)).all()
        assert len(sessions) == 6
        assert sum(row.trades for row in sessions) > 50
        for row in sessions:
            assert recount.get(row.id, (0, 0)) == (row.net_pnl_usd, row.trades)
            assert row.equity_usd[-1] == row.account_usd + known(row.net_pnl_usd)
            assert row.data_source == "SIMULATED"
        rollups = {row.bot_id: row for row in db.scalars(select(BotMetricsRollup))}
        assert {row.bot_id: row.net_pnl_usd for row in sessions} == {
            key: row.net_pnl_usd for key, row in rollups.items()
        }


def test_every_considered_bot_has_a_decision_with_a_reason(fleet: Desk) -> None:
    run_autonomy_tick(fleet)
    second = run_autonomy_tick(fleet)
    with fleet.database() as db:
        rows = db.execute(
            select(AutonomyBotDecision.decision, AutonomyBotDecision.reason_code).where(
                AutonomyBotDecision.run_id == second.run_id
            )
        ).all()
    assert [tuple(row) for row in rows] == [("SKIP", "JOB_ACTIVE")] * 6


def test_evolve_follows_three_improves(fleet: Desk, clock: FixedClock) -> None:
    run_autonomy_tick(fleet)
    drained(fleet, JobType.BACKTEST)
    evolved = 0
    for _ in range(4):
        clock.advance(minutes=21)
        run_autonomy_tick(fleet)
        drained(fleet, JobType.BACKTEST)
        drained(fleet, JobType.IMPROVE)
        evolved += len(drained(fleet, JobType.EVOLVE))
    assert evolved >= 1
    with fleet.database() as db:
        done = db.scalars(select(BotProgress).where(BotProgress.evolve_iterations > 0)).all()
        assert len(done) == evolved


class ResetMeanwhile(Improvement):
    """An improvement whose whole fleet is reset while it searches."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        result = super().perform(desk, claim, progress)
        reset_metrics(desk, reset_request())
        return result


def test_after_a_reset_every_bot_is_due_for_a_baseline_and_running_work_does_not_count(
    fleet: Desk, clock: FixedClock
) -> None:
    run_autonomy_tick(fleet)
    drained(fleet, JobType.BACKTEST)
    clock.advance(seconds=10)
    queued = run_autonomy_tick(fleet).summary["jobs_enqueued_by_type"]["IMPROVE"]
    assert queued >= 2
    (done,) = drain(fleet, ResetMeanwhile(), JobType.IMPROVE, run_id="straddling", time_limit=HOUR)
    assert done.status is JobStatus.COMPLETED
    with fleet.database() as db:
        progress = db.get_one(BotProgress, done.bot_id)
        assert (progress.improve_iterations, progress.improves_since_evolve, progress.last_improve_at) == (1, 0, None)
        canceled = select(func.count()).select_from(BotJob).where(BotJob.status == "CANCELED")
        assert db.scalar(canceled) == queued - 1
    tick = run_autonomy_tick(fleet)
    assert tick.summary["jobs_enqueued_by_type"] == {"BACKTEST": 6, "IMPROVE": 0, "EVOLVE": 0}
    assert tick.summary["reasons"] == {"NO_SESSION_SINCE_RESET": 6}


def test_an_evolve_asks_and_runs_nothing_twice(fleet: Desk, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The held-out part is run once for each genome judged on it, and siblings are read once."""
    reads: list[object] = []
    judged: list[tuple[int, str]] = []
    read, run = iterations.sibling_genomes, PartBacktester.run

    def reading(*of: Any, **by: Any) -> Any:
        reads.append(of)
        return read(*of, **by)

    def running(self: PartBacktester, genome: Genome, part: Part) -> PartResult:
        if part.end_bar == len(self._tape) and len(part) < len(self._tape):
            judged.append((part.first_bar, genome_hash(genome)))
        return run(self, genome, part)

    with fleet.database() as db:
        bot_id = db.scalars(select(Bot.id).order_by(Bot.id)).first()
    assert bot_id is not None
    monkeypatch.setattr(iterations, "sibling_genomes", reading)
    monkeypatch.setattr(PartBacktester, "run", running)
    done = work_by_hand(fleet, Evolution(), JobType.EVOLVE, bot_id=bot_id, run_id="run-1")
    assert done.status is JobStatus.COMPLETED
    assert len(reads) == 1
    assert 1 <= len(judged) == len(set(judged)) <= 2
