"""`/api/admin`: what only operators may do.

Belongs here: reading the wish, calling one use case. Does not belong here: what a reset changes
(`services/figures/resets.py`).
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.edge.contract import IdempotencyKey
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.problems import documented, trace_id
from api.figures.contract import ResetBody
from services.figures.resets import ResetReceipt, ResetRequest, reset_metrics

router = APIRouter(prefix="/api/admin", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@router.post("/reset-metrics", response_model=ResetReceipt, responses=documented(401, 404, 409, 413, 422))
def reset(
    request: Request,
    desk: AtDesk,
    body: ResetBody,
    *,
    actor: Acting,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> JSONResponse:
    """Start the displayed figures of some or all bots anew; raw truth stays. `dryRun` changes nothing.

    `planHash` of a dry run makes the execution refuse with 409 when it would no longer do exactly that.
    """
    receipt = reset_metrics(
        desk,
        ResetRequest(
            scope=body.scope,
            bot_ids=body.bot_ids,
            reason_code=body.reason_code,
            also_reset_equity_curves=body.also_reset_equity_curves,
            dry_run=body.dry_run,
            actor=actor,
            request_id=trace_id(request) or "",
            idempotency_key=idempotency_key,
            plan_hash=body.plan_hash,
        ),
    )
    return JSONResponse(receipt.as_json())
