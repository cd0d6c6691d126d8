"""`/api/vitals`: the platform's vital signs, each figure beside its limit; `/api/bars`: which series serve which bots.

Belongs here: putting the answer together. Does not belong here: the checks (`services/health/vitals.py`).
"""

from dataclasses import dataclass, field
from functools import partial

from fastapi import APIRouter, Request, Response

from api.edge.deps import AtDesk
from api.edge.given import given
from api.edge.problems import documented
from api.edge.recent import Recent
from api.health.contract import VitalsAnswer
from api.health.readiness import VERSION
from api.market.contract import BarsAnswer
from services.desk import Desk
from services.health.readiness import MigrationCheck, readiness
from services.health.vitals import DatabaseSize, limits, programs, room, verdicts
from services.market.choice import bots_by_market, series_views
from services.work.autonomy_ticks import autonomy_ticks_page
from services.work.starts import starts_view

VITALS_SECONDS = 2.0
ROOM_SECONDS = 60.0
router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class HealthMoments:
    """What many open pages ask for at once, and what takes long to measure."""

    vitals: Recent[VitalsAnswer] = field(default_factory=partial(Recent[VitalsAnswer], VITALS_SECONDS))
    room: Recent[DatabaseSize] = field(default_factory=partial(Recent[DatabaseSize], ROOM_SECONDS))


@router.get("/api/vitals", response_model=VitalsAnswer, responses=documented())
def vitals(request: Request, desk: AtDesk) -> Response:
    """Show readiness, verdicts with value and bar, programs, limits and room; at most two seconds old.

    The status is 200 either way; with the database away the parts that need it are null.
    """
    moments, migrations = given(request, HealthMoments), given(request, MigrationCheck)
    return VitalsAnswer.reply(moments.vitals.get(lambda: _read(desk, migrations, moments.room)))


@router.get("/api/bars", response_model=BarsAnswer, responses=documented())
def list_bars(desk: AtDesk) -> Response:
    """List every series of bars: which bots trade it and why, or what they trade instead; withdrawn ones last."""
    return BarsAnswer.reply({"data": series_views(desk.bars.catalog(), bots_by_market(desk))})


def _read(desk: Desk, migrations: MigrationCheck, recent_room: Recent[DatabaseSize]) -> VitalsAnswer:
    state = readiness(desk, migrations)
    newest = autonomy_ticks_page(desk, before=None, limit=1).ticks if state.has_tables else ()
    return VitalsAnswer.model_validate(
        {
            "ready": state.ready,
            "version": VERSION,
            "checks": state.checks,
            "verdicts": verdicts(desk) if state.has_tables else None,
            "programs": programs(desk),
            "limits": limits(desk),
            "room": recent_room.get(lambda: room(desk)) if state.has_tables else None,
            "last_tick": newest[0] if newest else None,
            "starts": starts_view(desk) if state.has_tables else None,
            "now": state.checked_at,
        }
    )
