"""Verification runs: what was checked on a bot and what it showed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "verification_runs",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("generation_number", sa.Integer(), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("data_source", sa.Text(), nullable=False),
        sa.Column("data_fingerprint", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("can_show", sa.Text(), nullable=False),
        sa.Column("cannot_show", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'SHARPE') = (session_id IS NOT NULL)",
            name=op.f("ck_verification_runs__a_session_is_judged_by_its_sharpe"),
        ),
        sa.CheckConstraint(
            "kind IN ('WALK_FORWARD', 'SENSITIVITY', 'GRID', 'MONTE_CARLO_TRADES', 'MONTE_CARLO_BARS', 'STRESS',"
            " 'MATRIX', 'SHARPE', 'PBO', 'LOOK_AHEAD', 'WARM_UP')",
            name=op.f("ck_verification_runs__kind_is_known"),
        ),
        sa.CheckConstraint(
            "verdict IN ('PASSED', 'FAILED', 'UNKNOWN', 'INFORMATIVE')",
            name=op.f("ck_verification_runs__verdict_is_known"),
        ),
        sa.CheckConstraint("completed_at >= created_at", name=op.f("ck_verification_runs__ends_after_it_began")),
        sa.ForeignKeyConstraint(
            ["bot_id", "generation_number"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name=op.f("fk_verification_runs__bot_id_generation_number"),
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_verification_runs__bot_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["backtest_sessions.id"], name=op.f("fk_verification_runs__session_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_runs")),
    )
    op.create_index("ix_verification_runs__bot", "verification_runs", ["bot_id", "kind", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_verification_runs__bot", table_name="verification_runs")
    op.drop_table("verification_runs")
