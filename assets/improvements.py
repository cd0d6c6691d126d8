"""The assets of improvement: iterations with their verdicts, and the generations they lead to.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: rules.
"""

import dagster as dg

from assets.backtests import OWNERS, WHEN_REFUSED, backtest_sessions
from assets.partitions import bot_of, bots, named
from assets.reports import metadata_of, table
from services.bots.dossier import bot_dossier
from services.desk import Desk
from services.improvement.iterations import run_improvement


@dg.asset(
    partitions_def=bots,
    deps=[backtest_sessions],
    group_name="improvement",
    kinds={"postgres", "optuna"},
    owners=OWNERS,
    retry_policy=WHEN_REFUSED,
)
def improve_iterations(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """Improve and evolve iterations: what was tried, how it did out of sample, and the verdict."""
    finished = run_improvement(desk, bot_of(context), run_id=context.run.run_id)
    told = metadata_of(finished.told) | named(desk, finished.bot_id)
    return dg.MaterializeResult(metadata=told | {"status": str(finished.status)})


@dg.asset(partitions_def=bots, deps=[improve_iterations], group_name="improvement", kinds={"postgres"}, owners=OWNERS)
def generations(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """The genomes a bot has had. The next baseline backtest runs the newest one."""
    bot_id = bot_of(context)
    shown = bot_dossier(desk, bot_id).generations
    columns = ("generation_number", "origin", "parent_generation", "genome_hash", "reason", "created_at")
    rows = [
        (one.generation_number, one.origin, one.parent_generation, one.genome_hash, one.reason, one.created_at)
        for one in shown
    ]
    lineage: dict[str, dg.MetadataValue] = {
        "generations": dg.MetadataValue.int(len(shown)),
        "lineage": table(columns, rows),
    }
    return dg.MaterializeResult(metadata=named(desk, bot_id) | lineage)
