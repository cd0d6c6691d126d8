"""What routes ask for: the desk, and proof of who calls.

Belongs here: dependencies shared by routers. Does not belong here: routes.
"""

import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader

from api.edge.contract import Symbol, Timeframe, Words
from api.edge.given import given
from api.edge.problems import problem, trace_id
from services.bots.fleet import FleetFilter
from services.desk import Desk
from trading.actors import Actor, ActorKind
from trading.books import Stage

ADMIN_TOKEN_HEADER = "X-Admin-Token"  # noqa: S105 - a header's name
BY_TOKEN = Actor(ActorKind.PERSON, "admin")
"""Who shows the admin token: it is one for all who know it, so it tells no name."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What a request must show to act as an admin."""

    token: str = field(repr=False)


async def desk_of(request: Request) -> Desk:
    """Return the desk the application was built with; a coroutine, so that no thread is asked for it."""
    return given(request, Desk)


AtDesk = Annotated[Desk, Depends(desk_of)]


async def actor_of(request: Request) -> Actor:
    """Return who was let in; nobody was on a route that asks for no proof, and to ask there is a fault of ours."""
    actor: Actor = request.state.actor
    return actor


Acting = Annotated[Actor, Depends(actor_of)]


async def fleet_filter(
    *,
    stage: Stage | None = None,
    symbol: Symbol | None = None,
    timeframe: Timeframe | None = None,
    q: Words | None = None,
) -> FleetFilter:
    """Return which bots a request asks for by what they are; what they do is asked apart."""
    return FleetFilter(stage=stage, symbol=symbol, timeframe=timeframe, words=q)


WantedBots = Annotated[FleetFilter, Depends(fleet_filter)]
AdminToken = Security(APIKeyHeader(name=ADMIN_TOKEN_HEADER, scheme_name="AdminToken", auto_error=False))


class AdminRoute(APIRoute):
    """A route that looks at the admin token before it looks at anything else; behind it, it is known who acts."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Refuse with 401 unless the token matches, compared in constant time."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            token = request.headers.get(ADMIN_TOKEN_HEADER, "")
            wanted = given(request, Admission).token
            if not hmac.compare_digest(token.encode(), wanted.encode()):
                refusal = problem(401, f"{ADMIN_TOKEN_HEADER} is missing or wrong", trace_id=trace_id(request))
                refusal.headers["WWW-Authenticate"] = ADMIN_TOKEN_HEADER
                return refusal
            request.state.actor = BY_TOKEN
            return await handle(request)

        return guarded
