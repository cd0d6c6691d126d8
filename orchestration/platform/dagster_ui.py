"""The Dagster UI behind doors of our own, read-only unless a setting opens it.

Belongs here: Dagster's web application, what may ask it to change anything, serving it. Does not belong here: hosts and
origins (`api.edge.doors`), the UI itself.

Dagster's server has no login and takes a mutation from a GET query string of any page on any site. Here it is asked by
POST with JSON alone, which no page of another origin can send without asking first, and then is refused.
"""

import sys

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver
from graphql import ASTValidationRule, GraphQLError, OperationDefinitionNode, OperationType
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.edge.doors import READS, Doors, Refusal, headers
from gateways.settings import Settings
from orchestration.platform.instance import workspace_file
from trading.errors import ProvingError

GRAPHQL = "/graphql"
STATEMENT_TIMEOUT_MS = 15_000
POOL_RECYCLE_SECONDS = 3_600
POOL_OVERFLOW = 20
POLL_MS = 2_000
WRITABLE = "DAGSTER_WRITABLE=yes"
CANNOT_START = 1


class ReadOnly(ASTValidationRule):
    """No mutation passes, whatever it would change; Dagster's own permissions leave some of them open."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Refuse a mutation before anything runs."""
        if node.operation is OperationType.MUTATION:
            self.report_error(GraphQLError(f"Dagster is read-only here; {WRITABLE} makes it writable", node))


class Webserver(DagsterWebserver):  # type: ignore[type-arg]
    """Dagster's web application, for reading alone unless it is writable."""

    def __init__(self, context: WorkspaceProcessContext, *, writable: bool) -> None:
        self.writable = writable
        super().__init__(context, live_data_poll_rate=POLL_MS)

    def build_graphql_validation_rules(self) -> tuple[type[ASTValidationRule], ...]:
        """Return Dagster's rules, and ours where nothing may change."""
        rules = tuple(super().build_graphql_validation_rules())
        return rules if self.writable else (*rules, ReadOnly)


class Unframed:
    """Keeps the UI out of the frames of other pages, in which a person's clicks could be caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.append("Content-Security-Policy", "frame-ancestors 'none'")
                answer["X-Frame-Options"] = "DENY"
                answer["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self.app(scope, receive, sealed)


def build_ui(context: WorkspaceProcessContext, settings: Settings) -> ASGIApp:
    """Return the application: doors first, then Dagster's."""
    rule = asked_properly if settings.dagster_writable else only_read
    app = Webserver(context, writable=settings.dagster_writable).create_asgi_app()
    return Unframed(Doors(app, hosts=settings.hosts_of(settings.dagster_host), further=rule))


def asked_properly(scope: Scope) -> Refusal | None:
    """Refuse what asks GraphQL in an address, or writes in a form that a page of any site may send."""
    if scope["type"] != "http":
        return None
    if scope["method"] in READS:
        asks_in_address = scope["path"] == GRAPHQL and scope["query_string"]
        return Refusal(405, "METHOD_NOT_ALLOWED", "ask GraphQL by POST with JSON") if asks_in_address else None
    kinds = [kind.partition(";")[0].strip().lower() for kind in headers(scope, "content-type")]
    if scope["method"] != "POST" or kinds != ["application/json"]:
        return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "only POST with Content-Type: application/json is taken")
    return None


def only_read(scope: Scope) -> Refusal | None:
    """Refuse every write but a question to GraphQL, whose mutations `ReadOnly` refuses."""
    if scope["type"] == "http" and scope["method"] not in READS and scope["path"] != GRAPHQL:
        return Refusal(403, "READ_ONLY", f"Dagster is read-only here; {WRITABLE} makes it writable")
    return asked_properly(scope)


def main() -> int:
    """Serve until stopped; return the exit code."""
    try:
        settings = Settings()
        settings.require_closed_doors()
    except ProvingError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return CANNOT_START
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(workspace_file(settings))])
        read_only = not settings.dagster_writable
        with WorkspaceProcessContext(instance, target, version=__version__, read_only=read_only) as context:
            where = (settings.dagster_host, settings.webserver_port)
            uvicorn.run(build_ui(context, settings), host=where[0], port=where[1], log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
