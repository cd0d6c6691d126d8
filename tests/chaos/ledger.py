"""What must hold after any harm, in plain SQL over the ledger and Dagster's tables.

Belongs here: statements that each return the rows that break one promise; none may come back. They share no code with
the platform. Does not belong here: doing harm.

`:since` is when the round's reset was acknowledged; `:lease` how long a job may be silent, as an interval.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

TICK_SLACK = timedelta(seconds=30)

LOST = {
    "every bot has a session since the reset": """
        SELECT b.id::text FROM bots b WHERE b.stage = 'LAB' AND NOT EXISTS (
            SELECT 1 FROM backtest_sessions s
            WHERE s.bot_id = b.id AND s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at)""",
    "a completed backtest job left its session": """
        SELECT j.id::text FROM bot_jobs j LEFT JOIN backtest_sessions s ON s.job_id = j.id AND s.status = 'COMPLETED'
        WHERE j.job_type = 'BACKTEST' AND j.status = 'COMPLETED' AND s.id IS NULL""",
    "a completed iteration left its verdict": """
        SELECT j.id::text FROM bot_jobs j LEFT JOIN improve_iterations i ON i.job_id = j.id
        WHERE j.job_type <> 'BACKTEST' AND j.status = 'COMPLETED' AND i.id IS NULL""",
    "a session has all its trades": """
        SELECT s.id::text, s.trades, count(t.id) FROM backtest_sessions s LEFT JOIN trade_logs t ON t.session_id = s.id
        WHERE s.status = 'COMPLETED' GROUP BY s.id HAVING count(t.id) <> s.trades
            OR COALESCE(sum(t.net_pnl_usd), 0) <> s.net_pnl_usd""",
    "an accepted iteration left its generation": """
        SELECT i.id::text FROM improve_iterations i LEFT JOIN bot_generations g
            ON g.bot_id = i.bot_id AND g.generation_number = i.new_generation
        WHERE i.accepted AND g.bot_id IS NULL""",
}

DUPLICATED = {
    "one session per bot and generation since the reset": """
        SELECT s.bot_id::text, s.generation_number, count(*) FROM backtest_sessions s JOIN bots b ON b.id = s.bot_id
        WHERE s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at GROUP BY 1, 2 HAVING count(*) > 1""",
    "a session belongs to a job that ended with it": """
        SELECT s.id::text, j.status FROM backtest_sessions s LEFT JOIN bot_jobs j ON j.id = s.job_id
        WHERE s.data_source <> 'HISTORY' AND s.status IS DISTINCT FROM j.status""",
    "one active job per bot and type": """
        SELECT bot_id::text, job_type FROM bot_jobs WHERE status IN ('QUEUED', 'RUNNING')
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "iterations count without a gap": """
        SELECT bot_id::text, job_type, count(*), max(iteration) FROM improve_iterations
        GROUP BY 1, 2 HAVING count(*) <> max(iteration)""",
    "no more jobs run than the caps allow": """
        SELECT job_type, count(*) FROM bot_jobs WHERE status = 'RUNNING' GROUP BY 1
        HAVING count(*) > CASE job_type WHEN 'BACKTEST' THEN 2 ELSE 1 END""",
}

STUCK = {
    "no job is silent past its lease": """
        SELECT id::text, heartbeat_at FROM bot_jobs WHERE status = 'RUNNING' AND heartbeat_at < now() - :lease""",
    "no job runs in a run that is over": """
        SELECT j.id::text, r.status FROM bot_jobs j LEFT JOIN dagster.runs r ON r.run_id = j.dagster_run_id
        WHERE j.status = 'RUNNING' AND (r.run_id IS NULL OR r.status IN ('SUCCESS', 'FAILURE', 'CANCELED'))
          AND j.heartbeat_at < now() - :lease""",
    "no backtest waits while every slot is free": """
        SELECT id::text, created_at FROM bot_jobs WHERE job_type = 'BACKTEST' AND status = 'QUEUED'
          AND created_at < now() - :lease""",
    "no record is owed by a run that is over": """
        SELECT o.job_id::text, o.dagster_run_id FROM owed_materializations o
        LEFT JOIN dagster.runs r ON r.run_id = o.dagster_run_id
        WHERE (r.run_id IS NULL OR r.status IN ('SUCCESS', 'FAILURE', 'CANCELED'))
          AND GREATEST(o.closed_at, to_timestamp(r.end_time)) < now() - :lease""",
    "no reset waits for its figures": """
        SELECT id::text, created_at FROM rebuild_requests WHERE completed_at IS NULL
          AND created_at < now() - :lease""",
}

FIGURES = {
    "a rollup is its latest session, recounted from trades": """
        WITH latest AS (
            SELECT DISTINCT ON (s.bot_id) s.bot_id, s.id FROM backtest_sessions s JOIN bots b ON b.id = s.bot_id
            WHERE s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at
            ORDER BY s.bot_id, s.created_at DESC, s.id DESC
        ), truth AS (
            SELECT l.bot_id, l.id, count(t.id) AS trades, COALESCE(sum(t.net_pnl_usd), 0) AS net
            FROM latest l LEFT JOIN trade_logs t ON t.session_id = l.id GROUP BY 1, 2
        )
        SELECT COALESCE(t.bot_id, r.bot_id)::text, t.net, r.net_pnl_usd FROM truth t
        FULL JOIN (SELECT * FROM bot_metrics_rollups WHERE book = 'BACKTEST') r ON r.bot_id = t.bot_id
        WHERE (t.id, t.trades, t.net) IS DISTINCT FROM (r.session_id, r.trades::bigint, r.net_pnl_usd)""",
    "a counter says how many sessions count": """
        SELECT p.bot_id::text, p.backtests_completed, count(s.id) FROM bot_progress p JOIN bots b ON b.id = p.bot_id
        LEFT JOIN backtest_sessions s
            ON s.bot_id = p.bot_id AND s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at
        GROUP BY 1, 2 HAVING count(s.id) <> p.backtests_completed""",
}

PROMISES: Mapping[str, Mapping[str, str]] = {
    "lost": LOST,
    "duplicated": DUPLICATED,
    "stuck": STUCK,
    "wrong figures": FIGURES,
}

RESETS = text(
    "SELECT payload->>'reasonCode' AS reason, count(*) AS events FROM audit_events"
    " WHERE action = 'METRICS_RESET' GROUP BY 1"
)
LAST_RUN = text("SELECT max(end_time) FROM dagster.runs WHERE status = 'SUCCESS'")
UNFINISHED_RUNS = text("SELECT run_id FROM dagster.runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING')")
CANARY_MINUTES = 10


def broken(connection: Connection, *, lease: timedelta) -> dict[str, dict[str, list[Any]]]:
    """Return the rows that break a promise, by kind and promise; empty where every promise holds."""
    broken_by_kind: dict[str, dict[str, list[Any]]] = {}
    for kind, promises in PROMISES.items():
        for promise, statement in promises.items():
            parameters = {"lease": lease} if ":lease" in statement else {}
            rows = connection.execute(text(statement), parameters).all()
            if rows:
                broken_by_kind.setdefault(kind, {})[promise] = [tuple(row) for row in rows[:5]]
    return broken_by_kind


def resets_by_reason(connection: Connection) -> dict[str, int]:
    """Return how many resets the audit chain has of each reason."""
    return {row.reason: row.events for row in connection.execute(RESETS)}


def canary_sings(connection: Connection, *, now: datetime) -> bool:
    """Say whether a Dagster run really ended well in the last ten minutes; a live process proves nothing."""
    ended = connection.execute(LAST_RUN).scalar_one()
    return ended is not None and now.timestamp() - ended <= 60 * CANARY_MINUTES


def unfinished_runs(connection: Connection) -> set[str]:
    """Return the Dagster runs that claim to be at work."""
    return set(connection.execute(UNFINISHED_RUNS).scalars())
