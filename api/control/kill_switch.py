"""`/api/kill-switch`: whether autonomy is stopped; `/api/admin/kill-switch` stops it or lets it go on.

Belongs here: reading the wish, calling one use case. Does not belong here: what a stop means
(`services/control/kill_switch.py`).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.control.contract import SwitchAnswer, SwitchBody
from api.edge.contract import IdempotencyKey
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.given import given
from api.edge.problems import documented, trace_id
from api.edge.recent import Recent
from services.control.kill_switch import SwitchReceipt, SwitchState, SwitchWish, switch_state, throw_switch
from services.desk import Desk

STATE_SECONDS = 0.5
router = APIRouter(tags=["kill switch"])
by_admin = APIRouter(prefix="/api/admin", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@dataclass(frozen=True, slots=True)
class SwitchMoments:
    """What every open page asks for."""

    state: Recent[bytes] = field(default_factory=partial(Recent[bytes], STATE_SECONDS))


@router.get("/api/kill-switch", response_model=SwitchAnswer, responses=documented())
async def kill_switch(request: Request) -> Response:
    """Show whether autonomy is stopped, since when, by whom and why, and the work that waits and runs.

    Pages ask this when they open, and every few seconds while no socket tells them: what half a second knew is sent
    again without a thread or a model.
    """
    desk, recent = given(request, Desk), given(request, SwitchMoments).state
    known = recent.peek()
    if known is None:
        known = await to_thread.run_sync(_read, desk, recent)
    now = desk.clock().isoformat().encode("ascii")
    return Response(known[:-1] + b',"now":"' + now + b'"}', media_type="application/json")


@by_admin.post("/kill-switch", response_model=SwitchReceipt, responses=documented(401, 409, 413, 422))
def throw_kill_switch(
    request: Request,
    desk: AtDesk,
    body: SwitchBody,
    *,
    actor: Acting,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> JSONResponse:
    """Stop autonomy, or let it go on. `settled` says that from now on nothing is queued or claimed.

    Jobs that run finish. Throwing the switch to where it stands changes nothing and is not recorded.
    """
    wish = SwitchWish(
        engaged=body.engaged,
        reason_code=body.reason_code,
        actor=actor,
        request_id=trace_id(request) or "",
        idempotency_key=idempotency_key,
    )
    receipt = throw_switch(desk, wish)
    given(request, SwitchMoments).state.forget()
    return JSONResponse(receipt.as_json())


def _read(desk: Desk, recent: Recent[bytes]) -> bytes:
    return recent.get(lambda: _encoded(switch_state(desk)))


def _encoded(state: SwitchState) -> bytes:
    switch = state.switch
    answer = SwitchAnswer(
        engaged=switch.is_engaged,
        tier=switch.tier,
        reason_code=switch.reason_code,
        since=switch.since,
        actor=switch.actor,
        queued=dict(state.queued),
        running=dict(state.running),
        now=state.now,
    )
    return answer.model_dump_json(exclude={"now"}).encode()
