"""Resetting what is displayed, without touching what happened.

Belongs here: the one transaction of a reset, its dry run and its receipt. Does not belong here: HTTP, recomputing
figures afterwards (`services.figures.rollups`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from services.acts import hash_of, once, require_reason
from services.audit import chain
from services.desk import Desk
from store.database import transaction
from store.figures import resets, rollups
from store.figures.resets import Baselines, Recorded, Target, Waiting
from store.work import autonomy, jobs
from trading.actors import Actor
from trading.books import Book
from trading.errors import BadInput, PlanChanged, UnknownBots
from trading.figures.baselines import Scope, next_baseline
from trading.words import counted
from trading.work.jobs import ITERATIONS, JobType

PLAIN_TEXT = re.compile(r"[\x20-\x7e]{1,200}")
OPERATION = "METRICS_RESET"
WHY_CANCELED = f"{OPERATION}: its bot was reset while it waited; a baseline comes first"


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """What a caller wants reset.

    Attributes:
        scope: `ALL`, `BACKTEST_ONLY`, `PAPER_ONLY` or `LIVE_ONLY`.
        bot_ids: Which bots; None means every bot, archived and killed ones too.
        reason_code: Why, as `[A-Z][A-Z0-9_]{2,63}`.
        also_reset_equity_curves: Whether equity curves start again too; otherwise they keep showing what they showed.
        dry_run: Only tell what would happen.
        actor: Who asks.
        request_id: Trace of the request.
        idempotency_key: A repeated request with the same key has one effect.
        plan_hash: The plan a dry run showed; the reset is refused when it would do something else.
    """

    scope: str
    bot_ids: Sequence[UUID] | None
    reason_code: str
    also_reset_equity_curves: bool
    dry_run: bool
    actor: Actor
    request_id: str
    idempotency_key: str | None = None
    plan_hash: str | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class ResetTarget(_Answer):
    """One bot as it stood before the reset; `previous_baselines` names every book of the scope."""

    id: UUID
    name: str
    stage: str
    current_reset_at: datetime | None
    previous_baselines: dict[Book, datetime | None]


_TARGETS = TypeAdapter(list[ResetTarget])


class HiddenRows(_Answer):
    """How many rows of one book counted before the reset and do not count after it. They are still there."""

    sessions: int = 0
    trades: int = 0
    fills: int = 0


class ResetReceipt(_Answer):
    """What a reset did, or on a dry run would do; the last four fields are null on a dry run.

    `canceled_jobs` counts improve and evolve work that waited; receipts kept from before say nothing of it.
    """

    success: bool = True
    dry_run: bool
    trace_id: str
    scope: Scope
    reason_code: str
    also_reset_equity_curves: bool
    target_count: int
    targets: list[ResetTarget]
    no_longer_shown: dict[Book, HiddenRows]
    canceled_jobs: dict[JobType, int] = {}
    plan_hash: str
    timestamp: datetime
    reset_count: int | None = None
    reset_bot_ids: list[UUID] | None = None
    reset_time: datetime | None = None
    audit_seq: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the answer of the API: camel case, and without the last four fields on a dry run."""
        return self.model_dump(mode="json", by_alias=True, exclude=_EXECUTED_ONLY if self.dry_run else None)


_EXECUTED_ONLY = {"reset_count", "reset_bot_ids", "reset_time", "audit_seq"}


@dataclass(frozen=True, slots=True)
class _Plan:
    scope: Scope
    targets: list[Target]
    baselines: Mapping[UUID, Baselines]
    recorded: list[Recorded]
    waiting: list[Waiting]
    now: datetime
    hash: str


def reset_metrics(desk: Desk, request: ResetRequest) -> ResetReceipt:
    """Start the figures of bots and books again from now, leaving raw truth as it is.

    One transaction moves the reset fields, the baselines, the events, the audit chain and the backtest counters, takes
    the old figures out of sight and asks for the rebuild; all of it or nothing. Resets of the same bots wait for each
    other in id order. The baseline is read from the clock once the bots are locked; it lies after everything they have
    recorded and after the start of work that is still running, so neither counts. Improve and evolve work that waits is
    canceled where the BACKTEST book starts again: its bot needs a baseline first.

    A dry run locks and changes nothing. An execution that names a dry run's `plan_hash` is refused when the bots,
    their baselines, the scope or the curves would be others; how many rows vanish from sight may have grown, and what
    waits may have begun.

    Raises:
        BadInput: an unknown scope, an empty list of bots, or a reason, request id or key that is not plain.
        UnknownBots: some ids do not exist; nothing is reset.
        PlanChanged: the dry run's plan is no longer what would happen.
        IdempotencyMismatch: the key belongs to another request.
        Unavailable: the database or the audit anchor is away.
    """
    request = _validated(request)
    with transaction(desk.database) as db:
        if request.dry_run:
            return _receipt(request, _plan(desk, db, request))
        return _execute_once(desk, db, request)


def _validated(request: ResetRequest) -> ResetRequest:
    if request.scope not in set(Scope):
        raise BadInput(f"scope must be one of {', '.join(Scope)}, was {request.scope!r}")
    require_reason(request.reason_code)
    if PLAIN_TEXT.fullmatch(request.request_id) is None:
        raise BadInput(f"request id must be 1 to 200 printable ASCII characters, was {request.request_id!r}")
    if request.idempotency_key is not None and PLAIN_TEXT.fullmatch(request.idempotency_key) is None:
        raise BadInput("Idempotency-Key must be 1 to 200 printable ASCII characters")
    if request.bot_ids is None:
        return request
    if not request.bot_ids:
        raise BadInput("botIds must name at least one bot, or be null for all of them")
    return replace(request, bot_ids=sorted(set(request.bot_ids)))


def _execute_once(desk: Desk, db: Session, request: ResetRequest) -> ResetReceipt:
    return once(
        db,
        request.idempotency_key,
        lambda: _execute(desk, db, request),
        kind=ResetReceipt,
        body=lambda: _body(request),
    )


def _execute(desk: Desk, db: Session, request: ResetRequest) -> ResetReceipt:
    autonomy.lock_autonomy_tick(db)  # a tick holds counters of bots it took work back from while it plans
    plan = _plan(desk, db, request)
    if request.plan_hash is not None and request.plan_hash != plan.hash:
        raise PlanChanged("the bots or their baselines changed since the dry run; run it again and look")
    _write(db, request, plan)
    ids = [target.id for target in plan.targets]
    seq = chain.record(
        desk,
        db,
        actor=request.actor,
        action=OPERATION,
        subject=counted(len(ids), "bot"),
        payload={
            "scope": plan.scope.value,
            "reasonCode": request.reason_code,
            "alsoResetEquityCurves": request.also_reset_equity_curves,
            "requestId": request.request_id,
            "resetTime": plan.now.isoformat(),
            "targetCount": len(ids),
            "canceledJobs": _canceled(plan),
            "planHash": plan.hash,
        },
    )
    executed = {"reset_count": len(ids), "reset_bot_ids": ids, "reset_time": plan.now, "audit_seq": seq}
    return _receipt(request, plan).model_copy(update=executed)


def _plan(desk: Desk, db: Session, request: ResetRequest) -> _Plan:
    scope = Scope(request.scope)
    targets = resets.targets(db, request.bot_ids, lock=not request.dry_run)
    ids = [target.id for target in targets]
    if request.bot_ids is not None and len(ids) < len(request.bot_ids):
        raise UnknownBots([str(bot_id) for bot_id in sorted(set(request.bot_ids) - set(ids))])
    iterates = Book.BACKTEST in scope.books
    waiting = resets.waiting_iterations(db, ids, lock=not request.dry_run) if iterates else []
    baselines = resets.baselines(db, ids, scope.books)
    recorded = resets.recorded(db, ids, scope.books)
    plan_hash = _plan_hash(scope, ids, baselines=baselines, equity_curves=request.also_reset_equity_curves)
    return _Plan(scope, targets, baselines, recorded, waiting, now=desk.clock(), hash=plan_hash)


def _write(db: Session, request: ResetRequest, plan: _Plan) -> None:
    books, now = plan.scope.books, plan.now
    curves = request.also_reset_equity_curves
    ids = [target.id for target in plan.targets]
    waiting = [job.id for job in plan.waiting]
    reset = {
        "books": [book.value for book in books],
        "scope": plan.scope.value,
        "reason_code": request.reason_code,
        "actor": str(request.actor),
        "request_id": request.request_id,
        "equity_curves": curves,
        "canceled": waiting,
        "now": now,
    }
    resets.write_reset(db, _new_baselines(plan), reset)
    jobs.cancel(db, waiting, error=WHY_CANCELED, now=now)
    rollups.clear(db, ids, books=books, now=now, equity_curves=curves)
    if Book.BACKTEST in books:
        resets.restart_progress(db, ids)
    resets.request_rebuild(db, ids, request_id=request.request_id, equity_curves=curves, now=now)


def _new_baselines(plan: _Plan) -> dict[UUID, datetime]:
    newest: dict[UUID, datetime] = {}
    for row in plan.recorded:
        newest[row.bot_id] = max(row.newest, newest.get(row.bot_id, row.newest))
    latest = {bot_id: standing.latest for bot_id, standing in plan.baselines.items()}
    return {
        target.id: next_baseline(plan.now, previous=latest.get(target.id), recorded=newest.get(target.id))
        for target in plan.targets
    }


def _receipt(request: ResetRequest, plan: _Plan) -> ResetReceipt:
    return ResetReceipt(
        dry_run=request.dry_run,
        trace_id=request.request_id,
        scope=plan.scope,
        reason_code=request.reason_code,
        also_reset_equity_curves=request.also_reset_equity_curves,
        target_count=len(plan.targets),
        targets=_targets(plan),
        no_longer_shown=_hidden_rows(plan),
        canceled_jobs=_canceled(plan),
        plan_hash=plan.hash,
        timestamp=plan.now,
    )


def _targets(plan: _Plan) -> list[ResetTarget]:
    none_yet: dict[str, str | None] = dict.fromkeys(plan.scope.books)
    by_book = {bot_id: {**none_yet, **standing.by_book} for bot_id, standing in plan.baselines.items()}
    return _TARGETS.validate_python(
        [
            {
                "id": target.id,
                "name": target.name,
                "stage": target.stage,
                "current_reset_at": target.metrics_reset_at,
                "previous_baselines": by_book.get(target.id, none_yet),
            }
            for target in plan.targets
        ]
    )


def _hidden_rows(plan: _Plan) -> dict[Book, HiddenRows]:
    rows: dict[Book, list[Recorded]] = defaultdict(list)
    for row in plan.recorded:
        rows[Book(row.book)].append(row)
    return {
        book: HiddenRows(
            sessions=sum(row.sessions for row in rows[book]),
            trades=sum(row.trades for row in rows[book]),
            fills=sum(row.fills for row in rows[book]),
        )
        for book in plan.scope.books
    }


def _canceled(plan: _Plan) -> dict[JobType, int]:
    by_type = Counter(JobType(job.job_type) for job in plan.waiting)
    return {kind: by_type[kind] for kind in ITERATIONS}


def _plan_hash(scope: Scope, ids: Sequence[UUID], *, baselines: Mapping[UUID, Baselines], equity_curves: bool) -> str:
    standings = [[str(bot_id), list(standing.by_book.items())] for bot_id, standing in baselines.items()]
    return hash_of([scope.value, equity_curves, [str(bot_id) for bot_id in ids], standings])


def _body(request: ResetRequest) -> list[object]:
    ids = None if request.bot_ids is None else [str(bot_id) for bot_id in request.bot_ids]
    curves = request.also_reset_equity_curves
    return [OPERATION, request.scope, ids, request.reason_code, curves, str(request.actor), request.plan_hash]
