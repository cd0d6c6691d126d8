"""Alembic's entry: migrates over the connection `store.provision` hands in."""

from alembic import context

from store import verification  # noqa: F401 - its table belongs to the metadata
from store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    include_schemas=False,
)
with context.begin_transaction():
    context.run_migrations()
