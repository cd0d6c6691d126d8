"""Finished work that Dagster has yet to be told of; what was closed before counts as told."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "owed_materializations",
        sa.Column("job_id", sa.UUID(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "job_type IN ('BACKTEST', 'IMPROVE', 'EVOLVE')", name=op.f("ck_owed_materializations__job_type_is_known")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["bot_jobs.id"], name=op.f("fk_owed_materializations__job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_owed_materializations")),
    )


def downgrade() -> None:
    op.drop_table("owed_materializations")
