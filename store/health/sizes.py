"""How much room the database takes.

Belongs here: sizes as the server keeps them, without counting rows. Does not belong here: what to forget.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.rows import rows_of


class TableSize(NamedTuple):
    """One table with its indexes; rows are the server's estimate, None before its first."""

    name: str
    bytes: int
    rows_estimated: int | None


_TABLES = text("""
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes, nullif(reltuples, -1)::bigint AS rows_estimated
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    ORDER BY 2 DESC, 1 LIMIT :limit
""")


def database_bytes(db: Session) -> int:
    """Return the size of the whole database, Dagster's tables included."""
    return int(db.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def largest_tables(db: Session, *, limit: int) -> Sequence[TableSize]:
    """Return the ledger's largest tables, the largest first."""
    return rows_of(db.execute(_TABLES, {"limit": limit}), TableSize)
