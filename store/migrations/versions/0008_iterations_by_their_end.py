"""The strategy lab lists iterations of the whole fleet, youngest first."""

from collections.abc import Sequence

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_improve_iterations__completed", "improve_iterations", ["completed_at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_improve_iterations__completed", table_name="improve_iterations")
