"""A trade may have left after its session's close, at the next open there was: LATE_CLOSE.

No row is changed: the check is exchanged for one that allows a word more. Going back leaves the rows that have it, and
asks the narrower check only of what is written from then on.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ck_trade_logs__exit_reason_is_known"
BEFORE = ("STOP", "TARGET", "TIME", "REVERSAL", "SESSION_CLOSE", "ROLL", "END_OF_DATA")
SINCE = (*BEFORE, "LATE_CLOSE")


def upgrade() -> None:
    _allow(SINCE, is_asked_of_all=True)


def downgrade() -> None:
    _allow(BEFORE, is_asked_of_all=False)


def _allow(reasons: tuple[str, ...], *, is_asked_of_all: bool) -> None:
    op.drop_constraint(op.f(NAME), "trade_logs")
    known = ", ".join(f"'{reason}'" for reason in reasons)
    rule = f"exit_reason IN ({known})"
    op.create_check_constraint(op.f(NAME), "trade_logs", rule, postgresql_not_valid=not is_asked_of_all)
