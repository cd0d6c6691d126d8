"""Work a person asks for: what is refused, for which reason, and what is left behind."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from services.backtests.baselines import run_baseline
from services.desk import Desk
from store.tables import BotJob, BotProgress
from tests.harness import factories
from trading.errors import Refused, UnknownBots
from trading.work.jobs import JobStatus


def jobs_of(desk: Desk, bot_id: UUID) -> list[str]:
    with desk.database() as db:
        return list(db.scalars(select(BotJob.status).where(BotJob.bot_id == bot_id)))


def test_a_bot_that_does_not_exist_is_unknown_and_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(UnknownBots):
        run_baseline(desk, uuid4(), run_id="cli-1")
    with desk.database() as db:
        assert db.scalars(select(BotProgress.bot_id)).all() == []


def test_a_bot_at_work_is_not_given_the_same_work_twice(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        factories.make_job(db, bot, status="RUNNING")
    with pytest.raises(Refused, match="a BACKTEST of this bot is at work already"):
        run_baseline(desk, bot.id, run_id="cli-1")
    assert jobs_of(desk, bot.id) == ["RUNNING"]


def test_work_over_the_cap_waits_for_autonomy(desk: Desk) -> None:
    with desk.database.begin() as db:
        for _ in range(desk.settings.concurrency_backtest):
            factories.make_job(db, factories.make_bot(db), status="RUNNING")
        bot = factories.make_bot(db)
    with pytest.raises(Refused, match="waits: at most 2 run at once"):
        run_baseline(desk, bot.id, run_id="cli-1")
    assert jobs_of(desk, bot.id) == ["QUEUED"]


def test_work_that_fails_says_so(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    finished = run_baseline(desk, bot.id, run_id="cli-1")
    assert finished.status is JobStatus.FAILED
    assert finished.error == "NO_MARKET_DATA: no 1h bars for MES: import some or run the market simulator"
