"""What a row of the database is held to: the type that is declared for it, field by field and without a cast."""

from collections.abc import Sequence

from pydantic import TypeAdapter


def assert_as_declared(rows: Sequence[object]) -> None:
    """Fail where there is no row, or where one is not what its type says."""
    assert rows
    for row in rows:
        assert row is not None
        assert TypeAdapter(type(row)).validate_python(row, strict=True) == row
