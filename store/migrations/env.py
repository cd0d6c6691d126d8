"""Alembic's entry: migrates over the connection `store.provision` hands in."""

from alembic import context

from store import (  # noqa: F401 - their tables make the metadata
    idempotency,
    owed_materializations,
    tables,
    trades,
    under_way,
    verification,
)
from store.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    include_schemas=False,
)
with context.begin_transaction():
    context.run_migrations()
