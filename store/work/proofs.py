"""What autonomy did and does, recounted from its rows: ticks, decisions, jobs.

Belongs here: the statements behind the proof endpoints; read-only. Does not belong here: what counts as stuck
(`trading.work.jobs`), what is healthy (`services/work/proofs.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from store.bots.fleet import IS_ACTIVE
from store.tables import AutonomyBotDecision, AutonomyRun, Bot, BotJob
from trading.work.jobs import LEASE, JobStatus

JOB_COLUMNS = (
    BotJob.id,
    BotJob.bot_id,
    BotJob.job_type.label("type"),
    BotJob.status,
    BotJob.attempt,
    BotJob.iteration,
    BotJob.reason_code,
    BotJob.dagster_run_id,
    BotJob.progress_pct,
    BotJob.created_at,
    BotJob.started_at,
    BotJob.heartbeat_at,
    BotJob.completed_at,
    BotJob.error,
)


def latest_run(session: Session) -> Row[*tuple[Any, ...]] | None:
    """Return the newest tick, or None before the first."""
    runs = recent_runs(session, limit=1)
    return runs[0] if runs else None


def recent_runs(session: Session, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the newest ticks, newest first."""
    run = AutonomyRun
    columns = (run.id, run.started_at, run.completed_at, run.candidates, run.decisions, run.summary)
    return session.execute(select(*columns).order_by(run.started_at.desc(), run.id.desc()).limit(limit)).all()


def decisions_of_run(session: Session, run_id: int, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the first decisions of a tick in its order, which gives out work first."""
    decision = AutonomyBotDecision
    return session.execute(
        select(
            decision.bot_id,
            Bot.name,
            decision.decision,
            decision.job_type,
            decision.reason_code,
            decision.blockers,
        )
        .outerjoin(Bot, Bot.id == decision.bot_id)
        .where(decision.run_id == run_id)
        .order_by(decision.seq)
        .limit(limit)
    ).all()


def count_reasons(session: Session, run_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return how many bots a tick gave each decision and reason."""
    decision = AutonomyBotDecision
    counted = select(decision.decision, decision.reason_code, func.count().label("bots"))
    grouped = counted.where(decision.run_id == run_id).group_by(decision.decision, decision.reason_code)
    return session.execute(grouped.order_by(func.count().desc(), decision.reason_code)).all()


def count_running(session: Session) -> dict[str, int]:
    """Return how many jobs of each type run; types without any are left out."""
    running = select(BotJob.job_type, func.count()).where(IS_ACTIVE, BotJob.status == JobStatus.RUNNING)
    rows = session.execute(running.group_by(BotJob.job_type)).all()
    return {row[0]: row[1] for row in rows}


def count_jobs(session: Session) -> Sequence[tuple[str, str, int]]:
    """Return how many jobs there are of each type and status that occurs."""
    counted = select(BotJob.job_type, BotJob.status, func.count()).group_by(BotJob.job_type, BotJob.status)
    return [(kind, status, count) for kind, status, count in session.execute(counted)]


def oldest_queued(session: Session) -> Row[*tuple[Any, ...]] | None:
    """Return the job that has waited longest, or None."""
    waiting = select(*JOB_COLUMNS).where(BotJob.status == JobStatus.QUEUED, IS_ACTIVE)
    return session.execute(waiting.order_by(BotJob.created_at, BotJob.id).limit(1)).first()


def stuck_jobs(session: Session, *, now: datetime, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return RUNNING jobs whose lease has run out, the longest silent first."""
    silent = select(*JOB_COLUMNS).where(
        IS_ACTIVE, BotJob.status == JobStatus.RUNNING, BotJob.heartbeat_at < now - LEASE
    )
    return session.execute(silent.order_by(BotJob.heartbeat_at, BotJob.id).limit(limit)).all()


def recent_jobs(session: Session, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the newest jobs, newest first."""
    return session.execute(select(*JOB_COLUMNS).order_by(BotJob.created_at.desc(), BotJob.id).limit(limit)).all()


def jobs_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return a bot's newest jobs, newest first."""
    own = select(*JOB_COLUMNS).where(BotJob.bot_id == bot_id)
    return session.execute(own.order_by(BotJob.created_at.desc(), BotJob.id).limit(limit)).all()


def decisions_of_bot(session: Session, bot_id: UUID, *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what the latest ticks decided for a bot, newest first."""
    decision = AutonomyBotDecision
    return session.execute(
        select(
            decision.run_id,
            AutonomyRun.started_at,
            decision.decision,
            decision.job_type,
            decision.reason_code,
            decision.blockers,
        )
        .join(AutonomyRun, AutonomyRun.id == decision.run_id)
        .where(decision.bot_id == bot_id)
        .order_by(decision.run_id.desc())
        .limit(limit)
    ).all()
