"""The assets of improvement: iterations with their verdicts, and the generations they lead to.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: rules.
"""

import dagster as dg

from assets.backtests import OWNERS, WHEN_REFUSED, backtest_sessions
from assets.partitions import bot_of, bots, named
from assets.reports import result_of, table
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
    return result_of(desk, finished)


@dg.asset(partitions_def=bots, deps=[improve_iterations], group_name="improvement", kinds={"postgres"}, owners=OWNERS)
def generations(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.MaterializeResult[None]:
    """The genomes a bot has had. The next baseline backtest runs the newest one."""
    bot_id = bot_of(context)
    had = bot_dossier(desk, bot_id).generations
    columns = ("generation_number", "origin", "parent_generation", "genome_hash", "reason", "created_at")
    rows = [
        (row.generation_number, row.origin, row.parent_generation, row.genome_hash, row.reason, row.created_at)
        for row in had
    ]
    lineage: dict[str, dg.MetadataValue] = {
        "generations": dg.MetadataValue.int(len(had)),
        "lineage": table(columns, rows),
    }
    return dg.MaterializeResult(metadata=named(desk, bot_id) | lineage)
