"""Rows as their readers know them: what a SELECT returns, in a named tuple with types declared beside the statement.

Belongs here: the way from a result to such rows, and the refusal of one that does not fit. Does not belong here: the
rows, each of which stands in the module of its statement.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_type_hints

from sqlalchemy import Result

Declared = TypeVar("Declared", bound=NamedTuple)


def rows_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> list[Declared]:
    """Return the rows of a result as the named tuple that was declared for it.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    require_columns(result, declared.__name__, columns_of(declared))
    return list(map(maker_of(declared), result))


def first_of(result: Result[*tuple[Any, ...]], declared: type[Declared]) -> Declared | None:
    """Return the first row of a result as the named tuple that was declared for it, or None without any.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    require_columns(result, declared.__name__, columns_of(declared))
    row = result.first()
    return None if row is None else maker_of(declared)(row)


def columns_of(declared: type[NamedTuple]) -> tuple[str, ...]:
    """Return the columns of a declared row, a row within it standing for its own."""
    within = _within(declared)
    return tuple(
        column for name in declared._fields for column in (columns_of(within[name]) if name in within else (name,))
    )


def maker_of(declared: type[Declared]) -> Callable[[Sequence[Any]], Declared]:
    """Return what makes a declared row of its columns, the rows within it first."""
    places = _places(declared)
    if not places:
        return declared._make

    def make(columns: Sequence[Any]) -> Declared:
        cells = list(columns)
        for place, width, inner in places:
            cells[place : place + width] = [inner(cells[place : place + width])]
        return declared._make(cells)

    return make


@cache
def _within(declared: type[NamedTuple]) -> dict[str, type[NamedTuple]]:
    hints = get_type_hints(declared)
    return {name: hints[name] for name in declared._fields if hasattr(hints[name], "_make")}


@cache
def _places(declared: type[NamedTuple]) -> tuple[tuple[int, int, Callable[[Sequence[Any]], Any]], ...]:
    """Where rows within a row stand in it once those after them are made: the last is made first."""
    within, place, places = _within(declared), 0, []
    for name in declared._fields:
        width = len(columns_of(within[name])) if name in within else 1
        if name in within:
            places.append((place, width, maker_of(within[name])))
        place += width
    return tuple(reversed(places))


def require_columns(result: Result[*tuple[Any, ...]], name: str, declared: tuple[str, ...]) -> None:
    """Refuse a result whose columns are not the declared ones.

    Args:
        result: Of a statement.
        name: Of what was declared for it.
        declared: Its columns, in their order.

    Raises:
        TypeError: the columns are not the declared ones, in their order.
    """
    returned = tuple(result.keys())
    if returned != declared:
        raise TypeError(f"{name} declares {declared}, its statement returns {returned}")
