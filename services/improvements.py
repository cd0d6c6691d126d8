"""Improve and evolve iterations: search walk-forward, judge out of sample, append a generation or say why not.

Belongs here: from bot to verdict and stored candidates. Does not belong here: proposing (`search.py`), the rules of
the verdict (`trading.improvement`), the queue (`work.py`).

The bot's history is cut into walk-forward segments. In each, a search sees the train part only. What it chose on the
last train part is the candidate; the last test part, which no search has seen, is where candidate and parent meet. How
many genomes were tried (now, and earlier on the same bars) deflates the candidate's Sharpe ratio.

What commits together: the iteration, all its candidates, the new generation if there is one, and the bot's counters,
with the job's end.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy.orm import Session

from services.backtests import account_of, bot_at_work
from services.desk import Desk
from services.search import Sibling, neighbours_by_optuna, offspring
from services.tapes import TapeAtHand, tape_for
from services.work import Finished, Progress, Result, work_by_hand
from store import bots, iterations
from store.bots import BotAtWork
from store.database import transaction
from store.jobs import Claim
from store.sessions import usd
from trading.backtest.parts import PartRunner
from trading.backtest.statistics import deflated_sharpe, estimate_sharpe
from trading.backtest.walk_forward import Fence, Search, SegmentResult, WalkForward, plan, walk_forward
from trading.errors import NoMarketData
from trading.improvement import Verdict, judge
from trading.jobs import JobType
from trading.performance import TRADING_DAYS_PER_YEAR, FloatArray, Performance, daily_returns
from trading.strategies.genome import Genome, genome_hash, validated

SIBLINGS = 24


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The candidate and its parent on the bars no search has seen, and how sure the difference is."""

    candidate: Performance
    parent: Performance
    deflated: float | None
    tried: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration that ran to its verdict."""

    bot: BotAtWork
    at_hand: TapeAtHand
    walk: WalkForward
    held_out: HeldOut
    seed: int

    @property
    def candidate(self) -> Genome:
        """What the search chose on the last train part."""
        return self.walk.segments[-1].genome

    @property
    def figures(self) -> Mapping[str, Any]:
        """Headline figures of the iteration."""
        verdict = self.held_out.verdict
        return {
            "bot": self.bot.name,
            "accepted": verdict.accepted,
            "reason_code": str(verdict.outcome),
            "reason": verdict.reason,
            "candidates_tried": self.held_out.tried,
            "parent_generation": self.bot.generation,
            "parent_test_sharpe": self.held_out.parent.sharpe,
            "candidate_test_sharpe": self.held_out.candidate.sharpe,
            "deflated_sharpe_probability": self.held_out.deflated,
            "walk_forward_consistency": self.walk.consistency,
            "overfit_ratio": self.walk.overfit_ratio,
            "data_source": self.at_hand.series.provider,
        }

    def record(self, session: Session, claim: Claim, *, now: datetime) -> None:
        """Write iteration, candidates and counters, and the generation if it was accepted."""
        accepted = self.held_out.verdict.accepted
        new_generation = self.bot.generation + 1 if accepted else None
        if new_generation is not None:
            bots.add_generation(session, self._generation(claim, new_generation, now=now))
        iteration_id = uuid4()
        row = self._row(claim, now=now) | {"id": iteration_id, "new_generation": new_generation}
        iterations.insert_iteration(session, row, list(self._candidates(iteration_id)))
        _count_done(session, claim, now=now)

    def _generation(self, claim: Claim, number: int, *, now: datetime) -> dict[str, Any]:
        return {
            "bot_id": self.bot.id,
            "generation_number": number,
            "genome": dict(self.candidate),
            "genome_hash": genome_hash(self.candidate),
            "origin": str(claim.job_type),
            "parent_generation": self.bot.generation,
            "job_id": claim.job_id,
            "reason": self.held_out.verdict.reason,
            "created_at": now,
        }

    def _row(self, claim: Claim, *, now: datetime) -> dict[str, Any]:
        return {
            "bot_id": self.bot.id,
            "job_id": claim.job_id,
            "job_type": claim.job_type,
            "iteration": claim.iteration,
            "parent_generation": self.bot.generation,
            "accepted": self.held_out.verdict.accepted,
            "reason_code": self.held_out.verdict.outcome,
            "reason": self.held_out.verdict.reason,
            "candidates_tried": self.walk.trials,
            "evidence": {key: value for key, value in self.figures.items() if key not in {"bot", "reason"}},
            "data_source": self.at_hand.series.provider,
            "data_fingerprint": self.at_hand.bars.fingerprint,
            "seed": self.seed,
            "created_at": claim.started_at,
            "completed_at": now,
        }

    def _candidates(self, iteration_id: UUID) -> Iterator[dict[str, Any]]:
        """Yield every genome tried; held-out figures stand where the chosen genome was judged, and nowhere else."""
        number = 0
        for segment, result in enumerate(self.walk.segments):
            for trial in result.trials:
                chosen = trial.genome == result.genome
                number += 1
                yield {
                    "iteration_id": iteration_id,
                    "trial": number,
                    "segment": segment,
                    "genome": dict(trial.genome),
                    "genome_hash": genome_hash(trial.genome),
                    "train_sharpe": trial.performance.sharpe,
                    "train_net_pnl_usd": usd(trial.performance.net_pnl_micros),
                    "train_trades": trial.performance.trades,
                    "test_sharpe": result.test.sharpe if chosen else None,
                    "test_net_pnl_usd": usd(result.test.net_pnl_micros) if chosen else None,
                    "test_trades": result.test.trades if chosen else None,
                }


@dataclass(frozen=True, slots=True)
class FailedIteration:
    """An iteration that could not run, and why."""

    error: str

    @property
    def figures(self) -> Mapping[str, Any]:
        """The reason."""
        return {"error": self.error}

    def record(self, session: Session, claim: Claim, *, now: datetime) -> None:
        """Count the failure, unless a reset came in between."""
        counters = bots.progress(session, claim.bot_id)
        if not bots.counts_since_baseline(session, claim.bot_id, created_at=claim.started_at):
            return
        if claim.job_type is JobType.IMPROVE:
            failures = counters.improve_failures_in_row + 1
            bots.set_progress(session, claim.bot_id, improve_failures_in_row=failures, last_improve_at=now)
        else:
            failures = counters.evolve_failures_in_row + 1
            bots.set_progress(session, claim.bot_id, evolve_failures_in_row=failures, last_evolve_at=now)


class Improvement:
    """The IMPROVE task: Optuna searches the neighbourhood of the newest genome."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run one improve iteration.

        Raises:
            NoMarketData, BadBars: the bot has no bars, or too few to walk forward.
        """
        bot = bot_at_work(desk, claim.bot_id)
        parent = validated(bot.archetype, bot.genome)
        return _iterate(desk, claim, bot, neighbours_by_optuna(bot.archetype, parent), progress)

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


class Evolution:
    """The EVOLVE task: children of the newest genome and of siblings of the same archetype."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run one evolve iteration.

        Raises:
            NoMarketData, BadBars: the bot has no bars, or too few to walk forward.
        """
        bot = bot_at_work(desk, claim.bot_id)
        parent = validated(bot.archetype, bot.genome)
        with transaction(desk.sessions) as session:
            known = iterations.sibling_genomes(session, bot.id, limit=SIBLINGS)
        siblings = [Sibling(validated(bot.archetype, genome), sharpe) for genome, sharpe in known]
        return _iterate(desk, claim, bot, offspring(bot.archetype, parent, siblings), progress)

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed iteration."""
        return FailedIteration(error)


def run_improvement(desk: Desk, bot_id: UUID, *, run_id: str) -> Finished:
    """Run one improve iteration of a bot now, as a person asks for it. See `work_by_hand` for what is refused."""
    return work_by_hand(desk, Improvement(), JobType.IMPROVE, bot_id=bot_id, run_id=run_id)


def _iterate(desk: Desk, claim: Claim, bot: BotAtWork, search: Search, progress: Progress) -> Iteration:
    at_hand = tape_for(desk, symbol=bot.symbol, timeframe=bot.timeframe, session_mode=bot.session_mode)
    if not len(at_hand.bars):
        raise NoMarketData(f"no {bot.timeframe} bars for {bot.symbol}")
    seed = _seed(bot.id, claim)
    runner = PartRunner(at_hand.tape, bot.archetype, bot.session_mode, account=account_of(bot))
    segments = plan(at_hand.bars.ts_event)
    walk = walk_forward(segments, evaluate=runner, search=_told(search, progress, of=len(segments)), seed=seed)
    with transaction(desk.sessions) as session:
        earlier = iterations.tried_so_far(session, bot.id, data_fingerprint=at_hand.bars.fingerprint)
    return Iteration(bot, at_hand, walk, _judge(bot, runner, walk, earlier=earlier), seed)


def _told(search: Search, progress: Progress, *, of: int) -> Search:
    """Return the search, reporting its progress segment by segment."""
    done = 0

    def told(fence: Fence, chance: np.random.Generator) -> Genome:
        nonlocal done
        chosen = search(fence, chance)
        done += 1
        progress(100.0 * done / of)
        return chosen

    return told


def _judge(bot: BotAtWork, runner: PartRunner, walk: WalkForward, *, earlier: int) -> HeldOut:
    last = walk.segments[-1]
    part = last.segment.test
    parent_genome = validated(bot.archetype, bot.genome)
    parent = runner.run(parent_genome, part).performance
    tried = walk.trials + earlier
    chosen = runner.run(last.genome, part)
    account_micros = account_of(bot).account_micros
    returns = daily_returns(chosen.equity_micros, chosen.trading_day, account_micros=account_micros)
    deflated = _deflated(returns, last, tried=tried)
    verdict = judge(
        last.test,
        parent,
        same_genome=last.genome == parent_genome,
        deflated=deflated,
        consistency=walk.consistency,
        tried=tried,
    )
    return HeldOut(last.test, parent, deflated, tried, verdict)


def _deflated(returns: FloatArray, last: SegmentResult, *, tried: int) -> float | None:
    """Return the deflated Sharpe probability of held-out returns, with the spread of the trials on the train part."""
    estimate = estimate_sharpe(returns)
    known = [trial.performance.sharpe for trial in last.trials if trial.performance.sharpe is not None]
    if estimate is None or len(known) < 2:
        return None
    per_day = np.array(known) / np.sqrt(TRADING_DAYS_PER_YEAR)
    return deflated_sharpe(estimate, trials=tried, sharpe_variance=float(per_day.var(ddof=1)))


def _count_done(session: Session, claim: Claim, *, now: datetime) -> None:
    """Count a finished iteration; what is counted since reset stays as it is if a reset came in between."""
    counters = bots.progress(session, claim.bot_id)
    if claim.job_type is JobType.IMPROVE:
        lifetime = {"improve_iterations": claim.iteration}
        since_reset: dict[str, object] = {
            "improves_since_evolve": counters.improves_since_evolve + 1,
            "improve_failures_in_row": 0,
            "last_improve_at": now,
        }
    else:
        lifetime = {"evolve_iterations": claim.iteration}
        since_reset = {"improves_since_evolve": 0, "evolve_failures_in_row": 0, "last_evolve_at": now}
    counts = bots.counts_since_baseline(session, claim.bot_id, created_at=claim.started_at)
    bots.set_progress(session, claim.bot_id, **lifetime, **(since_reset if counts else {}))


def _seed(bot_id: UUID, claim: Claim) -> int:
    """Return a seed that depends on bot, type and iteration only, so that an iteration can be repeated."""
    digest = hashlib.sha256(f"{bot_id}/{claim.job_type}/{claim.iteration}".encode()).digest()
    return int.from_bytes(digest[:6], "big")
