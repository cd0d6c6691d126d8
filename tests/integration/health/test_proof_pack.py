"""A proof pack is a check that can fail: what is judged holds on a healthy platform and not over a planted fault."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from api.app import create_app
from gateways import proof_packs
from gateways.postgres import DatabaseUrls
from gateways.proof_packs import Exhibit
from gateways.settings import Settings
from orchestration.cli import main, proof_pack, terminal
from services.audit.chain import record
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.work.autonomy import run_autonomy_tick
from store.database import transaction
from tests.harness.actors import TESTER
from tests.harness.client import TOKEN
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_job
from tests.harness.serving import serving

RESET, FOLLOWED = "Reset, executed", "What followed the reset"
AUTONOMY, INVARIANTS = "Autonomy enqueues", "What must always hold"


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(env="test", proving_home=tmp_path_factory.mktemp("home"), admin_token=SecretStr(TOKEN))


@pytest.fixture
def asked(stocked_desk: Desk) -> Iterator[Settings]:
    """Settings that lead to an API which is served over this test's database."""
    with serving(create_app(stocked_desk)) as served:
        yield stocked_desk.settings.model_copy(update={"api_port": served.port})


@pytest.fixture(autouse=True)
def short_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_pack, "WAIT_SECONDS", 0.3)
    monkeypatch.setattr(proof_pack, "ASK_SECONDS", 0.05)


@pytest.fixture
def libpq(urls: DatabaseUrls) -> dict[str, str]:
    app = urls.app
    return {"PGHOST": str(app.query["host"]), "PGUSER": str(app.username), "PGDATABASE": str(app.database)}


def collected(settings: Settings, libpq: dict[str, str], *, execute: bool = False) -> dict[str, Exhibit]:
    return {exhibit.title: exhibit for exhibit in proof_pack.collect(settings, execute=execute, libpq=libpq)}


def judged(exhibits: dict[str, Exhibit]) -> dict[str, bool]:
    return {title: exhibit.holds for title, exhibit in exhibits.items() if exhibit.holds is not None}


def put_to_work(desk: Desk) -> None:
    seed_fleet(desk, size=4, symbols=("MES",), timeframes=("1h",))
    run_autonomy_tick(desk)
    with transaction(desk.database) as db:
        record(desk, db, actor=TESTER, action="LOOK", subject="fleet", payload={})


def test_a_platform_at_work_holds(stocked_desk: Desk, asked: Settings, libpq: dict[str, str]) -> None:
    put_to_work(stocked_desk)
    assert judged(collected(asked, libpq)) == {AUTONOMY: True, INVARIANTS: True}


def test_a_platform_that_never_ticked_does_not_hold(asked: Settings, libpq: dict[str, str]) -> None:
    assert judged(collected(asked, libpq)) == {AUTONOMY: False, INVARIANTS: False}


def test_ticks_that_enqueue_nothing_do_not_hold_where_nothing_is_active(
    stocked_desk: Desk, asked: Settings, libpq: dict[str, str]
) -> None:
    run_autonomy_tick(stocked_desk)
    assert not collected(asked, libpq)[AUTONOMY].holds


def test_a_newest_tick_without_new_work_holds_where_one_before_it_had_some(
    stocked_desk: Desk, clock: FixedClock, asked: Settings, libpq: dict[str, str], owner: Engine
) -> None:
    put_to_work(stocked_desk)
    with owner.begin() as connection:
        connection.execute(text("UPDATE bot_jobs SET status = 'CANCELED', completed_at = created_at"))
        connection.execute(text("UPDATE bots SET archived_at = created_at"))
    clock.advance(seconds=9)
    run_autonomy_tick(stocked_desk)
    autonomy = collected(asked, libpq)[AUTONOMY]
    answer = json.loads(autonomy.answer)
    assert (set(answer["latestRun"]["jobs_enqueued_by_type"].values()), answer["activeJobs"]) == ({0}, 0)
    assert sorted(answer["recentRuns"].values())[-1] == "BACKTEST 4, IMPROVE 0, EVOLVE 0"
    assert autonomy.holds


def test_one_broken_invariant_is_enough(stocked_desk: Desk, asked: Settings, libpq: dict[str, str]) -> None:
    put_to_work(stocked_desk)
    with stocked_desk.database.begin() as db:
        for _ in range(stocked_desk.settings.concurrency_backtest + 1):
            make_job(db, make_bot(db), status="RUNNING", created_at=stocked_desk.clock())
    assert judged(collected(asked, libpq)) == {AUTONOMY: True, INVARIANTS: False}


def test_a_reset_after_which_nothing_happens_does_not_hold(
    stocked_desk: Desk, asked: Settings, libpq: dict[str, str]
) -> None:
    put_to_work(stocked_desk)
    exhibits = collected(asked, libpq, execute=True)
    assert (exhibits[RESET].holds, exhibits[FOLLOWED].holds) == (True, False)
    assert set(json.loads(exhibits[FOLLOWED].answer).values()) == {"not in 0.3 s"}


def test_a_reset_holds_with_what_followed_it(stocked_desk: Desk, asked: Settings, libpq: dict[str, str]) -> None:
    seed_fleet(stocked_desk, size=1, symbols=("MES",), timeframes=("1h",))
    exhibits = proof_pack.collect(asked, execute=True, libpq=libpq)
    next(exhibits)
    assert next(exhibits).holds
    later = stocked_desk.clock() + timedelta(seconds=1)
    with stocked_desk.database.begin() as db:
        for kind, status in (("BACKTEST", "RUNNING"), ("BACKTEST", "RUNNING"), ("IMPROVE", "QUEUED")):
            make_job(db, make_bot(db), job_type=kind, status=status, created_at=later)
    followed = next(exhibits)
    assert (followed.title, followed.holds) == (FOLLOWED, True)


def test_a_reset_of_another_number_than_the_dry_run_named_does_not_hold(
    stocked_desk: Desk, asked: Settings, libpq: dict[str, str]
) -> None:
    seed_fleet(stocked_desk, size=2, symbols=("MES",), timeframes=("1h",))
    exhibits = proof_pack.collect(asked, execute=True, libpq=libpq)
    assert next(exhibits).holds is None
    with stocked_desk.database.begin() as db:
        make_bot(db)
    executed = next(exhibits)
    assert (executed.title, executed.holds) == (RESET, False)


def test_the_second_statement_shows_the_running_job_that_the_newest_twenty_hide(
    stocked_desk: Desk, asked: Settings, libpq: dict[str, str]
) -> None:
    now = stocked_desk.clock()
    with stocked_desk.database.begin() as db:
        make_job(db, make_bot(db), status="RUNNING", created_at=now)
        for _ in range(20):
            make_job(db, make_bot(db), created_at=now + timedelta(seconds=1))
    exhibits = collected(asked, libpq)
    assert "RUNNING" not in exhibits["The same in SQL"].answer
    assert "RUNNING" in exhibits["The same, running jobs first"].answer.splitlines()[2]


def test_the_command_marks_every_exhibit_and_fails_where_one_does_not_hold(
    stocked_desk: Desk, asked: Settings, urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "load_settings", lambda: asked)
    monkeypatch.setattr(terminal, "running_urls", lambda _: urls)
    failed = CliRunner().invoke(main.app, ["proof"])
    assert failed.exit_code == 1
    assert f"✗ {AUTONOMY}\n" in failed.output
    assert f"Does not hold: {AUTONOMY}; {INVARIANTS}\n" in failed.output
    (name,) = proof_packs.names(asked.proofs_dir)
    pack = proof_packs.read(asked.proofs_dir, name)
    assert pack is not None
    assert judged({exhibit.title: exhibit for exhibit in pack.exhibits}) == {AUTONOMY: False, INVARIANTS: False}
    put_to_work(stocked_desk)
    held = CliRunner().invoke(main.app, ["proof"])
    assert (held.exit_code, "✗" in held.output) == (0, False)
    assert f"· Reset, dry run\n✓ {AUTONOMY}\n" in held.output
