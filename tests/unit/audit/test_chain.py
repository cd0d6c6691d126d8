"""The audit chain as a pure thing: one canonical form, and every break is found."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.audit.chain import (
    GENESIS_HASH,
    AnchorState,
    AuditVerdict,
    BreakKind,
    Event,
    Head,
    Link,
    anchor_line,
    canonical,
    link,
    verify,
)
from trading.errors import BadAuditEvent

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
payloads = st.dictionaries(
    plain_text,
    st.recursive(
        st.none() | st.booleans() | st.integers() | plain_text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_text, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def chain_of(length: int) -> list[Link]:
    links: list[Link] = []
    previous_hash = GENESIS_HASH
    for seq in range(1, length + 1):
        event = Event(seq, NOON + timedelta(seconds=seq), "ops", "RESET", f"bot {seq}", {"n": seq})
        links.append(link(event, previous_hash=previous_hash))
        previous_hash = links[-1].hash
    return links


def anchor_of(links: Sequence[Link]) -> list[str]:
    heads = [Head(linked.event.seq, linked.hash) for linked in links]
    return [anchor_line(state, head) for head in heads for state in AnchorState]


def relinked(events: Sequence[Event]) -> list[Link]:
    """Write the chain anew, as one who knows the rules of the chain would."""
    links: list[Link] = []
    for seq, event in enumerate(events, start=1):
        previous_hash = links[-1].hash if links else GENESIS_HASH
        links.append(link(replace(event, seq=seq), previous_hash=previous_hash))
    return links


def kinds(verdict: AuditVerdict) -> set[BreakKind]:
    return {fault.kind for fault in verdict.breaks}


def test_hashes_exactly_the_documented_bytes() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    event = Event(7, datetime(2026, 3, 2, 17, 30, 0, 5, tzinfo=east), "ops", "RESET", "bot é", {"b": 1, "a": [None]})
    form = (
        b'{"action":"RESET","actor":"ops","at":"2026-03-02T12:00:00.000005Z",'
        b'"payload":{"a":[null],"b":1},"seq":7,"subject":"bot \\u00e9"}'
    )
    assert canonical(event) == form
    assert link(event, previous_hash="ab").hash == hashlib.sha256(b"ab\n" + form).hexdigest()


@given(payloads)
def test_survives_the_trip_through_json(payload: dict[str, Any]) -> None:
    event = Event(1, NOON, "ops", "RESET", "all", payload)
    assert canonical(replace(event, payload=json.loads(json.dumps(payload)))) == canonical(event)


@pytest.mark.parametrize(
    "payload",
    [{"x": 1.0}, {"x": float("nan")}, {"x": "\0"}, {"x": "\ud800"}, {"x": {1: "key"}}, {"x": NOON}, {"\0": 1}],
)
def test_refuses_what_has_no_canonical_form(payload: dict[str, Any]) -> None:
    with pytest.raises(BadAuditEvent):
        canonical(Event(1, NOON, "ops", "RESET", "all", payload))


def test_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(BadAuditEvent, match="zone"):
        canonical(Event(1, NOON.replace(tzinfo=None), "ops", "RESET", "all", {}))


def test_an_untouched_chain_is_whole() -> None:
    links = chain_of(5)
    verdict = verify(links, anchor_of(links))
    assert verdict == AuditVerdict(events=5, head_seq=5, head_hash=links[-1].hash, breaks=())
    assert verify([], []).is_whole


def test_a_crash_between_intent_and_commit_is_no_break() -> None:
    links = chain_of(5)
    died_after_commit = anchor_of(links)[:-1]
    died_before_commit = [*anchor_of(links[:4]), anchor_line(AnchorState.INTENDED, Head(5, "f" * 64))]
    assert verify(links, died_after_commit).is_whole
    assert verify(links[:4], died_before_commit).is_whole


def test_a_chain_nothing_remembers_says_so() -> None:
    assert kinds(verify(chain_of(3), [])) == {BreakKind.ANCHOR_MISSING}


def test_an_anchor_that_cannot_be_read_says_so() -> None:
    links = chain_of(3)
    lines = anchor_of(links)
    assert kinds(verify(links, [lines[0], "{}", *lines[1:]])) == {BreakKind.ANCHOR_DAMAGED}
    assert kinds(verify(links, [*lines, "[1"])) == {BreakKind.ANCHOR_DAMAGED}


def test_a_head_anchored_twice_is_a_rewritten_chain() -> None:
    links = chain_of(4)
    again = link(replace(links[3].event, subject="other"), previous_hash=links[2].hash)
    lines = [*anchor_of(links), *anchor_of([again])]
    assert kinds(verify([*links[:3], again], lines)) == {BreakKind.REWRITTEN}


@pytest.mark.scorecard(14)
def test_every_kind_of_tampering_at_every_place_is_found() -> None:
    links = chain_of(8)
    for kind, tamper in TAMPERING.items():
        for place in range(len(links)):
            touched = tamper(list(links), place)
            assert repr(touched) != repr(links)
            assert not verify(touched, anchor_of(links)).is_whole, (kind, place)


def _changed(links: list[Link], at: int) -> list[Link]:
    links[at] = replace(links[at], event=replace(links[at].event, payload={"n": -1}))
    return links


def _changed_and_rehashed(links: list[Link], at: int) -> list[Link]:
    links[at] = link(replace(links[at].event, actor="nobody"), previous_hash=links[at].previous_hash)
    return links


def _changed_and_all_rewritten(links: list[Link], at: int) -> list[Link]:
    events = [linked.event for linked in links]
    events[at] = replace(events[at], actor="nobody")
    return relinked(events)


def _retyped(links: list[Link], at: int) -> list[Link]:
    links[at] = replace(links[at], event=replace(links[at].event, payload={"n": float(at + 1)}))
    return links


def _deleted(links: list[Link], at: int) -> list[Link]:
    return links[:at] + links[at + 1 :]


def _deleted_and_all_rewritten(links: list[Link], at: int) -> list[Link]:
    return relinked([linked.event for linked in links[:at] + links[at + 1 :]])


def _cut(links: list[Link], at: int) -> list[Link]:
    return links[:at]


def _inserted(links: list[Link], at: int) -> list[Link]:
    event = Event(at + 1, NOON, "nobody", "RESET", "planted", {})
    return [*links[:at], link(event, previous_hash=links[at].previous_hash), *links[at:]]


def _inserted_and_all_rewritten(links: list[Link], at: int) -> list[Link]:
    events = [linked.event for linked in links]
    return relinked([*events[:at], replace(events[at], actor="nobody"), *events[at:]])


def _appended(links: list[Link], at: int) -> list[Link]:
    event = Event(len(links) + 1, NOON, "nobody", "RESET", f"planted {at}", {})
    return [*links, link(event, previous_hash=links[-1].hash)]


def _swapped(links: list[Link], at: int) -> list[Link]:
    other = (at + 1) % len(links)
    first, second = links[at], links[other]
    links[at] = replace(second, event=replace(second.event, seq=first.event.seq))
    links[other] = replace(first, event=replace(first.event, seq=second.event.seq))
    return links


def _swapped_and_all_rewritten(links: list[Link], at: int) -> list[Link]:
    events = [linked.event for linked in links]
    other = (at + 1) % len(links)
    events[at], events[other] = events[other], events[at]
    return relinked(events)


TAMPERING = {
    "change": _changed,
    "change and hash again": _changed_and_rehashed,
    "change and write the rest anew": _changed_and_all_rewritten,
    "make a number a float": _retyped,
    "delete": _deleted,
    "delete and write the rest anew": _deleted_and_all_rewritten,
    "cut the end": _cut,
    "insert": _inserted,
    "insert and write the rest anew": _inserted_and_all_rewritten,
    "append": _appended,
    "swap": _swapped,
    "swap and write the rest anew": _swapped_and_all_rewritten,
}
