"""Work that was given up is listed with its error, and can be put back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from services.audit.chain import verify_chain
from services.backtests.baselines import BaselineBacktest
from services.desk import Desk
from services.work.autonomy import run_autonomy_tick
from services.work.dead_letters import dead_letters, requeue
from services.work.queue import Result, drain
from store.tables import BotProgress
from tests.harness.actors import person
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_generation, make_job
from tests.harness.patience import until
from trading.errors import NotGivenUp
from trading.work.jobs import TIMEOUTS, JobType
from trading.work.planner import MAX_FAILURES_IN_ROW


def fail_for_good(desk: Desk, clock: FixedClock) -> None:
    for _ in range(MAX_FAILURES_IN_ROW):
        clock.advance(minutes=31)
        run_autonomy_tick(desk)
        list(drain(desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=TIMEOUTS[JobType.BACKTEST]))


def test_given_up_work_is_listed_with_its_error_until_it_is_requeued(stocked_desk: Desk, clock: FixedClock) -> None:
    with stocked_desk.database.begin() as db:
        bot = make_bot(db, symbol="MES")
        make_generation(db, bot, genome={"no_such_parameter": 1})
    assert dead_letters(stocked_desk) == []
    fail_for_good(stocked_desk, clock)
    (letter,) = dead_letters(stocked_desk)
    assert (letter.bot_id, letter.job_type, letter.failures_in_row) == (bot.id, JobType.BACKTEST, MAX_FAILURES_IN_ROW)
    assert letter.last_error is not None
    assert "no_such_parameter" in letter.last_error
    assert run_autonomy_tick(stocked_desk).summary["reasons"] == {"REPEATED_FAILURE": 1}
    assert requeue(stocked_desk, bot.id, actor=person("operator")) == [JobType.BACKTEST]
    assert dead_letters(stocked_desk) == []
    assert run_autonomy_tick(stocked_desk).summary["jobs_enqueued_by_type"]["BACKTEST"] == 1
    assert verify_chain(stocked_desk).is_whole


def test_a_bot_in_good_health_cannot_be_requeued(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db, name="Amber Adder 0000")
    with pytest.raises(NotGivenUp, match="nothing of bot Amber Adder 0000 has been given up"):
        requeue(desk, bot.id, actor=person("operator"))
    with desk.database() as db:
        assert db.get_one(BotProgress, bot.id).backtest_failures_in_row == 0


def test_of_two_who_put_work_back_at_once_one_is_refused(desk: Desk, owner: Engine) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        db.get_one(BotProgress, bot.id).backtest_failures_in_row = MAX_FAILURES_IN_ROW
        make_job(db, bot, status="FAILED", error="worn out")
    assert len(dead_letters(desk)) == 1

    def put_back() -> list[JobType] | NotGivenUp:
        try:
            return requeue(desk, bot.id, actor=person("operator"))
        except NotGivenUp as refusal:
            return refusal

    with ThreadPoolExecutor(2) as pool:
        with owner.begin() as held:
            held.execute(text("LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE"))
            racing = [pool.submit(put_back) for _ in range(2)]
            wait_for_locks(owner, 2)
        ends = [future.result() for future in racing]
    assert [JobType.BACKTEST] in ends
    assert sum(isinstance(end, NotGivenUp) for end in ends) == 1
    assert verify_chain(desk).events == 1


def wait_for_locks(owner: Engine, wanted: int) -> None:
    """Return when as many statements wait for a lock of this database."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def wait() -> bool:
        with owner.connect() as aside:
            return bool(aside.execute(waiting).scalar_one() >= wanted)

    until(wait, f"{wanted} statements to wait")


def test_an_error_the_database_would_refuse_fails_its_job_all_the_same(stocked_desk: Desk) -> None:
    class Garbling(BaselineBacktest):
        def perform(self, *given: object, **named: object) -> Result:
            raise ValueError("half a character \ud800 and a nul \0")

    with stocked_desk.database.begin() as db:
        make_generation(db, make_bot(db, symbol="MES"))
    run_autonomy_tick(stocked_desk)
    (ended,) = drain(stocked_desk, Garbling(), JobType.BACKTEST, run_id="r", time_limit=TIMEOUTS[JobType.BACKTEST])
    assert (ended.status, ended.error) == ("FAILED", r"ValueError: half a character \ud800 and a nul \0")
