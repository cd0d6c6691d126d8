"""Alembic's entry: migrates over the connection `store.provision` hands in."""

from alembic import context

from store import idempotency, tables  # noqa: F401 - these and the next: their tables make the metadata
from store.backtests import trades  # noqa: F401
from store.base import Base
from store.market import planted_edges  # noqa: F401
from store.verification import records, verifications  # noqa: F401
from store.work import owed_materializations, under_way  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    include_schemas=False,
)
with context.begin_transaction():
    context.run_migrations()
