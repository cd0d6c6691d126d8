"""The columns of the figures, in tables and statements, from the one list in `trading/figures/declared.py`.

Belongs here: a column per figure, and the way between exact dollars at rest and micro-dollars inside. Does not belong
here: what a figure is, which rows have figures (`tables.py`).
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Numeric, cast, literal_column
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeEngine

from trading.figures.declared import FIGURES, MICROS, Figures, Form, at_rest
from trading.money import MICROS_PER_USD

_MICROS_PER_USD = literal_column(str(MICROS_PER_USD), Integer)  # spelled out: a parameter would be planned for anew
COLUMNS = tuple(map(at_rest, FIGURES))
"""Every figure's column, in the order of the list."""


class FigureColumns:
    """A table that has a nullable column for every figure, but for those that it declares itself with more rules."""

    @property
    def figures(self) -> Figures:
        """Its figures, money in micro-dollars."""
        return Figures._make(_inside(name, getattr(self, at_rest(name))) for name in FIGURES)


def read_figures(table: FromClause) -> list[ColumnElement[Any]]:
    """Return what to select of a table for `Figures`: micro-dollars, which a float never was in between."""
    return [
        cast(table.c[at_rest(name)] * _MICROS_PER_USD, BigInteger).label(name)
        if name.endswith(MICROS)
        else table.c[name]
        for name in FIGURES
    ]


def _inside(name: str, value: Any) -> Any:
    return int(value.scaleb(6)) if name.endswith(MICROS) and isinstance(value, Decimal) else value


def _type_of(name: str) -> TypeEngine[Any]:
    if name.endswith(MICROS):
        return Numeric(20, 6)
    return Integer() if FIGURES[name].form is Form.COUNT else DOUBLE_PRECISION()


for _name in FIGURES:
    setattr(FigureColumns, at_rest(_name), mapped_column(_type_of(_name), nullable=True))
