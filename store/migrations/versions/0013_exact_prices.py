"""Prices as fine as their tick, and beside them the ticks they are made of.

A price column had six decimals, and the tick of the yen has seven: its trades stand with 0.000000, those of Treasuries
whose tick is finer than a micro-dollar a little below their price. No row is changed: rows from before have no ticks,
by which they are told, and rows from now on cannot do without (a CHECK that asks only what is written from now on).
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PRICES = {"trade_logs": ("entry", "exit"), "execution_fills": ("",)}


def upgrade() -> None:
    for table, ends in PRICES.items():
        for end in ends:
            op.alter_column(table, _named(end, "price"), type_=sa.Numeric())
            op.add_column(table, sa.Column(_named(end, "ticks"), sa.BigInteger()))
        op.add_column(table, sa.Column("tick_size", sa.Numeric()))
        columns = ", ".join([*(_named(end, "ticks") for end in ends), "tick_size"])
        exact = " AND ".join(f"{_named(end, 'price')} = {_named(end, 'ticks')} * tick_size" for end in ends)
        rule = f"num_nulls({columns}) = 0 AND {exact}"
        op.create_check_constraint(op.f(f"ck_{table}__prices_are_ticks"), table, rule, postgresql_not_valid=True)


def downgrade() -> None:
    for table, ends in PRICES.items():
        op.drop_constraint(op.f(f"ck_{table}__prices_are_ticks"), table)
        op.drop_column(table, "tick_size")
        for end in ends:
            op.drop_column(table, _named(end, "ticks"))
            op.alter_column(table, _named(end, "price"), type_=sa.Numeric(20, 6))


def _named(end: str, word: str) -> str:
    return f"{end}_{word}" if end else "price" if word == "price" else f"price_{word}"
