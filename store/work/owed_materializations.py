"""Materializations that are owed: jobs closed in the ledger whose record in Dagster is not known to stand.

Belongs here: the table and its statements. Does not belong here: recording them (`jobs/finished_work.py`). It is no raw
truth: a row is written with the end of its job, in the same transaction, and gone once Dagster has the record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Text, any_, bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.base import Base, one_of
from store.tables import JOB_TYPES
from store.work.jobs import Claim
from trading.work.jobs import JobType


class OwedMaterialization(Base):
    """One closed job with the figures its record in Dagster shows."""

    __tablename__ = "owed_materializations"
    __table_args__ = (one_of("job_type", JOB_TYPES),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("bot_jobs.id"), primary_key=True)
    bot_id: Mapped[UUID]
    job_type: Mapped[str]
    dagster_run_id: Mapped[str]
    figures: Mapped[dict[str, Any]]
    closed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Owed:
    """A closed job Dagster may not know of."""

    job_id: UUID
    bot_id: UUID
    job_type: JobType
    figures: dict[str, Any]


def owe(db: Session, claim: Claim, figures: Mapping[str, Any], *, now: datetime) -> None:
    """Write down that a job which is just being closed has to be recorded in Dagster."""
    db.execute(
        insert(OwedMaterialization).values(
            job_id=claim.job_id,
            bot_id=claim.bot_id,
            job_type=claim.job_type,
            dagster_run_id=claim.run_id,
            figures=dict(figures),
            closed_at=now,
        )
    )


def owing_runs(db: Session) -> set[str]:
    """Return the runs that closed a job whose record is owed."""
    return set(db.scalars(select(OwedMaterialization.dagster_run_id).distinct()))


def owed_by(db: Session, run_ids: Sequence[str], *, limit: int) -> list[Owed]:
    """Return what these runs left owing, the oldest first."""
    owing = OwedMaterialization
    rows = db.execute(
        select(owing.job_id, owing.bot_id, owing.job_type, owing.figures)
        .where(owing.dagster_run_id == any_(bindparam("run_ids", type_=ARRAY(Text))))
        .order_by(owing.closed_at, owing.job_id)
        .limit(limit),
        {"run_ids": list(run_ids)},
    )
    return [Owed(job_id, bot_id, JobType(kind), figures) for job_id, bot_id, kind, figures in rows]


def settle(db: Session, job_ids: Sequence[UUID]) -> None:
    """Forget what Dagster has recorded."""
    recorded = OwedMaterialization.job_id == any_(bindparam("job_ids", type_=ARRAY(PG_UUID(as_uuid=True))))
    db.execute(delete(OwedMaterialization).where(recorded), {"job_ids": list(job_ids)})
