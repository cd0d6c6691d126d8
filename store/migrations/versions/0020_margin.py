"""What margin did to a session: how many entries it refused, and when the account went bust, called out of a trade or not.

No row is changed: sessions from before know neither, and stay as they were recorded.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ck_trade_logs__exit_reason_is_known"
BEFORE = ("STOP", "TARGET", "TIME", "REVERSAL", "SESSION_CLOSE", "ROLL", "END_OF_DATA", "LATE_CLOSE")


def upgrade() -> None:
    op.add_column("backtest_sessions", sa.Column("refused_entries", sa.Integer()))
    op.add_column("backtest_sessions", sa.Column("bust_at", sa.DateTime(timezone=True)))
    _allow((*BEFORE, "MARGIN_CALL"), is_asked_of_all=True)


def downgrade() -> None:
    _allow(BEFORE, is_asked_of_all=False)
    op.drop_column("backtest_sessions", "bust_at")
    op.drop_column("backtest_sessions", "refused_entries")


def _allow(reasons: tuple[str, ...], *, is_asked_of_all: bool) -> None:
    op.drop_constraint(op.f(NAME), "trade_logs")
    known = ", ".join(f"'{reason}'" for reason in reasons)
    rule = f"exit_reason IN ({known})"
    op.create_check_constraint(op.f(NAME), "trade_logs", rule, postgresql_not_valid=not is_asked_of_all)
