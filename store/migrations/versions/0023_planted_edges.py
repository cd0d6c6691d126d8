"""The truth about simulated bars: which edge was planted in them, and how strong it is for one who knows it.

Bars from before have none, and no edge was planted in them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "planted_edges",
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sharpe", sa.Double(), nullable=False),
        sa.Column("oracle_sharpe", sa.Double(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('MOMENTUM', 'REVERSION', 'OPENING_RANGE', 'SESSION_DRIFT', 'GAP')",
            name=op.f("ck_planted_edges__kind_is_known"),
        ),
        sa.CheckConstraint("sharpe > 0", name=op.f("ck_planted_edges__an_edge_has_a_strength")),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_planted_edges__days_follow_each_other")),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_planted_edges__seed_is_none_below_zero")),
        sa.PrimaryKeyConstraint("symbol", "fingerprint", name=op.f("pk_planted_edges")),
    )


def downgrade() -> None:
    op.drop_table("planted_edges")
