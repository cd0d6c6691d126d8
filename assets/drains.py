"""How a run works: through the queue where it names no bot, through the bots it names where it does.

Belongs here: from a run to jobs, and what Dagster shows of each: planned, done, failed. Does not belong here: the life
of a job (`services.work.queue`), what a type of job does (`services`).

The tick asks for runs that name no bot, because claims decide who does what (ADR 2). The assets of such a run are in
progress while it works, and a bot's partition is from its claim on where its job takes long enough to be seen. A failed
job fails its run once the run is through, so that the bot's partition reads failed; a check of the partition keeps the
reason until the bot comes through again.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from uuid import UUID

import dagster as dg

from assets.failures import failure_of, known_names
from assets.finished_work import ASSET_OF, record_finished
from assets.internals import plan_partition
from assets.last_jobs import CAME_THROUGH, evaluation, failing
from assets.partitions import bots_of, names_bots
from services.desk import Desk
from services.work.queue import Finished, Task, drain, step_back, work_by_hand
from trading.errors import KillSwitchOn, LeaseLost, Refused, UnknownBots
from trading.work.jobs import JobStatus, JobType

RUN_TIME = timedelta(minutes=4)
FLUSH_EVERY = timedelta(seconds=5)
FLUSHED_AT_ONCE = 100
ASKED_AGAIN, PAUSE_SECONDS = 5, 5.0


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work a run may do.

    Attributes:
        task: What is done for a bot.
        job_type: Its type.
        takes_seconds: Whether a person could see a job of it at work, which costs an event a job.
    """

    task: Callable[[], Task]
    job_type: JobType
    takes_seconds: bool

    @property
    def asset_key(self) -> dg.AssetKey:
        """The asset this is the work of."""
        return ASSET_OF[self.job_type]


def work_through(context: dg.AssetExecutionContext, desk: Desk, work: Work) -> None:
    """Do the work of the bots a run names, or whatever of it is queued where the run names none.

    Raises:
        dg.Failure: jobs failed, or a bot's job could not be had; what came through is recorded all the same.
        Unavailable: the database went away.
    """
    step_back(desk)
    record = _RunRecord(context, desk, work)
    try:
        if names_bots(context):
            _by_hand(context, desk, work, record)
        else:
            jobs = drain(
                desk,
                work.task(),
                work.job_type,
                run_id=context.run.run_id,
                time_limit=RUN_TIME,
                claimed=record.claimed,
            )
            for finished in jobs:
                record.finished(finished)
    finally:
        record.flush()
    record.conclude()


def _by_hand(context: dg.AssetExecutionContext, desk: Desk, work: Work, record: "_RunRecord") -> None:
    """Do the named bots' jobs one after another; what is at work elsewhere is asked for again before it is given up."""
    refused: dict[UUID, str] = dict.fromkeys(bots_of(context), "")
    for again in range(ASKED_AGAIN + 1):
        if again:
            time.sleep(PAUSE_SECONDS)
        waiting, refused = refused, {}
        for bot_id in waiting:
            try:
                record.finished(
                    work_by_hand(desk, work.task(), work.job_type, bot_id=bot_id, run_id=context.run.run_id)
                )
            except (KillSwitchOn, UnknownBots) as refusal:
                record.failed(bot_id, f"{refusal.code}: {refusal}")
            except (Refused, LeaseLost) as refusal:
                refused[bot_id] = f"{refusal.code}: {refusal}"
        if not refused:
            return
    for bot_id, reason in refused.items():
        record.failed(bot_id, reason)


class _RunRecord:
    """What a run has done so far, told to Dagster a hundred jobs or five seconds at a time."""

    def __init__(self, context: dg.AssetExecutionContext, desk: Desk, work: Work) -> None:
        self._context, self._desk, self._work = context, desk, work
        self._counts: Counter[str] = Counter()
        self._pending: list[Finished] = []
        self._reasons: dict[UUID, str] = {}
        self._flushed_at = desk.clock()

    def claimed(self, bot_id: UUID) -> None:
        """Show a bot as in progress, where its job takes long enough to be seen."""
        if self._work.takes_seconds:
            plan_partition(self._context, self._work.asset_key, str(bot_id))

    def finished(self, done: Finished) -> None:
        """Take in a closed job."""
        if done.status is not JobStatus.COMPLETED:
            self.failed(done.bot_id, done.error or str(done.status), status=done.status)
            return
        self._counts[done.status.lower()] += 1
        self._pending.append(done)
        if len(self._pending) >= FLUSHED_AT_ONCE or self._desk.clock() - self._flushed_at >= FLUSH_EVERY:
            self.flush()

    def failed(self, bot_id: UUID, reason: str, *, status: JobStatus = JobStatus.FAILED) -> None:
        """Take in a job that failed or could not be had; planned anew, its partition fails with the run."""
        self.flush()
        self._counts[status.lower()] += 1
        self._reasons[bot_id] = reason
        name = known_names(self._desk, [bot_id])[bot_id]
        self._context.log.warning(f"{self._work.job_type} of bot {name}: {reason}")
        plan_partition(self._context, self._work.asset_key, str(bot_id))
        self._evaluate(bot_id, passed=False, reason=reason)
        self._failing.add(bot_id)

    def flush(self) -> None:
        """Record what was completed since the last time."""
        record_finished(self._context, self._desk, self._pending)
        for bot_id in {done.bot_id for done in self._pending if done.bot_id in self._failing}:
            self._evaluate(bot_id, passed=True, reason=CAME_THROUGH)
            self._failing.discard(bot_id)
            self._reasons.pop(bot_id, None)
        self._pending, self._flushed_at = [], self._desk.clock()

    def conclude(self) -> None:
        """Say in log and tags of the run what was done, and fail it where bots are left without their work."""
        job_type, counts = self._work.job_type, dict(self._counts)
        self._context.log.info(f"{job_type}: {counts or 'nothing was queued'}")
        tags = {f"bots/{word}": str(count) for word, count in counts.items()}
        self._context.instance.add_run_tags(self._context.run.run_id, tags)
        if self._reasons:
            raise failure_of(self._desk, self._reasons, missing=job_type)

    @cached_property
    def _failing(self) -> set[UUID]:
        """The bots whose last evaluation failed; asked once a run."""
        return failing(self._context.instance, self._work.job_type)

    def _evaluate(self, bot_id: UUID, *, passed: bool, reason: str) -> None:
        self._context.log_event(
            evaluation(self._desk, bot_id, job_type=self._work.job_type, passed=passed, reason=reason)
        )
