"""Hosts as HTTP names them: what a `Host` header says, and which hosts a server answers to.

Belongs here: reading names with and without ports, IPv6 in brackets. Does not belong here: who may ask what
(`api.edge.doors`), which hosts are allowed (`gateways.settings`).
"""

import ipaddress
import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
IN_BRACKETS = re.compile(r"\[([0-9a-f:.]+)\](?::(\d{1,5}))?")
PLAIN = re.compile(r"([^:\[\]]+)(?::(\d{1,5}))?")
LONGEST = 260


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host by which a server may be named, at one port or, without one, at any."""

    name: str
    port: int | None = None


def named_host(text: str) -> AllowedHost | None:
    """Read `name`, `name:port`, an IPv4 address, or `[ipv6]:port`; None where it is none of these.

    Names are compared in lower case, IPv6 addresses in their shortest form.
    """
    lowered = text.lower() if len(text) <= LONGEST else ""
    bracketed = IN_BRACKETS.fullmatch(lowered)
    match = bracketed or PLAIN.fullmatch(lowered)
    if match is None:
        return None
    name = _ipv6(match[1]) if bracketed else match[1] if NAME.fullmatch(match[1]) else None
    return AllowedHost(name, int(match[2]) if match[2] else None) if name is not None else None


def allowed_host(text: str) -> AllowedHost:
    """Read a host as a person writes it in a setting: like `named_host`, and IPv6 without brackets too.

    Raises:
        ValueError: it is no host.
    """
    bare = _ipv6(text.lower())
    host = AllowedHost(bare) if bare is not None else named_host(text)
    if host is None:
        raise ValueError(f"a host is a name or an address, with :port where only that port counts, was {text[:60]!r}")
    return host


def is_allowed(host: AllowedHost, allowed: frozenset[AllowedHost]) -> bool:
    """Return whether a host as it was named is one of those allowed, at its port or at any."""
    return host in allowed or AllowedHost(host.name) in allowed


def _ipv6(text: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return None
