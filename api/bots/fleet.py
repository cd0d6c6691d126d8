"""`/api/bots`: pages of the fleet, its totals, one bot at a glance.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: what stands
behind one bot's page (`dossier.py`), rules, SQL.
"""

from dataclasses import replace

from fastapi import APIRouter, Response

from api.bots.dossier_contract import DossierAnswer
from api.bots.fleet_contract import BotsAnswer, TotalsAnswer
from api.edge.contract import BotId, Cursor, PageLimit, Sort
from api.edge.deps import AtDesk, WantedBots
from api.edge.problems import documented
from services.bots.dossier import bot_dossier
from services.bots.fleet import FleetOrder, FleetQuery, bots_page, fleet_totals
from trading.work.badges import State

router = APIRouter(prefix="/api/bots", tags=["bots"])


@router.get("", response_model=BotsAnswer, responses=documented(422))
def list_bots(
    desk: AtDesk,
    wanted: WantedBots,
    *,
    limit: PageLimit = 50,
    cursor: Cursor | None = None,
    state: State | None = None,
    sort: Sort = "activity",
) -> Response:
    """List bots: what each does now, its figures since reset, its next gate. `sort=-netPnl` sorts descending."""
    page = bots_page(
        desk,
        FleetQuery(
            wanted=replace(wanted, state=state),
            order=FleetOrder(sort.removeprefix("-"), sort.startswith("-")),
            cursor=cursor,
            limit=limit,
        ),
    )
    return BotsAnswer.reply({"data": page.bots, "next_cursor": page.next_cursor, "total": page.total})


@router.get("/totals", response_model=TotalsAnswer, responses=documented())
def totals(desk: AtDesk) -> Response:
    """Count the fleet by stage and state and sum its figures book by book."""
    return TotalsAnswer.reply(fleet_totals(desk))


@router.get("/{bot_id}", response_model=DossierAnswer, responses=documented(404, 422))
def one_bot(desk: AtDesk, bot_id: BotId) -> Response:
    """Show one bot in depth: sessions, generations, jobs, decisions, equity since reset."""
    return DossierAnswer.reply(bot_dossier(desk, bot_id))
