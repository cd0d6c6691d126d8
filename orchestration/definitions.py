"""The code location: assets, jobs, sensors and the desk they share.

Belongs here: composition. Does not belong here: anything that works at import time: no connection is opened before the
first tick or run.
"""

import gc

import dagster as dg

from assets.autonomy import LEDGER, LEDGER_CHECKS
from assets.backtests import CHECKS, backtest, bars
from assets.improvements import evolve, generations, improve
from assets.judgement import evidence
from assets.last_jobs import LAST_JOB_CHECKS
from assets.market import bar_series
from assets.verification import VERIFICATIONS
from gateways.settings import Settings
from jobs.late_materializations import late_materializations
from jobs.queue import JOB_OF
from jobs.upkeep import ledger_audit, rebuild_figures, retention
from orchestration.desk_resource import DeskResource
from sensors.autonomy import autonomy_tick, reset_watch
from sensors.bars import bars_watch
from sensors.fleet import fleet_partitions
from sensors.judgement import evidence_watch
from sensors.materializations import materialization_watch
from services.desk import Desk


def build_defs(*, desk: Desk | None = None, settings: Settings | None = None) -> dg.Definitions:
    """Return the definitions; tests hand in a desk over a test database and a fixed clock."""
    tick_seconds = (settings or Settings()).tick_seconds
    return dg.Definitions(
        assets=[
            bar_series,
            bars,
            backtest,
            improve,
            evolve,
            generations,
            *LEDGER,
            evidence,
            *VERIFICATIONS,
        ],
        asset_checks=[*CHECKS, *LEDGER_CHECKS, *LAST_JOB_CHECKS],
        jobs=[
            *JOB_OF.values(),
            rebuild_figures,
            late_materializations,
            retention,
            ledger_audit,
        ],
        sensors=[
            autonomy_tick(every_seconds=tick_seconds),
            reset_watch,
            materialization_watch,
            fleet_partitions,
            bars_watch,
            evidence_watch,
        ],
        schedules=[
            dg.ScheduleDefinition(
                job=retention, cron_schedule="17 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
            ),
            dg.ScheduleDefinition(
                job=ledger_audit, cron_schedule="*/15 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
            ),
        ],
        resources={"desk": dg.ResourceDefinition.hardcoded_resource(desk) if desk is not None else DeskResource()},
        executor=dg.in_process_executor,
    )


defs = build_defs()
gc.collect()
gc.freeze()  # Dagster is 300,000 objects that stay; looking them through again stopped ticks and backtests for 0.2 s
