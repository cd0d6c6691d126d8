"""`/api/ticks`, `/api/jobs`, `/api/work`, `/api/dead-letters`: what autonomy decided, and the work that goes on.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: rules, SQL.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.edge.contract import After, Before, BotId, Code, Cursor, PageSize, Words
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.given import given
from api.edge.problems import documented
from api.edge.recent import Recent
from api.work.pages_contract import (
    DecisionsAnswer,
    DecisionWord,
    EndedAnswer,
    RequeueAnswer,
    TickId,
    TicksAnswer,
    UnderWayAnswer,
    WorkAnswer,
)
from services.work.autonomy_ticks import DecisionFilter, autonomy_ticks_page, decisions_page
from services.work.dead_letters import requeue
from services.work.job_pages import WorkNow, ended_page, work_now
from services.work.under_way import UnderWay, works_under_way

WORK_SECONDS = 1.0
router = APIRouter(tags=["work"])
by_admin = APIRouter(prefix="/api/admin", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@dataclass(frozen=True, slots=True)
class WorkMoments:
    """What many open pages ask for at once."""

    now: Recent[WorkNow] = field(default_factory=partial(Recent[WorkNow], WORK_SECONDS))
    under_way: Recent[UnderWay] = field(default_factory=partial(Recent[UnderWay], WORK_SECONDS))


@router.get("/api/ticks", response_model=TicksAnswer, responses=documented(422))
def list_ticks(desk: AtDesk, *, before: Before = None, limit: PageSize = 50) -> Response:
    """List ticks, newest first: what each looked at, enqueued and why it left the rest alone."""
    return TicksAnswer.reply(autonomy_ticks_page(desk, before=before, limit=limit))


@router.get("/api/ticks/{tick_id}/decisions", response_model=DecisionsAnswer, responses=documented(404, 422))
def list_decisions(
    desk: AtDesk,
    tick_id: TickId,
    *,
    decision: DecisionWord | None = None,
    reason: Code | None = None,
    q: Words | None = None,
    after: After = None,
    limit: PageSize = 100,
) -> Response:
    """List what one tick decided, work first; by decision, by reason, or by words in the bot's name."""
    wanted = DecisionFilter(decision, reason, q)
    return DecisionsAnswer.reply(decisions_page(desk, tick_id, wanted=wanted, after=after, limit=limit))


@router.get("/api/jobs/now", response_model=WorkAnswer, responses=documented())
def jobs_now(request: Request, desk: AtDesk) -> Response:
    """Show what runs, what waits and in which order, and what was given up; at most a second old."""
    return WorkAnswer.reply(given(request, WorkMoments).now.get(lambda: work_now(desk)))


@router.get("/api/work/under-way", response_model=UnderWayAnswer, responses=documented())
def list_under_way(request: Request, desk: AtDesk) -> Response:
    """List long work besides jobs: verifications, imports, simulations, and how far each is; at most a second old."""
    return UnderWayAnswer.reply(given(request, WorkMoments).under_way.get(lambda: works_under_way(desk)))


@router.get("/api/jobs/ended", response_model=EndedAnswer, responses=documented(422))
def jobs_ended(
    desk: AtDesk,
    *,
    troubled: Annotated[bool, Query(description="Only those that failed or timed out")] = False,
    cursor: Cursor | None = None,
    limit: PageSize = 50,
) -> Response:
    """List jobs that ended, the last to end first."""
    return EndedAnswer.reply(ended_page(desk, troubled=troubled, cursor=cursor, limit=limit))


@by_admin.post("/dead-letters/{bot_id}/requeue", response_model=RequeueAnswer, responses=documented(401, 409, 413, 422))
def requeue_dead_letter(request: Request, desk: AtDesk, bot_id: BotId, *, actor: Acting) -> Any:
    """Forgive a bot its repeated failures, so that the next tick plans its work again."""
    kinds = requeue(desk, bot_id, actor=actor)
    given(request, WorkMoments).now.forget()
    return RequeueAnswer(bot_id=bot_id, job_types=[str(kind) for kind in kinds])
