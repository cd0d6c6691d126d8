"""The board says of a bot that its warm-up takes all of its bars, as its last session found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("bot_progress", sa.Column("last_session_bars_left", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("bot_progress", "last_session_bars_left")
