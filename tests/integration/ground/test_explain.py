"""Every hot statement finds its rows through an index: none reads a whole table that grows with time.

The statements are not listed here: they are caught as the use cases really send them, and explained at once, inside
the same transaction, over enough rows that a sequential scan is a choice and not a convenience.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from services.backtests.baselines import BaselineBacktest, run_baseline
from services.bots.books import all_trades, bot_book, bot_sessions, bot_trades
from services.bots.dossier import bot_dossier
from services.bots.exports import each_matching_bot
from services.bots.fleet import FleetQuery, bots_by_ids, bots_page, each_bot, fleet_totals
from services.bots.life import bot_life
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.figures.resets import ResetRequest, reset_metrics
from services.figures.rollups import open_requests, rebuild_bots, rebuild_requested
from services.health.invariants import all_invariants
from services.improvement.iterations import Improvement
from services.verification.runs import latest_verifications
from services.work.autonomy import run_tick, running_runs
from services.work.proofs import autonomy_proof, jobs_proof
from services.work.queue import Task, drain
from services.work.starvation import starvation
from store.bots.fleet import FleetFilter, FleetOrder
from store.market.bars import BarStore
from store.verification.runs import latest_of_bots
from tests.harness.clocks import FixedClock
from tests.harness.history import plant_history
from trading.books import Book
from trading.verification.evidence import ASKED_FOR
from trading.work.badges import State
from trading.work.jobs import JobType

GROWS = {
    "trade_logs",
    "backtest_sessions",
    "execution_fills",
    "bot_jobs",
    "autonomy_bot_decisions",
    "autonomy_runs",
    "bot_metrics_events",
    "bot_stage_events",
    "bot_performance_snapshots",
    "audit_events",
    "improve_iterations",
    "improve_candidates",
    "verification_runs",
    "rebuild_requests",
    "idempotency_keys",
}
READS_ALL_OF_IT = {"invariants": {"audit_events"}}  # a chain is whole or not; each link is hashed anew
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
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


@dataclass
class Caught:
    """The statements an engine sent and the tables each would read from end to end."""

    statements: list[str] = field(default_factory=list)
    scans: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def explained(engine: Engine) -> Iterator[Caught]:
    """Explain every statement just before it runs, on its own connection."""
    caught = Caught()

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.lstrip().startswith(EXPLAINED):
            return
        first = parameters[0] if isinstance(parameters, list | tuple) and parameters else parameters
        with cursor.connection.cursor() as aside:
            answer = aside.execute(f"EXPLAIN (FORMAT JSON) {statement}", first).fetchone()[0]
        plan = answer if isinstance(answer, list) else json.loads(answer)
        caught.statements.append(statement)
        caught.scans += [(table, " ".join(statement.split())[:400]) for table in seq_scans(plan[0]["Plan"])]

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield caught
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def seq_scans(node: dict[str, Any]) -> Iterator[str]:
    """Yield the growing tables a plan reads from end to end."""
    if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in GROWS:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from seq_scans(below)


@pytest.fixture
def old_fleet(desk: Desk, bar_store: BarStore, clock: FixedClock, owner: Engine) -> Desk:
    """A fleet with years behind it: enough rows everywhere that reading a whole table is never the cheap way."""
    stocked = replace(desk, bars=bar_store)
    seed_fleet(stocked, size=BOTS, symbols=("MES", "MGC"), timeframes=("1h",))
    with stocked.sessions.begin() as session:
        plant_history(session, fleet_ids(stocked)[:150], sessions_each=60)
    with owner.begin() as connection:
        for statement in PAST.format(ticks=OLD_TICKS).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
    reset_metrics(stocked, wish())
    clock.advance(minutes=1)
    run_tick(stocked)
    list(zip(range(3), drained(stocked, JobType.BACKTEST), strict=False))
    clock.advance(minutes=1)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return stocked


def wish(*, bots: Sequence[Any] | None = None, dry_run: bool = False) -> ResetRequest:
    return ResetRequest(
        scope="ALL",
        bot_ids=bots,
        reason_code="EXPLAIN",
        also_reset_equity_curves=True,
        dry_run=dry_run,
        actor="test",
        request_id="explain",
        idempotency_key=None if dry_run else f"explain-{bots is None}",
    )


def drained(desk: Desk, job_type: JobType) -> Iterator[object]:
    tasks: dict[JobType, Task] = {JobType.BACKTEST: BaselineBacktest(), JobType.IMPROVE: Improvement()}
    return drain(desk, tasks[job_type], job_type, run_id=f"run-{job_type}", time_limit=timedelta(hours=1))


def page(sort: str = "activity", **wanted: Any) -> Callable[[Desk], object]:
    query = FleetQuery(wanted=FleetFilter(**wanted), order=FleetOrder(sort=sort, descending=sort == "netPnl"), limit=50)
    return lambda desk: bots_page(desk, query)


def read_at(desk: Desk, read: Callable[[Session], object]) -> object:
    with desk.sessions() as session:
        return read(session)


HOT: dict[str, Callable[[Desk], object]] = {
    "tick": lambda desk: run_tick(desk, dead_runs=["gone"]),
    "runs of running jobs": running_runs,
    "claim, backtest, close": lambda desk: next(drained(desk, JobType.BACKTEST)),
    "claim, improve, close": lambda desk: (run_tick(desk), next(drained(desk, JobType.IMPROVE))),
    "backtest by hand": lambda desk: run_baseline(desk, fleet_ids(desk)[-1], run_id="cli-1"),
    "bots page": page(),
    "bots page by net": page("netPnl"),
    "bots page of a state": page(state=State.NEEDS_BACKTEST, words="amber"),
    "bots page after the first": lambda desk: bots_page(
        desk, FleetQuery(cursor=bots_page(desk, FleetQuery()).next_cursor)
    ),
    "bots of the file": lambda desk: next(
        each_matching_bot(desk, FleetFilter(symbol="MES"), FleetOrder("sharpe", True))
    ),
    "board": lambda desk: list(each_bot(desk)),
    "board after a change": lambda desk: bots_by_ids(desk, fleet_ids(desk)[:100]),
    "totals": fleet_totals,
    "dossier": lambda desk: bot_dossier(desk, fleet_ids(desk)[0]),
    "life of a bot": lambda desk: bot_life(desk, fleet_ids(desk)[0]),
    "book of a bot": lambda desk: [bot_book(desk, fleet_ids(desk)[0], book) for book in Book],
    "sessions of a bot": lambda desk: (
        (first := bot_sessions(desk, fleet_ids(desk)[0], cursor=None, limit=20))
        and bot_sessions(desk, fleet_ids(desk)[0], cursor=first.next_cursor, limit=20)
    ),
    "trades of a bot": lambda desk: [
        (
            bot_trades(desk, fleet_ids(desk)[0], book=book, cursor=None, limit=50),
            all_trades(desk, fleet_ids(desk)[0], book),
        )
        for book in (Book.BACKTEST, Book.PAPER)
    ],
    "autonomy proof": autonomy_proof,
    "jobs proof": jobs_proof,
    "gates of a page": lambda desk: read_at(
        desk, lambda session: latest_of_bots(session, fleet_ids(desk)[:500], kinds=list(ASKED_FOR))
    ),
    "verifications of one bot": lambda desk: latest_verifications(desk, fleet_ids(desk)[0]),
    "invariants": all_invariants,
    "starvation": starvation,
    "reset watch": open_requests,
    "dry run of one bot": lambda desk: reset_metrics(desk, wish(bots=fleet_ids(desk)[:1], dry_run=True)),
    "reset of one bot": lambda desk: reset_metrics(desk, wish(bots=fleet_ids(desk)[:1])),
    "figures of one bot": lambda desk: rebuild_bots(desk, fleet_ids(desk)[:1]),
    "figures after a reset": lambda desk: list(rebuild_requested(desk, run_id="r")),
}


def test_no_hot_statement_reads_a_growing_table_from_end_to_end(old_fleet: Desk) -> None:
    engine = old_fleet.sessions.kw["bind"]
    found: dict[str, list[str]] = {}
    for name, work in HOT.items():
        with explained(engine) as caught:
            work(old_fleet)
        assert caught.statements, name
        allowed = READS_ALL_OF_IT.get(name, set())
        if scans := [f"{table}: {statement}" for table, statement in caught.scans if table not in allowed]:
            found[name] = scans
    assert found == {}


WITHOUT_AN_INDEX = (
    "SELECT count(*) FROM trade_logs WHERE bot_id = (SELECT min(id::text)::uuid FROM bots)",
    "SELECT id FROM backtest_sessions WHERE order_list_hash = 'x'",
    "UPDATE bot_jobs SET progress_pct = 1 WHERE dagster_run_id = 'gone'",
    "SELECT bot_id FROM autonomy_bot_decisions WHERE reason_code = 'CAP_REACHED'",
)


def test_a_statement_without_an_index_is_caught(old_fleet: Desk) -> None:
    engine = old_fleet.sessions.kw["bind"]
    for bad in WITHOUT_AN_INDEX:
        with explained(engine) as caught, engine.begin() as connection:
            connection.execute(text(bad))
        assert len(caught.scans) == 1, bad
