"""How long a request waited for the database.

Belongs here: measuring the statements of an engine. Does not belong here: who shows the figure.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, event

_spent: ContextVar[list[float] | None] = ContextVar("seconds_in_database", default=None)


def watch(engine: Engine) -> None:
    """Time every statement of an engine; safe to call again."""
    if not event.contains(engine, "before_cursor_execute", _begin):
        event.listen(engine, "before_cursor_execute", _begin)
        event.listen(engine, "after_cursor_execute", _end)


@contextmanager
def database_time() -> Iterator[list[float]]:
    """Collect the seconds of every statement made inside, also by threads that inherit the context."""
    spent: list[float] = []
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)


def _begin(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    connection.info["began"] = perf_counter()


def _end(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    spent = _spent.get()
    if spent is not None:
        spent.append(perf_counter() - connection.info["began"])
