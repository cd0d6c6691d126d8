"""The asset of judgement: who of the fleet is proven.

Belongs here: one call, metadata. Does not belong here: rules.
"""

from collections.abc import Mapping

import dagster as dg

from assets.keys import BACKTEST_SESSIONS, EVOLVE_ITERATIONS, IMPROVE_ITERATIONS
from assets.partitions import OWNERS
from services.desk import Desk
from services.verification.discoveries import FleetJudgement, judge_fleet
from trading.market.marks import BarsKind


@dg.asset(
    deps=[BACKTEST_SESSIONS, IMPROVE_ITERATIONS, EVOLVE_ITERATIONS],
    group_name="judgement",
    kinds={"postgres", "numba"},
    owners=OWNERS,
)
def evidence(desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """The evidence of every prequential record, judged together: who is proven, at most 10 % of them falsely."""
    return dg.MaterializeResult(metadata=metadata_of_judgements(judge_fleet(desk)))


def metadata_of_judgements(judged: Mapping[BarsKind, FleetJudgement]) -> dict[str, dg.MetadataValue]:
    """Return what each kind of bars that has records came to."""
    metadata: dict[str, dg.MetadataValue] = {}
    for kind, fleet in judged.items():
        if fleet.records:
            word = kind.lower()
            metadata[f"{word} records"] = dg.MetadataValue.int(fleet.records)
            metadata[f"{word} proven"] = dg.MetadataValue.int(fleet.proven)
            metadata[f"{word} no longer proven"] = dg.MetadataValue.int(fleet.lost)
            metadata[f"{word} log e-value asked"] = dg.MetadataValue.float(fleet.log_e_asked)
    return metadata
