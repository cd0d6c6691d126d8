"""The pages themselves: one Jinja2 shell, and static files under a path that names their content.

Belongs here: serving pages and static files. Does not belong here: which pages there are (`site.py`), what a page does
(`static/js`), building fonts and charts (`vendor.py`).
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from api.pages.site import COMMON, KEYS_EVERYWHERE, SITE, TABS, Page

PAGES = Path(__file__).parent
STATIC = PAGES / "static"
TEMPLATES = Environment(loader=FileSystemLoader(PAGES / "templates"), autoescape=select_autoescape())
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
    """Serve every page at its address and their files at a content-hashed path."""
    base = f"/static/{content_hash(STATIC)}"
    vendor = {path.name for path in (STATIC / "vendor").glob("*")}
    runs_port = app.state.desk.settings.webserver_port
    for page in SITE:
        served = _served(render(page, base=base, vendor=vendor, runs_port=runs_port))
        app.add_route(page.path, served, include_in_schema=False)
    app.mount(base, Immutable(directory=STATIC), name="static")


def render(page: Page, *, base: str, vendor: Collection[str], runs_port: int) -> str:
    """Return a page's HTML.

    Args:
        page: Which page.
        base: Path of the static files.
        vendor: Names of the vendored files at hand; fonts and charts that are missing are left out.
        runs_port: Port of the Dagster UI, which shows the runs that jobs link to.
    """
    return TEMPLATES.get_template(page.template).render(
        page=page,
        tabs=TABS,
        base=base,
        vendor=vendor,
        runs_port=runs_port,
        modules=(page.script, *COMMON, *page.modules),
        shared_keys=KEYS_EVERYWHERE,
    )


def _served(html: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return serve


def content_hash(folder: Path) -> str:
    """Return a short hash over every file's path and bytes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
