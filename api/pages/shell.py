"""The pages themselves: one Jinja2 shell, and static files under a path that names their content.

Belongs here: serving pages and static files. Does not belong here: which pages there are (`site.py`), what a page does
(`static/js`), building fonts and charts (`vendor.py`).
"""

import gzip
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from api.pages.board_words import COLUMNS, FILTER_WORDS
from api.pages.site import COMMON, KEYS_EVERYWHERE, SITE, TABS, Page
from gateways.settings import DEV_ADMIN_TOKEN, Settings
from trading.figures.declared import FIGURES, word_of
from trading.words import camel

PAGES = Path(__file__).parent
STATIC = PAGES / "static"
TEMPLATES = Environment(loader=FileSystemLoader(PAGES / "templates"), autoescape=select_autoescape())
ZIP_LEVEL = 9
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_COMMENT = re.compile(rb"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n", re.DOTALL | re.MULTILINE)
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    """A static file as it is sent: whole, and zipped where that is smaller."""

    content: bytes
    zipped: bytes | None
    media_type: str


def install(app: FastAPI, settings: Settings) -> None:
    """Serve every page at its address and their files at a content-hashed path."""
    base = f"/static/{content_hash(STATIC)}"
    vendor = {path.name for path in (STATIC / "vendor").glob("*")}
    public = DEV_ADMIN_TOKEN if settings.takes_public_token else None
    for page in SITE:
        html = render(page, base=base, vendor=vendor, runs_port=settings.webserver_port, public_token=public)
        served = _served(html)
        app.add_route(page.path, served, include_in_schema=False)
    app.add_route(f"{base}/{{name:path}}", _files(STATIC), name="static", include_in_schema=False)


def static_base(app: FastAPI) -> str:
    """Return the path under which an application serves the pages' files."""
    return str(app.url_path_for("static", name="")).rstrip("/")


def plain_frame(app: FastAPI) -> dict[str, Any]:
    """Return what a page without a script needs besides what it tells: the path of files, fonts at hand, tabs."""
    return {"base": static_base(app), "fonts": (STATIC / "vendor" / "fonts.css").exists(), "tabs": TABS}


def render(page: Page, *, base: str, vendor: Collection[str], runs_port: int, public_token: str | None = None) -> str:
    """Return a page's HTML.

    Args:
        page: Which page.
        base: Path of the static files.
        vendor: Names of the vendored files at hand; fonts and charts that are missing are left out.
        runs_port: Port of the Dagster UI, which shows the runs that jobs link to.
        public_token: The token everybody knows, where the platform takes it; pages then ask for none.
    """
    return TEMPLATES.get_template(page.template).render(
        page=page,
        tabs=TABS,
        base=base,
        vendor=vendor,
        runs_port=runs_port,
        public_token=public_token,
        modules=(page.script, *COMMON, *page.modules),
        shared_keys=KEYS_EVERYWHERE,
        columns=COLUMNS,
        figures=_figures(),
        filter_words=FILTER_WORDS,
    )


def _figures() -> str:
    """Return the list of figures as pages read it."""
    return json.dumps(
        [
            {"word": camel(word_of(name)), "label": figure.label, "about": figure.about, "form": figure.form}
            for name, figure in FIGURES.items()
        ]
    )


def _served(html: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})

    return serve


def _files(folder: Path) -> Callable[[Request], Awaitable[Response]]:
    """Serve files that never change under their path: read and zipped once, kept by browsers for ever."""
    files = {str(path.relative_to(folder)): _file(path) for path in _files_in(folder)}

    async def serve(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if file.zipped is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(file.content, headers=headers, media_type=file.media_type)
        return Response(file.zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media_type)

    return serve


def without_comments(script: bytes) -> bytes:
    """Return a script without the comments that have lines of their own; every other line keeps its number.

    They are a sixth of what a page loads, and nobody reads them there.
    """
    return _COMMENT.sub(lambda comment: b"\n" * comment[0].count(b"\n"), script)


def content_hash(folder: Path) -> str:
    """Return a short hash over every file's path and bytes."""
    digest = hashlib.sha256()
    for path in _files_in(folder):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _files_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _file(path: Path) -> File:
    content = path.read_bytes() if path.suffix != ".js" else without_comments(path.read_bytes())
    zipped = gzip.compress(content, ZIP_LEVEL, mtime=0)
    media_type = MEDIA_TYPES.get(path.suffix, "text/plain")
    return File(content, zipped if len(zipped) < len(content) else None, media_type)
