"""Bring a database to the state this code needs: database, roles, migrations, guards.

Belongs here: everything that runs as the owner. Does not belong here: anything the application may do.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, ProgrammingError

from trading.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
GUARDS = ("guards.sql", "notify.sql")
PROVISION_LOCK = 7_216_384_502  # advisory lock: one process provisions at a time


def provision(owner: URL, *, roles: dict[str, str | None], dagster_role: str, dagster_schema: str) -> None:
    """Create what is missing and migrate to the newest revision; safe to run again and side by side.

    Args:
        owner: Address of the owning role.
        roles: Password (or None) of each login role to ensure.
        dagster_role: The role that owns Dagster's schema.
        dagster_schema: Schema of Dagster's storage.

    Raises:
        Unavailable: the server cannot be reached, refuses the owner, or the owner may not create roles.
    """
    try:
        _ensure_database(owner)
        engine = create_engine(owner, connect_args={"connect_timeout": 5})
        try:
            with engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PROVISION_LOCK})
                _ensure_roles(connection, roles)
                _ensure_schema(connection, dagster_schema, dagster_role)
                _migrate(connection)
                _apply_guards(connection)
        finally:
            engine.dispose()
    except (OperationalError, ProgrammingError) as failure:
        raise Unavailable(f"cannot prepare the database: {str(failure.orig).strip().splitlines()[0]}") from failure


def pending_migrations(connection: Connection) -> list[str]:
    """Return the revisions this code knows and the database lacks, oldest first; empty when it is up to date."""
    script = ScriptDirectory.from_config(_alembic_config())
    applied = set(MigrationContext.configure(connection).get_current_heads())
    ordered = [revision.revision for revision in script.walk_revisions()]
    known = [ordered.index(head) for head in applied if head in ordered]
    return ordered[: min(known, default=0 if applied else None)][::-1]


def _ensure_database(owner: URL) -> None:
    maintenance = create_engine(owner.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with maintenance.connect() as connection:
            known = connection.execute(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": owner.database}
            )
            if known.first() is None:
                _run(connection, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(owner.database))))
    except OperationalError:
        _require_reachable(owner)
    finally:
        maintenance.dispose()


def _require_reachable(owner: URL) -> None:
    """A managed server may hide the maintenance database; then the named one has to exist."""
    engine = create_engine(owner, connect_args={"connect_timeout": 5})
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _ensure_roles(connection: Connection, roles: dict[str, str | None]) -> None:
    known = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    for role, password in roles.items():
        name = sql.Identifier(role)
        if role not in known:
            _run(connection, sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE").format(name))
        if password is not None:
            _run(connection, sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))


def _ensure_schema(connection: Connection, schema: str, role: str) -> None:
    known = connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": schema})
    if known.first() is None:
        names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
        _run(connection, sql.SQL("GRANT {role} TO CURRENT_USER").format(**names))
        _run(connection, sql.SQL("CREATE SCHEMA {schema} AUTHORIZATION {role}").format(**names))


def _migrate(connection: Connection) -> None:
    config = _alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _apply_guards(connection: Connection) -> None:
    for name in GUARDS:
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.execute((MIGRATIONS / name).read_text("utf-8"))


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _run(connection: Connection, statement: sql.Composed) -> None:
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(statement)
