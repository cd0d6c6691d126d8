"""The kill switch from a terminal: at once on a platform that runs, and never without its effect."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from gateways.postgres import DatabaseUrls
from gateways.settings import PROJECT_ROOT
from services.control.kill_switch import switch_now
from services.desk import Desk, is_prepared
from store.provision import MIGRATIONS
from store.revision import newest_revision

SLOW = ("numba", "alembic", "pandas", "duckdb", "pyarrow", "dagster", "fastapi")
COMMAND = f"""
import sys
from orchestration.cli.main import app
app(["kill-switch", *sys.argv[1:]], standalone_mode=False)
print("imported", [name for name in {SLOW} if name in sys.modules])
"""


def kill_switch(*words: str, owner: URL, home: Path) -> str:
    """Run the command in a process of its own, as a terminal does, and return what it printed and imported."""
    address = {"DATABASE_URL": owner.render_as_string(hide_password=False), "PROVING_HOME": str(home), "ENV": "test"}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        env={**os.environ, **address},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_switch_is_thrown_without_what_only_other_commands_need(
    desk: Desk, urls: DatabaseUrls, tmp_path: Path
) -> None:
    printed = kill_switch("on", "--reason", "BAD_FEED", owner=urls.owner, home=tmp_path)
    assert printed.startswith("kill switch engaged\n")
    assert printed.endswith("imported []\n")
    assert (switch_now(desk).is_engaged, switch_now(desk).reason_code) == (True, "BAD_FEED")
    status = kill_switch("status", owner=urls.owner, home=tmp_path)
    assert (status.split()[0], "imported []" in status) == ("SOFT", True)


@pytest.fixture
def bare(server_url: URL) -> Iterator[URL]:
    """Address of a database that does not exist yet."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield server_url.set(database=name)
    admin = create_engine(server_url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def test_a_database_that_is_not_prepared_is_prepared_first(bare: URL, tmp_path: Path) -> None:
    printed = kill_switch("on", owner=bare, home=tmp_path)
    assert printed.startswith("kill switch engaged\n")
    assert "alembic" in printed


def test_a_database_behind_this_code_does_not_count_as_prepared(desk: Desk, urls: DatabaseUrls) -> None:
    assert is_prepared(desk)
    engine = create_engine(urls.owner, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert not is_prepared(desk)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert not is_prepared(desk)


def test_a_revision_is_the_number_its_file_is_named_by() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == newest_revision()
