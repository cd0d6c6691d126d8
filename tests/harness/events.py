"""What a run told Dagster, read from the instance: events written in batches are not among the results of a step."""

import dagster as dg


def materializations_of(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetMaterialization]:
    """Return what a run materialized, in the order of its events."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return [entry.get_dagster_event().step_materialization_data.materialization for entry in entries]
