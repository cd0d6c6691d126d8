"""The jobs autonomy asks for: each run drains the queue of one type, materializing the assets it is the work of.

Belongs here: which assets, run tags, time limits. Does not belong here: the work (`assets.drains`, `services`).

`bot/kind` tells the tick which runs are its own; how many work at once the assets' pools limit, whoever asked for them.
`dagster/max_runtime` ends a run that hangs.
"""

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.drains import RUN_TIME
from assets.keys import BACKTEST_SESSIONS, EQUITY_CURVES, EVOLVE_ITERATIONS, IMPROVE_ITERATIONS, ROLLUPS
from trading.work.jobs import TIMEOUTS, JobType

KIND_TAG = "bot/kind"


def _draining(name: str, description: str, job_type: JobType, *keys: dg.AssetKey) -> UnresolvedAssetJobDefinition:
    longest = RUN_TIME + TIMEOUTS[job_type]
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*keys).without_checks(),
        description=f"{description} A run without partitions takes whatever waits, one with partitions those bots.",
        tags={KIND_TAG: str(job_type), "dagster/max_runtime": str(int(longest.total_seconds()))},
        executor_def=dg.in_process_executor,
    )


JOB_OF: Mapping[JobType, UnresolvedAssetJobDefinition] = {
    JobType.BACKTEST: _draining(
        "baseline_backtests",
        "Baseline backtests autonomy has queued.",
        JobType.BACKTEST,
        BACKTEST_SESSIONS,
        ROLLUPS,
        EQUITY_CURVES,
    ),
    JobType.IMPROVE: _draining(
        "improvements", "Improve iterations autonomy has queued.", JobType.IMPROVE, IMPROVE_ITERATIONS
    ),
    JobType.EVOLVE: _draining(
        "evolutions", "Evolve iterations autonomy has queued.", JobType.EVOLVE, EVOLVE_ITERATIONS
    ),
}
