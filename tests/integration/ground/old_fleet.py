"""A fleet with years behind it: enough rows everywhere that reading a whole table is never the cheap way."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from services.backtests.baselines import BaselineBacktest
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.figures.resets import ResetRequest, reset_metrics
from services.improvement.iterations import Improvement
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Task, drain
from tests.harness.clocks import FixedClock
from tests.harness.factories import reset_request
from tests.harness.history import plant_history
from trading.work.jobs import JobType

BOTS = 1_500
OLD_TICKS = 30
PAST = """
INSERT INTO bot_jobs (bot_id, job_type, status, reason_code, dagster_run_id, created_at, started_at, heartbeat_at,
                      completed_at)
SELECT b.id, 'BACKTEST', 'COMPLETED', 'PAST', 'past', at, at, at, at
FROM bots b, generate_series(1, 20) n, LATERAL (SELECT now() - interval '900 days' + n * interval '1 day' AS at) t;
INSERT INTO autonomy_runs (started_at, completed_at, candidates, decisions, summary)
SELECT now() - interval '800 days' + n * interval '1 minute', now() - interval '800 days', 0, 0, '{{}}'
FROM generate_series(1, {ticks} * 1000) n;
INSERT INTO autonomy_bot_decisions (run_id, seq, bot_id, decision, reason_code, blockers)
SELECT r.id, row_number() OVER (PARTITION BY r.id), b.id, 'SKIP', 'PAST', '{{}}'
FROM (SELECT id FROM autonomy_runs ORDER BY id LIMIT {ticks}) r, bots b;
INSERT INTO execution_fills (bot_id, book, client_order_id, venue, venue_fill_id, symbol, side, quantity_contracts,
                             price, price_ticks, tick_size, commission_usd, realised_pnl_usd, filled_at, created_at)
SELECT b.id, 'PAPER', n::text, 'PAPER', b.id || '-' || n, b.symbol, 'BUY', 1, 100, 400, 0.25, 1, 0, at, at
FROM bots b, generate_series(1, 10) n, LATERAL (SELECT now() - interval '900 days' + n * interval '1 day' AS at) t;
INSERT INTO bot_metrics_events (bot_id, event_type, reason_code, actor, payload_json, created_at)
SELECT id, 'METRICS_RESET', 'PAST', 'past', '{{}}', now() - interval '900 days' FROM bots, generate_series(1, 10);
INSERT INTO bot_stage_events (bot_id, to_stage, reason_code, actor, created_at)
SELECT id, 'LAB', 'PAST', 'past', now() - interval '900 days' FROM bots, generate_series(1, 10);
INSERT INTO bot_performance_snapshots (bot_id, book, taken_at, trades)
SELECT id, 'BACKTEST', now() - interval '900 days', 0 FROM bots, generate_series(1, 10);
INSERT INTO rebuild_requests (request_id, bot_ids, also_equity_curves, created_at, completed_at)
SELECT n::text, '{{}}', true, now() - interval '900 days', now() - interval '900 days' FROM generate_series(1, 3000) n;
INSERT INTO idempotency_keys (key, body_hash, response, created_at)
SELECT n::text, 'past', '{{}}', now() - interval '900 days' FROM generate_series(1, 3000) n;
INSERT INTO audit_events (seq, at, actor, action, subject, payload, previous_hash, hash)
SELECT n, now() - interval '900 days', 'past', 'PAST', 'past', '{{}}', n - 1, n FROM generate_series(2, 3001) n;
INSERT INTO improve_iterations (id, bot_id, job_type, iteration, parent_generation, accepted, reason_code, reason,
    candidates_tried, evidence, data_source, data_fingerprint, seed, created_at, completed_at)
SELECT gen_random_uuid(), b.id, 'IMPROVE', 1000 + n, 1, false, 'PAST', 'past', 1, '{{}}', 'past', 'past', 1,
    now() - interval '900 days', now() - interval '900 days' FROM bots b, generate_series(1, 5) n;
INSERT INTO improve_candidates (iteration_id, trial, segment, genome, genome_hash, train_trades)
SELECT i.id, n, 0, '{{}}', 'past', 0 FROM improve_iterations i, generate_series(1, 3) n;
INSERT INTO verification_runs (id, bot_id, kind, generation_number, genome_hash, created_at, completed_at, seed,
    data_source, data_fingerprint, engine_version, verdict, reason, figures, can_show, cannot_show)
SELECT gen_random_uuid(), b.id, kind, 1, 'past', at, at, 1, 'past', 'past', 'past', 'PASSED', 'past', '{{}}', '', ''
FROM bots b, unnest(ARRAY['WALK_FORWARD', 'STRESS', 'GRID']) kind, generate_series(1, 5) n,
    LATERAL (SELECT now() - interval '900 days' + n * interval '1 day' AS at) t;
"""


def grow_old(desk: Desk, *, clock: FixedClock, owner: Engine) -> None:
    seed_fleet(desk, size=BOTS, symbols=("MES", "MGC"), timeframes=("1h",))
    with desk.database.begin() as db:
        plant_history(db, fleet_ids(desk)[:150], sessions_each=60)
    with owner.begin() as connection:
        for statement in PAST.format(ticks=OLD_TICKS).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    reset_metrics(desk, wish())
    clock.advance(minutes=1)
    run_autonomy_tick(desk)
    list(zip(range(3), drained(desk, JobType.BACKTEST), strict=False))
    clock.advance(minutes=1)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def wish(*, bots: Sequence[Any] | None = None, dry_run: bool = False) -> ResetRequest:
    key = None if dry_run else f"explain-{bots is None}"
    return reset_request(bot_ids=bots, dry_run=dry_run, idempotency_key=key)


def drained(desk: Desk, job_type: JobType) -> Iterator[object]:
    tasks: dict[JobType, Task] = {JobType.BACKTEST: BaselineBacktest(), JobType.IMPROVE: Improvement()}
    return drain(desk, tasks[job_type], job_type, run_id=f"run-{job_type}", time_limit=timedelta(hours=1))
