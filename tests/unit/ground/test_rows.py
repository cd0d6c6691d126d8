"""Rows in the shape that was declared for them, or a refusal."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import create_engine, text

from store.rows import first_of, rows_of


class Pair(NamedTuple):
    first: int
    other: str


@pytest.fixture
def asked() -> Iterator[Callable[..., Any] | None]:
    with create_engine("sqlite://").connect() as connection:
        yield lambda statement: connection.execute(text(statement))


def test_rows_have_the_declared_names(asked: Callable[..., Any]) -> None:
    assert rows_of(asked("SELECT 1 AS first, 'a' AS other UNION ALL SELECT 2, 'b'"), Pair) == [
        Pair(1, "a"),
        Pair(2, "b"),
    ]
    assert first_of(asked("SELECT 1 AS first, 'a' AS other"), Pair) == Pair(1, "a")
    assert first_of(asked("SELECT 1 AS first, 'a' AS other WHERE false"), Pair) is None


@pytest.mark.parametrize("read", [rows_of, first_of])
@pytest.mark.parametrize(
    "statement", ["SELECT 'a' AS other, 1 AS first", "SELECT 1 AS first", "SELECT 1 AS first, 2 AS two"]
)
def test_a_statement_that_returns_other_columns_is_refused(
    asked: Callable[..., Any], read: Callable[..., Any], statement: str
) -> None:
    with pytest.raises(TypeError, match="Pair declares"):
        read(asked(statement), Pair)
