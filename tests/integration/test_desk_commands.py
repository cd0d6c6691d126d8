"""The commands that work with the desk, as a person types them: exit codes, what is shown and what is left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from orchestration import cli, desk_work
from services.audit import record
from services.audit_pages import Verification, chain_told
from services.autonomy import run_tick
from services.desk import Desk
from services.vitals import Verdict, verdicts
from store.database import transaction
from tests.factories import make_bot, make_job
from tests.integration.conftest import FixedClock


@pytest.fixture(autouse=True)
def found_desk(stocked_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find the desk of this test."""

    @contextmanager
    def opened() -> Iterator[Desk]:
        yield stocked_desk

    monkeypatch.setattr(desk_work, "opened_desk", opened)


def proving(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def remembered(desk: Desk) -> Verification:
    verification = chain_told(desk).verification
    assert verification is not None
    return verification


def shown_on_health(desk: Desk) -> Verdict:
    return next(verdict for verdict in verdicts(desk) if verdict.name == "audit_chain_is_whole")


def test_verify_audit_is_remembered_where_people_look_for_it(stocked_desk: Desk, owner: Engine) -> None:
    with transaction(stocked_desk.sessions) as session:
        record(stocked_desk, session, actor="test", action="LOOK", subject="fleet", payload={})
    assert shown_on_health(stocked_desk).value == "never verified"
    code, told = proving("verify-audit")
    assert (code, told.split(",")[0]) == (0, "✓ 1 events")
    assert (remembered(stocked_desk).is_whole, remembered(stocked_desk).actor[:4]) == (True, "cli:")
    assert shown_on_health(stocked_desk).value == "0 breaks in 1 events"
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE audit_events SET actor = 'somebody else'"))
    code, told = proving("verify-audit")
    assert (code, told.split(":")[0]) == (1, "✗ event 1 CHANGED")
    assert shown_on_health(stocked_desk).holds is False


def test_why_tells_decisions_that_repeat_in_one_line_with_the_first_and_the_last_time(
    stocked_desk: Desk, clock: FixedClock
) -> None:
    with stocked_desk.sessions.begin() as session:
        make_job(session, make_bot(session, name="Amber Adder 0000"), status="RUNNING", created_at=clock())
    for _ in range(6):
        run_tick(stocked_desk)
        clock.advance(seconds=9)
    first = stocked_desk.clock().astimezone() - timedelta(seconds=6 * 9)
    code, told = proving("why", "amber adder 0000")
    assert (code, told.count("JOB_ACTIVE")) == (0, 1)
    (line,) = [line for line in told.splitlines() if "JOB_ACTIVE" in line]
    last = first + timedelta(seconds=5 * 9)
    assert [cell.strip() for cell in line.strip("│").split("│")][:3] == [
        f"{last:%Y-%m-%d %H:%M:%S}",
        "×6",
        f"{first:%Y-%m-%d %H:%M:%S}",
    ]
