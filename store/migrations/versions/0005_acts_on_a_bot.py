"""The links of the audit chain about one bot, found without reading the chain."""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_audit_events__subject", "audit_events", ["subject", "seq"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_audit_events__subject", table_name="audit_events")
