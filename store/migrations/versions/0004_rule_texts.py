"""Strategies as text: the texts, which bots trade by one, and which text each session ran."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

WITH_RULES = ("bots", "backtest_sessions")


def upgrade() -> None:
    op.create_table(
        "rule_texts",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fingerprint = encode(sha256(convert_to(text, 'UTF8')), 'hex')",
            name=op.f("ck_rule_texts__fingerprint_is_its_text"),
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_rule_texts")),
    )
    for table in WITH_RULES:
        op.add_column(table, sa.Column("rule_fingerprint", sa.Text(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}__rule_fingerprint"), table, "rule_texts", ["rule_fingerprint"], ["fingerprint"]
        )
        op.create_check_constraint(
            op.f(f"ck_{table}__a_rule_has_its_text"), table, "(archetype = 'rule') = (rule_fingerprint IS NOT NULL)"
        )


def downgrade() -> None:
    for table in reversed(WITH_RULES):
        op.drop_column(table, "rule_fingerprint")
    op.drop_table("rule_texts")
