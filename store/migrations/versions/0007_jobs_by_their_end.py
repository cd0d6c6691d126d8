"""The pace of work is read from the newest ends, not from a day of jobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_bot_jobs__completed",
        "bot_jobs",
        ["completed_at"],
        unique=False,
        postgresql_where=sa.text("status = 'COMPLETED'"),
    )


def downgrade() -> None:
    op.drop_index("ix_bot_jobs__completed", table_name="bot_jobs")
