"""The bots page finds bots in error without passing over the fleet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_bots__killed", "bots", ["id"], unique=False, postgresql_where=sa.text("killed_at IS NOT NULL"))
    op.create_index(
        "ix_bot_progress__failing",
        "bot_progress",
        ["bot_id"],
        unique=False,
        postgresql_where=sa.text("backtest_failures_in_row > 0"),
    )


def downgrade() -> None:
    op.drop_index("ix_bot_progress__failing", table_name="bot_progress")
    op.drop_index("ix_bots__killed", table_name="bots")
