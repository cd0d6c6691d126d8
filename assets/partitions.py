"""The partitions of the graph: one key per bot, added as bots register, never deleted.

Belongs here: the definition and what turns a key into a bot. Does not belong here: adding keys (`sensors`).
"""

from uuid import UUID

import dagster as dg

bots = dg.DynamicPartitionsDefinition(name="bots")


def bot_of(context: dg.AssetExecutionContext) -> UUID:
    """Return the bot a partitioned run is about."""
    return UUID(context.partition_key)
