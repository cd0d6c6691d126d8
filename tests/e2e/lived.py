"""A bot that has been through everything its page can show."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.backtests.baselines import run_baseline
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.figures.rollups import rebuild_bots
from store.tables import AutonomyBotDecision, BacktestSession, Bot, BotStageEvent
from tests.harness import factories
from tests.harness.actors import person

NAME = "Quartz Shrike 0007"


def lived(desk: Desk) -> UUID:
    """Make a bot with backtests before and after a reset, paper trades, a verdict, a decision and a running job."""
    now = desk.clock()
    with desk.database.begin() as db:
        bot = factories.make_bot(db, name=NAME, archetype="mean_reversion", created_at=now - timedelta(days=3))
        bot_id = bot.id
        factories.make_bot(db, name="Amber Adder 0001")
        factories.make_bot(db, name="Zephyr Viper 0009")
    run_baseline(desk, bot_id, run_id=str(uuid4()))
    reset_metrics(desk, factories.reset_request(bot_ids=[bot_id], actor=person("amy"), request_id="request-1"))
    run_baseline(desk, bot_id, run_id=str(uuid4()))
    run_id = factories.tick(desk)
    with desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        for hour, net in enumerate(("12.5", "-30", "44"), start=1):
            factories.make_trade(
                db,
                bot,
                book="PAPER",
                exit_at=now - timedelta(days=hour),
                net_usd=net,
                created_at=desk.clock(),
            )
        db.add(
            AutonomyBotDecision(
                run_id=run_id,
                seq=1,
                bot_id=bot_id,
                decision="SKIP",
                reason_code="CAP_REACHED",
                blockers=["CAP_REACHED"],
            )
        )
        db.add(
            BotStageEvent(
                bot_id=bot_id, from_stage=None, to_stage="LAB", reason_code="BORN", actor="amy", created_at=now
            )
        )
        plant_verdict(db, bot)
        factories.make_job(
            db, bot, status="RUNNING", job_type="IMPROVE", iteration=2, created_at=now - timedelta(seconds=95)
        )
    rebuild_bots(desk, [bot_id])
    return bot_id


def plant_verdict(db: Any, bot: Bot) -> None:
    """Let an iteration be accepted: the third generation, a change of the second."""
    parent = factories.make_generation(db, bot, generation_number=2, reason="held-out Sharpe 1.20")
    factories.make_generation(
        db, bot, generation_number=3, genome=dict(parent.genome) | {"rsi_period": 9}, reason="held-out Sharpe 1.31"
    )
    factories.make_iteration(
        db,
        bot,
        1,
        parent_generation=2,
        new_generation=3,
        accepted=True,
        reason_code="ACCEPTED",
        reason="held-out Sharpe 1.31, deflated probability 0.72 of 96 tried",
        candidates_tried=96,
        evidence={"candidate_test_sharpe": 1.31, "parent_test_sharpe": 1.2},
        data_fingerprint="f" * 64,
        created_at=datetime.now(UTC),
        completed_at=datetime.now(UTC),
    )


def shown_session(desk: Desk, bot_id: UUID) -> BacktestSession:
    """Return the newest session of a bot: the one whose figures are shown."""
    with desk.database() as db:
        newest = db.query(BacktestSession).filter_by(bot_id=bot_id).order_by(BacktestSession.created_at.desc())
        return newest.first() or pytest.fail("no session")
