"""What is used of Dagster's internals, all of it: pinned to dagster 1.13.27 and tried against newer ones by a test.

Belongs here: events written in batches, that a partition is planned, a run of partitioned assets that names none. Does
not belong here: what is recorded (`materializations.py`), who works (`drains.py`).

`make canary` runs the tests of this module against the newest Dagster there is.
"""

import os
from collections.abc import Sequence
from uuid import uuid4

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent, DagsterEventBatchMetadata
from dagster._core.execution.context.data_version_cache import DataVersionCache

BATCH = 500
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH))

Context = dg.OpExecutionContext | dg.AssetExecutionContext


def write_in_batches(context: Context, materializations: Sequence[dg.AssetMaterialization]) -> None:
    """Write materializations of one asset as events of this run; all of them stand when it returns.

    The public way, `log_event`, costs 7-20 ms a partition, this one 20 to 50 times less. Dagster keeps of a batch only
    the last as its asset's newest, which is why no batch mixes assets.
    """
    step = _op_context(context).get_step_execution_context()
    for start in range(0, len(materializations), BATCH):
        batch = materializations[start : start + BATCH]
        batch_id = uuid4().hex
        for place, materialization in enumerate(batch, start=1):
            ends = DagsterEventBatchMetadata(batch_id, is_end=place == len(batch))
            DagsterEvent.asset_materialization(step, materialization, ends)


def plan_partition(context: Context, asset_key: dg.AssetKey, partition: str) -> None:
    """Say that this run is about to materialize a partition, or was to and could not.

    Dagster says so itself of the partitions a run names. Of one that a run picks while it works only the run can tell;
    it makes the partition "in progress" while the run works, and "failed" once the run failed without materializing it.
    """
    step = _op_context(context).get_step_execution_context()
    planned = AssetMaterializationPlannedData(asset_key, partition=partition, partitions_subset=None)
    event = DagsterEvent.build_asset_materialization_planned_event(step.job_name, step.step.key, planned)
    context.instance.report_dagster_event(event, context.run.run_id)


def _op_context(context: Context) -> dg.OpExecutionContext:
    return context.op_execution_context if isinstance(context, dg.AssetExecutionContext) else context


def _let_runs_name_no_partition() -> None:
    """Let a run of partitioned assets name no partition, as one that drains a queue does.

    Before a step begins Dagster looks up the newest versions of its inputs, by the partitions the run names, for what
    the step will yield; it fails where there are none and a parent has been materialized. What such a run materializes
    it records itself, with versions of its own.
    """
    look_up = DataVersionCache.fetch_external_input_asset_version_info

    def named_only(self: DataVersionCache) -> None:
        step = self._context
        if step.has_partitions or step.entity_partitions_def is None:
            look_up(self)
        else:
            self.input_asset_version_info = {}
            self.is_external_input_asset_version_info_loaded = True

    DataVersionCache.fetch_external_input_asset_version_info = named_only  # type: ignore[method-assign]


_let_runs_name_no_partition()
