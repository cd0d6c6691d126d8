"""The application: routers, middleware, errors, the screen.

Belongs here: how the API is put together. Does not belong here: starting a server (`__main__.py`), routes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from api.audit import chain
from api.backtests import tear_sheets
from api.bots import acts as bot_acts
from api.bots import discoveries, dossier, fleet
from api.control import kill_switch
from api.edge import for_people, problems
from api.edge.deps import Admission
from api.edge.doors import Doors
from api.edge.given import give
from api.edge.middleware import BoundedBody, Deadline, Envelope
from api.figures import resets
from api.health import proof_page, proofs, readiness, vitals
from api.improvement import lab
from api.live import board
from api.live.stream import Live
from api.market import acts as bar_acts
from api.pages.shell import install as install_pages
from api.reference import routes as reference
from api.work import pages as work
from services.desk import Desk
from services.health.readiness import MigrationCheck
from services.timing import watch_database

TITLE = "Proving Ground"


def create_app(desk: Desk) -> FastAPI:
    """Build the API over a desk; nothing is opened before the first request or the lifespan.

    Raises:
        WeakSecret: the admin token is missing or weak, but for ENV=dev on loopback.
    """
    admin_token = desk.settings.require_admin_token()
    watch_database(desk.database)
    live = Live(desk, desk.database.kw["bind"].url)
    app = FastAPI(
        title=TITLE,
        version=readiness.VERSION,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        lifespan=_running(live),
    )
    give(app, desk, Admission(admin_token), live, MigrationCheck())
    give(app, work.WorkMoments(), kill_switch.SwitchMoments(), chain.AuditMoments(), vitals.HealthMoments())
    problems.install(app)
    for module in (
        fleet,
        dossier,
        discoveries,
        proofs,
        proof_page,
        resets,
        readiness,
        board,
        tear_sheets,
        work,
        kill_switch,
        chain,
        vitals,
        lab,
        reference,
    ):
        app.include_router(module.router)
    for module in (work, kill_switch, chain, bot_acts, bar_acts):
        app.include_router(module.by_admin)
    install_pages(app, desk.settings)
    for_people.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    app.add_middleware(Deadline)
    app.add_middleware(BoundedBody)
    app.add_middleware(Doors, hosts=desk.settings.hosts_of(desk.settings.host))
    app.add_middleware(Envelope)
    return app


def _running(live: Live) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield

    return lifespan


def _operation_id(route: APIRoute) -> str:
    return route.name
