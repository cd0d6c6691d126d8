"""What every answer carries, and what no request may do.

Belongs here: request ids, timing, security headers, the bound on bodies, the deadlines, the last catch.
Does not belong here: routes, who may call them.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.edge.for_people import asks_for_a_page, late_page
from api.edge.problems import problem, trace_id
from services.timing import database_time

log = logging.getLogger("api")

MAX_BODY_BYTES = 1_048_576
READ_DEADLINE_SECONDS = 1.8
PAGE_DEADLINE_SECONDS = 10.0
WRITE_DEADLINE_SECONDS = 20.0
OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FILES = "/static/"
FILE_HEADERS = {  # a file is never a document, and a page asks for twenty of them at once
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Envelope:
    """Gives every answer its id, timing and security headers, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began, started = perf_counter(), False
        with database_time() as spent:

            async def enveloped(message: Message) -> None:
                nonlocal started
                if message["type"] == "http.response.start":
                    started = True
                    headers = MutableHeaders(scope=message)
                    _identify(headers, request_id, spent=sum(spent), took=perf_counter() - began)
                    _seal(headers, FILE_HEADERS if scope["path"].startswith(FILES) else SECURITY_HEADERS)
                await send(message)

            try:
                await self.app(scope, receive, enveloped)
            except Exception:
                log.exception("unexpected error, trace %s", request_id)
                if started:
                    raise
                await problem(500, "unexpected error; the log knows more under the trace id", trace_id=request_id)(
                    scope, receive, enveloped
                )


class BoundedBody:
    """Refuses bodies over the limit, whether they announce their length or not."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self.max_bytes:
            await self._refuse(scope, receive, send)
            return
        body = await self._collect(receive)
        if body is None:
            await self._refuse(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    async def _collect(self, receive: Receive) -> bytes | None:
        chunks, size = [], 0
        while True:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self.max_bytes:
                return None
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = problem(413, f"a body may have at most {self.max_bytes} bytes", trace_id=trace_id(scope))
        refusal.headers["Connection"] = "close"
        await refusal(scope, receive, send)


class Deadline:
    """Answers 503 when a request takes too long, so that a database that hangs never hangs the caller.

    A write may wait for a lock (at most 15 s), so it has longer. Its work goes on: whether it took effect is unknown,
    and the answer says so. A person who goes to an address in a browser has longer than a program, and is told on a
    page that asks again.
    """

    def __init__(
        self,
        app: ASGIApp,
        read_seconds: float = READ_DEADLINE_SECONDS,
        write_seconds: float = WRITE_DEADLINE_SECONDS,
        *,
        page_seconds: float = PAGE_DEADLINE_SECONDS,
    ) -> None:
        self.app = app
        self.read_seconds = read_seconds
        self.write_seconds = write_seconds
        self.page_seconds = page_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seconds = self._patience(scope)
        started, closed = False, False

        async def guarded(message: Message) -> None:
            nonlocal started
            if not closed:
                started = True
                await send(message)

        work = asyncio.ensure_future(self.app(scope, receive, guarded))
        try:
            await asyncio.wait({work}, timeout=seconds)
            if work.done() or started:
                await work
                return
        except asyncio.CancelledError:
            work.cancel()
            raise
        closed = True
        work.add_done_callback(_forget)
        await _late(scope, seconds)(scope, receive, send)

    def _patience(self, scope: Scope) -> float:
        if not _reads(scope):
            return self.write_seconds
        return self.page_seconds if asks_for_a_page(scope) else self.read_seconds


def _reads(scope: Scope) -> bool:
    return scope["method"] in {"GET", "HEAD", "OPTIONS"}


def _late(scope: Scope, seconds: float) -> Response:
    if asks_for_a_page(scope):
        return late_page(scope, seconds)
    late = f"no answer within {seconds:g} s"
    if _reads(scope):
        return problem(503, late, trace_id=trace_id(scope))
    advice = "whether it took effect is unknown: repeat it with the same Idempotency-Key, which has one effect"
    return problem(503, f"{late}; {advice}", code=OUTCOME_UNKNOWN, trace_id=trace_id(scope))


def _forget(work: "asyncio.Future[None]") -> None:
    if not work.cancelled() and work.exception() is not None:
        log.warning("a request that was given up ended with %r", work.exception())


def _replay(body: bytes, receive: Receive) -> Receive:
    is_spent = False

    async def once() -> Message:
        nonlocal is_spent
        if is_spent:
            return await receive()
        is_spent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(12)


def _identify(headers: MutableHeaders, request_id: str, *, spent: float, took: float) -> None:
    headers["X-Request-Id"] = request_id
    headers["Server-Timing"] = f"db;dur={1000 * spent:.1f}, app;dur={1000 * took:.1f}"
    headers.setdefault("Cache-Control", "no-store")


def _seal(headers: MutableHeaders, security: Mapping[str, str]) -> None:
    for name, content in security.items():
        headers[name] = content
