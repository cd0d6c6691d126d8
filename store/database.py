"""Connections: one engine per role and process, and the transaction every use case runs in.

Belongs here: pool, time limits, the session factory, advisory locks, which text can be stored. Does not belong here:
queries and migrations.
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from trading.errors import Unavailable
from trading.work.jobs import LEASE

CONNECT_TIMEOUT_SECONDS = 2
STATEMENT_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 15_000
SILENT_TRANSACTION_TIMEOUT_MS = LEASE // timedelta(milliseconds=1)
SILENT_HOLDER_TIMEOUT_MS = 30_000

_WAITED_TOO_LONG = frozenset({"40P01", "55P03", "57014"})  # deadlock, lock timeout, statement timeout
_SILENT_FOR = "set_config('idle_in_transaction_session_timeout', :silent_ms, true)"
_HOLD = text(f"SELECT {_SILENT_FOR}, pg_advisory_xact_lock(:key)")
_HOLD_SHARED = text(f"SELECT {_SILENT_FOR}, pg_advisory_xact_lock_shared(:key)")
_AWAY = frozenset({"25006", "25P03"})  # read-only after a failover, our transaction was silent for too long

Database = sessionmaker[Session]


def connect(url: URL, *, pool_size: int = 5, application_name: str = "proving") -> Engine:
    """Return an engine whose connections are checked before use and cannot hang for ever.

    A process that is stopped inside a transaction loses it after a lease, as a worker that is silent loses its job: on
    a machine that others keep busy a healthy one may be silent for a minute between two statements. A transaction that
    holds what everybody waits for (`hold`) may be silent for half a minute only.
    Statements here are short and look each key up once: compiling them, or remembering what was looked up, costs more
    than it saves. The connection used last is used next: its plans are made and its caches are warm.
    """
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} -c timezone=UTC"
        f" -c idle_in_transaction_session_timeout={SILENT_TRANSACTION_TIMEOUT_MS} -c jit=off -c enable_memoize=off"
    )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,
        pool_timeout=5,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": application_name,
            "options": options,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 5_000,
        },
    )
    event.listen(engine, "checkout", _refuse_closed)
    return engine


def session_factory(engine: Engine) -> Database:
    """Return what opens transactions over an engine."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(database: Database) -> Iterator[Session]:
    """Open one transaction: commit at the end, roll back on any error.

    Raises:
        Unavailable: the database cannot be reached or went away.
    """
    with _away_told(), database.begin() as db:
        yield db


@contextmanager
def reading(database: Database) -> Iterator[Session]:
    """Open the database for reading alone, each statement for itself: without BEGIN and COMMIT.

    What is read is as consistent as in a READ COMMITTED transaction, and on a busy machine every round trip is a wait
    for the processor.

    Raises:
        Unavailable: the database cannot be reached or went away.
    """
    with _away_told(), database() as db:
        db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield db


def hold(db: Session, key: int) -> None:
    """Wait for an advisory lock that others wait for too, and hold it to the end of the transaction."""
    db.execute(_HOLD, {"key": key, "silent_ms": str(SILENT_HOLDER_TIMEOUT_MS)})


def hold_shared(db: Session, key: int) -> None:
    """Hold an advisory lock beside others, to the end of the transaction; who wants it alone waits for all of them."""
    db.execute(_HOLD_SHARED, {"key": key, "silent_ms": str(SILENT_HOLDER_TIMEOUT_MS)})


def storable(text: str) -> str:
    """Return a text without what the database refuses, so that telling of a failure never fails itself."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _refuse_closed(connection: psycopg.Connection, *_: object) -> None:
    """Have the pool replace a connection the server has closed.

    The end of the stream waits in the socket then, so nobody needs to ask the server: a question before each use is a
    round trip more for each transaction. A server that fell silent is for the keepalives to find.
    """
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    try:
        while socket.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError as closed:
        raise InvalidatePoolError(str(closed)) from closed


@contextmanager
def _away_told() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as busy:
        raise Unavailable("the database is away: every connection is busy") from busy
    except DBAPIError as failure:
        state = getattr(failure.orig, "sqlstate", None)
        if state in _WAITED_TOO_LONG:
            raise Unavailable(f"the database is busy: {_first_line(failure)}") from failure
        if isinstance(failure, OperationalError | InterfaceError) or failure.connection_invalidated or state in _AWAY:
            raise Unavailable(f"the database is away: {_first_line(failure)}") from failure
        raise


def _first_line(failure: DBAPIError) -> str:
    return str(failure.orig).strip().splitlines()[0] if str(failure.orig).strip() else type(failure.orig).__name__
