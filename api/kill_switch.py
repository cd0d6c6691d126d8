"""`/api/kill-switch`: whether autonomy is stopped; `/api/admin/kill-switch` stops it or lets it go on.

Belongs here: reading the wish, calling one use case. Does not belong here: what a stop means
(`services/kill_switch.py`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.contracts import IdempotencyKey
from api.contracts_pages import SwitchAnswer, SwitchBody
from api.deps import AdminRoute, AdminToken, AtDesk
from api.problems import documented, trace_id
from api.recent import Recent
from services.kill_switch import SwitchReceipt, SwitchState, SwitchWish, switch_state, throw_switch

ACTOR = "admin"
STATE_SECONDS = 0.5
router = APIRouter(tags=["kill switch"])
by_admin = APIRouter(prefix="/api/admin", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@router.get("/api/kill-switch", response_model=SwitchAnswer, responses=documented())
def kill_switch(request: Request, desk: AtDesk) -> Any:
    """Show whether autonomy is stopped, since when, by whom and why, and the work that waits and runs."""
    recent: Recent[SwitchState] = request.app.state.recent_switch
    state = recent.get(lambda: switch_state(desk))
    switch = state.switch
    return SwitchAnswer(
        engaged=switch.is_engaged,
        tier=switch.tier,
        reason_code=switch.reason_code,
        since=switch.since,
        actor=switch.actor,
        queued=dict(state.queued),
        running=dict(state.running),
        now=desk.clock(),
    )


@by_admin.post("/kill-switch", response_model=SwitchReceipt, responses=documented(401, 409, 413, 422))
def throw_kill_switch(
    request: Request,
    desk: AtDesk,
    body: SwitchBody,
    *,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> JSONResponse:
    """Stop autonomy, or let it go on. `settled` says that from now on nothing is queued or claimed.

    Jobs that run finish. Throwing the switch to where it stands changes nothing and is not recorded.
    """
    wish = SwitchWish(
        engaged=body.engaged,
        reason_code=body.reason_code,
        actor=ACTOR,
        request_id=trace_id(request) or "",
        idempotency_key=idempotency_key,
    )
    receipt = throw_switch(desk, wish)
    request.app.state.recent_switch.forget()
    return JSONResponse(receipt.as_json())
