"""Rows as their readers know them: what a SELECT returns, in a named tuple with types declared beside the statement.

Belongs here: the way from a result to such rows, and the refusal of one that does not fit. Does not belong here: the
rows, each of which stands in the module of its statement.
"""

from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Result

Declared = TypeVar("Declared", bound=NamedTuple)


def rows_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> list[Declared]:
    """Return the rows of a result as the named tuple that was declared for it.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    require_columns(result, declared.__name__, declared._fields)
    return [declared._make(row) for row in result]


def first_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> Declared | None:
    """Return the first row of a result as the named tuple that was declared for it, or None without any.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    require_columns(result, declared.__name__, declared._fields)
    row = result.first()
    return None if row is None else declared._make(row)


def require_columns(result: Result[*tuple[Any, ...]], name: str, declared: tuple[str, ...]) -> None:
    """Refuse a result whose columns are not the declared ones.

    Args:
        result: Of a statement.
        name: Of what was declared for it.
        declared: Its columns, in their order.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    found = tuple(result.keys())
    if found != declared:
        raise TypeError(f"{name} declares {declared}, its statement returns {found}")
