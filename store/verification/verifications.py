"""Verification runs: what was checked on a bot, how it came out, and what that can and cannot show. Raw truth.

Belongs here: the table and its statements. Does not belong here: the checks (`services/verification/runs.py`), what
passes (`trading.verification.verdicts`), what a gate makes of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, one_of
from store.bots.origins import origins_of, tried_by
from store.rows import rows_of
from store.tables import BacktestSession, BotMetricsRollup, ImproveCandidate, ImproveIteration

KINDS = (
    "WALK_FORWARD",
    "SENSITIVITY",
    "GRID",
    "MONTE_CARLO_TRADES",
    "MONTE_CARLO_BARS",
    "STRESS",
    "MATRIX",
    "SHARPE",
    "PBO",
    "LOOK_AHEAD",
    "WARM_UP",
)
VERDICTS = ("PASSED", "FAILED", "UNKNOWN", "INFORMATIVE")


class VerificationRun(Base):
    """One finished verification of one generation of a bot over one series of bars. Raw truth.

    Gates read columns. `figures` are what people are shown, and no gate depends on how they are named.
    """

    __tablename__ = "verification_runs"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("verdict", VERDICTS),
        CheckConstraint("completed_at >= created_at", name="ends_after_it_began"),
        CheckConstraint(
            "kind = 'WALK_FORWARD' OR num_nonnulls(walk_forward_consistency, walk_forward_overfit_ratio) = 0",
            name="only_a_walk_forward_has_its_figures",
        ),
        CheckConstraint("(kind = 'SHARPE') = (session_id IS NOT NULL)", name="a_session_is_judged_by_its_sharpe"),
        ForeignKeyConstraint(
            ["bot_id", "generation_number"], ["bot_generations.bot_id", "bot_generations.generation_number"]
        ),
        Index("ix_verification_runs__bot", "bot_id", "kind", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    kind: Mapped[str]
    generation_number: Mapped[int]
    genome_hash: Mapped[str]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("backtest_sessions.id"))
    run_id: Mapped[str | None]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime]
    seed: Mapped[int] = mapped_column(BigInteger)
    data_source: Mapped[str]
    data_fingerprint: Mapped[str]
    engine_version: Mapped[str]
    verdict: Mapped[str]
    reason: Mapped[str]
    walk_forward_consistency: Mapped[float | None]
    walk_forward_overfit_ratio: Mapped[float | None]
    figures: Mapped[dict[str, Any]]
    can_show: Mapped[str]
    cannot_show: Mapped[str]


class NewestVerification(NamedTuple):
    """What a gate reads of the newest run of a kind of a bot; the last two are None but of a walk-forward."""

    bot_id: UUID
    kind: str
    verdict: str
    generation_number: int
    data_source: str
    consistency: float | None
    overfit_ratio: float | None


def append(db: Session, run: Mapping[str, Any]) -> None:
    """Append one finished verification."""
    db.execute(insert(VerificationRun).values(**run))


def latest_of_bot(db: Session, bot_id: UUID) -> Sequence[VerificationRun]:
    """Return the newest run of each kind of a bot, by kind. Served by `ix_verification_runs__bot`."""
    run = VerificationRun
    newest = select(run).where(run.bot_id == bot_id).ext(distinct_on(run.kind))
    return db.scalars(newest.order_by(run.kind, run.created_at.desc(), run.id)).all()


def latest_of_bots(
    db: Session, bot_ids: Sequence[UUID], *, kinds: Sequence[str]
) -> dict[UUID, list[NewestVerification]]:
    """Return the newest run of each of these kinds of some bots, by bot: what a gate reads of it, no more.

    One statement for all bots, a step down `ix_verification_runs__bot` per bot and kind. Bots without a run are left
    out.
    """
    run = VerificationRun
    asked = select(func.unnest(literal(list(bot_ids), ARRAY(PG_UUID(as_uuid=True)))).label("bot_id")).subquery("asked")
    kind = select(func.unnest(literal(list(kinds), ARRAY(Text))).label("kind")).subquery("kind")
    newest = (
        select(
            run.kind,
            run.verdict,
            run.generation_number,
            run.data_source,
            run.walk_forward_consistency.label("consistency"),
            run.walk_forward_overfit_ratio.label("overfit_ratio"),
        )
        .where(run.bot_id == asked.c.bot_id, run.kind == kind.c.kind)
        .order_by(run.created_at.desc(), run.id)
        .limit(1)
        .lateral("newest")
    )
    rows = select(asked.c.bot_id, *newest.c).select_from(asked).join(kind, true()).join(newest, true())
    by_bot: dict[UUID, list[NewestVerification]] = {}
    for row in rows_of(db.execute(rows), NewestVerification):
        by_bot.setdefault(row.bot_id, []).append(row)
    return by_bot


def shown_session(db: Session, bot_id: UUID) -> BacktestSession | None:
    """Return the completed session a bot's BACKTEST figures show since its reset, or None."""
    counted = select(BotMetricsRollup.session_id).where(
        BotMetricsRollup.bot_id == bot_id, BotMetricsRollup.book == "BACKTEST"
    )
    return db.scalar(select(BacktestSession).where(BacktestSession.id == counted.scalar_subquery()))


def candidates(db: Session, bot_id: UUID, *, besides: str, limit: int) -> list[dict[str, Any]]:
    """Return distinct genomes that iterations of a bot's lineage tried, besides one named by its hash.

    Of more than `limit` so many are drawn, in the order of their hashes: by chance, and the same ones every time.
    """
    tried = ImproveCandidate
    distinct = (
        select(tried.genome)
        .join(ImproveIteration, ImproveIteration.id == tried.iteration_id)
        .where(tried_by(origins_of(db, bot_id)), tried.genome_hash != besides)
        .group_by(tried.genome_hash, tried.genome)
        .order_by(tried.genome_hash)
        .limit(limit)
    )
    return list(db.scalars(distinct))


def count_candidates(db: Session, bot_id: UUID, *, besides: str) -> int:
    """Return how many distinct genomes iterations of a bot's lineage tried, besides one named by its hash."""
    tried = ImproveCandidate
    distinct = (
        select(func.count(tried.genome_hash.distinct()))
        .join(ImproveIteration, ImproveIteration.id == tried.iteration_id)
        .where(tried_by(origins_of(db, bot_id)), tried.genome_hash != besides)
    )
    return db.scalar(distinct) or 0


def candidate_sharpes(db: Session, bot_id: UUID) -> list[float]:
    """Return the annualised train Sharpe ratio of every candidate a bot's lineage ever tried that has one.

    In the order they were tried; of iterations recorded in one instant the lower number goes first.
    """
    tried, iteration = ImproveCandidate, ImproveIteration
    known = (
        select(tried.train_sharpe)
        .join(iteration, iteration.id == tried.iteration_id)
        .where(tried_by(origins_of(db, bot_id)), tried.train_sharpe.is_not(None))
        .order_by(iteration.created_at, iteration.iteration, iteration.job_type, tried.trial, tried.train_sharpe)
    )
    return [float(sharpe) for sharpe in db.scalars(known) if sharpe is not None]


def session_by_id(db: Session, session_id: UUID) -> BacktestSession | None:
    """Return one backtest session, or None."""
    return db.get(BacktestSession, session_id)
