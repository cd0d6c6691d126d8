"""The partitions of the graph: one key per bot, added as bots register, never deleted.

Belongs here: the definition and what turns a key into a bot. Does not belong here: adding keys (`sensors`).
"""

from uuid import UUID

import dagster as dg

from services.bots.registration import names_of
from services.desk import Desk

bots = dg.DynamicPartitionsDefinition(name="bots")


def named(desk: Desk, bot_id: UUID) -> dict[str, dg.MetadataValue]:
    """Return the metadata that says which bot a partition is: its key is the bot's id, which outlives any name."""
    name = names_of(desk, [bot_id]).get(bot_id, "—")
    return {
        "bot": dg.MetadataValue.text(name),
        "page": dg.MetadataValue.url(f"{desk.settings.public_url}/bots/{bot_id}"),
    }


def bot_of(context: dg.AssetExecutionContext) -> UUID:
    """Return the bot a partitioned run is about."""
    return UUID(context.partition_key)
