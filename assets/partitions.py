"""The partitions of the graph: one key per bot, added as bots register, never deleted.

Belongs here: the definition and what turns a key into a bot. Does not belong here: adding keys (`sensors`).
"""

from collections.abc import Sequence
from uuid import UUID

import dagster as dg

from services.bots.registration import names_of
from services.desk import Desk

OWNERS = ["team:quant-operators"]
bots = dg.DynamicPartitionsDefinition(name="bots")
BY_HUNDREDS = dg.BackfillPolicy.multi_run(max_partitions_per_run=200)
"""A backfill is runs of at most so many bots that stand next to each other, not a run a bot."""


def bot_spec(
    key: dg.AssetKey, description: str, *, deps: Sequence[dg.AssetKey], group: str, kinds: set[str]
) -> dg.AssetSpec:
    """Return the spec of an asset with a partition a bot, which a run may leave out."""
    return dg.AssetSpec(
        key,
        description=description,
        deps=deps,
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        partitions_def=bots,
        skippable=True,
    )


def named(desk: Desk, bot_id: UUID) -> dict[str, dg.MetadataValue]:
    """Return the metadata that says which bot a partition is: its key is the bot's id, which outlives any name."""
    name = names_of(desk, [bot_id]).get(bot_id, "—")
    return {
        "bot": dg.MetadataValue.text(name),
        "page": page_of(desk, bot_id),
    }


def page_of(desk: Desk, bot_id: UUID) -> dg.UrlMetadataValue:
    """Return the address of a bot's own page."""
    return dg.MetadataValue.url(f"{desk.settings.public_url}/bots/{bot_id}")


def names_bots(context: dg.AssetExecutionContext) -> bool:
    """Say whether a run names bots: one partition, or a range of them as backfills do."""
    return bool(context.has_partition_key or context.has_partition_key_range)


def bots_of(context: dg.AssetExecutionContext) -> list[UUID]:
    """Return the bots a run names."""
    return [UUID(key) for key in context.partition_keys]
