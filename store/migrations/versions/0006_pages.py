"""Indexes behind the pages: jobs in trouble, and the audit chain by action, actor and reason."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_bot_jobs__troubled",
        "bot_jobs",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('FAILED', 'TIMEOUT')"),
    )
    op.create_index("ix_audit_events__action", "audit_events", ["action", "seq"], unique=False)
    op.create_index("ix_audit_events__actor", "audit_events", ["actor", "seq"], unique=False)
    op.create_index(
        "ix_audit_events__reason", "audit_events", [sa.text("(payload ->> 'reasonCode')"), "seq"], unique=False
    )


def downgrade() -> None:
    for name in ("reason", "actor", "action"):
        op.drop_index(f"ix_audit_events__{name}", table_name="audit_events")
    op.drop_index(
        "ix_bot_jobs__troubled", table_name="bot_jobs", postgresql_where=sa.text("status IN ('FAILED', 'TIMEOUT')")
    )
