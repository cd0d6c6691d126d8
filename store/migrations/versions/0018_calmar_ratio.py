"""Sessions and figures have the Calmar ratio, those from before too.

Sessions are raw truth, and no UPDATE fills the column for them: it is added as one that the database computes, in the
order of `calmar_ratio`, so that the same record has the same bits; then it becomes a plain column.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

SESSIONS, SHOWN = "backtest_sessions", "bot_metrics_rollups"
CALMAR = """
    CASE WHEN {days} >= 20 AND {row}max_drawdown_pct > 0 THEN
        CAST(100 AS double precision) * CAST({row}net_pnl_usd * 1000000 AS double precision)
        / CAST(account_usd * 1000000 AS double precision) * 252 / {days} / {row}max_drawdown_pct
    END"""
OF_SESSIONS = """
    UPDATE bot_metrics_rollups shown SET calmar = run.calmar FROM backtest_sessions run WHERE run.id = shown.session_id
"""
OF_TRADES = f"""
    UPDATE bot_metrics_rollups shown SET calmar = {CALMAR.format(days="cardinality(curve.trading_on)", row="shown.")}
    FROM bots, bot_equity_curve curve
    WHERE shown.book <> 'BACKTEST' AND bots.id = shown.bot_id AND curve.bot_id = shown.bot_id
      AND curve.book = shown.book AND curve.since IS NOT DISTINCT FROM shown.since
"""  # noqa: S608


def upgrade() -> None:
    computed = sa.Computed(CALMAR.format(days="cardinality(equity_on)", row=""), persisted=True)
    op.add_column(SESSIONS, sa.Column("calmar", sa.DOUBLE_PRECISION(), computed))
    op.execute(f"ALTER TABLE {SESSIONS} ALTER COLUMN calmar DROP EXPRESSION")
    op.add_column(SHOWN, sa.Column("calmar", sa.DOUBLE_PRECISION()))
    op.execute(OF_SESSIONS)
    op.execute(OF_TRADES)


def downgrade() -> None:
    for table in (SHOWN, SESSIONS):
        op.drop_column(table, "calmar")
