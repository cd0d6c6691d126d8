"""Long work under way that is no bot's job: how far it is, while it goes on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "work_under_way",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=True),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('VERIFICATION', 'IMPORT', 'SIMULATION')", name=op.f("ck_work_under_way__kind_is_known")
        ),
        sa.CheckConstraint("num_nonnulls(step, done, of) IN (0, 3)", name=op.f("ck_work_under_way__place_is_whole")),
        sa.CheckConstraint("0 <= done AND done <= of", name=op.f("ck_work_under_way__done_is_within")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_work_under_way__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_under_way")),
    )


def downgrade() -> None:
    op.drop_table("work_under_way")
