"""An improve iteration is judged by what it did: recounted from its candidates and from the engine."""

from contextlib import nullcontext
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select, update

from services.backtests.epochs import epoch_of
from services.backtests.workbench import Workbench, open_workbench
from services.desk import Desk
from services.improvement import iterations
from services.improvement.iterations import Evolution, Improvement, run_improvement
from services.improvement.results import Iteration
from services.progress import silent
from services.work.queue import drain
from store.tables import Bot, BotJob, ImproveCandidate, ImproveIteration
from store.work import jobs
from tests.harness.factories import make_bot, make_generation
from tests.harness.known import known
from tests.harness.searches import best_of, in_order
from trading.backtests.parts import PartBacktester, PartResult
from trading.figures.performance import Performance, daily_returns
from trading.improvement.acceptance import AcceptanceVerdict, screened
from trading.strategies.genome import Genome, default_genome, validated
from trading.verification.luck import deflated_sharpe, estimate_sharpe
from trading.verification.walk_forward import plan
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import Decision, Reason

ARCHETYPE = "trend_ema_cross"


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, id=UUID(int=1), archetype=ARCHETYPE).id  # the search draws by it


def open_days_of(desk: Desk, bot_id: UUID) -> Workbench:
    whole = open_workbench(desk, bot_id)
    return whole.before(known(epoch_of(desk, whole)).sealed_from)


def on_test_days(desk: Desk, bot_id: UUID, genome: Genome) -> tuple[PartResult, int]:
    """Run a genome over the last test part of the open days; return the run and the account."""
    bench = open_days_of(desk, bot_id)
    backtester = PartBacktester(bench.at_hand.tape, ARCHETYPE, account=bench.account)
    return backtester.run(genome, plan(bench.at_hand.bars.ts_event)[-1].test), bench.account.account_micros


def test_the_screening_weighs_the_walk_as_it_went_and_the_figures_count_every_try(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def spy(candidate: Performance, parent: Performance, **given: Any) -> AcceptanceVerdict | None:
        asked.append(given | {"candidate": candidate, "parent": parent})
        return screened(candidate, parent, **given)

    monkeypatch.setattr(iterations, "screened", spy)
    for run_id in ("run-1", "run-2"):
        assert run_improvement(stocked_desk, bot_id, run_id=run_id).status is JobStatus.COMPLETED
    with stocked_desk.database() as db:
        first, second = db.scalars(select(ImproveIteration).order_by(ImproveIteration.iteration))
        in_sequence = select(ImproveCandidate).order_by(ImproveCandidate.segment, ImproveCandidate.trial)
        tries = [db.scalars(in_sequence.filter_by(iteration_id=row.id)).all() for row in (first, second)]
    assert first.seed != second.seed
    counted = [row.evidence["candidates_tried"] for row in (first, second)]
    assert counted == [len(tries[0]), len(tries[0]) + len(tries[1])]
    by_segment = [list(rows) for _, rows in groupby(tries[0], key=lambda row: row.segment)]
    chosen = [next(row for row in rows if row.test_trades is not None) for rows in by_segment]
    earned = [row.test_net_pnl_usd is not None and row.test_net_pnl_usd > 0 for row in chosen]
    assert asked[0]["consistency"] == sum(earned) / len(earned) < 1.0
    assert asked[0]["tried"] == len(by_segment[-1])
    run, account_micros = on_test_days(stocked_desk, bot_id, chosen[-1].genome)
    assert asked[0]["candidate"] == run.performance
    estimate = known(estimate_sharpe(daily_returns(run.equity_micros, run.trading_day, account_micros=account_micros)))
    per_day = np.array([row.train_sharpe for row in by_segment[-1] if row.train_sharpe is not None]) / np.sqrt(252)
    deflated = deflated_sharpe(estimate, trials=len(tries[0]), sharpe_variance=float(per_day.var(ddof=1)))
    assert first.evidence["deflated_sharpe_probability"] == pytest.approx(deflated)
    parent, _ = on_test_days(stocked_desk, bot_id, default_genome(ARCHETYPE))
    assert asked[0]["parent"] == parent.performance


class WorkerDied(BaseException):
    """What nothing may catch, as the end of a process is."""


def searched(desk: Desk, task: Improvement | Evolution, run_id: str, *, dies: bool) -> Iteration:
    """Drain one iteration and return what it found, whether or not its worker lives to record it."""
    performed: list[Iteration] = []
    perform = task.perform

    def performing(*about: Any) -> Any:
        performed.append(perform(*about))  # type: ignore[arg-type]
        if dies:
            raise WorkerDied
        return performed[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "perform", performing)
        job_type = JobType.IMPROVE if isinstance(task, Improvement) else JobType.EVOLVE
        with pytest.raises(WorkerDied) if dies else nullcontext():
            list(drain(desk, task, job_type, run_id=run_id, time_limit=timedelta(hours=1)))
    (iteration,) = performed
    return iteration


def wish(desk: Desk, bot_id: UUID, job_type: JobType, *, iteration: int) -> None:
    with desk.database.begin() as db:
        jobs.enqueue(db, [Decision(bot_id, Reason.BY_HAND, job_type, iteration=iteration)], now=desk.clock())


@pytest.mark.parametrize("task", [Improvement(), Evolution()], ids=["improve", "evolve"])
def test_a_retried_iteration_is_searched_with_another_seed_however_the_try_before_ended(
    stocked_desk: Desk, bot_id: UUID, task: Improvement | Evolution
) -> None:
    job_type = JobType.IMPROVE if isinstance(task, Improvement) else JobType.EVOLVE
    wish(stocked_desk, bot_id, job_type, iteration=4)
    lost = searched(stocked_desk, task, "doomed", dies=True)
    with stocked_desk.database.begin() as db:
        (taken,) = jobs.reclaim(db, now=stocked_desk.clock(), dead_runs=["doomed"])
        assert db.get_one(BotJob, taken.job_id).attempt == 2
    taken_back = searched(stocked_desk, task, "next", dies=False)
    wish(stocked_desk, bot_id, job_type, iteration=4)
    planned_again = searched(stocked_desk, task, "later", dies=False)
    assert len({lost.seed, taken_back.seed, planned_again.seed}) == 3


@pytest.mark.parametrize("task", [Improvement(), Evolution()], ids=["improve", "evolve"])
def test_one_try_of_an_iteration_searches_the_same_whenever_it_is_repeated(
    stocked_desk: Desk, bot_id: UUID, task: Improvement | Evolution
) -> None:
    job_type = JobType.IMPROVE if isinstance(task, Improvement) else JobType.EVOLVE
    wish(stocked_desk, bot_id, job_type, iteration=4)
    with stocked_desk.database.begin() as db:
        claim = jobs.claim(db, job_type, run_id="a run", cap=1, now=stocked_desk.clock())
    assert claim is not None
    first, again = (task.perform(stocked_desk, claim, silent) for _ in range(2))
    assert isinstance(first, Iteration)
    assert isinstance(again, Iteration)
    assert first.walk is not None
    assert (again.seed, again.walk) == (first.seed, first.walk)
    assert (again.candidate, again.verdict, again.evidence) == (first.candidate, first.verdict, first.evidence)


def test_another_generation_or_iteration_is_searched_with_another_seed(stocked_desk: Desk, bot_id: UUID) -> None:
    seeds: list[int] = []
    for iteration in (1, 2, 2):
        wish(stocked_desk, bot_id, JobType.IMPROVE, iteration=iteration)
        seeds.append(searched(stocked_desk, Improvement(), f"run-{len(seeds)}", dies=True).seed)
        with stocked_desk.database.begin() as db:
            db.execute(update(BotJob).values(status="CANCELED", completed_at=stocked_desk.clock()))
            if iteration == 2:
                make_generation(db, db.get_one(Bot, bot_id))
    assert len(set(seeds)) == 3


def test_parent_and_candidate_are_told_apart(stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = default_genome(ARCHETYPE)
    other = validated(ARCHETYPE, {**parent, "ema_fast": 5, "ema_slow": 40})
    monkeypatch.setattr(iterations, "neighbours_by_optuna", lambda *_: best_of(in_order([other]), trials=1))
    assert run_improvement(stocked_desk, bot_id, run_id="run-1").status is JobStatus.COMPLETED
    with stocked_desk.database() as db:
        evidence = db.scalars(select(ImproveIteration)).one().evidence
    sharpes = [on_test_days(stocked_desk, bot_id, genome)[0].performance.sharpe for genome in (parent, other)]
    assert [evidence["parent_test_sharpe"], evidence["candidate_test_sharpe"]] == sharpes
    assert sharpes[0] != sharpes[1]


def test_a_search_that_finds_only_the_parent_is_no_improvement(
    stocked_desk: Desk, bot_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        iterations, "neighbours_by_optuna", lambda _style, parent, _: best_of(in_order([parent]), trials=1)
    )
    assert run_improvement(stocked_desk, bot_id, run_id="run-1").status is JobStatus.COMPLETED
    with stocked_desk.database() as db:
        iteration = db.scalars(select(ImproveIteration)).one()
    assert (iteration.accepted, iteration.reason_code) == (False, "SAME_AS_PARENT")
    assert iteration.evidence["deflated_sharpe_probability"] is None, "a single try has no spread"
