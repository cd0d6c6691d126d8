"""Jobs that ended are listed by the moment of their end, the last first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TROUBLED = "status IN ('FAILED', 'TIMEOUT')"


def upgrade() -> None:
    op.create_index(
        "ix_bot_jobs__ended",
        "bot_jobs",
        ["completed_at", "id"],
        unique=False,
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    _list_troubled_by("completed_at")


def downgrade() -> None:
    _list_troubled_by("created_at")
    op.drop_index("ix_bot_jobs__ended", table_name="bot_jobs")


def _list_troubled_by(moment: str) -> None:
    op.drop_index("ix_bot_jobs__troubled", table_name="bot_jobs")
    op.create_index(
        "ix_bot_jobs__troubled", "bot_jobs", [moment, "id"], unique=False, postgresql_where=sa.text(TROUBLED)
    )
