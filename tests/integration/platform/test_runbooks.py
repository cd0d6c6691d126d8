"""The runbooks tell the truth: statements, addresses and commands in them work, and a backup comes back whole."""

import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from typer.main import get_command

from api.app import create_app
from gateways.embedded import binary
from gateways.postgres import DatabaseUrls
from orchestration.cli.main import app
from services.audit.chain import record, verify_chain
from services.desk import Desk
from store.database import transaction
from tests.harness.actors import TESTER
from tests.harness.factories import make_bot

FOLDER = Path(__file__).parents[3] / "docs" / "runbooks"
GUARDS = "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
COMPARED = ("SELECT * FROM bots", "SELECT * FROM audit_events", GUARDS)
TEXT = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.md"))}


def test_every_statement_that_only_reads_is_one_the_database_understands(owner: Engine) -> None:
    named = [statement for page in TEXT.values() for statement in re.findall(r'"(SELECT [^"]+)"', page)]
    reading = [statement for statement in named if "pg_terminate_backend" not in statement]
    assert len(reading) == len(named) - 1 >= 5
    with owner.connect() as connection:
        for statement in reading:
            connection.exec_driver_sql(statement)


def test_every_address_is_one_the_api_answers(desk: Desk) -> None:
    served = set(create_app(desk).openapi()["paths"]) | {"/readyz"}
    named = {path for page in TEXT.values() for path in re.findall(r":5000(/[\w/-]*\w)", page)}
    assert named >= {"/readyz", "/api/audit/chain", "/api/_proof/autonomy"}
    assert named - served == set()


def test_every_command_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = {word for page in TEXT.values() for word in re.findall(r"\bproving ([a-z][a-z-]+)", page)}
    assert named >= {"status", "psql", "verify-audit", "proof", "up"}
    assert named - commands.keys() == set()


def test_every_program_of_postgresql_is_in_the_wheel() -> None:
    named = {name for page in TEXT.values() for name in re.findall(r'"\$PG/(\w+)"', page)}
    assert named == {"pg_dump", "pg_restore", "createdb", "dropdb"}
    assert all(binary(name).is_file() for name in named)


def test_a_dump_restored_beside_is_the_same_ledger_under_the_same_guards(
    desk: Desk, urls: DatabaseUrls, owner: Engine, tmp_path: Path
) -> None:
    with transaction(desk.database) as db:
        make_bot(db, name="Amber Adder 0000")
        record(desk, db, actor=TESTER, action="LOOK", subject="fleet", payload={})
    kept, dump = str(urls.owner.database), tmp_path / "proving.dump"
    at = ["--host", str(urls.owner.query["host"]), "--username", "postgres"]
    restored = f"{kept}_restored"
    for command in (
        ("pg_dump", *at, "--format", "custom", "--file", str(dump), kept),
        ("createdb", *at, restored),
        ("pg_restore", *at, "--exit-on-error", "--single-transaction", "--dbname", restored, str(dump)),
    ):
        subprocess.run([binary(command[0]), *command[1:]], check=True)
    beside = create_engine(urls.owner.set(database=restored), poolclass=NullPool)
    try:
        with owner.connect() as there, beside.connect() as here:
            for statement in COMPARED:
                wanted = there.exec_driver_sql(statement).all()
                assert here.exec_driver_sql(statement).all() == wanted
                assert wanted
        with beside.begin() as here, pytest.raises(ProgrammingError, match="raw truth is append-only"):
            here.exec_driver_sql("DELETE FROM audit_events")
    finally:
        beside.dispose()
        subprocess.run([binary("dropdb"), *at, restored], check=True)
    assert verify_chain(desk).is_whole
