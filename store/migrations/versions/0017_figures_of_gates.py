"""What gates read of a walk-forward stands in columns of its own, no longer in the figures that people are shown.

Rows are raw truth, and no UPDATE fills the columns for those from before: each is added as one that the database
computes, which writes it while the table is rewritten, with the guards in force; then it becomes a plain column, into
which the check writes what it found.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

RUNS = "verification_runs"
FIGURES = {"walk_forward_consistency": "consistency", "walk_forward_overfit_ratio": "overfit_ratio"}
RULE = f"kind = 'WALK_FORWARD' OR num_nonnulls({', '.join(FIGURES)}) = 0"
NAME = "ck_verification_runs__only_a_walk_forward_has_its_figures"


def upgrade() -> None:
    for column, figure in FIGURES.items():
        is_known = f"kind = 'WALK_FORWARD' AND jsonb_typeof(figures -> '{figure}') = 'number'"
        known = f"CASE WHEN {is_known} THEN CAST(figures ->> '{figure}' AS double precision) END"
        op.add_column(RUNS, sa.Column(column, sa.DOUBLE_PRECISION(), sa.Computed(known, persisted=True)))
        op.execute(f"ALTER TABLE {RUNS} ALTER COLUMN {column} DROP EXPRESSION")
    op.create_check_constraint(op.f(NAME), RUNS, RULE)


def downgrade() -> None:
    op.drop_constraint(op.f(NAME), RUNS)
    for column in FIGURES:
        op.drop_column(RUNS, column)
