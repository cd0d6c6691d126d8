"""The assets of improvement: iterations with their verdicts, and the generations they lead to.

Belongs here: unpacking a partition, one call, metadata. Does not belong here: rules.

Improve and evolve iterations are two assets because they are two queues with two limits. A generation is born by
either, or by a person; nothing here makes one, so that Dagster shows them and offers no way to "materialize" them.
"""

from collections.abc import Iterator
from typing import Never

import dagster as dg

from assets.drains import Work, work_through
from assets.keys import BACKTEST_SESSIONS, EVOLVE_ITERATIONS, GENERATIONS, IMPROVE_ITERATIONS
from assets.partitions import BY_HUNDREDS, OWNERS, bot_spec, bots
from assets.pools import pool_of
from services.desk import Desk
from services.improvement.iterations import Evolution, Improvement
from trading.work.jobs import JobType

IMPROVEMENTS = Work(Improvement, JobType.IMPROVE, takes_seconds=True)
EVOLUTIONS = Work(Evolution, JobType.EVOLVE, takes_seconds=True)


@dg.multi_asset(
    specs=[
        bot_spec(
            IMPROVE_ITERATIONS,
            "Improve iterations: what a search near the newest genome tried, how it did out of sample, the verdict.",
            deps=[BACKTEST_SESSIONS],
            group="improvement",
            kinds={"postgres", "optuna"},
        )
    ],
    can_subset=True,
    pool=pool_of(JobType.IMPROVE),
    backfill_policy=BY_HUNDREDS,
)
def improve(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> Iterator[Never]:
    """Improve iterations of the bots a run names, or of all that wait."""
    work_through(context, desk, IMPROVEMENTS)
    yield from ()


@dg.multi_asset(
    specs=[
        bot_spec(
            EVOLVE_ITERATIONS,
            "Evolve iterations: an ancestor put forward again, or children of the newest genome and its siblings.",
            deps=[BACKTEST_SESSIONS],
            group="improvement",
            kinds={"postgres", "numba"},
        )
    ],
    can_subset=True,
    pool=pool_of(JobType.EVOLVE),
    backfill_policy=BY_HUNDREDS,
)
def evolve(context: dg.AssetExecutionContext, desk: dg.ResourceParam[Desk]) -> Iterator[Never]:
    """Evolve iterations of the bots a run names, or of all that wait."""
    work_through(context, desk, EVOLUTIONS)
    yield from ()


generations = dg.AssetSpec(
    GENERATIONS,
    description="The genomes a bot has had. The next baseline backtest runs the newest one.",
    deps=[IMPROVE_ITERATIONS, EVOLVE_ITERATIONS],
    group_name="improvement",
    kinds={"postgres"},
    owners=OWNERS,
    partitions_def=bots,
)
