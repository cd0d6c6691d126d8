"""Improve and evolve iterations: search open days, meet the newest generation in a look, or say why not.

Belongs here: from bot to verdict. Does not belong here: proposing (`search.py`), the rules of the verdict
(`trading.improvement.acceptance`), the look (`looks.py`), writing it down (`results.py`), the queue (`work/queue.py`).

A search is handed a workbench that holds open days only. They are cut into walk-forward segments; in each, a search
sees the train part, which is every bar before the test part. What it chose on the last train part is the candidate. The
test parts, open too, screen it at no cost; then candidate and newest generation meet on sealed days, which spends one
look. An evolve iteration first asks whether the newest generation still holds on the last test part; if an ancestor
does and it does not, the ancestor is put forward.

What commits together: the iteration, all its candidates, its look, what it adds to the bot's record, the new generation
if there is one, and the bot's counters, with the job's end.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np

from services.backtests.epochs import epoch_of, waits_until, whole_days
from services.backtests.records import RecordGrowth, beginning
from services.backtests.workbench import Workbench, open_workbench
from services.desk import Desk
from services.improvement.looks import Arena, Meeting, TakenLook
from services.improvement.results import FailedIteration, Iteration
from services.improvement.search import neighbours_by_optuna, offspring, stepwise
from services.progress import Progress, counted
from services.work.queue import Finished, Result, work_by_hand
from store.bots import registry
from store.bots.registry import BotAtWork
from store.database import transaction
from store.improvement import iterations
from store.work import jobs
from store.work.jobs import Claim
from trading.arrays import FloatArray
from trading.backtests.parts import Part
from trading.days import on_day
from trading.figures.performance import Performance, daily_returns
from trading.improvement.acceptance import (
    MIN_TEST_TRADES,
    AcceptanceVerdict,
    lost_before,
    reversion,
    screened,
    spent,
    too_few_days,
    too_few_sealed,
)
from trading.improvement.breeding import uniqueness_pct
from trading.improvement.looks import LEAST_DAYS, NEW_EPOCH_DAYS, after
from trading.strategies.genome import Genome, genome_hash, validated
from trading.verification.luck import deflated_sharpe, estimate_sharpe, variance_of_trials
from trading.verification.walk_forward import (
    Search,
    Segment,
    SegmentResult,
    WalkForward,
    anchored,
    plan,
    walk_forward,
)
from trading.work.jobs import JobType

SIBLINGS = 24
ANCESTORS = 8


@dataclass(frozen=True)
class Course:
    """What an iteration goes by: its bot with open days and with all of them, its segments, its level and its seed.

    Attributes:
        sealed: The bot, its open days, and the epoch whose sealed days a look is taken at.
        level: The error its look may make.
        lost: Hashes of the genomes that have lost a look of the epoch.
        segments: Of the walk-forward over open days.
        seed: Of all its chance.
    """

    sealed: Arena
    level: float
    lost: frozenset[str]
    segments: tuple[Segment, ...]
    seed: int

    @property
    def bench(self) -> Workbench:
        """The bot with its open days, which is all that searches are handed."""
        return self.sealed.open_days

    @property
    def last_test(self) -> Part:
        """The last test part: open days that this iteration's search is kept off."""
        return self.segments[-1].test

    @property
    def trades_a_bar(self) -> float:
        """How often a candidate must trade, for the last test part to have as many trades as the screening asks."""
        return MIN_TEST_TRADES / len(self.last_test)

    @cached_property
    def parent_tested(self) -> Performance:
        """Figures of the parent on the last test part."""
        return self.bench.run(self.last_test).performance


class Judging:
    """Measures parts as the workbench's backtester does, and keeps the daily returns of the last test part.

    The walk-forward's fence keeps searches off that part, so it is measured once: for the genome chosen last.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self.returns: FloatArray = np.empty(0)

    def __call__(self, genome: Genome, first_bar: int, end_bar: int) -> Performance:
        """Return the figures of a genome over bars first_bar..end_bar-1."""
        part, bench = Part(first_bar, end_bar), self._course.bench
        run = bench.backtester.run(genome, part)
        if part == self._course.last_test:
            account_micros = bench.account.account_micros
            self.returns = daily_returns(run.equity_micros, run.trading_day, account_micros=account_micros)
        return run.performance


class Improvement:
    """The IMPROVE task: Optuna searches the neighbourhood of the newest genome."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run one improve iteration.

        Raises:
            NoMarketData, BadBars: the bot has no bars, or too few to walk forward.
        """
        course = _course(desk, claim)
        if not isinstance(course, Course):
            return course
        search = neighbours_by_optuna(course.bench.style, course.bench.genome, course.trades_a_bar)
        iteration = _iterate(desk, course, search, siblings=_siblings(desk, course), progress=progress)
        return replace(iteration, growth=_growth(desk, course, walked=iteration.walk))

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


class Evolution:
    """The EVOLVE task: an ancestor is put forward, or children of the newest genome and its siblings are tried."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run one evolve iteration.

        Raises:
            NoMarketData, BadBars: the bot has no bars, or too few to walk forward.
        """
        course = _course(desk, claim)
        if not isinstance(course, Course):
            return course
        iteration = _put_forward(desk, course)
        if iteration is None:
            siblings = _siblings(desk, course)
            search = offspring(course.bench.style, course.bench.genome, siblings, trades_a_bar=course.trades_a_bar)
            iteration = _iterate(desk, course, search, siblings=siblings, progress=progress)
        return replace(iteration, growth=_growth(desk, course, walked=None))

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


def run_improvement(desk: Desk, bot_id: UUID, *, run_id: str) -> Finished:
    """Run one improve iteration of a bot now, as a person asks for it. See `work_by_hand` for what is refused."""
    return work_by_hand(desk, Improvement(), JobType.IMPROVE, bot_id=bot_id, run_id=run_id)


def _course(desk: Desk, claim: Claim) -> Course | Iteration:
    """Return what an iteration goes by, or at once its verdict where there is no look to be had."""
    whole = open_workbench(desk, claim.bot_id)
    seed = _seed(whole.bot, claim, tries=_tries(desk, claim))
    epoch = epoch_of(desk, whole)
    if epoch is None:
        days = len(whole_days(whole))
        return _without_search(whole, too_few_days(days), seed=seed, missing_days=LEAST_DAYS - days)
    if epoch.budget.level is None:
        return _without_search(whole, spent(epoch.budget), seed=seed, missing_days=epoch.budget.waits_for_days)
    if len(epoch.days) < NEW_EPOCH_DAYS:
        return _without_search(
            whole, too_few_sealed(len(epoch.days)), seed=seed, missing_days=NEW_EPOCH_DAYS - len(epoch.days)
        )
    sealed = Arena(whole, whole.before(epoch.sealed_from), epoch)
    segments = anchored(plan(sealed.open_days.at_hand.bars.ts_event))
    return Course(sealed, epoch.budget.level, epoch.lost, segments, seed)


def _without_search(whole: Workbench, verdict: AcceptanceVerdict, *, seed: int, missing_days: int) -> Iteration:
    return Iteration(
        bot=whole.bot,
        at_hand=whole.at_hand,
        seed=seed,
        candidate=whole.genome,
        verdict=verdict,
        evidence={"candidates_tried": 0},
        waits_until=waits_until(whole, missing_days=missing_days),
    )


def _growth(desk: Desk, course: Course, *, walked: WalkForward | None) -> RecordGrowth:
    """Return what an iteration adds to the bot's record.

    No walk-forward of an evolution begins one: the genes of its siblings may have been chosen on the test days.
    """
    return beginning(desk, course.sealed.whole, sealed_from=course.sealed.epoch.sealed_from, walked=walked)


def _siblings(desk: Desk, course: Course) -> list[Genome]:
    """Return genomes of other bots of the style that nobody chose on days sealed to this one."""
    bench, before = course.bench, on_day(course.sealed.epoch.sealed_from)
    with transaction(desk.database) as db:
        known = iterations.sibling_genomes(db, bench.bot.id, before=before, limit=SIBLINGS)
    return [validated(bench.style, genome) for genome in known]


def _put_forward(desk: Desk, course: Course) -> Iteration | None:
    bench = course.bench
    with transaction(desk.database) as db:
        known = registry.ancestors(db, bench.bot.id, before=bench.bot.generation, limit=ANCESTORS)
    genomes = {number: validated(bench.style, genome) for number, genome in known.items()}
    figures = {number: bench.backtester.run(genome, course.last_test).performance for number, genome in genomes.items()}
    number = reversion(course.parent_tested, figures)
    if number is None or genome_hash(genomes[number]) in course.lost:
        return None
    met = course.sealed.meet(genomes[number], level=course.level, seed=course.seed, reverts_to=number)
    if met.taken is None:
        return None
    evidence = {"candidates_tried": 0, "reverts_to": number, "candidate_test_sharpe": figures[number].sharpe}
    return _met(course, genomes[number], met, evidence)


def _iterate(desk: Desk, course: Course, search: Search, *, siblings: list[Genome], progress: Progress) -> Iteration:
    bench, judging = course.bench, Judging(course)
    tell = counted(progress, "segments", of=len(course.segments))
    walk = walk_forward(course.segments, evaluate=judging, search=stepwise(search, tell), seed=course.seed)
    with transaction(desk.database) as db:
        tried = walk.trials + iterations.tried_so_far(db, bench.bot.id)
    last, parent = walk.segments[-1], course.parent_tested
    evidence: dict[str, Any] = {
        "candidates_tried": tried,
        "parent_test_sharpe": parent.sharpe,
        "candidate_test_sharpe": last.test.sharpe,
        "candidate_test_trades": last.test.trades,
        "deflated_sharpe_probability": _deflated(judging.returns, last, tried=tried),
        "walk_forward_consistency": walk.consistency,
        "overfit_ratio": walk.overfit_ratio,
        "uniqueness_pct": uniqueness_pct(bench.style, last.genome, siblings),
    }
    return _met(course, last.genome, _judged(course, walk), evidence, walk=walk)


def _judged(course: Course, walk: WalkForward) -> Meeting:
    last = walk.segments[-1]
    broken = screened(
        last.test,
        course.parent_tested,
        same_genome=last.genome == course.bench.genome,
        consistency=walk.consistency,
        tried=len(last.trials),
    )
    if broken is not None:
        return Meeting(broken, None)
    if genome_hash(last.genome) in course.lost:
        return Meeting(lost_before(), None)
    return course.sealed.meet(last.genome, level=course.level, seed=course.seed)


def _met(
    course: Course, candidate: Genome, met: Meeting, evidence: Mapping[str, Any], *, walk: WalkForward | None = None
) -> Iteration:
    return Iteration(
        bot=course.bench.bot,
        at_hand=course.bench.at_hand,
        seed=course.seed,
        candidate=candidate,
        verdict=met.verdict,
        evidence=evidence,
        taken=met.taken,
        waits_until=_waits_after(course, met.taken),
        walk=walk,
    )


def _waits_after(course: Course, taken: TakenLook | None) -> date | None:
    """Return the trading date whose bars give the bot a look again after this one; None where it has another."""
    if taken is None:
        return None
    left = after(taken.epoch.budget, taken.look)
    return None if left.level is not None else waits_until(course.sealed.whole, missing_days=left.waits_for_days)


def _deflated(returns: FloatArray, last: SegmentResult, *, tried: int) -> float | None:
    """Return the deflated Sharpe probability of the last test part, with the spread of the trials on the train part."""
    estimate = estimate_sharpe(returns)
    known = [trial.performance.sharpe for trial in last.trials if trial.performance.sharpe is not None]
    variance = variance_of_trials(known)
    if estimate is None or variance is None:
        return None
    return deflated_sharpe(estimate, trials=tried, sharpe_variance=variance)


def _tries(desk: Desk, claim: Claim) -> int:
    with transaction(desk.database) as db:
        return jobs.tries_of(db, claim)


def _seed(bot: BotAtWork, claim: Claim, *, tries: int) -> int:
    """Return a seed that depends on bot, generation, type, iteration and its tries only; it is stored with the result.

    A search that failed or took too long would do so again with the same seed, until the bot's work is given up.
    """
    searched = f"{bot.id}/{bot.generation}/{claim.job_type}/{claim.iteration}/{tries}"
    return int.from_bytes(hashlib.sha256(searched.encode()).digest()[:6], "big")
