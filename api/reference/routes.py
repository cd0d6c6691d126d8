"""`/docs`: the HTTP API as its OpenAPI document tells it, and the reference, as pages without any script.

Belongs here: routes and what their pages are given. Does not belong here: the document itself, which FastAPI makes, and
what the reference says (`sheets.py`).
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from api.pages.shell import TEMPLATES, plain_frame
from api.reference.render import blocks, inline_markup
from api.reference.sheets import all_sheets

METHODS = ("get", "post", "put", "patch", "delete")

router = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
def api_docs(request: Request) -> Response:
    """Show every operation of the API: what it takes and what it answers."""
    document = request.app.openapi()
    return _page(
        request,
        "api_docs.html",
        groups=_groups(document),
        schemas=document["components"]["schemas"],
        marked=inline_markup,
    )


@router.get("/docs/reference/{name}", response_class=HTMLResponse)
def reference(request: Request, name: str) -> Response:
    """Show one sheet of the reference."""
    sheet = next((sheet for sheet in all_sheets() if sheet.name == name), None)
    if sheet is None:
        raise HTTPException(404, "there is no such sheet in the reference")
    return _page(request, "reference.html", sheet=sheet, blocks=blocks, marked=inline_markup)


def _page(request: Request, template: str, **context: Any) -> Response:
    app: FastAPI = request.app
    page = TEMPLATES.get_template(template).render(
        context | plain_frame(app),
        sheets=[(sheet.name, sheet.title) for sheet in all_sheets()],
        version=app.version,
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


def _groups(document: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the operations by tag, each with its method and path, in the order of their paths."""
    operations = [
        operation | {"method": method.upper(), "path": path, "tag": (operation.get("tags") or ["other"])[0]}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    ordered = sorted(operations, key=lambda operation: (operation["tag"], operation["path"]))
    return [(tag, list(some)) for tag, some in groupby(ordered, key=lambda operation: operation["tag"])]
