"""The audit chain: one canonical form, one hash, and how a broken chain shows.

Belongs here: what is hashed and what a break is. Does not belong here: the lock that keeps the chain free of forks and
the rows (`store.audit.chain`), the file its head is anchored in (`gateways.anchor`).

Each event carries the hash of the one before. Its own hash is SHA-256 over the previous hash and the canonical event:
JSON in ASCII with sorted keys and no spaces, times in UTC with six digits, whole numbers only. So a changed, missing,
inserted or moved event breaks the chain where it stands. What the chain alone cannot show, that its end was cut off,
added to or written anew, the anchor does: before a commit the platform notes the head it INTENDED, after it the head
it COMMITTED. A crash between the two lines leaves an event that was at least intended; one that was not is foreign.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from trading.errors import BadAuditEvent

GENESIS_HASH = "0" * 64
MAX_BREAKS = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: Place in the chain, from 1 without gaps.
        at: When, timezone-aware.
        actor: Who did it.
        action: What was done, in capitals.
        subject: What it was done to.
        payload: Strings, whole numbers, booleans, nulls, and lists and objects of them.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """An event as it is stored in the chain."""

    event: Event
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain at some moment."""

    seq: int
    hash: str


class BreakKind(StrEnum):
    """How a chain can be broken."""

    CHANGED = "CHANGED"
    MISSING = "MISSING"
    UNLINKED = "UNLINKED"
    REWRITTEN = "REWRITTEN"
    TRUNCATED = "TRUNCATED"
    UNANCHORED = "UNANCHORED"
    ANCHOR_MISSING = "ANCHOR_MISSING"
    ANCHOR_DAMAGED = "ANCHOR_DAMAGED"


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """One place where the chain does not hold."""

    seq: int
    kind: BreakKind
    detail: str


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What a verification found.

    Attributes:
        events: Events read.
        head_seq, head_hash: The last event; 0 and the genesis hash where there is none.
        breaks: In the order found, at most `MAX_BREAKS` of them.
    """

    events: int
    head_seq: int
    head_hash: str
    breaks: tuple[ChainBreak, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, lost, inserted or moved."""
        return not self.breaks


class AnchorState(StrEnum):
    """What the platform says of a head it anchors: that it is about to commit it, and that it did."""

    INTENDED = "INTENDED"
    COMMITTED = "COMMITTED"


def canonical(event: Event) -> bytes:
    """Return the bytes of an event that are hashed, the same on every machine.

    Raises:
        BadAuditEvent: a time without a zone, a float, a key that is not text, a NUL or lone surrogate.
    """
    if event.at.tzinfo is None:
        raise BadAuditEvent(f"an audit event needs a time with a zone, was {event.at}")
    form = {
        "seq": event.seq,
        "at": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "payload": dict(event.payload),
    }
    for leaf in _leaves(form):
        _require_plain(leaf)
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def canonical_payload(payload: Mapping[str, Any]) -> str:
    """Return a payload as it stands in the hashed form of its event."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link(event: Event, *, previous_hash: str) -> Link:
    """Return the event linked to the one whose hash is given.

    Raises:
        BadAuditEvent: see `canonical`.
    """
    digest = hashlib.sha256(previous_hash.encode("ascii") + b"\n" + canonical(event)).hexdigest()
    return Link(event=event, previous_hash=previous_hash, hash=digest)


def anchor_line(state: AnchorState, head: Head) -> str:
    """Return the line of the anchor that remembers a head."""
    return json.dumps({"state": state.value, "seq": head.seq, "hash": head.hash}, separators=(",", ":"))


def verify(links: Iterable[Link], anchor: Iterable[str]) -> AuditVerdict:
    """Walk a chain from its first link beside its anchor and report every break; memory does not grow with the chain.

    Args:
        links: The stored chain in order of `seq`.
        anchor: The anchor's lines, oldest first, as they stood when the chain was read.
    """
    trail = _AnchorTrail(anchor)
    events, head = 0, Head(0, GENESIS_HASH)
    for stored in links:
        trail.breaks.extend(_breaks_of(stored, head))
        events, head = events + 1, Head(stored.event.seq, stored.hash)
        trail.compare(head)
        del trail.breaks[MAX_BREAKS:]
    trail.end(head)
    return AuditVerdict(events, head.seq, head.hash, tuple(trail.breaks[:MAX_BREAKS]))


class _AnchorTrail:
    """Reads the anchor in step with the chain and collects what does not agree."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.breaks: list[ChainBreak] = []
        self._lines = iter(lines)
        self._anchored = 0
        self._intended: Head | None = None
        self._ahead = self._next()

    def compare(self, head: Head) -> None:
        """Hold a link against what was anchored of it."""
        while self._ahead is not None and self._ahead.seq <= head.seq:
            if self._ahead.seq == head.seq and self._ahead.hash != head.hash:
                self._break(head.seq, BreakKind.REWRITTEN, f"anchored as {self._ahead.hash}, was {head.hash}")
            self._ahead = self._next()

    def end(self, head: Head) -> None:
        """Hold the chain's last link against the last anchored one."""
        while self._ahead is not None:
            self._ahead = self._next()
        if not self._anchored and self._intended is None:
            if head.seq:
                self._break(head.seq, BreakKind.ANCHOR_MISSING, "nothing outside the table remembers this chain")
        elif head.seq < self._anchored:
            self._break(head.seq, BreakKind.TRUNCATED, f"events {head.seq + 1} to {self._anchored} are gone")
        elif head.seq > self._anchored and head != self._intended:
            detail = f"events {self._anchored + 1} to {head.seq} were never announced by the platform"
            self._break(head.seq, BreakKind.UNANCHORED, detail)

    def _next(self) -> Head | None:
        for line in self._lines:
            anchored = _parsed(line)
            if anchored is None:
                self._break(self._anchored, BreakKind.ANCHOR_DAMAGED, f"a line after event {self._anchored} is broken")
            elif anchored[0] is AnchorState.INTENDED:
                self._intended = anchored[1]
            elif anchored[1].seq <= self._anchored:
                detail = f"event {anchored[1].seq} was anchored again after event {self._anchored}"
                self._break(anchored[1].seq, BreakKind.REWRITTEN, detail)
            else:
                self._anchored = anchored[1].seq
                return anchored[1]
        return None

    def _break(self, seq: int, kind: BreakKind, detail: str) -> None:
        self.breaks.append(ChainBreak(seq, kind, detail))


def _parsed(line: str) -> tuple[AnchorState, Head] | None:
    try:
        fields = json.loads(line)
        return AnchorState(fields["state"]), Head(int(fields["seq"]), str(fields["hash"]))
    except (ValueError, KeyError, TypeError):
        return None


def _breaks_of(stored: Link, head: Head) -> Iterator[ChainBreak]:
    seq = stored.event.seq
    if seq != head.seq + 1:
        yield ChainBreak(seq, BreakKind.MISSING, f"follows event {head.seq}")
    if stored.previous_hash != head.hash:
        yield ChainBreak(seq, BreakKind.UNLINKED, "does not carry the hash of the event before it")
    try:
        whole = link(stored.event, previous_hash=stored.previous_hash).hash == stored.hash
    except BadAuditEvent:
        whole = False
    if not whole:
        yield ChainBreak(seq, BreakKind.CHANGED, "its hash is not the hash of its content")


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise BadAuditEvent(f"keys of an audit event are text, was {key!r}")
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _require_plain(leaf: object) -> None:
    if leaf is None or isinstance(leaf, int):
        return
    if not isinstance(leaf, str):
        raise BadAuditEvent(f"audit events hold text, whole numbers, booleans and null; was {leaf!r}")
    if "\0" in leaf or any("\ud800" <= letter <= "\udfff" for letter in leaf):
        raise BadAuditEvent("text of an audit event has no NUL and no lone surrogate")
