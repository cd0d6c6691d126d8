"""The audit chain in the database: no gap, no fork, and no tampering that stays unseen, even by the owner."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from services.audit.chain import record, verify_chain
from services.desk import Desk
from store.audit import chain
from store.database import transaction
from store.tables import AuditEvent
from tests.harness.actors import OPS
from tests.harness.clocks import FixedClock
from trading.audit.chain import BreakKind, Event, Head, link
from trading.errors import Unavailable

LENGTH = 6


def append(desk: Desk, n: int) -> int:
    with transaction(desk.database) as db:
        return record(desk, db, actor=OPS, action="TEST", subject=f"bot {n}", payload={"n": n, "note": "é"})


def append_and_fail(desk: Desk) -> None:
    with transaction(desk.database) as db:
        record(desk, db, actor=OPS, action="TEST", subject="bot", payload={})
        raise RuntimeError("planted")


def fill_chain(desk: Desk, clock: FixedClock, length: int = LENGTH) -> None:
    for n in range(length):
        clock.advance(seconds=1)
        append(desk, n)


@contextmanager
def unguarded(owner: Engine) -> Iterator[Connection]:
    """A connection of the owner with the table's triggers switched off, as a determined insider would have it."""
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER ALL"))
        yield connection
        connection.execute(text("ALTER TABLE audit_events ENABLE ALWAYS TRIGGER append_only"))


def rows(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(select(AuditEvent.__table__).order_by(AuditEvent.seq))]


def rewrite(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Replace the table by these events with all hashes made anew, as one who knows the rules would."""
    connection.execute(text("DELETE FROM audit_events"))
    head = Head(0, "0" * 64)
    for seq, event in enumerate(events, start=1):
        plain = {key: event[key] for key in ("at", "actor", "action", "subject", "payload")}
        linked = link(Event(seq=seq, **plain), previous_hash=head.hash)
        connection.execute(
            insert(AuditEvent).values(seq=seq, **plain, previous_hash=linked.previous_hash, hash=linked.hash)
        )
        head = Head(seq, linked.hash)


@pytest.mark.scorecard(14)
def test_every_change_of_every_event_by_the_owner_is_found(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    fill_chain(desk, clock)
    assert verify_chain(desk).is_whole
    with owner.connect() as connection:
        original = rows(connection)
    changes = (
        "UPDATE audit_events SET actor = 'nobody' WHERE seq = :seq",
        "UPDATE audit_events SET at = at + interval '1 microsecond' WHERE seq = :seq",
        "UPDATE audit_events SET action = 'OTHER' WHERE seq = :seq",
        "UPDATE audit_events SET subject = subject || ' ' WHERE seq = :seq",
        "UPDATE audit_events SET payload = payload || '{\"n\": -1}' WHERE seq = :seq",
        "UPDATE audit_events SET payload = jsonb_set(payload, '{n}', (payload->>'n' || '.0')::jsonb) WHERE seq = :seq",
        "UPDATE audit_events SET payload = payload - 'note' WHERE seq = :seq",
        "UPDATE audit_events SET hash = repeat('0', 64) WHERE seq = :seq",
        "UPDATE audit_events SET previous_hash = repeat('1', 64) WHERE seq = :seq",
        "UPDATE audit_events SET seq = seq + 100 WHERE seq = :seq",
        "DELETE FROM audit_events WHERE seq = :seq",
        "DELETE FROM audit_events WHERE seq >= :seq",
        "DELETE FROM audit_events WHERE seq <= :seq",
    )
    for change in changes:
        for seq in range(1, LENGTH + 1):
            with unguarded(owner) as connection:
                connection.execute(text(change), {"seq": seq})
            assert not verify_chain(desk).is_whole, (change, seq)
            with unguarded(owner) as connection:
                connection.execute(text("DELETE FROM audit_events"))
                connection.execute(insert(AuditEvent), original)
    assert verify_chain(desk).is_whole


@pytest.mark.scorecard(14)
def test_a_chain_written_anew_with_right_hashes_is_found_by_its_anchor(
    desk: Desk, clock: FixedClock, owner: Engine
) -> None:
    fill_chain(desk, clock)
    with owner.connect() as connection:
        original = rows(connection)
    for at in range(LENGTH):
        inserted = [*original[:at], original[at] | {"actor": "nobody"}, *original[at:]]
        deleted = original[:at] + original[at + 1 :]
        changed = [*original[:at], original[at] | {"actor": "nobody"}, *original[at + 1 :]]
        moved = [*original[at + 1 :], *original[: at + 1]] if at < LENGTH - 1 else original[::-1]
        appended = [*original, original[at]]
        for forged in (inserted, deleted, changed, moved, appended):
            with unguarded(owner) as connection:
                rewrite(connection, forged)
            assert not verify_chain(desk).is_whole
    with unguarded(owner) as connection:
        rewrite(connection, original)
    assert verify_chain(desk).is_whole


@pytest.mark.scorecard(14)
def test_an_anchor_that_is_lost_cut_or_altered_is_reported(desk: Desk, clock: FixedClock) -> None:
    fill_chain(desk, clock)
    anchor = desk.settings.audit_anchor
    lines = anchor.read_text().splitlines(keepends=True)
    kinds = {}
    for name, content in {
        "lost": "",
        "cut": "".join(lines[:-2]),
        "altered": "".join([*lines[:-1], lines[-1].replace('"hash":"', '"hash":"0')]),
        "garbled": "".join([*lines[:3], "?\n", *lines[3:]]),
    }.items():
        anchor.write_text(content)
        kinds[name] = {fault.kind for fault in verify_chain(desk).breaks}
    assert kinds == {
        "lost": {BreakKind.ANCHOR_MISSING},
        "cut": {BreakKind.UNANCHORED},
        "altered": {BreakKind.REWRITTEN},
        "garbled": {BreakKind.ANCHOR_DAMAGED},
    }
    anchor.unlink()
    assert {fault.kind for fault in verify_chain(desk).breaks} == {BreakKind.ANCHOR_MISSING}


def test_racing_transactions_leave_no_gap_and_no_fork(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        seqs = list(pool.map(lambda n: append(desk, n), range(40)))
    assert sorted(seqs) == list(range(1, 41))
    with transaction(desk.database) as db:
        links = list(chain.chain(db))
    assert all(after.previous_hash == before.hash for before, after in pairwise(links))
    assert verify_chain(desk).is_whole


def test_verifying_while_others_append_raises_no_false_alarm(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(append, desk, n) for n in range(60)]
        verdicts = []
        while not all(writer.done() for writer in writing):
            verdicts.append(verify_chain(desk))
    assert verdicts
    assert [verdict.breaks for verdict in verdicts if not verdict.is_whole] == []


def test_a_transaction_that_rolls_back_leaves_neither_event_nor_gap(desk: Desk) -> None:
    append(desk, 1)
    with pytest.raises(RuntimeError, match="planted"):
        append_and_fail(desk)
    assert append(desk, 2) == 2
    assert verify_chain(desk).is_whole


def test_a_session_used_again_anchors_each_of_its_commits(desk: Desk) -> None:
    with desk.database() as db:
        for n in range(3):
            record(desk, db, actor=OPS, action="TEST", subject=f"bot {n}", payload={})
            db.commit()
            record(desk, db, actor=OPS, action="TEST", subject="never", payload={})
            db.rollback()
    assert verify_chain(desk).events == 3
    assert verify_chain(desk).is_whole
    assert len(desk.settings.audit_anchor.read_text().splitlines()) == 6


def test_nothing_commits_when_the_anchor_cannot_be_written(desk: Desk) -> None:
    append(desk, 1)
    anchor = desk.settings.audit_anchor
    anchor.rename(anchor.with_suffix(".kept"))
    anchor.mkdir()
    with pytest.raises(Unavailable, match="audit anchor"):
        append(desk, 2)
    anchor.rmdir()
    anchor.with_suffix(".kept").rename(anchor)
    assert verify_chain(desk).events == 1


def test_a_line_torn_by_a_crash_is_no_break(desk: Desk) -> None:
    append(desk, 1)
    with desk.settings.audit_anchor.open("a") as anchor:
        anchor.write('{"state":"INTE')
    assert verify_chain(desk).is_whole
    append(desk, 2)
    assert verify_chain(desk).is_whole


def test_a_savepoint_may_not_hold_an_audit_event(desk: Desk) -> None:
    with transaction(desk.database) as db, db.begin_nested(), pytest.raises(RuntimeError, match="savepoint"):
        record(desk, db, actor=OPS, action="TEST", subject="bot", payload={})


def test_a_savepoint_after_an_event_does_not_anchor_it_early(desk: Desk) -> None:
    with transaction(desk.database) as db:
        record(desk, db, actor=OPS, action="TEST", subject="bot", payload={})
        with db.begin_nested():
            db.execute(text("SELECT 1"))
        assert not desk.settings.audit_anchor.exists()
    assert verify_chain(desk).is_whole
    assert len(desk.settings.audit_anchor.read_text().splitlines()) == 2
