"""The page itself: one Jinja2 shell, and static files under a path that names their content.

Belongs here: serving the shell and static files. Does not belong here: what the page does (`static/js`), building
fonts and charts (`vendor.py`).
"""

import hashlib
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

PAGES = Path(__file__).parent
STATIC = PAGES / "static"
TEMPLATES = Environment(loader=FileSystemLoader(PAGES / "templates"), autoescape=select_autoescape())
MODULES = ("main", "badge", "format", "store", "live", "table", "strip", "reset", "drawer", "spark", "dom")
FOREVER = "public, max-age=31536000, immutable"


class Immutable(StaticFiles):
    """Static files that never change under their path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file and let browsers keep it for ever."""

        async def kept(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start" and message["status"] in {200, 206, 304}:
                message["headers"] = [*message["headers"], (b"cache-control", FOREVER.encode())]  # type: ignore[misc]
            await send(message)

        await super().__call__(scope, receive, kept)  # type: ignore[arg-type]


def install(app: FastAPI) -> None:
    """Serve the page at `/` and its files at a content-hashed path."""
    base = f"/static/{content_hash(STATIC)}"
    vendor = {path.name for path in (STATIC / "vendor").glob("*")}
    page = TEMPLATES.get_template("board.html").render(base=base, vendor=vendor, modules=MODULES)

    async def board(_: Request) -> Response:
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    app.add_route("/", board, include_in_schema=False)
    app.mount(base, Immutable(directory=STATIC), name="static")


def content_hash(folder: Path) -> str:
    """Return a short hash over every file's path and bytes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
