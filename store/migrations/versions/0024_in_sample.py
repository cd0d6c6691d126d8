"""Whose the figures of a bot are: of which generation, in sample or not, of an account that went bust or not.

Figures that are shown are filled from the sessions behind them; those of stage books are of no generation alone.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLE = "bot_metrics_rollups"
FILL = """
    UPDATE bot_metrics_rollups shown SET
        generation_number = run.generation_number,
        in_sample = COALESCE(behind.knows_until >= run.equity_on[1], false),
        bust_at = run.bust_at
    FROM backtest_sessions run JOIN bot_generations behind
        ON behind.bot_id = run.bot_id AND behind.generation_number = run.generation_number
    WHERE run.id = shown.session_id
"""


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("generation_number", sa.Integer()))
    op.add_column(TABLE, sa.Column("in_sample", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(TABLE, sa.Column("bust_at", sa.DateTime(timezone=True)))
    op.execute(FILL)


def downgrade() -> None:
    for name in ("bust_at", "in_sample", "generation_number"):
        op.drop_column(TABLE, name)
