"""PostgreSQL as a counterparty: the addresses of the three roles.

Belongs here: turning one owner address into role addresses. Does not belong here: the embedded server itself
(`gateways.embedded`), SQL (`store`).
"""

import hashlib
import hmac
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateways.embedded import EmbeddedServer, start_embedded, stop_embedded
from gateways.settings import Settings
from trading.errors import BadInput

__all__ = ["DatabaseUrls", "connect_urls", "embedded_url", "start_embedded", "stop_embedded"]

DATABASE = "proving"
APP_ROLE = "proving_app"
DAGSTER_ROLE = "proving_dagster"
DAGSTER_SCHEMA = "dagster"
DAGSTER_DRIVER = "postgresql+psycopg2"
CONNECT_TIMEOUT_SECONDS = 5


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
    """Return the addresses of all roles, starting the embedded server where no address is set.

    A process that is given APP_DATABASE_URL alone has no owner's address; its `owner` is the application itself, and
    the database refuses it what only an owner may do.

    Raises:
        BadInput: an address is not a PostgreSQL address.
        Unavailable: the embedded server does not start.
    """
    app = _given(settings.app_database_url, "APP_DATABASE_URL")
    dagster = _given(settings.dagster_pg_url, "DAGSTER_PG_URL")
    owner = _given(settings.database_url, "DATABASE_URL") or app
    if owner is None:
        owner = embedded_url(start_embedded(settings.postgres_dir, rooms=settings.embedded_dir))
    return DatabaseUrls(
        owner=owner,
        app=app or role_url(owner, APP_ROLE),
        dagster=dagster.set(drivername=DAGSTER_DRIVER) if dagster else dagster_url(owner),
    )


def postgres_url(address: str, *, setting: str = "DATABASE_URL") -> URL:
    """Parse an address and fix its driver to psycopg 3, so that `postgres://` and `postgresql://` mean the same.

    An address without `connect_timeout` gets one: a host that swallows packets must not hang us for minutes.

    Args:
        address: What the environment says.
        setting: Name of the variable, for the refusal; the address itself may hold a password and is never shown.

    Raises:
        BadInput: not a PostgreSQL address, or one without a database.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise BadInput(f"{setting} must look like postgresql://user:password@host:5432/database") from None
    if url.get_backend_name() not in {"postgres", "postgresql"}:
        raise BadInput(f"{setting} must be a PostgreSQL address, was {url.get_backend_name()}")
    if not url.database:
        raise BadInput(f"{setting} must name a database: postgresql://user:password@host:5432/database")
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_SECONDS)})
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
    """Return the address of Dagster's storage; over psycopg2, because its NOTIFY fails on psycopg 3."""
    url = role_url(owner, DAGSTER_ROLE).set(drivername=DAGSTER_DRIVER)
    return url.update_query_dict({"options": f"-csearch_path={DAGSTER_SCHEMA}"})


def embedded_url(server: EmbeddedServer, database: str = DATABASE) -> URL:
    """Return the owner's address of a database on the embedded server (Unix socket, trust)."""
    query = {"host": str(server.socket_dir)}
    return URL.create("postgresql+psycopg", username="postgres", database=database, query=query)


def _given(address: SecretStr | None, setting: str) -> URL | None:
    return postgres_url(address.get_secret_value(), setting=setting) if address else None
