"""`/api/admin/bars/{act}`: what operators do about series of bars: prefer, follow the rule again, withdraw, restore.

Belongs here: reading the wish, calling one use case. Does not belong here: what an act does
(`services/market/acts.py`).
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.edge.contract import IdempotencyKey
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.problems import documented, trace_id
from api.market.contract import BarBody
from services.market.acts import BarReceipt, act_on_bars
from services.market.choice import BarAct, BarWish

BarWord = Literal["prefer", "follow-rule", "withdraw", "restore"]

by_admin = APIRouter(prefix="/api/admin/bars", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@by_admin.post("/{act}", response_model=BarReceipt, responses=documented(401, 409, 413, 422))
def act_on_series(
    request: Request,
    desk: AtDesk,
    act: BarWord,
    body: BarBody,
    *,
    actor: Acting,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> JSONResponse:
    """Do one act on the series named; `all` stands for any symbol, timeframe or provider, but `prefer` takes one.

    No bars are touched, and each act is undone by another. The answer says which bots trade other bars from now on.
    """
    wish = BarWish(
        act=BarAct[act.upper().replace("-", "_")],
        symbol=body.symbol,
        timeframe=body.timeframe,
        provider=body.provider,
        actor=actor,
        reason_code=body.reason_code,
        request_id=trace_id(request) or "",
    )
    return JSONResponse(act_on_bars(desk, wish, idempotency_key=idempotency_key).as_json())
