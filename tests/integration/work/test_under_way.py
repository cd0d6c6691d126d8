"""Long work tells how far it is while it goes on, and never suffers from it. The oracle reads the table itself."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs
from typer.testing import CliRunner

from api.app import create_app
from gateways.postgres import DatabaseUrls
from gateways.settings import PROJECT_ROOT, Settings
from orchestration.cli import main, verify_work
from services.bots.market import ensure_market
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.health.retention import forget_the_old
from services.market import bars
from services.market.bars import import_bars
from services.verification.verifications import TITLES, verify
from services.work import under_way
from services.work.under_way import LongWork, telling, works_under_way
from store.market.bar_files import read_bar_file
from store.market.bars import BarStore
from store.verification.verifications import VerificationRun
from store.work.under_way import WorkKind
from tests.harness.client import TOKEN, Client
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot
from tests.harness.patience import until
from trading.errors import BadBars, UnknownBots
from trading.verification.verdicts import Kind
from trading.work.jobs import LEASE

Shown = tuple[str, str, str | None, int | None, int | None]
IMPORT = LongWork(kind=WorkKind.IMPORT, title="bars.csv")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life in a tenth of the time, so that tests wait for little."""
    monkeypatch.setattr(under_way, "HEARTBEAT_SECONDS", 0.05)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(env="test", proving_home=tmp_path / "home", admin_token=SecretStr(TOKEN), simulator_years=1)


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, name="Patient Puffin", archetype="trend_ema_cross").id


@pytest.fixture
def bar_file(tmp_path: Path) -> Path:
    path = tmp_path / "es_1d.csv"
    days = [date(2024, 1, 8) + timedelta(days=week * 7 + day) for week in range(4) for day in range(5)]
    lines = [f"{day}T00:00:00Z,MES,5000,5010,4990,5005,100" for day in days]
    path.write_text("\n".join(["ts_event,symbol,open,high,low,close,volume", *lines, ""]))
    return path


def rows(owner: Engine) -> list[Shown]:
    with owner.connect() as connection:
        works = connection.execute(text('SELECT kind, title, step, done, "of" FROM work_under_way ORDER BY started_at'))
        return [tuple(row) for row in works]


def seen(owner: Engine, wanted: Shown) -> None:
    until(lambda: rows(owner) == [wanted], f"{wanted} to be told, was {rows(owner)}")


def heartbeat_of(owner: Engine) -> datetime:
    with owner.connect() as connection:
        beat: datetime = connection.execute(text("SELECT heartbeat_at FROM work_under_way")).scalar_one()
        return beat


@pytest.mark.parametrize("kind", [Kind.MATRIX, Kind.WALK_FORWARD])
def test_each_step_of_a_verification_is_told_until_it_ends(
    stocked_desk: Desk, bot_id: UUID, owner: Engine, kind: Kind
) -> None:
    steps: list[tuple[int, int]] = []

    def look(step: str, done: int, of: int) -> None:
        steps.append((done, of))
        seen(owner, ("VERIFICATION", TITLES[kind], step, done, of))
        (work,) = works_under_way(stocked_desk).works
        assert (work.bot_id, work.bot_name, work.dagster_run_id) == (bot_id, "Patient Puffin", "run-7")
        assert work.progress_pct == pytest.approx(100 * done / of)

    verify(stocked_desk, bot_id, kind, run_id="run-7", progress=look)
    assert len(steps) > 1
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    assert steps[-1][0] == steps[-1][1]
    assert rows(owner) == []


def test_work_that_says_nothing_has_no_place_yet_and_keeps_beating(
    desk: Desk, owner: Engine, clock: FixedClock
) -> None:
    with telling(desk, IMPORT):
        seen(owner, ("IMPORT", "bars.csv", None, None, None))
        assert works_under_way(desk).works[0].progress_pct is None
        later = clock.advance(minutes=10)
        until(lambda: heartbeat_of(owner) == later, "the next heartbeat")
        assert works_under_way(desk).works[0].started_at == later - timedelta(minutes=10)
    assert rows(owner) == []


def test_work_of_no_steps_at_all_has_no_percentage(desk: Desk, owner: Engine) -> None:
    with telling(desk, IMPORT) as tell:
        tell("simulate", 0, 0)
        seen(owner, ("IMPORT", "bars.csv", "simulate", 0, 0))
        assert works_under_way(desk).works[0].progress_pct is None


def test_a_verification_that_fails_is_not_under_way_any_more(stocked_desk: Desk, bot_id: UUID, owner: Engine) -> None:
    def fail(step: str, done: int, of: int) -> None:
        seen(owner, ("VERIFICATION", "Timeframe matrix", step, done, of))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        verify(stocked_desk, bot_id, Kind.MATRIX, progress=fail)
    assert rows(owner) == []
    with pytest.raises(UnknownBots):
        verify(stocked_desk, uuid4(), Kind.MATRIX)


def test_two_pieces_of_work_are_told_side_by_side(desk: Desk, owner: Engine, clock: FixedClock) -> None:
    with telling(desk, IMPORT) as tell:
        seen(owner, ("IMPORT", "bars.csv", None, None, None))
        clock.advance(seconds=1)
        with telling(desk, replace(IMPORT, title="more.csv")) as other:
            tell("read", 1, 4)
            other("read", 3, 4)
            until(lambda: [row[3] for row in rows(owner)] == [1, 3], "both places")
        assert [row[1] for row in rows(owner)] == ["bars.csv"]


def test_a_name_no_database_stores_is_told_all_the_same(desk: Desk, owner: Engine) -> None:
    with telling(desk, replace(IMPORT, title="b\udcffrs\0.csv")) as tell:
        tell("r\0ad", 1, 2)
        seen(owner, ("IMPORT", "b\\udcffrs\\0.csv", "r\\0ad", 1, 2))


def test_simulating_a_market_is_told(desk: Desk, owner: Engine) -> None:
    seed_fleet(desk, size=1, symbols=("MES",))

    def look(step: str, done: int, of: int) -> None:
        seen(owner, ("SIMULATION", "Simulated market", step, done, of))

    assert ensure_market(desk, progress=look)
    assert rows(owner) == []
    ensure_market(desk, progress=lambda *_: pytest.fail("nothing is missing, so nothing is simulated"))


@contextmanager
def cut_off(urls: DatabaseUrls) -> Iterator[None]:
    """Throw everybody out of the database and let nobody in, as a server that is away does."""
    name = urls.owner.database
    admin = create_engine(urls.owner.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        gone = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(gone, {"name": name})
        try:
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()


def test_an_import_survives_the_loss_of_the_database_and_the_loss_is_logged_once(
    desk: Desk, urls: DatabaseUrls, owner: Engine, bar_file: Path, tmp_path: Path
) -> None:
    with capture_logs() as logged, telling(desk, IMPORT) as tell:
        seen(owner, ("IMPORT", "bars.csv", None, None, None))
        owner.dispose()
        with cut_off(urls):
            until(lambda: logged, "the loss to be logged")
            assert import_bars(BarStore(tmp_path / "bars"), bar_file, progress=tell).rows == 20
        until(lambda: [row[2] for row in rows(owner)] == ["store"], "the work to be told again")
    assert [line["event"] for line in logged] == ["progress is not shown"]
    assert "the database is away" in logged[0]["reason"]
    assert rows(owner) == []


def test_a_verification_survives_the_loss_of_the_database(
    stocked_desk: Desk, bot_id: UUID, urls: DatabaseUrls, owner: Engine
) -> None:
    def lose(step: str, done: int, of: int) -> None:
        if done == of:
            seen(owner, ("VERIFICATION", "Timeframe matrix", step, done, of))
            owner.dispose()
            with cut_off(urls):
                until(lambda: logged, "the loss to be logged")

    with capture_logs() as logged:
        done = verify(stocked_desk, bot_id, Kind.MATRIX, progress=lose)
    with stocked_desk.database() as db:
        assert db.get_one(VerificationRun, done.id).verdict == done.grade
    assert rows(owner) == []


def test_a_database_without_the_table_costs_the_work_nothing(desk: Desk, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("DROP TABLE work_under_way"))
    with capture_logs() as logged, telling(desk, IMPORT) as tell:
        tell("read", 1, 1)
        until(lambda: logged, "the loss to be logged")
    assert "work_under_way" in logged[0]["reason"]


def test_a_database_that_does_not_answer_holds_up_nobody(
    desk: Desk, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "PATIENCE_SECONDS", 0.1)
    waiting = text("SELECT 1 FROM pg_locks WHERE relation = 'work_under_way'::regclass AND NOT granted")
    with owner.connect() as connection:
        connection.execute(text("LOCK TABLE work_under_way IN ACCESS EXCLUSIVE MODE"))
        with telling(desk, IMPORT):
            until(lambda: connection.execute(waiting).first(), "the sign of life to wait")
        assert [thread for thread in threading.enumerate() if thread.name == "under-way-bars.csv"]
        connection.rollback()
    until(lambda: not _telling(), "the thread to end")
    assert rows(owner) == []


def _telling() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("under-way-")]


def plant(owner: Engine, title: str, heartbeat_at: datetime, **over: Any) -> None:
    columns = {"kind": "IMPORT", "step": "read", "done": 1, "of": 2} | over
    statement = text(
        "INSERT INTO work_under_way (id, kind, title, step, done, of, started_at, heartbeat_at)"
        " VALUES (gen_random_uuid(), :kind, :title, :step, :done, :of, :at, :at)"
    )
    with owner.begin() as connection:
        connection.execute(statement, {"title": title, "at": heartbeat_at} | columns)


def test_work_whose_process_died_is_shown_for_its_lease_and_swept_away_later(
    desk: Desk, owner: Engine, clock: FixedClock
) -> None:
    plant(owner, "just now", clock())
    plant(owner, "barely", clock() - LEASE)
    plant(owner, "dead", clock() - LEASE - timedelta(seconds=1))
    plant(owner, "long dead", clock() - timedelta(hours=1, seconds=1))
    assert [work.title for work in works_under_way(desk).works] == ["barely", "just now"]
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert works_under_way(desk).works == ()
    assert forget_the_old(desk).dead_work == 1
    assert sorted(row[1] for row in rows(owner)) == ["barely", "dead", "just now"]
    clock.advance(hours=1)
    assert forget_the_old(desk).dead_work == 3
    assert rows(owner) == []


WORKER = """
import signal, sys, threading
from datetime import UTC, datetime
from sqlalchemy.engine import make_url
from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from services.desk import open_desk
from services.work.under_way import LongWork, telling
from store.work.under_way import WorkKind
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started the tests in the background
url = make_url(sys.argv[1])
desk = open_desk(Settings(env="test"), DatabaseUrls(url, url, url), clock=lambda: datetime(2026, 3, 2, 15, tzinfo=UTC))
with telling(desk, LongWork(kind=WorkKind.IMPORT, title="bars.csv")) as tell:
    tell("read", 1, 2)
    threading.Event().wait()
"""


@pytest.mark.parametrize(("sent", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 1)])
def test_work_that_is_interrupted_takes_its_row_along_and_work_that_is_killed_cannot(
    desk: Desk, urls: DatabaseUrls, owner: Engine, clock: FixedClock, sent: signal.Signals, left: int
) -> None:
    command = [sys.executable, "-c", WORKER, urls.app.render_as_string(hide_password=False)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL) as worker:
        until(lambda: rows(owner), "the worker to tell its work")
        worker.send_signal(sent)
        worker.wait()
    assert len(rows(owner)) == left
    assert len(works_under_way(desk).works) == left
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert works_under_way(desk).works == ()


def test_work_that_was_swept_away_while_it_could_not_beat_comes_back(desk: Desk, owner: Engine) -> None:
    with telling(desk, IMPORT) as tell:
        tell("read", 1, 2)
        seen(owner, ("IMPORT", "bars.csv", "read", 1, 2))
        with owner.begin() as connection:
            connection.execute(text("DELETE FROM work_under_way"))
        seen(owner, ("IMPORT", "bars.csv", "read", 1, 2))


@pytest.mark.parametrize("wrong", [{"kind": "HOPE"}, {"step": None}, {"of": None}, {"done": 3}, {"done": -1}])
def test_the_database_refuses_a_place_that_cannot_be(owner: Engine, clock: FixedClock, wrong: dict[str, Any]) -> None:
    for kind in WorkKind:
        plant(owner, "right", clock(), kind=kind)
    with pytest.raises(IntegrityError):
        plant(owner, "wrong", clock(), **wrong)


def test_the_endpoint_tells_what_the_table_holds(stocked_desk: Desk, bot_id: UUID, owner: Engine) -> None:
    client = Client(create_app(stocked_desk))
    works: list[dict[str, Any]] = []

    def look(step: str, done: int, of: int) -> None:
        if not works:
            seen(owner, ("VERIFICATION", "Stress test", step, done, of))
            works.extend(client.get("/api/work/under-way").json()["data"])

    verify(stocked_desk, bot_id, Kind.STRESS, run_id="run-7", progress=look)
    (work,) = works
    assert UUID(work.pop("id")).version == 4
    moment = stocked_desk.clock().isoformat().replace("+00:00", "Z")
    assert work == {
        "kind": "VERIFICATION",
        "title": "Stress test",
        "botId": str(bot_id),
        "botName": "Patient Puffin",
        "step": work["step"],
        "done": 1,
        "of": 1,
        "progressPct": 100.0,
        "dagsterRunId": "run-7",
        "startedAt": moment,
        "heartbeatAt": moment,
    }
    answer = Client(create_app(stocked_desk)).get("/api/work/under-way").json()
    assert answer == {"data": [], "leaseSeconds": int(LEASE.total_seconds()), "now": moment}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that names no database."""
    for name in ("DATABASE_URL", "APP_DATABASE_URL", "DAGSTER_PG_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROVING_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def proving(*words: str) -> str:
    done = CliRunner().invoke(main.app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@contextmanager
def held_reading(monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> Iterator[None]:
    read = read_bar_file

    def held(*of: Any) -> Any:
        look()
        return read(*of)

    with monkeypatch.context() as patched:
        patched.setattr(bars, "read_bar_file", held)
        yield


def test_an_import_beside_a_running_database_is_told(
    home: Path, urls: DatabaseUrls, owner: Engine, bar_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_DATABASE_URL", urls.app.render_as_string(hide_password=False))
    with held_reading(monkeypatch, lambda: seen(owner, ("IMPORT", "Import of es_1d.csv", "read", 0, 1))):
        assert "20 rows of 1d bars from es_1d: 1 series" in proving("bars", "import", str(bar_file))
    assert rows(owner) == []
    connected = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND usename = 'proving_app'")

    def everybody_left() -> bool:
        with owner.connect() as connection:
            return bool(connection.execute(connected, {"name": urls.app.database}).scalar_one() == 0)

    until(everybody_left, "the command's connections to end")


def test_an_import_that_is_refused_is_not_under_way_any_more(
    home: Path, urls: DatabaseUrls, owner: Engine, bar_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_DATABASE_URL", urls.app.render_as_string(hide_password=False))
    bar_file.write_text(bar_file.read_text().replace("5010", "4000", 1))
    with (
        held_reading(monkeypatch, lambda: seen(owner, ("IMPORT", "Import of es_1d.csv", "read", 0, 1))),
        pytest.raises(BadBars),
    ):
        proving("bars", "import", str(bar_file))
    assert rows(owner) == []


def test_an_import_without_a_database_starts_none(home: Path, bar_file: Path) -> None:
    said = proving("bars", "import", str(bar_file))
    assert "20 rows of 1d bars from es_1d: 1 series" in said
    assert "progress is not shown" not in said
    assert "! not in the audit chain: no database runs;" in said
    assert [path.name for path in home.iterdir()] == ["bars"]


@pytest.mark.parametrize("address", ["postgresql://nobody@127.0.0.1:1/none", "no address at all"])
def test_an_import_does_not_mind_a_database_that_cannot_be_reached(
    home: Path, bar_file: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    assert "20 rows of 1d bars from es_1d: 1 series" in proving("bars", "import", str(bar_file))


def test_a_study_without_a_bot_is_told(
    home: Path,
    urls: DatabaseUrls,
    owner: Engine,
    bar_store: BarStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APP_DATABASE_URL", urls.app.render_as_string(hide_password=False))
    rows_seen: list[Shown] = []

    class Enough(Exception):
        """The test has seen what it came for."""

    def look(_store: BarStore, symbols: Any, *, timeframe: str, progress: Callable[[str, int, int], None]) -> None:
        progress("strands", 3, 9)
        until(lambda: [row for row in rows(owner) if row[3] == 3], "the study to be told")
        rows_seen.extend(rows(owner))
        raise Enough

    monkeypatch.setattr("services.verification.study.walk_forward_study", look)
    with pytest.raises(Enough):
        verify_work.study(["MES", "MGC"], timeframe="1h", svg=None, markdown=None)
    assert rows_seen == [("VERIFICATION", "Walk-forward study of MES, MGC", "strands", 3, 9)]
    assert rows(owner) == []
