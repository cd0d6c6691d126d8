"""The watch over evidence: whenever records have grown, the fleet is judged anew.

Belongs here: seeing that records grew, one service call, reporting the asset. Does not belong here: rules.

A judgement of ten thousand records is less work than the start of a run, so the sensor makes it and reports the asset.
"""

import dagster as dg

from assets.judgement import evidence, metadata_of_judgements
from services.desk import Desk
from services.verification.discoveries import grown_at, judge_fleet


@dg.sensor(
    minimum_interval_seconds=14,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judge the evidence of the fleet whenever records have grown, and say who is proven.",
)
def evidence_watch(
    context: dg.SensorEvaluationContext, desk: dg.ResourceParam[Desk]
) -> dg.SensorResult | dg.SkipReason:
    """Judge the fleet where a record has grown since the last judgement."""
    grown = grown_at(desk)
    if grown is None or grown.isoformat() == context.cursor:
        return dg.SkipReason("no record has grown")
    judged = metadata_of_judgements(judge_fleet(desk))
    reported = dg.AssetMaterialization(asset_key=evidence.key, metadata=judged)
    return dg.SensorResult(asset_events=[reported], cursor=grown.isoformat())
