"""Rows of the database hold what the types declared for them say, field by field and without a cast."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from services.bots.acts import Act, ActWish, act_on_bot
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.figures.rollups import rebuild_bots
from store.backtests.trades import trades_of_session
from store.bots import dossier, fleet, registry
from store.bots.fleet import FleetFilter, FleetOrder, RecentSession, RecordFigures
from store.figures import books, resets
from store.figures.books import TradeSource
from store.improvement import looks
from store.tables import BacktestSession, Bot, BotStageEvent, ImproveCandidate, ImproveIteration
from store.verification import records
from tests.harness import factories
from tests.harness.actors import OPS
from tests.harness.clocks import FixedClock
from tests.harness.rows import assert_as_declared
from trading.books import Book
from trading.strategies.genome import genome_hash

Rows = Callable[[Session, UUID], Sequence[object]]
SHOWN = FleetFilter(), FleetOrder("netPnl", True)


STATEMENTS: dict[str, Rows] = {
    "page": lambda db, _: fleet.read_page(db, *SHOWN, after=None, limit=9).rows,
    "recent sessions": lambda db, _: [
        RecentSession._make(measured)
        for row in fleet.read_page(db, *SHOWN, after=None, limit=9).rows
        for measured in row.recent or ()
    ],
    "record": lambda db, _: [
        RecordFigures._make(row.record) for row in fleet.read_page(db, *SHOWN, after=None, limit=9).rows if row.record
    ],
    "stretches": lambda db, bot_id: records.stretches_of(db, bot_id, bars_kind="REAL"),
    "evidence": lambda db, bot_id: [records.evidence_of(db, bot_id, bars_kind="REAL")],
    "every record": lambda db, _: records.every_record(db, bars_kind="REAL"),
    "cards": lambda db, bot_id: list(fleet.read_bots(db, [bot_id]).values()),
    "gated cards": lambda db, bot_id: list(fleet.read_bots_with_evidence(db, [bot_id]).values()),
    "fleet": lambda db, _: list(fleet.read_fleet(db)),
    "totals": lambda db, _: fleet.sum_by_book(db),
    "locks": lambda db, _: [fleet.stage_locks(db, now=factories.BIRTH)],
    "at work": lambda db, bot_id: [registry.at_work(db, bot_id)],
    "in hand": lambda db, bot_id: [registry.in_hand(db, bot_id)],
    "neighbour": lambda db, _: [dossier.beside_bot(db, "A", after=True)],
    "sessions": lambda db, bot_id: dossier.sessions_of_bot(db, bot_id, limit=9),
    "generations": lambda db, bot_id: dossier.generations_of_bot(db, bot_id, limit=9),
    "iterations": lambda db, bot_id: dossier.iterations_of_bot(db, bot_id, limit=9),
    "resets": lambda db, bot_id: dossier.resets_of_bot(db, bot_id, limit=9),
    "acts": lambda db, bot_id: dossier.acts_on_bot(db, bot_id, limit=9),
    "stage moves": lambda db, bot_id: dossier.stage_moves_of_bot(db, bot_id, limit=9),
    "looks": looks.looks_of,
    "lineage": looks.lineage_of,
    "epoch": lambda db, bot_id: [looks.newest_epoch(db, bot_id)],
    "books": books.books_of_bot,
    "curve": lambda db, bot_id: [books.equity_curve(db, bot_id, book="BACKTEST")],
    "shown before": lambda db, bot_id: books.shown_before(db, bot_id, book="BACKTEST", limit=9),
    "trades": lambda db, bot_id: books.trades_before(
        db, TradeSource(bot_id, "MES", "PAPER", None, None), before=None, limit=9
    ),
    "trades of a session": lambda db, _: [
        trade for run in db.query(BacktestSession.id) for trade in trades_of_session(db, run.id, symbol="MES")
    ],
    "targets": lambda db, bot_id: resets.targets(db, [bot_id], lock=False),
    "baselines": lambda db, bot_id: list(resets.baselines(db, [bot_id], tuple(Book)).values()),
    "recorded": lambda db, bot_id: resets.recorded(db, [bot_id], tuple(Book)),
    "waiting": lambda db, bot_id: resets.waiting_iterations(db, [bot_id], lock=False),
}


@pytest.fixture
def lived(desk: Desk, clock: FixedClock) -> UUID:
    """A LAB bot that was reset and has since had a session, paper trades, a job at work, one that waits, iterations."""
    with desk.database.begin() as db:
        bot = factories.make_bot(db, name="Cobalt Otter", stage_locked_until=clock.now)
        bot_id = bot.id
    reset_metrics(desk, factories.reset_request(bot_ids=[bot_id]))
    clock.advance(minutes=1)
    with desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        run = factories.make_session(db, bot, created_at=clock.now, data_source="cme")
        factories.make_record(db, bot)
        factories.make_stretch(db, bot)
        earned: dict[str, Any] = {"exit_at": clock.now, "created_at": clock.now, "net_usd": "20"}
        factories.make_trade(db, bot, book="BACKTEST", session_id=run.id, **earned)
        factories.make_trade(db, bot, book="PAPER", **earned)
        factories.make_job(db, bot, status="RUNNING", created_at=clock.now)
        factories.make_job(db, bot, job_type="IMPROVE", created_at=clock.now)
        _iterate(db, bot_id, clock)
        looks.open_epoch(db, bot_id, epoch=1, sealed_from=clock.now.date(), now=clock.now)
        factories.make_look(db, bot, 2)
    why: dict[str, Any] = {"reason_code": "BETTER_NAME", "actor": OPS, "request_id": "trace-2"}
    act_on_bot(desk, ActWish(act=Act.RENAME, bot_id=bot_id, name="Cobalt Otter Two", **why))
    rebuild_bots(desk, [bot_id])
    return bot_id


def _iterate(db: Session, bot_id: UUID, clock: FixedClock) -> None:
    iteration = UUID(int=7)
    move = {"bot_id": bot_id, "to_stage": "LAB", "reason_code": "BORN", "actor": "seed", "created_at": clock.now}
    db.execute(insert(BotStageEvent).values(**move))
    db.execute(
        insert(ImproveIteration).values(
            id=iteration,
            bot_id=bot_id,
            job_type="IMPROVE",
            iteration=1,
            parent_generation=1,
            accepted=False,
            reason_code="NO_BETTER_THAN_PARENT",
            reason="no better",
            candidates_tried=1,
            evidence={"folds": 3},
            data_source="SIMULATED",
            data_fingerprint="f" * 64,
            seed=1,
            created_at=clock.now,
            completed_at=clock.now + timedelta(seconds=1),
        )
    )
    db.execute(
        insert(ImproveCandidate).values(
            iteration_id=iteration,
            trial=1,
            segment=1,
            genome={"fast": 5},
            genome_hash=genome_hash({"fast": 5}),
            train_trades=30,
            test_sharpe=0.5,
            test_net_pnl_usd=12,
            test_trades=9,
        )
    )


@pytest.mark.parametrize("statement", STATEMENTS)
def test_rows_hold_what_their_types_say(desk: Desk, lived: UUID, statement: str) -> None:
    with desk.database.begin() as db:
        assert_as_declared(STATEMENTS[statement](db, lived))
