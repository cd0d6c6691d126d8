"""Improve and evolve iterations: search walk-forward, judge out of sample, append a generation or say why not.

Belongs here: from bot to verdict. Does not belong here: proposing (`search.py`), the rules of the verdict
(`trading.improvement.acceptance`), writing it down (`iterations.py`), the queue (`work/queue.py`).

The bot's history is cut into walk-forward segments. In each, a search sees the train part only. What it chose on the
last train part is the candidate; the last test part, which no search has seen, is where candidate and parent meet. How
many genomes were tried (now, and earlier on the same bars) deflates the candidate's Sharpe ratio. An evolve iteration
first asks whether the newest generation still holds there; if an ancestor does and it does not, the ancestor returns.

What commits together: the iteration, all its candidates, the new generation if there is one, and the bot's counters,
with the job's end.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np

from services.backtests.workbench import Workbench, open_workbench
from services.desk import Desk
from services.improvement.results import FailedIteration, Iteration
from services.improvement.search import Sibling, neighbours_by_optuna, offspring, stepwise
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
from trading.figures.performance import Performance, daily_returns
from trading.improvement.acceptance import judge, reversion
from trading.improvement.breeding import uniqueness_pct
from trading.strategies.genome import Genome, validated
from trading.verification.luck import deflated_sharpe, estimate_sharpe, variance_of_trials
from trading.verification.walk_forward import Search, Segment, SegmentResult, WalkForward, plan, walk_forward
from trading.work.jobs import JobType

SIBLINGS = 24
ANCESTORS = 8


@dataclass(frozen=True)
class Course:
    """What an iteration goes by besides its workbench: the walk-forward segments of its bars, and its seed."""

    bench: Workbench
    segments: tuple[Segment, ...]
    seed: int

    @property
    def held_out(self) -> Part:
        """The part no search sees."""
        return self.segments[-1].test

    @cached_property
    def parent_held_out(self) -> Performance:
        """Figures of the parent on the part no search sees."""
        return self.bench.run(self.held_out).performance


class Judging:
    """Measures parts as the workbench's runner does, and keeps the daily returns of the held-out part.

    The fence keeps searches off that part, so it is measured once: for the genome chosen last.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self.returns: FloatArray = np.empty(0)

    def __call__(self, genome: Genome, first_bar: int, end_bar: int) -> Performance:
        """Return the figures of a genome over bars first_bar..end_bar-1."""
        part, bench = Part(first_bar, end_bar), self._course.bench
        run = bench.runner.run(genome, part)
        if part == self._course.held_out:
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
        search = neighbours_by_optuna(course.bench.style, course.bench.genome)
        return _iterate(desk, course, search, siblings=_siblings(desk, course.bench), progress=progress)

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


class Evolution:
    """The EVOLVE task: an ancestor returns, or children of the newest genome and its siblings are tried."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run one evolve iteration.

        Raises:
            NoMarketData, BadBars: the bot has no bars, or too few to walk forward.
        """
        course = _course(desk, claim)
        reverted = _revert(desk, course)
        if reverted is not None:
            return reverted
        siblings = _siblings(desk, course.bench)
        search = offspring(course.bench.style, course.bench.genome, siblings)
        return _iterate(desk, course, search, siblings=siblings, progress=progress)

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


def run_improvement(desk: Desk, bot_id: UUID, *, run_id: str) -> Finished:
    """Run one improve iteration of a bot now, as a person asks for it. See `work_by_hand` for what is refused."""
    return work_by_hand(desk, Improvement(), JobType.IMPROVE, bot_id=bot_id, run_id=run_id)


def _course(desk: Desk, claim: Claim) -> Course:
    bench = open_workbench(desk, claim.bot_id)
    seed = _seed(bench.bot, claim, tries=_tries(desk, claim))
    return Course(bench, plan(bench.at_hand.bars.ts_event), seed)


def _siblings(desk: Desk, bench: Workbench) -> list[Sibling]:
    with transaction(desk.sessions) as session:
        known = iterations.sibling_genomes(session, bench.bot.id, limit=SIBLINGS)
    return [Sibling(validated(bench.style, genome), sharpe) for genome, sharpe in known]


def _revert(desk: Desk, course: Course) -> Iteration | None:
    bench = course.bench
    with transaction(desk.sessions) as session:
        known = registry.ancestors(session, bench.bot.id, before=bench.bot.generation, limit=ANCESTORS)
    genomes = {number: validated(bench.style, genome) for number, genome in known.items()}
    figures = {number: bench.runner.run(genome, course.held_out).performance for number, genome in genomes.items()}
    back = reversion(course.parent_held_out, figures)
    if back is None:
        return None
    number, verdict = back
    evidence = {"candidates_tried": 0, "reverts_to": number, "candidate_test_sharpe": figures[number].sharpe}
    return Iteration(
        bot=bench.bot,
        at_hand=bench.at_hand,
        seed=course.seed,
        candidate=genomes[number],
        verdict=verdict,
        evidence=evidence,
    )


def _iterate(desk: Desk, course: Course, search: Search, *, siblings: list[Sibling], progress: Progress) -> Iteration:
    bench, judging = course.bench, Judging(course)
    tell = counted(progress, "segments", of=len(course.segments))
    walk = walk_forward(course.segments, evaluate=judging, search=stepwise(search, tell), seed=course.seed)
    with transaction(desk.sessions) as session:
        earlier = iterations.tried_so_far(session, bench.bot.id, data_fingerprint=bench.at_hand.bars.fingerprint)
    tried = walk.trials + earlier
    deflated = _deflated(judging.returns, walk.segments[-1], tried=tried)
    return _judged(course, walk, deflated=deflated, tried=tried, siblings=siblings)


def _judged(
    course: Course, walk: WalkForward, *, deflated: float | None, tried: int, siblings: list[Sibling]
) -> Iteration:
    bench, last, parent = course.bench, walk.segments[-1], course.parent_held_out
    verdict = judge(
        last.test,
        parent,
        same_genome=last.genome == bench.genome,
        deflated=deflated,
        consistency=walk.consistency,
        tried=tried,
    )
    evidence: dict[str, Any] = {
        "candidates_tried": tried,
        "parent_test_sharpe": parent.sharpe,
        "candidate_test_sharpe": last.test.sharpe,
        "candidate_test_trades": last.test.trades,
        "deflated_sharpe_probability": deflated,
        "walk_forward_consistency": walk.consistency,
        "overfit_ratio": walk.overfit_ratio,
        "uniqueness_pct": uniqueness_pct(bench.style, last.genome, [sibling.genome for sibling in siblings]),
    }
    return Iteration(
        bot=bench.bot,
        at_hand=bench.at_hand,
        seed=course.seed,
        candidate=last.genome,
        verdict=verdict,
        evidence=evidence,
        walk=walk,
    )


def _deflated(returns: FloatArray, last: SegmentResult, *, tried: int) -> float | None:
    """Return the deflated Sharpe probability of held-out returns, with the spread of the trials on the train part."""
    estimate = estimate_sharpe(returns)
    known = [trial.performance.sharpe for trial in last.trials if trial.performance.sharpe is not None]
    variance = variance_of_trials(known)
    if estimate is None or variance is None:
        return None
    return deflated_sharpe(estimate, trials=tried, sharpe_variance=variance)


def _tries(desk: Desk, claim: Claim) -> int:
    with transaction(desk.sessions) as session:
        return jobs.tries_of(session, claim)


def _seed(bot: BotAtWork, claim: Claim, *, tries: int) -> int:
    """Return a seed that depends on bot, generation, type, iteration and its tries only; it is stored with the result.

    A search that failed or took too long would do so again with the same seed, until the bot's work is given up.
    """
    searched = f"{bot.id}/{bot.generation}/{claim.job_type}/{claim.iteration}/{tries}"
    return int.from_bytes(hashlib.sha256(searched.encode()).digest()[:6], "big")
