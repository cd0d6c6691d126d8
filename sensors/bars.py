"""The watch over stored bars: whatever was imported, simulated, withdrawn or restored, Dagster is told.

Belongs here: seeing that a series stands otherwise than it was last told. Does not belong here: what is told
(`assets/market.py`).
"""

import json

import dagster as dg

from assets.market import series, standings, told_of
from services.desk import Desk


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Report every series of bars that was imported, simulated, withdrawn or restored, wherever that was.",
)
def bars_watch(context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]) -> dg.SensorResult | dg.SkipReason:
    """Tell of the series that changed since the last look; the cursor holds what each of them stood for then."""
    catalog = desk.bars.catalog()
    known = json.loads(context.cursor) if context.cursor else {}
    events = told_of(catalog, known)
    if not events:
        return dg.SkipReason("no series has changed")
    fresh = [str(event.partition) for event in events if event.partition not in known]
    return dg.SensorResult(
        asset_events=events,
        dynamic_partitions_requests=[series.build_add_request(fresh)] if fresh else [],
        cursor=json.dumps(standings(catalog)),
    )
