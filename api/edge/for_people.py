"""What a person is told in a browser where a program gets a problem document: a page with the way on.

Belongs here: who gets such a page, and what it says when nothing is served, or not yet. Does not belong here: the
document (`problems.py`), how long anybody waits (`middleware.py`).
"""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api.edge.problems import of_http, of_platform, trace_id
from api.pages.shell import TEMPLATES, plain_frame
from trading.errors import Unavailable

FOR_PROGRAMS = ("/api/", "/static/", "/ws/")
HTML = "text/html"
JSON = ("application/json", "application/problem+json")
NOTHING_SERVED = HTTPException(404).detail
SHOWN_PATH = 120
RETRY_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class Mishap:
    """What went wrong, in words; `path` is shown where nothing is known but the address."""

    status: int
    title: str
    why: str | None = None
    path: str = ""
    again: bool = False


def install(app: FastAPI) -> None:
    """Answer a person who mistyped an address, or came while the database is away, with a page."""
    app.add_exception_handler(404, _nothing_here)
    app.add_exception_handler(Unavailable, _not_now)


def asks_for_a_page(scope: Scope) -> bool:
    """Return whether a request is a browser's that goes to an address, not a program's."""
    return scope["method"] in {"GET", "HEAD"} and prefers_html(Headers(scope=scope).get("accept", ""))


def late_page(scope: Scope, seconds: float) -> Response:
    """Return the page of an answer that did not come in time; its link asks for the same address again."""
    why = "The platform is busy or its database is away. Nothing was changed by asking, so ask again."
    return _page(scope, Mishap(503, f"No answer within {seconds:g} seconds", why, again=True))


async def _nothing_here(request: Request, failure: Exception) -> Response:
    path: str = request.scope["path"]
    if path.startswith(FOR_PROGRAMS) or not asks_for_a_page(request.scope):
        return await of_http(request, failure)
    detail = failure.detail if isinstance(failure, HTTPException) else NOTHING_SERVED
    why = detail if detail != NOTHING_SERVED else None
    return _page(request.scope, Mishap(404, "No such page", why, path[:SHOWN_PATH]))


async def _not_now(request: Request, failure: Exception) -> Response:
    if not asks_for_a_page(request.scope):
        return await of_platform(request, failure)
    return _page(request.scope, Mishap(503, "Not available now", str(failure), again=True))


def _page(scope: Scope, mishap: Mishap) -> Response:
    words: dict[str, Any] = {
        **plain_frame(scope["app"]),
        "mishap": mishap,
        "trace_id": trace_id(scope),
    }
    answer = HTMLResponse(TEMPLATES.get_template("mishap.html").render(words), mishap.status)
    if mishap.again:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def prefers_html(accept: str) -> bool:
    """Return whether an `Accept` header names HTML and weighs no JSON higher; `*/*` alone names nothing."""
    weights = dict(_weighed(part) for part in accept.lower().split(","))
    html = weights.get(HTML, 0.0)
    return html > 0 and all(html >= weights.get(kind, 0.0) for kind in JSON)


def _weighed(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip() for word in part.split(";"))
    given = next((word.removeprefix("q=") for word in parameters if word.startswith("q=")), "1")
    return kind, float(given) if given.replace(".", "", 1).isdecimal() else 0.0
