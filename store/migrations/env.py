"""Alembic's entry: migrates over the connection `store.provision` hands in."""

from alembic import context

from store import idempotency, tables, trades, under_way, verification  # noqa: F401 - their tables make the metadata
from store.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    include_schemas=False,
)
with context.begin_transaction():
    context.run_migrations()
