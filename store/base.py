"""What every table is made of: the declarative base with its types and names, and CHECKs over words.

Belongs here: what two modules of tables or statements need. Does not belong here: tables (`tables.py` and modules of
one table).
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase

from trading.arrays import IntArray


def uuid_array(ids: Sequence[UUID]) -> str:
    """Return ids as the text of a PostgreSQL array: one string costs a fraction of ten thousand parameters."""
    return "{" + ",".join(map(str, ids)) + "}"


def spelled(constant: str | int) -> ColumnElement[Any]:
    """Return one of our own constants as part of the statement, not as a parameter.

    The planner can then prove partial indexes, and a prepared statement without any parameter is never planned anew.
    """
    if isinstance(constant, str):
        return literal_column(f"'{constant}'", Text)
    return literal_column(str(constant), Integer)


def one_of(column: str, words: tuple[str, ...]) -> CheckConstraint:
    """Return the CHECK that limits a column to the given words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_is_known")


class PackedIntegers(TypeDecorator[list[int]]):
    """Whole numbers in one value, eight bytes each, most significant first, as PostgreSQL's `int8send` writes them.

    For long columns that are read and written whole and often: an array goes through the driver number by number.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Sequence[int] | IntArray | None, dialect: Dialect) -> bytes | None:
        """Return numbers as bytes."""
        return None if value is None else np.asarray(value, np.int64).astype(">i8").tobytes()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> list[int] | None:
        """Return bytes as numbers."""
        return None if value is None else np.frombuffer(value, ">i8").astype(np.int64).tolist()


class Base(DeclarativeBase):
    """Declarative base: timestamps are timestamptz, exact money is NUMERIC to the micro-dollar, names predictable."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s__%(column_0_N_name)s",
            "uq": "uq_%(table_name)s__%(column_0_N_name)s",
            "ck": "ck_%(table_name)s__%(constraint_name)s",
            "fk": "fk_%(table_name)s__%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain class attribute
        datetime: DateTime(timezone=True),
        date: Date(),
        Decimal: Numeric(20, 6),
        float: DOUBLE_PRECISION(),
        str: Text(),
        UUID: PG_UUID(as_uuid=True),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }
