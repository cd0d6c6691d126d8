"""What the newest generation's evaluation showed, beside its bot; jobs counted from an index."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

FILL = """
UPDATE bot_progress SET
    confidence_pct = 100 * evaluated.probability * evaluated.trades / (evaluated.trades + 50) * evaluated.consistency,
    uniqueness_pct = evaluated.uniqueness
FROM (
    SELECT DISTINCT ON (i.bot_id) i.bot_id,
           CAST(i.evidence ->> 'deflated_sharpe_probability' AS double precision) AS probability,
           CAST(i.evidence ->> 'candidate_test_trades' AS double precision) AS trades,
           CAST(i.evidence ->> 'walk_forward_consistency' AS double precision) AS consistency,
           CAST(i.evidence ->> 'uniqueness_pct' AS double precision) AS uniqueness
    FROM improve_iterations i
    JOIN (SELECT bot_id, max(generation_number) AS generation FROM bot_generations GROUP BY bot_id) newest
        ON newest.bot_id = i.bot_id
    WHERE i.new_generation = newest.generation
        OR (i.parent_generation = newest.generation AND i.reason_code = 'SAME_AS_PARENT')
    ORDER BY i.bot_id, i.completed_at DESC
) evaluated
WHERE evaluated.bot_id = bot_progress.bot_id
"""


def upgrade() -> None:
    op.add_column("bot_progress", sa.Column("confidence_pct", sa.DOUBLE_PRECISION(), nullable=True))
    op.add_column("bot_progress", sa.Column("uniqueness_pct", sa.DOUBLE_PRECISION(), nullable=True))
    op.create_index("ix_bot_jobs__counts", "bot_jobs", ["job_type", "status"], unique=False)
    op.execute(FILL)


def downgrade() -> None:
    op.drop_index("ix_bot_jobs__counts", table_name="bot_jobs")
    op.drop_column("bot_progress", "uniqueness_pct")
    op.drop_column("bot_progress", "confidence_pct")
