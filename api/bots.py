"""`/api/bots`: pages of the fleet, its totals, one bot in depth.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: rules, SQL.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.contracts import (
    BotId,
    BotsAnswer,
    Cursor,
    DossierAnswer,
    PageLimit,
    Sort,
    Symbol,
    TotalsAnswer,
    TradesAnswer,
    Words,
)
from api.deps import AtDesk
from api.problems import documented
from services.dossier import bot_dossier, bot_trades
from services.fleet import FleetQuery, bots_page, fleet_totals
from store.fleet import FleetFilter, FleetOrder
from trading.activity import State
from trading.lifecycle import Stage

router = APIRouter(prefix="/api/bots", tags=["bots"])


@router.get("", response_model=BotsAnswer, responses=documented(422))
def list_bots(
    desk: AtDesk,
    *,
    limit: PageLimit = 50,
    cursor: Cursor | None = None,
    stage: Stage | None = None,
    symbol: Symbol | None = None,
    state: State | None = None,
    sort: Sort = "activity",
    q: Words | None = None,
) -> Any:
    """List bots: what each does now, its figures since reset, its next gate. `sort=-netPnl` sorts descending."""
    page = bots_page(
        desk,
        FleetQuery(
            wanted=FleetFilter(stage=stage, symbol=symbol, state=state, words=q),
            order=FleetOrder(sort.removeprefix("-"), sort.startswith("-")),
            cursor=cursor,
            limit=limit,
        ),
    )
    return BotsAnswer.model_validate({"data": page.bots, "next_cursor": page.next_cursor, "total": page.total})


@router.get("/totals", response_model=TotalsAnswer, responses=documented())
def totals(desk: AtDesk) -> Any:
    """Count the fleet by stage and state and sum its figures book by book."""
    return TotalsAnswer.model_validate(fleet_totals(desk))


@router.get("/{bot_id}", response_model=DossierAnswer, responses=documented(404, 422))
def one_bot(desk: AtDesk, bot_id: BotId) -> Any:
    """Show one bot in depth: sessions, generations, jobs, decisions, equity since reset."""
    return DossierAnswer.model_validate(bot_dossier(desk, bot_id))


@router.get("/{bot_id}/trades", response_model=TradesAnswer, responses=documented(404, 422))
def trades(
    desk: AtDesk,
    bot_id: BotId,
    *,
    cursor: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    limit: PageLimit = 100,
) -> Any:
    """List the trades behind a bot's figures, newest first."""
    return TradesAnswer.model_validate(bot_trades(desk, bot_id, cursor=cursor, limit=limit))
