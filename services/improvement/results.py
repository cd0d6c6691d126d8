"""The results of improve and evolve iterations, and how they are written.

Belongs here: rows of an iteration, its candidates, its look, its generation, its bot's counters. Does not belong
here: searching and judging (`iterations.py`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.backtests.records import RecordGrowth
from services.improvement.looks import TakenLook
from services.market.tapes import TapeAtHand
from store.bots import registry
from store.bots.registry import BotAtWork
from store.improvement import iterations, looks
from store.work.jobs import Claim
from trading.days import on_day
from trading.improvement.acceptance import AcceptanceVerdict, Outcome, overtaken
from trading.improvement.breeding import confidence_pct
from trading.money import usd
from trading.strategies.genome import Genome, genome_hash
from trading.verification.walk_forward import WalkForward
from trading.work.jobs import JobType

JUDGES_THE_NEWEST = frozenset({Outcome.ACCEPTED, Outcome.REVERTED, Outcome.SAME_AS_PARENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One iteration that ran to its verdict.

    Attributes:
        candidate: The genome that becomes the next generation if the verdict says so.
        evidence: The figures behind the verdict.
        taken: The look behind the verdict; None where none was taken.
        waits_until: The trading date whose bars give the bot a look again; None where it has one.
        walk: The walk-forward search; None where an ancestor was put forward, or there was no look to be had.
        growth: What it adds to the bot's record; None for nothing.
    """

    bot: BotAtWork
    at_hand: TapeAtHand
    seed: int
    candidate: Genome
    verdict: AcceptanceVerdict
    evidence: Mapping[str, Any]
    taken: TakenLook | None = None
    waits_until: date | None = None
    walk: WalkForward | None = None
    growth: RecordGrowth | None = None

    @property
    def figures(self) -> Mapping[str, Any]:
        """Headline figures of the iteration."""
        return {
            "bot": self.bot.name,
            "accepted": self.verdict.accepted,
            "reason_code": str(self.verdict.outcome),
            "reason": self.verdict.reason,
            "parent_generation": self.bot.generation,
            "data_source": self.at_hand.data_source,
            **self.evidence,
        }

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        """Write iteration, candidates, look and counters, and the generation if it was accepted.

        A look counts only where nothing was decided meanwhile that it does not know of: else its answer is thrown away,
        whatever it was, and the iteration is overtaken.
        """
        registry.lock(db, self.bot.id)
        newest = registry.newest_generation(db, self.bot.id) or self.bot.generation
        if self._is_late(db, newest):
            late = overtaken(self.bot.generation, newest=newest)
            return replace(self, verdict=late, taken=None).record(db, claim, now=now)
        if self.growth is not None:
            self.growth.record(db, claim, now=now)
        new_generation = self.bot.generation + 1 if self.verdict.accepted else None
        if new_generation is not None:
            registry.add_generation(db, self._generation(claim, new_generation, now=now))
        iteration_id = uuid4()
        row = self._row(claim, now=now) | {"id": iteration_id, "new_generation": new_generation}
        iterations.insert_iteration(db, row, list(self._candidates(iteration_id)))
        if self.taken is not None:
            looks.append_look(db, self._look(self.taken, iteration_id, new_generation, now=now))
        _count_done(db, claim, now=now)
        shows_the_newest = self.verdict.outcome in JUDGES_THE_NEWEST and newest == self.bot.generation
        standing = self._standing() if shows_the_newest else {}
        registry.set_progress(db, self.bot.id, evidence_waits_until=self.waits_until, **standing)
        return self.figures

    def _is_late(self, db: Session, newest: int) -> bool:
        """Return whether another generation, look or epoch came while this iteration was at work."""
        if newest > self.bot.generation:
            return self.verdict.accepted or self.taken is not None
        if self.taken is None:
            return False
        row, known = looks.newest_epoch(db, self.bot.id), self.taken.epoch
        return row is None or (row.epoch, row.looks_before + row.looks) != (known.number, known.budget.taken)

    def _look(
        self, taken: TakenLook, iteration_id: UUID, new_generation: int | None, *, now: datetime
    ) -> dict[str, Any]:
        look, days = taken.look, taken.epoch.days
        return {
            "bot_id": self.bot.id,
            "epoch": taken.epoch.number,
            "number": taken.number,
            "iteration_id": iteration_id,
            "first_on": on_day(days[0]),
            "last_on": on_day(days[-1]),
            "days": look.days,
            "active_days": look.active_days,
            "genome_hash": genome_hash(self.candidate),
            "generation_number": self.bot.generation,
            "new_generation": new_generation,
            "statistic": look.statistic if math.isfinite(look.statistic) else None,
            "p_value": look.p_value,
            "level": look.level,
            "passed": look.passed,
            "reason": look.reason,
            "created_at": now,
        }

    def _standing(self) -> dict[str, float | None]:
        """Return what the iteration showed of the genome that is now the newest; an ancestor come back has nothing."""
        seen = self.evidence
        confidence = confidence_pct(
            deflated_probability=seen.get("deflated_sharpe_probability"),
            trades=seen.get("candidate_test_trades"),
            consistency=seen.get("walk_forward_consistency"),
        )
        return {"confidence_pct": confidence, "uniqueness_pct": seen.get("uniqueness_pct")}

    def _generation(self, claim: Claim, number: int, *, now: datetime) -> dict[str, Any]:
        return {
            "bot_id": self.bot.id,
            "generation_number": number,
            "genome": dict(self.candidate),
            "genome_hash": genome_hash(self.candidate),
            "origin": "REVERT" if self.verdict.outcome is Outcome.REVERTED else str(claim.job_type),
            "parent_generation": self.bot.generation,
            "knows_until": on_day(self.taken.epoch.days[-1]) if self.taken is not None else None,
            "job_id": claim.job_id,
            "reason": self.verdict.reason,
            "created_at": now,
        }

    def _row(self, claim: Claim, *, now: datetime) -> dict[str, Any]:
        return {
            "bot_id": self.bot.id,
            "job_id": claim.job_id,
            "job_type": claim.job_type,
            "iteration": claim.iteration,
            "parent_generation": self.bot.generation,
            "accepted": self.verdict.accepted,
            "reason_code": self.verdict.outcome,
            "reason": self.verdict.reason,
            "candidates_tried": self.walk.trials if self.walk is not None else 0,
            "evidence": dict(self.evidence),
            "data_source": self.at_hand.data_source,
            "data_fingerprint": self.at_hand.bars.fingerprint,
            "seed": self.seed,
            "created_at": claim.started_at,
            "completed_at": now,
        }

    def _candidates(self, iteration_id: UUID) -> Iterator[dict[str, Any]]:
        """Yield every genome tried; held-out figures stand where the chosen genome was judged, and nowhere else."""
        number = 0
        for segment, result in enumerate(self.walk.segments if self.walk is not None else ()):
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

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        """Count the failure, unless a reset came in between."""
        if registry.counts_since_baseline(db, claim.bot_id, created_at=claim.started_at):
            self._count(db, claim, now=now)
        return {"error": self.error}

    def _count(self, db: Session, claim: Claim, *, now: datetime) -> None:
        counters = registry.progress(db, claim.bot_id)
        if claim.job_type is JobType.IMPROVE:
            failures = counters.improve_failures_in_row + 1
            registry.set_progress(db, claim.bot_id, improve_failures_in_row=failures, last_improve_at=now)
        else:
            failures = counters.evolve_failures_in_row + 1
            registry.set_progress(db, claim.bot_id, evolve_failures_in_row=failures, last_evolve_at=now)


def _count_done(db: Session, claim: Claim, *, now: datetime) -> None:
    """Count a finished iteration; what is counted since reset stays as it is if a reset came in between."""
    counters = registry.progress(db, claim.bot_id)
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
    counts = registry.counts_since_baseline(db, claim.bot_id, created_at=claim.started_at)
    registry.set_progress(db, claim.bot_id, **lifetime, **(since_reset if counts else {}))
