"""Rows as their readers know them: what a SELECT returns, in a named tuple with types declared beside the statement.

Belongs here: the way from a result to such rows, and the refusal of one that does not fit. Does not belong here: the
rows, each of which stands in the module of its statement.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Result

Declared = TypeVar("Declared", bound=NamedTuple)


def rows_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> list[Declared]:
    """Return the rows of a result as the named tuple that was declared for it.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    _require_columns(result.keys(), declared)
    return [declared._make(row) for row in result]


def first_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> Declared | None:
    """Return the first row of a result as the named tuple that was declared for it, or None without any.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    _require_columns(result.keys(), declared)
    row = result.first()
    return None if row is None else declared._make(row)


def _require_columns(found: Iterable[str], declared: type[NamedTuple]) -> None:
    if tuple(found) != declared._fields:
        raise TypeError(f"{declared.__name__} declares {declared._fields}, its statement returns {tuple(found)}")
