"""Wishes to rebuild figures, written by resets and granted by Dagster.

Belongs here: statements on `rebuild_requests`. Does not belong here: the reset that writes them (`resets.py`).
"""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from store.tables import RebuildRequest


def count_open(db: Session) -> int:
    """Return how many requests wait."""
    return db.execute(select(func.count()).where(RebuildRequest.completed_at.is_(None))).scalar_one()


def next_open(db: Session) -> RebuildRequest | None:
    """Lock and return the oldest open request that no other run holds."""
    oldest = select(RebuildRequest).where(RebuildRequest.completed_at.is_(None)).order_by(RebuildRequest.id).limit(1)
    return db.execute(oldest.with_for_update(skip_locked=True)).scalar_one_or_none()


def close(db: Session, request: int, *, run_id: str, now: datetime) -> None:
    """Mark a request as granted."""
    done = {"completed_at": now, "dagster_run_id": run_id}
    db.execute(update(RebuildRequest).where(RebuildRequest.id == request).values(**done))
