"""Partitions follow the fleet: every registered bot has a partition key.

Belongs here: adding keys in chunks. Does not belong here: deleting keys; an archived bot keeps its history.
"""

import time
from collections.abc import Iterator

import dagster as dg

from assets.partitions import bots
from services.bots.seed import fleet_ids, fleet_version
from services.desk import Desk

KEYS_AT_ONCE = 500
PAUSE_SECONDS = 0.1  # the first tick of a new fleet shares the interpreter with this, and goes first


@dg.sensor(
    minimum_interval_seconds=4,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Add a partition for every bot that has none.",
)
def fleet_partitions(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> Iterator[dg.SkipReason]:
    """Register missing bots with the instance; through `SensorResult` Dagster would check key by key."""
    version = fleet_version(desk)
    if version == context.cursor:
        yield dg.SkipReason("the fleet has not changed")
        return
    added = register_partitions(context.instance, [str(bot_id) for bot_id in fleet_ids(desk)])
    context.update_cursor(version)
    yield dg.SkipReason(f"{added} bots added")


def register_partitions(instance: dg.DagsterInstance, keys: list[str]) -> int:
    """Add the keys the instance does not know; return how many."""
    name = str(bots.name)
    known = set(instance.get_dynamic_partitions(name))
    missing = [key for key in keys if key not in known]
    for start in range(0, len(missing), KEYS_AT_ONCE):
        instance.add_dynamic_partitions(name, missing[start : start + KEYS_AT_ONCE])
        time.sleep(PAUSE_SECONDS)
    return len(missing)
