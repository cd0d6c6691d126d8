"""The check of each bot's partition that says whether its last job of a type succeeded.

Belongs here: the check, its evaluation by the run that worked, which bots it stands failed for. Does not belong here:
the work (`drains.py`).

It is evaluated where a job failed, with the reason, and again where that bot came through; a bot none of whose jobs
ever failed has no evaluation, because ten thousand that say nothing cost as much as the work. A person may ask for any.
"""

import warnings
from uuid import UUID

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster_shared.utils.warnings import PreviewWarning

from assets.failures import known_names
from assets.finished_work import ASSET_OF
from assets.partitions import bots, page_of
from services.desk import Desk
from services.work.job_pages import last_ended
from trading.work.jobs import JobStatus, JobType

NAME = "last_job_succeeded"
NONE_ENDED, CAME_THROUGH = "none has ended yet", "it came through"


def evaluation(desk: Desk, bot_id: UUID, *, job_type: JobType, passed: bool, reason: str) -> dg.AssetCheckEvaluation:
    """Return what a run that did a bot's job, or could not, says of it."""
    return dg.AssetCheckEvaluation(
        asset_key=ASSET_OF[job_type],
        check_name=NAME,
        passed=passed,
        partition=str(bot_id),
        description=reason,
        metadata={"reason": reason, "bot": known_names(desk, [bot_id])[bot_id], "page": page_of(desk, bot_id)},
    )


def failing(instance: dg.DagsterInstance, job_type: JobType) -> set[UUID]:
    """Return the bots whose last evaluation failed."""
    latest = instance.event_log_storage.get_asset_check_partition_info([dg.AssetCheckKey(ASSET_OF[job_type], NAME)])
    failed = AssetCheckExecutionRecordStatus.FAILED
    return {
        UUID(each.partition_key) for each in latest if each.partition_key and each.latest_execution_status is failed
    }


def _check(job_type: JobType) -> dg.AssetChecksDefinition:
    """Return the check as a person may ask for it.

    That a check has partitions is a preview in dagster 1.13; pin and snapshot of the graph meet what it becomes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PreviewWarning)

        @dg.asset_check(
            asset=ASSET_OF[job_type],
            name=NAME,
            partitions_def=bots,
            description=f"The last {job_type} of the bot succeeded. Said where one failed, and where the next did not.",
        )
        def check(context: dg.AssetCheckExecutionContext, desk: dg.ResourceParam[Desk]) -> dg.AssetCheckResult:
            bot_id = UUID(context.partition_key)
            job = last_ended(desk, bot_id, job_type)
            passed = job is None or job.status == JobStatus.COMPLETED
            reason = NONE_ENDED if job is None else CAME_THROUGH if passed else f"{job.status}: {job.error}"
            said = evaluation(desk, bot_id, job_type=job_type, passed=passed, reason=reason)
            return dg.AssetCheckResult(passed=said.passed, metadata=said.metadata, description=said.description)

    return check


LAST_JOB_CHECKS = tuple(map(_check, JobType))
