"""A real PostgreSQL as fixtures: one embedded server a session, one fresh database a test, a desk over it.

A test database is a copy of a migrated template, so it costs about 50 ms and tests never see each other's rows.
"""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from gateways.embedded import remove_embedded
from gateways.postgres import APP_ROLE, DatabaseUrls, dagster_url, embedded_url, role_url, start_embedded
from gateways.settings import Settings
from services.desk import Desk, open_desk, prepare_database
from services.market.bars import simulate_market
from store.market.bars import BarStore
from store.provision import MIGRATIONS
from tests.harness.client import TOKEN
from tests.harness.clocks import FixedClock

TEMPLATE = "proving_template"


@pytest.fixture(scope="session")
def server_url() -> Iterator[URL]:
    """Address of the owner on a private embedded server that lives as long as the test session."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o711)  # as root the server's user passes to the rooms
    data = folder / "home" / "d"
    server = start_embedded(data, rooms=folder / "rooms")
    url = embedded_url(server, TEMPLATE)
    with _owner(url.set(database="postgres")).connect() as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    try:
        prepare_database(_urls(url))
        yield url
    finally:
        remove_embedded(data)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def urls(server_url: URL) -> Iterator[DatabaseUrls]:
    """Addresses of a fresh, migrated database."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    admin = _owner(server_url.set(database="postgres"))
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    try:
        yield _urls(server_url.set(database=name))
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 2, 15, 0, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(env="test", proving_home=tmp_path / "home", admin_token=SecretStr(TOKEN))


@pytest.fixture
def desk(urls: DatabaseUrls, clock: FixedClock, settings: Settings) -> Iterator[Desk]:
    """A desk as the application role over the fresh database, with a clock the test moves."""
    opened = open_desk(settings, urls, clock=clock)
    try:
        yield opened
    finally:
        opened.database.kw["bind"].dispose()


@pytest.fixture(scope="session")
def bar_store(tmp_path_factory: pytest.TempPathFactory) -> BarStore:
    """A year of SIMULATED bars of MES and MGC, made once; tests only read it."""
    store = BarStore(tmp_path_factory.mktemp("bars"))
    simulate_market(store, ["MES", "MGC"], seed=7, start_on=date(2024, 1, 2), years=1)
    return store


@pytest.fixture
def stocked_desk(desk: Desk, bar_store: BarStore) -> Desk:
    """The desk with market data."""
    return replace(desk, bars=bar_store)


@pytest.fixture
def owner(urls: DatabaseUrls) -> Iterator[Engine]:
    """An engine as the owner, for what the application role may not do."""
    engine = create_engine(urls.owner)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def migrate(owner: Engine) -> Callable[[str], None]:
    """Take the database back to an older revision, or on to `head`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    def to(revision: str) -> None:
        with owner.begin() as connection:
            config.attributes["connection"] = connection
            (command.upgrade if revision == "head" else command.downgrade)(config, revision)

    return to


def _owner(url: URL) -> Engine:
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def _urls(owner_url: URL) -> DatabaseUrls:
    return DatabaseUrls(owner=owner_url, app=role_url(owner_url, APP_ROLE), dagster=dagster_url(owner_url))
