"""Prequential records, and what they are worth as evidence.

Records begin with the next iteration or baseline of each bot: what earlier iterations chose is known, what they would
have earned day by day was not written down.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NOW = sa.DateTime(timezone=True)
FIGURES = ("win_pct", "profit_factor", "expectancy_usd", "max_drawdown_usd", "max_drawdown_pct", "sharpe", "sortino")
KINDS = "bars_kind IN ('REAL', 'MARKS', 'SIMULATED')"


def upgrade() -> None:
    _stretches()
    _evidence()


def downgrade() -> None:
    for table in ("bot_evidence", "record_stretches"):
        op.drop_table(table)


def _sums() -> list[sa.Column[int]]:
    counts = [sa.Column(name, sa.Integer(), nullable=False) for name in ("winners", "losers")]
    wide = ("bars_held", "profit_micros", "loss_micros")
    return [*counts, *(sa.Column(name, sa.BigInteger(), nullable=False) for name in wide)]


def _stretches() -> None:
    op.create_table(
        "record_stretches",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("bars_kind", sa.Text(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("follows_on", sa.Date(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("generation_number", sa.Integer(), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("days_on", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("pnl_micros", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        *_sums(),
        sa.Column("data_source", sa.Text(), nullable=False),
        sa.Column("data_fingerprint", sa.Text(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("created_at", NOW, nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_record_stretches__bars_kind_is_known")),
        sa.CheckConstraint("origin IN ('WALK_FORWARD', 'IN_FORCE')", name=op.f("ck_record_stretches__origin_is_known")),
        sa.CheckConstraint(
            "cardinality(days_on) >= 1 AND cardinality(pnl_micros) = cardinality(days_on)"
            " AND days_on[1] = first_on AND days_on[cardinality(days_on)] = last_on",
            name=op.f("ck_record_stretches__days_are_its_days"),
        ),
        sa.CheckConstraint(
            "follows_on < first_on AND first_on <= last_on",
            name=op.f("ck_record_stretches__days_follow_each_other"),
        ),
        sa.CheckConstraint(
            "winners >= 0 AND losers >= 0 AND winners + losers <= trades AND profit_micros >= 0 AND loss_micros >= 0",
            name=op.f("ck_record_stretches__counts_are_sane"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["bot_jobs.id"], name=op.f("fk_record_stretches__job_id")),
        sa.ForeignKeyConstraint(
            ["bot_id", "generation_number"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name=op.f("fk_record_stretches__generation"),
        ),
        sa.PrimaryKeyConstraint("bot_id", "bars_kind", "first_on", name=op.f("pk_record_stretches")),
        sa.UniqueConstraint("bot_id", "bars_kind", "last_on", name=op.f("uq_record_stretches__last_on")),
        sa.UniqueConstraint(
            "bot_id",
            "bars_kind",
            "follows_on",
            name=op.f("uq_record_stretches__follows_on"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_foreign_key(
        op.f("fk_record_stretches__follows"),
        "record_stretches",
        "record_stretches",
        ["bot_id", "bars_kind", "follows_on"],
        ["bot_id", "bars_kind", "last_on"],
    )


def _evidence() -> None:
    op.create_table(
        "bot_evidence",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("bars_kind", sa.Text(), nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("pnl_micros", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        *_sums(),
        sa.Column("log_e", sa.Double(), nullable=False),
        sa.Column("proven", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("proven_since", NOW, nullable=True),
        sa.Column("computed_at", NOW, nullable=False),
        sa.Column("net_pnl_usd", sa.Numeric(20, 6), nullable=True),
        sa.Column("trades", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Double(), nullable=True) for name in (*FIGURES, "exposure_pct")),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("average_trade_bars", "calmar")),
        sa.CheckConstraint(KINDS, name=op.f("ck_bot_evidence__bars_kind_is_known")),
        sa.CheckConstraint(
            "first_on <= last_on AND days = cardinality(pnl_micros)", name=op.f("ck_bot_evidence__days_are_its_days")
        ),
        sa.CheckConstraint("log_e <> 'NaN'", name=op.f("ck_bot_evidence__evidence_is_a_number")),
        sa.CheckConstraint("proven = (proven_since IS NOT NULL)", name=op.f("ck_bot_evidence__proven_since_when")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_evidence__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", "bars_kind", name=op.f("pk_bot_evidence")),
    )
    op.create_index(
        "ix_bot_evidence__newest", "bot_evidence", ["bot_id"], unique=True, postgresql_where=sa.text("is_newest")
    )
