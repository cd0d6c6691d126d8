"""Recording many materializations in one run.

Belongs here: one way for all, and the choice between the fast and the public one. Does not belong here: what was
materialized (`finished_work.py`), Dagster's internals (`internals.py`).
"""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from assets.internals import Context, write_in_batches
from services.desk import Desk


def record_materializations(context: Context, desk: Desk, materializations: Iterable[dg.AssetMaterialization]) -> None:
    """Record every materialization as an event of this run; all of them stand when it returns.

    With DAGSTER_PUBLIC_EVENTS=yes each is logged by itself, should a release of Dagster take the fast way away.
    """
    by_asset: defaultdict[dg.AssetKey, list[dg.AssetMaterialization]] = defaultdict(list)
    for materialization in materializations:
        by_asset[materialization.asset_key].append(materialization)
    for same_asset in by_asset.values():
        if desk.settings.dagster_public_events:
            for materialization in same_asset:
                context.log_event(materialization)
        else:
            write_in_batches(context, same_asset)
