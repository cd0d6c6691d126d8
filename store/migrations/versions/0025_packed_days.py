"""The days of a record in one value that is read and written as it lies, rather than number by number.

A record grows by a day with each job of its bot; four hundred numbers through a driver cost more than the bet on a day.
Eight bytes a day, most significant first, as `int8send` writes them; stored as they are, since packing costs more again
than it saves.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLE = "bot_evidence"
CHECK = "ck_bot_evidence__days_are_its_days"
PACK = """
    UPDATE bot_evidence SET packed = (
        SELECT string_agg(int8send(day.pnl), ''::bytea ORDER BY day.place)
        FROM unnest(pnl_micros) WITH ORDINALITY AS day(pnl, place)
    )
"""
UNPACK = """
    UPDATE bot_evidence SET listed = ARRAY(
        SELECT ('x' || encode(substring(pnl_micros FROM 8 * place + 1 FOR 8), 'hex'))::bit(64)::bigint
        FROM generate_series(0, days - 1) AS place ORDER BY place
    )
"""


def upgrade() -> None:
    op.drop_constraint(op.f(CHECK), TABLE)
    op.add_column(TABLE, sa.Column("packed", sa.LargeBinary()))
    op.execute("ALTER TABLE bot_evidence ALTER COLUMN packed SET STORAGE EXTERNAL")
    op.execute(PACK)
    op.drop_column(TABLE, "pnl_micros")
    op.alter_column(TABLE, "packed", new_column_name="pnl_micros", nullable=False)
    op.create_check_constraint(op.f(CHECK), TABLE, "first_on <= last_on AND octet_length(pnl_micros) = 8 * days")


def downgrade() -> None:
    op.drop_constraint(op.f(CHECK), TABLE)
    op.add_column(TABLE, sa.Column("listed", postgresql.ARRAY(sa.BigInteger())))
    op.execute(UNPACK)
    op.drop_column(TABLE, "pnl_micros")
    op.alter_column(TABLE, "listed", new_column_name="pnl_micros", nullable=False)
    op.create_check_constraint(op.f(CHECK), TABLE, "first_on <= last_on AND days = cardinality(pnl_micros)")
