"""The commands that work with the desk, as a person types them: exit codes, what is shown and what is left behind."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from typer.testing import CliRunner

from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from orchestration.cli import bar_work, desk_work, main
from services.audit.chain import record, verify_chain
from services.audit.pages import ChainVerification, EventView, chain_view, events_page
from services.desk import Desk
from services.health.vitals import Promise, verdicts
from services.work.autonomy import run_autonomy_tick
from store.audit.pages import AuditFilter
from store.database import transaction
from store.market.bars import BarStore
from store.tables import Bot
from tests.harness.actors import TESTER
from tests.harness.client import Client
from tests.harness.clocks import FixedClock
from tests.harness.commands import let_commands_find, proving
from tests.harness.factories import make_bot, make_job
from trading.errors import BadBars, BadInput, UnknownBots


@pytest.fixture(autouse=True)
def found_desk(stocked_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    let_commands_find(stocked_desk, monkeypatch, desk_work)


@pytest.fixture
def bar_file(tmp_path: Path, settings: Settings, urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of bars, for a command that finds database and folder of this test in its environment."""
    monkeypatch.setenv("APP_DATABASE_URL", urls.app.render_as_string(hide_password=False))
    monkeypatch.setenv("PROVING_HOME", str(settings.proving_home))
    path = tmp_path / "bars.csv"
    rows = [f"2024-03-{4 + n // 10:02d}T{14 + n % 10:02d}:00:00Z,NQ,18000,18004,17996,18002,9" for n in range(20)]
    path.write_text("\n".join(["ts_event,symbol,open,high,low,close,volume", *rows, ""]))
    return path


def remembered(desk: Desk) -> ChainVerification:
    verification = chain_view(desk).verification
    assert verification is not None
    return verification


def shown_on_health(desk: Desk) -> Promise:
    return next(verdict for verdict in verdicts(desk) if verdict.name == "audit_chain_is_whole")


def test_verify_audit_is_remembered_where_people_look_for_it(stocked_desk: Desk, owner: Engine) -> None:
    with transaction(stocked_desk.database) as db:
        record(stocked_desk, db, actor=TESTER, action="LOOK", subject="fleet", payload={})
    assert shown_on_health(stocked_desk).value == "never verified"
    code, printed = proving("verify-audit")
    assert (code, printed.split(",")[0]) == (0, "✓ 1 event")
    assert (remembered(stocked_desk).is_whole, remembered(stocked_desk).actor[:4]) == (True, "cli:")
    assert shown_on_health(stocked_desk).value == "0 breaks in 1 events"
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE audit_events SET actor = 'somebody else'"))
    code, printed = proving("verify-audit")
    assert (code, printed.split(":")[0]) == (1, "✗ event 1 CHANGED")
    assert printed.splitlines()[-1] == "What to do: docs/runbooks/audit-chain-broken.md"
    assert shown_on_health(stocked_desk).holds is False


def test_why_tells_decisions_that_repeat_in_one_line_with_the_first_and_the_last_time(
    stocked_desk: Desk, clock: FixedClock
) -> None:
    with stocked_desk.database.begin() as db:
        make_job(db, make_bot(db, name="Amber Adder 0000"), status="RUNNING", created_at=clock())
    for _ in range(6):
        run_autonomy_tick(stocked_desk)
        clock.advance(seconds=9)
    first = stocked_desk.clock().astimezone() - timedelta(seconds=6 * 9)
    code, printed = proving("why", "amber adder 0000")
    assert (code, printed.count("JOB_ACTIVE")) == (0, 1)
    (line,) = [line for line in printed.splitlines() if "JOB_ACTIVE" in line]
    last = first + timedelta(seconds=5 * 9)
    assert [cell.strip() for cell in line.strip("│").split("│")][:3] == [
        f"{last:%Y-%m-%d %H:%M:%S}",
        "×6",
        f"{first:%Y-%m-%d %H:%M:%S}",
    ]


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("Amber Adder", "; there are Amber Adder 0000, Amber Adder 0121, Amber Adder 0242"),
        ("amber bison 01", "; there are Amber Bison 0132, Amber Bison 0011, Amber Adder 0000"),
        ("Dusk Cranes", "; there is Dusk Crane 0025"),
        ("Du", "; there is Dusk Crane 0025"),
        ("Zebra", ""),
    ],
)
def test_an_unknown_name_is_refused_with_names_that_begin_alike(stocked_desk: Desk, asked: str, offered: str) -> None:
    names = [*(f"Amber Adder {number:04d}" for number in (363, 242, 121, 0)), "Amber Bison 0011", "Amber Bison 0132"]
    with stocked_desk.database.begin() as db:
        for name in (*names, "Dusk Crane 0025"):
            make_bot(db, name=name)
        make_bot(db, name="Dusk Crane 0001", archived_at=stocked_desk.clock())
    with pytest.raises(UnknownBots) as refused:
        proving("why", asked)
    assert str(refused.value) == f"no bot is named {asked!r}{offered}"
    assert isinstance(refused.value, BadInput)


def test_one_bot_is_one_bot(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        make_bot(db, name="Amber Adder 0000")
    assert "1 bot would be reset;" in proving("reset")[1]
    assert "\n1 bot reset at " in proving("reset", "--bot", "Amber Adder 0000", "--execute")[1]


@pytest.mark.parametrize(("name", "words"), [("missing.csv", "no such file"), ("bars.txt", "a bar file ends in")])
def test_a_file_that_cannot_be_imported_is_refused_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, words: str
) -> None:
    def refuse() -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(bar_work, "load_settings", refuse)
    (tmp_path / "bars.txt").write_text("ts_event\n")
    done = CliRunner().invoke(main.app, ["bars", "import", str(tmp_path / name)])
    assert isinstance(done.exception, BadInput)
    assert (words in str(done.exception), done.output) == (True, "")


def newest_event(desk: Desk) -> EventView:
    return events_page(desk, AuditFilter(), before=None, limit=1).events[0]


def test_a_fleet_is_recorded_once_for_the_bots_that_are_new(stocked_desk: Desk, client: Client) -> None:
    assert proving("seed", "--bots", "3")[1].startswith("3 new bots\n")
    first = newest_event(stocked_desk)
    assert (first.seq, first.action, first.subject, first.actor[:4]) == (1, "BOTS_REGISTERED", "3 bots", "cli:")
    with stocked_desk.database() as db:
        assert first.payload == {"count": 3, "symbols": sorted(db.scalars(select(Bot.symbol)))}
    proving("seed", "--bots", "3")
    assert newest_event(stocked_desk).seq == 1
    assert proving("seed", "--bots", "4")[1].startswith("1 new bot\n")
    with stocked_desk.database() as db:
        fourth = db.scalars(select(Bot.symbol).where(Bot.name.endswith(" 0003"))).one()
    assert (newest_event(stocked_desk).subject, newest_event(stocked_desk).payload) == (
        "1 bot",
        {"count": 1, "symbols": [fourth]},
    )
    assert client.get("/api/audit/chain").json()["actions"] == ["BOTS_REGISTERED"]
    assert verify_chain(stocked_desk).is_whole


def test_an_import_is_recorded_with_the_fingerprints_of_what_it_stored(
    desk: Desk, bar_file: Path, client: Client
) -> None:
    code, printed = proving("bars", "import", str(bar_file), "--provider", "ACME")
    assert (code, "20 rows of 1h bars from ACME" in printed) == (0, True)
    event = newest_event(desk)
    assert (event.action, event.subject, event.actor[:4]) == ("BARS_IMPORTED", "ACME", "cli:")
    stored = {f"{row.symbol} {row.timeframe}": row.fingerprint for row in BarStore(desk.settings.bars_dir).series()}
    assert {"NQ 1h", "MNQ 1h", "MNQ 1d"} <= set(stored)
    assert event.payload == {
        "provider": "ACME",
        "symbols": ["MNQ", "NQ"],
        "timeframes": ["1h", "1d"],
        "rows": 20,
        "fingerprints": stored,
    }
    (entry,) = client.get("/api/audit/events?action=BARS_IMPORTED").json()["data"]
    assert (entry["subject"], entry["payload"]) == ("ACME", event.payload)
    assert verify_chain(desk).is_whole


def test_a_file_that_is_refused_is_not_recorded(desk: Desk, bar_file: Path) -> None:
    bar_file.write_text(bar_file.read_text().replace("18000", "-1"))
    with pytest.raises(BadBars):
        proving("bars", "import", str(bar_file))
    assert events_page(desk, AuditFilter(), before=None, limit=1).events == ()


def test_an_import_that_cannot_be_recorded_says_so_and_is_recorded_when_repeated(desk: Desk, bar_file: Path) -> None:
    anchor = desk.settings.audit_anchor
    anchor.mkdir(parents=True)
    code, printed = proving("bars", "import", str(bar_file))
    assert (code, "! not in the audit chain: " in printed, "import the file again" in printed) == (0, True, True)
    assert events_page(desk, AuditFilter(), before=None, limit=1).events == ()
    anchor.rmdir()
    assert "audit chain" not in proving("bars", "import", str(bar_file))[1]
    assert newest_event(desk).action == "BARS_IMPORTED"
