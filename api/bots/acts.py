"""`/api/admin/bots/{id}/{act}`: what operators do to one bot: rename, copy, pause, resume, archive, revive, edit.

Belongs here: reading the wish, calling one use case. Does not belong here: what an act does (`services/bots/acts.py`).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.bots.acts_contract import ActBody
from api.edge.contract import BotId, IdempotencyKey
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.given import given
from api.edge.problems import documented, trace_id
from api.work.pages import WorkMoments
from services.bots.acts import Act, ActReceipt, ActWish, act_on_bot

ActWord = Literal["rename", "copy", "pause", "resume", "archive", "revive", "edit"]

by_admin = APIRouter(prefix="/api/admin/bots", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@by_admin.post("/{bot_id}/{act}", response_model=ActReceipt, responses=documented(401, 404, 409, 413, 422))
def act_on(
    request: Request,
    desk: AtDesk,
    bot_id: BotId,
    act: ActWord,
    body: ActBody,
    *,
    actor: Acting,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> JSONResponse:
    """Do one act to one bot. Only `rename` and `copy` take a `name`, only `edit` takes `numbers`.

    An act that finds done what it wants changes nothing and is not recorded.
    """
    receipt = act_on_bot(
        desk,
        ActWish(
            act=Act(act.upper()),
            bot_id=bot_id,
            reason_code=body.reason_code,
            actor=actor,
            request_id=trace_id(request) or "",
            name=body.name,
            numbers=body.numbers,
            idempotency_key=idempotency_key,
        ),
    )
    given(request, WorkMoments).now.forget()
    return JSONResponse(receipt.as_json())
