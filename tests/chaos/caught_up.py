"""When a platform has caught up by itself: nothing waits, and every run that claims to be at work has a worker."""

from sqlalchemy import text

from tests.chaos.ledger import unfinished_runs
from tests.harness.own_platform import Platform

CAUGHT_UP = text(
    "SELECT (SELECT count(*) FROM bot_jobs WHERE job_type = 'BACKTEST' AND status IN ('QUEUED', 'RUNNING'))"
    " + (SELECT count(*) FROM rebuild_requests WHERE completed_at IS NULL)"
    " + (SELECT count(*) FROM owed_materializations)"
    " + (SELECT count(*) FROM bots b WHERE NOT EXISTS (SELECT 1 FROM backtest_sessions s WHERE s.bot_id = b.id"
    "    AND s.status = 'COMPLETED' AND s.created_at >= b.metrics_reset_at))"
)


def caught_up(platform: Platform) -> bool:
    with platform.owner().connect() as connection:
        nothing_waits = connection.execute(CAUGHT_UP).scalar_one() == 0
        return nothing_waits and len(unfinished_runs(connection)) <= len(platform.workers())
