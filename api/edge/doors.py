"""Who may come in by HTTP and WebSocket, and from where: what is looked at before anything else of a request.

Belongs here: `Host`, `Origin` and Fetch Metadata, for the API and for the Dagster UI alike. Does not belong here:
tokens (`deps.py`), what a route does, which hosts are allowed (`gateways.settings`).

A browser sends a request to this machine for any page a person opens, wherever it came from. Three questions keep such
pages out. Does the request name a host of ours? A name that an attacker makes resolve to this machine is none. Does it
come from a page of ours? Browsers say so in `Sec-Fetch-Site`, and in `Origin` where they send no metadata. Or does a
person follow a link here? That may come from anywhere, and only reads. Programs send neither header and pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from api.edge.problems import problem
from gateways.hosts import AllowedHost, is_allowed, named_host

POLICY_VIOLATION = 1008
READS = frozenset({"GET", "HEAD"})
OURS = frozenset({"same-origin", "none"})  # a page of ours; nobody's page: typed, or a bookmark


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request does not come in."""

    status: int
    code: str
    detail: str


FurtherRule = Callable[[Scope], Refusal | None]


class Doors:
    """Lets a request through to an application, or answers it; nothing of its body is read."""

    def __init__(self, app: ASGIApp, hosts: frozenset[AllowedHost], further: FurtherRule = lambda _: None) -> None:
        self.app = app
        self.hosts = hosts
        self.further = further

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        refusal = None if scope["type"] == "lifespan" else refused(scope, self.hosts) or self.further(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.detail[:100]})
        else:
            trace: str | None = scope.get("state", {}).get("request_id")
            await problem(refusal.status, refusal.detail, code=refusal.code, trace_id=trace)(scope, receive, send)


def refused(scope: Scope, hosts: frozenset[AllowedHost]) -> Refusal | None:
    """Return why a request may not come in, None where it may."""
    said = headers(scope, "host")
    host = named_host(said[0]) if len(said) == 1 else None
    if host is None:
        return Refusal(400, "BAD_HOST", "a request names its host once, as name or name:port")
    if not is_allowed(host, hosts):
        return Refusal(421, "HOST_NOT_ALLOWED", f"{host.name} is no host of this platform; ALLOWED_HOSTS adds one")
    if not (_comes_from(scope, said[0]) or _follows_a_link(scope)):
        return Refusal(403, "FOREIGN_ORIGIN", "a page of another origin may link here, and nothing else")
    return None


def headers(scope: Scope, name: str) -> list[str]:
    """Return every value of a header, in the order they came."""
    wanted = name.encode("ascii")
    return [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]


def _comes_from(scope: Scope, host: str) -> bool:
    """Return whether a request is by a page served under this host, or by no page at all.

    A page that tells no referrer sends `Origin: null` with its own forms; then only its metadata can vouch for it.
    """
    sites, origins = headers(scope, "sec-fetch-site"), headers(scope, "origin")
    if not all(site in OURS for site in sites):
        return False
    foreign = [origin for origin in origins if origin.lower().partition("://")[2] != host.lower()]
    return not foreign or (foreign == ["null"] and bool(sites))


def _follows_a_link(scope: Scope) -> bool:
    """Return whether a person's window, and no frame within one, goes to an address that is only read."""
    if scope["type"] != "http" or scope["method"] not in READS:
        return False
    return headers(scope, "sec-fetch-mode") == ["navigate"] and headers(scope, "sec-fetch-dest") == ["document"]
