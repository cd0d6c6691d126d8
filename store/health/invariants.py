"""Recounts from raw truth, written independently of the statements that maintain the figures.

Belongs here: read-only statements that look for contradictions. Does not belong here: `figures/rollups.py`'s way of
counting.

A recount returns how many rows it looked at, and the contradictions.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from store.figure_columns import COLUMNS

Recount = tuple[int, list[dict[str, Any]]]

ROLLUPS = text("""
    WITH counted AS (
        SELECT DISTINCT ON (s.bot_id) s.bot_id, s.id AS session_id, s.net_pnl_usd, s.trades
        FROM backtest_sessions s
        LEFT JOIN metrics_baselines b ON b.bot_id = s.bot_id AND b.book = 'BACKTEST'
        WHERE s.status = 'COMPLETED' AND s.created_at >= COALESCE(b.reset_at, '-infinity')
        ORDER BY s.bot_id, s.created_at DESC, s.id DESC
    ),
    recount AS (
        SELECT c.bot_id, c.session_id, COALESCE(sum(t.net_pnl_usd), 0) AS net_pnl_usd, count(t.id) AS trades
        FROM counted c
        LEFT JOIN trade_logs t ON t.session_id = c.session_id
        GROUP BY c.bot_id, c.session_id
    ),
    shown AS (SELECT * FROM bot_metrics_rollups WHERE book = 'BACKTEST')
    SELECT COALESCE(r.bot_id, s.bot_id)::text AS bot_id, s.session_id::text AS shown_session,
           r.session_id::text AS true_session, s.net_pnl_usd::text AS shown_net, r.net_pnl_usd::text AS true_net,
           s.trades AS shown_trades, r.trades AS true_trades,
           s.session_id IS NOT DISTINCT FROM r.session_id AND s.net_pnl_usd IS NOT DISTINCT FROM r.net_pnl_usd
               AND s.trades IS NOT DISTINCT FROM r.trades AS agrees
    FROM recount r FULL JOIN shown s ON s.bot_id = r.bot_id
""")

CASH = text("""
    WITH trades AS (
        SELECT session_id, sum(net_pnl_usd) AS net, count(*) AS trades,
               sum(gross_pnl_usd - commission_usd - slippage_usd) AS explained
        FROM trade_logs WHERE session_id IS NOT NULL GROUP BY session_id
    )
    SELECT s.id::text AS session_id, s.net_pnl_usd::text AS net, t.net::text AS trades_net,
           (s.account_usd + s.net_pnl_usd)::text AS account_after,
           s.equity_usd[cardinality(s.equity_usd)]::text AS equity,
           s.net_pnl_usd = COALESCE(t.net, 0) AND COALESCE(t.explained, 0) = s.net_pnl_usd
               AND s.trades = COALESCE(t.trades, 0)
               AND s.equity_usd[cardinality(s.equity_usd)] = s.account_usd + s.net_pnl_usd AS agrees
    FROM backtest_sessions s LEFT JOIN trades t ON t.session_id = s.id
    WHERE s.status = 'COMPLETED'
""")

STUCK = text("""
    SELECT id::text AS job_id, bot_id::text, job_type, dagster_run_id, heartbeat_at::text,
           heartbeat_at >= :before AS agrees
    FROM bot_jobs WHERE status = 'RUNNING'
""")


_OF_ROLLUP, _OF_SESSION = (", ".join(f"{row}.{column}" for column in COLUMNS) for row in ("r", "s"))

SHOWN = text(f"""
    SELECT count(*) AS checked,
           COALESCE(jsonb_agg(jsonb_build_object(
               'bot_id', o.id::text, 'shown_session', r.session_id::text, 'true_session', s.id::text,
               'shown', ROW(r.since, r.data_source, {_OF_ROLLUP})::text,
               'true', ROW(b.reset_at, s.data_source, {_OF_SESSION})::text
           )) FILTER (WHERE
               ROW(r.session_id, r.since, r.data_source, {_OF_ROLLUP})
               IS DISTINCT FROM
               ROW(s.id, b.reset_at, s.data_source, {_OF_SESSION})
           ), '[]') AS broken
    FROM bots o
    LEFT JOIN bot_metrics_rollups r ON r.bot_id = o.id AND r.book = 'BACKTEST'
    LEFT JOIN metrics_baselines b ON b.bot_id = o.id AND b.book = 'BACKTEST'
    LEFT JOIN LATERAL (
        SELECT s.* FROM backtest_sessions s
        WHERE s.bot_id = o.id AND s.status = 'COMPLETED' AND s.created_at >= COALESCE(b.reset_at, '-infinity')
        ORDER BY s.created_at DESC, s.id DESC LIMIT 1
    ) s ON true
    WHERE r.bot_id IS NOT NULL OR s.id IS NOT NULL
""")  # noqa: S608

PROGRESS = text("""
    SELECT (SELECT max(completed_at) FROM bot_jobs WHERE status = 'COMPLETED') AS finished_at,
           (SELECT min(created_at) FROM bot_jobs WHERE status IN ('QUEUED', 'RUNNING')) AS waiting_since
""")


def rollup_differences(db: Session) -> Recount:
    """Compare every BACKTEST rollup with the latest completed session since the baseline and the sum of its trades."""
    return _split(db.execute(ROLLUPS).mappings().all())


def shown_differences(db: Session) -> Recount:
    """Compare all BACKTEST figures with the session they should show, missing ones included; no trades are summed.

    The database compares, an unknown figure with an unknown one as equal; only what does not agree travels.
    """
    checked, broken = db.execute(SHOWN).one()
    return checked, broken


def progress(db: Session) -> tuple[datetime | None, datetime | None]:
    """Return when the last job completed, and since when the oldest active one exists."""
    finished_at, waiting_since = db.execute(PROGRESS).one()
    return finished_at, waiting_since


def cash_differences(db: Session) -> Recount:
    """Compare every completed session with its trades and its equity curve."""
    return _split(db.execute(CASH).mappings().all())


def stuck_jobs(db: Session, *, before: datetime) -> Recount:
    """Return RUNNING jobs whose last heartbeat is older than a moment."""
    return _split(db.execute(STUCK, {"before": before}).mappings().all())


def _split(rows: Sequence[RowMapping]) -> Recount:
    broken = [{name: value for name, value in row.items() if name != "agrees"} for row in rows if not row["agrees"]]
    return len(rows), broken
