"""Bots that a person added, paused, edited and copied; who added a bot is taken from the audit chain."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

CONSTRAINT = "ck_bot_generations__origin_is_known"
BEFORE = ("SEED", "IMPROVE", "EVOLVE", "REVERT")


def upgrade() -> None:
    op.add_column("bots", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bots", sa.Column("added_by", sa.Text(), nullable=True))
    op.execute(
        "UPDATE bots SET added_by = registered.actor FROM audit_events registered"
        " WHERE registered.action = 'BOT_REGISTERED' AND registered.subject = bots.id::text"
    )
    _allow((*BEFORE, "EDIT", "COPY"))


def downgrade() -> None:
    _allow(BEFORE, and_earlier=" NOT VALID")
    op.drop_column("bots", "added_by")
    op.drop_column("bots", "paused_at")


def _allow(origins: tuple[str, ...], *, and_earlier: str = "") -> None:
    """Generations are append-only, so a downgrade leaves those that stand and forbids new ones."""
    listed = ", ".join(f"'{origin}'" for origin in origins)
    op.drop_constraint(op.f(CONSTRAINT), "bot_generations")
    op.execute(f"ALTER TABLE bot_generations ADD CONSTRAINT {CONSTRAINT} CHECK (origin IN ({listed})){and_earlier}")
