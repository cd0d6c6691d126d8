"""Every hot statement finds its rows through an index: none reads a whole table that grows with time.

The statements are not listed here: they are caught as the use cases really send them, and explained at once, inside
the same transaction, over enough rows that a sequential scan is a choice and not a convenience.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.backtests.baselines import run_baseline
from services.bots.books import all_trades, bot_book, bot_sessions, bot_trades
from services.bots.dossier import bot_dossier
from services.bots.exports import each_matching_bot
from services.bots.fleet import FleetQuery, bots_by_ids, bots_page, each_bot, fleet_totals
from services.bots.life import bot_life
from services.bots.seed import fleet_ids
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.figures.rollups import open_requests, rebuild_bots, rebuild_requested
from services.health.invariants import all_invariants
from services.work.autonomy import run_autonomy_tick, running_runs
from services.work.proofs import autonomy_proof, jobs_proof
from services.work.starvation import starvation
from store.bots.fleet import FleetFilter, FleetOrder
from store.verification.verifications import latest_of_bots
from tests.integration.ground.explaining import explained
from tests.integration.ground.old_fleet import drained, wish
from trading.books import Book
from trading.verification.evidence import ASKED_FOR
from trading.work.badges import State
from trading.work.jobs import JobType

READS_ALL_OF_IT = {"invariants": {"audit_events"}}  # a chain is whole or not; each link is hashed anew


def page(sort: str = "activity", **wanted: Any) -> Callable[[Desk], object]:
    query = FleetQuery(wanted=FleetFilter(**wanted), order=FleetOrder(sort=sort, descending=sort == "netPnl"), limit=50)
    return lambda desk: bots_page(desk, query)


def read_at(desk: Desk, read: Callable[[Session], object]) -> object:
    with desk.database() as db:
        return read(db)


HOT: dict[str, Callable[[Desk], object]] = {
    "tick": lambda desk: run_autonomy_tick(desk, dead_runs=["gone"]),
    "runs of running jobs": running_runs,
    "claim, backtest, close": lambda desk: next(drained(desk, JobType.BACKTEST)),
    "claim, improve, close": lambda desk: (run_autonomy_tick(desk), next(drained(desk, JobType.IMPROVE))),
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
        first := bot_sessions(desk, fleet_ids(desk)[0], cursor=None, limit=20),
        bot_sessions(desk, fleet_ids(desk)[0], cursor=first.next_cursor, limit=20),
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
        desk, lambda db: latest_of_bots(db, fleet_ids(desk)[:500], kinds=list(ASKED_FOR))
    ),
    "invariants": all_invariants,
    "starvation": starvation,
    "reset watch": open_requests,
    "dry run of one bot": lambda desk: reset_metrics(desk, wish(bots=fleet_ids(desk)[:1], dry_run=True)),
    "reset of one bot": lambda desk: reset_metrics(desk, wish(bots=fleet_ids(desk)[:1])),
    "figures of one bot": lambda desk: rebuild_bots(desk, fleet_ids(desk)[:1]),
    "figures after a reset": lambda desk: list(rebuild_requested(desk, run_id="r")),
}


def test_no_hot_statement_reads_a_growing_table_from_end_to_end(old_fleet: Desk) -> None:
    engine = old_fleet.database.kw["bind"]
    scanned: dict[str, list[str]] = {}
    for name, work in HOT.items():
        with explained(engine) as caught:
            work(old_fleet)
        assert caught.statements, name
        allowed = READS_ALL_OF_IT.get(name, set())
        if scans := [f"{table}: {statement}" for table, statement in caught.scans if table not in allowed]:
            scanned[name] = scans
    assert scanned == {}


WITHOUT_AN_INDEX = (
    "SELECT count(*) FROM trade_logs WHERE bot_id = (SELECT min(id::text)::uuid FROM bots)",
    "SELECT id FROM backtest_sessions WHERE order_list_hash = 'x'",
    "UPDATE bot_jobs SET progress_pct = 1 WHERE dagster_run_id = 'gone'",
    "SELECT bot_id FROM autonomy_bot_decisions WHERE reason_code = 'CAP_REACHED'",
)


def test_a_statement_without_an_index_is_caught(old_fleet: Desk) -> None:
    engine = old_fleet.database.kw["bind"]
    for bad in WITHOUT_AN_INDEX:
        with explained(engine) as caught, engine.begin() as connection:
            connection.execute(text(bad))
        assert len(caught.scans) == 1, bad
