"""Sealed days and the looks at them.

Generations from before know nothing that was written down: one that a search or a person made was chosen on every bar
there was then, and its `knows_until` becomes the date it came to be. Rows are raw truth, so the column is added as one
that the database computes, and then becomes a plain one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NOW = sa.DateTime(timezone=True)


def upgrade() -> None:
    made = "CASE WHEN origin <> 'SEED' THEN (created_at AT TIME ZONE 'UTC')::date END"
    op.add_column("bot_generations", sa.Column("knows_until", sa.Date(), sa.Computed(made, persisted=True)))
    op.execute("ALTER TABLE bot_generations ALTER COLUMN knows_until DROP EXPRESSION")
    op.add_column("bot_progress", sa.Column("evidence_waits_until", sa.Date(), nullable=True))
    _epochs()
    _looks()


def downgrade() -> None:
    for table in ("sealed_looks", "sealed_epochs"):
        op.drop_table(table)
    op.drop_column("bot_progress", "evidence_waits_until")
    op.drop_column("bot_generations", "knows_until")


def _epochs() -> None:
    op.create_table(
        "sealed_epochs",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("sealed_from", sa.Date(), nullable=False),
        sa.Column("looks_before", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", NOW, nullable=False),
        sa.CheckConstraint("epoch >= 1 AND looks_before >= 0", name=op.f("ck_sealed_epochs__counts_are_sane")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_sealed_epochs__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", "epoch", name=op.f("pk_sealed_epochs")),
    )


def _looks() -> None:
    op.create_table(
        "sealed_looks",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("epoch", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("iteration_id", sa.UUID(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("active_days", sa.Integer(), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("generation_number", sa.Integer(), nullable=False),
        sa.Column("new_generation", sa.Integer(), nullable=True),
        sa.Column("statistic", sa.Double(), nullable=True),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", NOW, nullable=False),
        sa.CheckConstraint(
            "number >= 1 AND days >= 1 AND active_days <= days", name=op.f("ck_sealed_looks__counts_are_sane")
        ),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_sealed_looks__days_follow_each_other")),
        sa.CheckConstraint(
            "level > 0 AND level < 1 AND p_value >= 0 AND p_value <= 1",
            name=op.f("ck_sealed_looks__chances_are_chances"),
        ),
        sa.CheckConstraint(
            "passed = (new_generation IS NOT NULL)",
            name=op.f("ck_sealed_looks__passed_has_a_generation"),
        ),
        sa.ForeignKeyConstraint(
            ["bot_id", "epoch"],
            ["sealed_epochs.bot_id", "sealed_epochs.epoch"],
            name=op.f("fk_sealed_looks__bot_id_epoch"),
        ),
        sa.ForeignKeyConstraint(
            ["bot_id", "generation_number"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name=op.f("fk_sealed_looks__bot_id_generation_number"),
        ),
        sa.ForeignKeyConstraint(
            ["iteration_id"], ["improve_iterations.id"], name=op.f("fk_sealed_looks__iteration_id")
        ),
        sa.PrimaryKeyConstraint("bot_id", "epoch", "number", name=op.f("pk_sealed_looks")),
        sa.UniqueConstraint("iteration_id", name=op.f("uq_sealed_looks__iteration_id")),
    )
    op.create_index("ix_sealed_looks__bot_created", "sealed_looks", ["bot_id", "created_at"])
