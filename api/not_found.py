"""An address that nothing is served at, as a browser is told it: a page with the way back to the board.

Belongs here: who gets that page instead of the problem document. Does not belong here: the document (`problems.py`).
"""

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.pages.shell import STATIC, TEMPLATES, static_base
from api.pages.site import TABS
from api.problems import of_http, trace_id

FOR_PROGRAMS = ("/api/", "/static/", "/ws/")
HTML = "text/html"
JSON = ("application/json", "application/problem+json")
NOTHING_SERVED = HTTPException(404).detail
SHOWN_PATH = 120


def install(app: FastAPI) -> None:
    """Answer a person who mistyped an address with a page; programs keep the problem document."""
    app.add_exception_handler(404, _answer)


async def _answer(request: Request, failure: Exception) -> Response:
    path: str = request.scope["path"]
    if path.startswith(FOR_PROGRAMS) or not prefers_html(request.headers.get("accept", "")):
        return await of_http(request, failure)
    detail = failure.detail if isinstance(failure, HTTPException) else NOTHING_SERVED
    page = TEMPLATES.get_template("not_found.html").render(
        path=path[:SHOWN_PATH],
        why=detail if detail != NOTHING_SERVED else None,
        tabs=TABS,
        base=static_base(request.app),
        fonts=(STATIC / "vendor" / "fonts.css").exists(),
        trace_id=trace_id(request),
    )
    return HTMLResponse(page, 404)


def prefers_html(accept: str) -> bool:
    """Return whether an `Accept` header names HTML and weighs no JSON higher; `*/*` alone names nothing."""
    weights = dict(_weighed(part) for part in accept.lower().split(","))
    html = weights.get(HTML, 0.0)
    return html > 0 and all(html >= weights.get(kind, 0.0) for kind in JSON)


def _weighed(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip() for word in part.split(";"))
    given = next((word.removeprefix("q=") for word in parameters if word.startswith("q=")), "1")
    return kind, float(given) if given.replace(".", "", 1).isdecimal() else 0.0
