"""The strategy lab finds what is rare, accepted iterations and those of a few bots, without passing over the rest."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_improve_iterations__accepted",
        "improve_iterations",
        ["completed_at", "id"],
        unique=False,
        postgresql_where=sa.text("accepted"),
    )
    op.create_index(
        "ix_improve_iterations__bot_completed", "improve_iterations", ["bot_id", "completed_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_improve_iterations__bot_completed", table_name="improve_iterations")
    op.drop_index("ix_improve_iterations__accepted", table_name="improve_iterations")
