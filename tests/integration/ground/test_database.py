"""Transactions and readings: what is open, what is left behind, what an absent database is called."""

import select
from typing import Any

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from services.desk import Desk
from store.bots import registry
from store.database import hold, reading, session_factory, transaction
from store.work import jobs
from tests.harness.factories import make_bot
from trading.errors import Unavailable
from trading.work.jobs import LEASE, JobType

BOTS = text("SELECT count(*) FROM bots")
OWN_BACKEND = text("SELECT pg_backend_pid()")
SILENT_SECONDS = text("SELECT extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)")
END_BACKENDS = text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(CAST(:pids AS int[])) AS pid")


def test_a_reading_opens_no_transaction(desk: Desk) -> None:
    with reading(desk.database) as db:
        assert db.execute(BOTS).scalar_one() == 0
        driver = db.connection().connection.driver_connection
        assert driver is not None
        assert driver.info.transaction_status is TransactionStatus.IDLE
        with transaction(desk.database) as other:
            make_bot(other)
        assert db.execute(BOTS).scalar_one() == 1


def test_a_transaction_after_a_reading_is_whole_again(desk: Desk) -> None:
    for _ in range(10):  # whichever connection of the pool it gets
        with reading(desk.database) as db:
            db.execute(BOTS)
        with pytest.raises(ZeroDivisionError):
            _make_a_bot_and_fail(desk)
    with reading(desk.database) as db:
        assert db.execute(BOTS).scalar_one() == 0


def _make_a_bot_and_fail(desk: Desk) -> None:
    with transaction(desk.database) as db:
        make_bot(db)
        raise ZeroDivisionError


@pytest.mark.parametrize("opened", [reading, transaction])
def test_a_database_that_is_away_is_unavailable(opened: Any) -> None:
    nowhere = session_factory(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1"))
    with pytest.raises(Unavailable, match="the database is away"), opened(nowhere) as db:
        db.execute(BOTS)


def test_a_connection_the_server_closed_is_replaced_before_it_is_used(desk: Desk, owner: Engine) -> None:
    with reading(desk.database) as first, reading(desk.database) as other:
        closed = {db.execute(OWN_BACKEND).scalar_one() for db in (first, other)}
    with owner.connect() as connection:
        assert connection.execute(END_BACKENDS, {"pids": list(closed)}).scalars().all() == [True, True]
    with transaction(desk.database) as db:
        assert db.execute(OWN_BACKEND).scalar_one() not in closed


def test_the_connection_used_last_is_used_next(desk: Desk) -> None:
    with reading(desk.database) as first, reading(desk.database) as other:
        first.execute(OWN_BACKEND)
        last = other.execute(OWN_BACKEND).scalar_one()
        other.close()
        first.close()
    with reading(desk.database) as db:
        following = db.execute(OWN_BACKEND).scalar_one()
    assert following != last
    for _ in range(3):
        with reading(desk.database) as db:
            assert db.execute(OWN_BACKEND).scalar_one() == following


def run(desk: Desk, *statements: str) -> None:
    with transaction(desk.database) as db:
        for statement in statements:
            db.execute(text(statement))


def test_a_server_that_only_reads_is_unavailable(desk: Desk) -> None:
    with pytest.raises(Unavailable, match=r"the database is away: .*read-only"):
        run(desk, "SET TRANSACTION READ ONLY", "DELETE FROM bot_metrics_rollups")


def fall_silent(desk: Desk) -> None:
    with transaction(desk.database) as db:
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        driver = db.connection().connection.driver_connection
        assert driver is not None
        assert select.select([driver.fileno()], [], [], 30)[0]
        db.execute(BOTS)


def test_a_transaction_that_was_silent_for_too_long_is_unavailable(desk: Desk) -> None:
    with pytest.raises(Unavailable, match="the database is away"):
        fall_silent(desk)


def silent_seconds(db: Session) -> float:
    return float(db.execute(SILENT_SECONDS).scalar_one())


def test_a_worker_may_be_silent_in_a_transaction_as_long_as_it_may_be_with_its_job(desk: Desk) -> None:
    with transaction(desk.database) as db:
        registry.lock(db, make_bot(db).id)
        assert silent_seconds(db) == LEASE.total_seconds()


def test_who_holds_what_everybody_waits_for_may_be_silent_for_half_a_minute_in_that_transaction(desk: Desk) -> None:
    with transaction(desk.database) as db:
        hold(db, 1)
        backend = db.execute(OWN_BACKEND).scalar_one()
        assert silent_seconds(db) == 30
    with transaction(desk.database) as db:
        assert db.execute(OWN_BACKEND).scalar_one() == backend
        assert silent_seconds(db) == LEASE.total_seconds()
        assert jobs.claim(db, JobType.BACKTEST, run_id="silent", cap=1, now=desk.clock()) is None
        assert silent_seconds(db) == 30


def test_a_wait_that_took_too_long_says_that_the_database_is_busy(desk: Desk) -> None:
    with pytest.raises(Unavailable, match=r"the database is busy: .*statement timeout"):
        run(desk, "SET LOCAL statement_timeout = '20ms'", "SELECT pg_sleep(30)")


def test_a_statement_that_is_wrong_is_not_called_an_absence(desk: Desk) -> None:
    with pytest.raises(ProgrammingError, match="no_such_table"):
        run(desk, "SELECT * FROM no_such_table")
