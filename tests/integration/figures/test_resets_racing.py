"""Resets against each other, against running backtests, against killed connections and against repeated requests."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, func, select, text
from sqlalchemy.orm import Session

from gateways.clock import system_clock
from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from services.audit.chain import verify_chain
from services.desk import Desk, open_desk
from services.figures.resets import ResetReceipt, ResetRequest, reset_metrics
from store.database import transaction
from store.figures import rollups
from store.idempotency import IdempotencyKey
from store.tables import (
    AuditEvent,
    Bot,
    BotMetricsEvent,
    BotMetricsRollup,
    MetricsBaseline,
    RebuildRequest,
)
from tests.harness.actors import person
from tests.harness.clocks import FixedClock
from tests.harness.factories import BIRTH, make_bot, make_bots, make_session, reset_request
from tests.harness.locks import wait_until_blocked
from trading.books import Book
from trading.errors import IdempotencyMismatch, Unavailable
from trading.figures.baselines import Scope

DEATHS = (
    "UPDATE bots SET",
    "INSERT INTO bot_metrics_events",
    "INSERT INTO metrics_baselines",
    "DELETE FROM bot_equity_curve",
    "DELETE FROM bot_metrics_rollups",
    "UPDATE bot_progress",
    "INSERT INTO rebuild_requests",
    "INSERT INTO audit_events",
)
victim = threading.local()


@pytest.fixture
def crowd(urls: DatabaseUrls, settings: Settings, clock: FixedClock) -> Iterator[Desk]:
    """A desk with room for fifty connections at once."""
    opened = open_desk(settings, urls, clock=clock, pool_size=25)
    try:
        yield opened
    finally:
        opened.database.kw["bind"].dispose()


@contextmanager
def deaths(desk: Desk, owner: Engine) -> Iterator[None]:
    """Let the server kill the connection of a thread right after the statement its `victim.dies_after` names."""
    engine = desk.database.kw["bind"]

    def kill(connection: Connection, _: object, statement: str, *__: object) -> None:
        dies_after = getattr(victim, "dies_after", None)
        if dies_after is not None and dies_after in statement:
            victim.dies_after = None
            driver = connection.connection.driver_connection
            assert driver is not None
            with owner.connect() as killer:
                killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": driver.info.backend_pid})

    event.listen(engine, "after_cursor_execute", kill)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", kill)


def dying_reset(desk: Desk, wish: ResetRequest, dies_after: str | None) -> ResetReceipt | None:
    victim.dies_after = dies_after
    try:
        return reset_metrics(desk, wish)
    except Unavailable as failure:
        if dies_after is None or "deadlock" in str(failure):
            raise
        return None
    finally:
        victim.dies_after = None


def fate_of(n: int, wish: ResetRequest) -> str | None:
    """Every third reset dies, at one point after another; one that leaves backtests alone never counts them anew."""
    fate = DEATHS[n // 3 % len(DEATHS)] if n % 3 == 0 else None
    return None if fate == "UPDATE bot_progress" and "BACKTEST" not in Scope(wish.scope).books else fate


@pytest.mark.scorecard(15)
def test_fifty_racing_resets_some_killed_are_whole_or_absent(crowd: Desk, owner: Engine) -> None:
    chance = Random(15)  # noqa: S311 - seeded on purpose
    with transaction(crowd.database) as db:
        ids = make_bots(db, 40)
        for bot_id in ids[:20]:
            make_session(db, db.get_one(Bot, bot_id), created_at=BIRTH)
        rollups.rebuild(db, None, now=crowd.clock())
    wishes = [
        reset_request(
            request_id=f"r{n}",
            scope=chance.choice(list(Scope)).value,
            bot_ids=None if n % 7 == 0 else chance.sample(ids, 15),
        )
        for n in range(50)
    ]
    fates = [fate_of(n, wish) for n, wish in enumerate(wishes)]
    with deaths(crowd, owner), ThreadPoolExecutor(50) as pool:
        receipts = list(pool.map(lambda pair: dying_reset(crowd, *pair), zip(wishes, fates, strict=True)))
    died = {wish.request_id for wish, receipt in zip(wishes, receipts, strict=True) if receipt is None}
    assert len(died) >= 12
    done = {wish.request_id: wish for wish in wishes if wish.request_id not in died}
    assert set(done) == {wish.request_id for wish, fate in zip(wishes, fates, strict=True) if fate is None}
    with transaction(crowd.database) as db:
        assert partial_resets(db, done, ids) == []
    assert verify_chain(crowd).is_whole
    assert verify_chain(crowd).events == len(done)
    with owner.connect() as connection:
        deadlocks = connection.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        ).scalar_one()
    assert deadlocks == 0
    with owner.begin() as connection:
        connection.execute(
            text("DELETE FROM rebuild_requests WHERE id = (SELECT max(id) FROM rebuild_requests)"),
        )
    with transaction(crowd.database) as db:
        assert partial_resets(db, done, ids) != []


def partial_resets(db: Session, done: dict[str, ResetRequest], ids: Sequence[UUID]) -> list[str]:
    """Replay the audit chain against every table a reset writes; return where one is missing, odd or half there."""
    faults = []
    order = [row.payload["requestId"] for row in db.execute(select(AuditEvent).order_by(AuditEvent.seq)).scalars()]
    if sorted(order) != sorted(done):
        faults.append("audit")
    expected: dict[tuple[UUID, str], str] = {}
    for name in order:
        wish = done[name]
        targets = sorted(wish.bot_ids or ids)
        events = select(BotMetricsEvent.bot_id).where(BotMetricsEvent.payload_json["requestId"].astext == name)
        if sorted(db.execute(events).scalars()) != targets:
            faults.append(f"events of {name}")
        wanted = select(RebuildRequest.bot_ids).where(RebuildRequest.request_id == name)
        if db.execute(wanted).scalars().all() != [targets]:
            faults.append(f"rebuild of {name}")
        expected |= {(bot_id, book): name for bot_id in targets for book in Scope(wish.scope).books}
    standing = db.execute(select(MetricsBaseline)).scalars()
    if {(row.bot_id, row.book): row.request_id for row in standing} != expected:
        faults.append("baselines")
    last = {bot_id: name for name in order for bot_id in done[name].bot_ids or ids}
    scopes = {bot_id: done[name].scope for bot_id, name in last.items()}
    marked = db.execute(select(Bot.id, Bot.metrics_reset_scope).where(Bot.metrics_reset_at.is_not(None)))
    if {row.id: row.metrics_reset_scope for row in marked} != scopes:
        faults.append("bots")
    hidden = {bot_id for bot_id, book in expected if book == "BACKTEST"}
    still = set(db.execute(select(BotMetricsRollup.bot_id)).scalars())
    if still & hidden:
        faults.append("rollups")
    if db.execute(select(func.count()).select_from(BotMetricsEvent)).scalar_one() != sum(
        len(wish.bot_ids or ids) for wish in done.values()
    ):
        faults.append("events of the dead")
    return faults


def shown_trades(desk: Desk, bot_id: UUID) -> int | None:
    with transaction(desk.database) as db:
        row = db.get(BotMetricsRollup, (bot_id, "BACKTEST"))
        return row.trades if row else None


@pytest.mark.scorecard(16)
def test_a_session_committed_while_a_reset_waits_does_not_count(desk: Desk, owner: Engine, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
    with ThreadPoolExecutor(1) as pool:
        with transaction(desk.database) as db:
            make_session(db, bot, created_at=clock())
            rollups.rebuild(db, [bot.id], now=clock())
            waiting = pool.submit(reset_metrics, desk, reset_request())
            wait_until_blocked(owner)
        receipt = waiting.result()
    assert receipt.no_longer_shown[Book.BACKTEST].sessions == 1
    assert shown_trades(desk, bot.id) is None
    with transaction(desk.database) as db:
        assert rollups.rebuild(db, None, now=clock()) == 0


@pytest.mark.scorecard(16)
def test_a_session_inserted_before_and_committed_after_a_reset_does_not_count(desk: Desk, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
    started_at = clock()
    clock.advance(seconds=1)
    with transaction(desk.database) as db:
        make_session(db, bot, created_at=started_at)
        reset_metrics(desk, reset_request())
        rollups.rebuild(db, [bot.id], now=clock())
    assert shown_trades(desk, bot.id) is None


@pytest.mark.scorecard(16)
def test_a_session_recorded_while_a_reset_holds_the_bot_does_not_count(
    desk: Desk, owner: Engine, clock: FixedClock
) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)

    def record_session() -> None:
        with transaction(desk.database) as db:
            rollups.lock_bots(db, [bot.id])
            make_session(db, bot, created_at=started_at)
            rollups.rebuild(db, [bot.id], now=clock())

    started_at = clock()
    clock.advance(seconds=1)
    recording: list[Any] = []

    def record_beside() -> None:
        recording.append(pool.submit(record_session))
        wait_until_blocked(owner)

    with ThreadPoolExecutor(1) as pool, before_audit(desk) as call:
        call.append(record_beside)
        reset_metrics(desk, reset_request())
        recording[0].result()
    assert shown_trades(desk, bot.id) is None


@contextmanager
def before_audit(desk: Desk) -> Iterator[list[Callable[[], object]]]:
    """Call something inside a reset's transaction, once it holds its locks and has written all but the audit event."""
    calls: list[Callable[[], object]] = []
    engine = desk.database.kw["bind"]

    def listen(_: object, __: object, statement: str, *___: object) -> None:
        if "INSERT INTO rebuild_requests" in statement and calls:
            calls.pop()()

    event.listen(engine, "after_cursor_execute", listen)
    try:
        yield calls
    finally:
        event.remove(engine, "after_cursor_execute", listen)


@dataclass(frozen=True, slots=True)
class Ran:
    """One session (or reset) of the storm: when it began, and when it was known to have ended."""

    bot_id: UUID
    began: datetime
    ended: datetime
    session_id: UUID | None = None


def run_session(desk: Desk, bot: Bot) -> Ran:
    began = desk.clock()
    with transaction(desk.database) as db:
        rollups.lock_bots(db, [bot.id])
        session_id = make_session(db, bot, created_at=began).id
        rollups.rebuild(db, [bot.id], now=desk.clock())
    return Ran(bot.id, began, desk.clock(), session_id)


def run_reset(desk: Desk, bot: Bot) -> Ran:
    began = desk.clock()
    reset_metrics(desk, reset_request(bot_ids=[bot.id]))
    return Ran(bot.id, began, desk.clock())


def on_the_wrong_side(db: Session, sessions: list[Ran], resets: list[Ran]) -> set[UUID]:
    """Sessions that count although they began before the last reset did, or do not although they began after it."""
    wrong = set()
    baselines = {
        row.bot_id: row.reset_at
        for row in db.execute(select(MetricsBaseline).where(MetricsBaseline.book == "BACKTEST")).scalars()
    }
    for ran in sessions:
        assert ran.session_id is not None
        of_bot = [reset for reset in resets if reset.bot_id == ran.bot_id]
        counts = ran.bot_id not in baselines or ran.began >= baselines[ran.bot_id]
        if counts and any(ran.began < reset.began for reset in of_bot):
            wrong.add(ran.session_id)
        if not counts and all(ran.began > reset.ended for reset in of_bot):
            wrong.add(ran.session_id)
    return wrong


@pytest.mark.scorecard(16)
def test_a_storm_of_sessions_and_resets_puts_nothing_on_the_wrong_side(
    urls: DatabaseUrls, settings: Settings, owner: Engine
) -> None:
    desk = open_desk(settings, urls, clock=system_clock, pool_size=8)
    chance = Random(16)  # noqa: S311 - seeded on purpose
    with transaction(desk.database) as db:
        fleet = [make_bot(db) for _ in range(4)]
    work = [run_session] * 80 + [run_reset] * 24
    chance.shuffle(work)
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(act, desk, chance.choice(fleet)) for act in work]
        ran = [future.result() for future in running]
    sessions = [end for end in ran if end.session_id is not None]
    resets = [end for end in ran if end.session_id is None]
    with transaction(desk.database) as db:
        assert on_the_wrong_side(db, sessions, resets) == set()
        assert rollups.rebuild(db, None, now=desk.clock()) == 0, "the figures shown are those of a full rebuild"
    with owner.begin() as connection:
        connection.execute(
            text("UPDATE metrics_baselines SET reset_at = :late"), {"late": BIRTH + timedelta(days=9999)}
        )
    with transaction(desk.database) as db:
        after_all = [Ran(reset.bot_id, BIRTH, BIRTH) for reset in resets]
        assert on_the_wrong_side(db, sessions, after_all) == {session.session_id for session in sessions}
    desk.database.kw["bind"].dispose()


def effects(desk: Desk) -> tuple[int, ...]:
    tables = (AuditEvent, BotMetricsEvent, RebuildRequest, IdempotencyKey)
    with transaction(desk.database) as db:
        return tuple(db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


@pytest.mark.scorecard(17)
def test_the_same_key_and_body_again_has_one_effect_and_one_answer(desk: Desk, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        make_bot(db)
    first = reset_metrics(desk, reset_request(idempotency_key="k"))
    clock.advance(minutes=1)
    again = reset_metrics(desk, reset_request(idempotency_key="k", request_id="trace-2"))
    assert again.as_json() == first.as_json()
    assert effects(desk) == (1, 1, 1, 1)
    reset_metrics(desk, reset_request(idempotency_key="other"))
    assert effects(desk) == (2, 2, 2, 2)


@pytest.mark.scorecard(17)
def test_the_same_key_with_another_body_is_refused(desk: Desk) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
    reset_metrics(desk, reset_request(idempotency_key="k"))
    for other in (
        {"scope": "PAPER_ONLY"},
        {"bot_ids": [bot.id]},
        {"reason_code": "OTHER_REASON"},
        {"also_reset_equity_curves": False},
        {"actor": person("somebody")},
        {"plan_hash": "0" * 64},
    ):
        with pytest.raises(IdempotencyMismatch):
            reset_metrics(desk, reset_request(idempotency_key="k", **other))
    assert effects(desk) == (1, 1, 1, 1)


@pytest.mark.scorecard(17)
def test_a_dry_run_does_not_use_its_key(desk: Desk) -> None:
    with transaction(desk.database) as db:
        make_bot(db)
    reset_metrics(desk, reset_request(idempotency_key="k", dry_run=True))
    assert effects(desk) == (0, 0, 0, 0)
    assert reset_metrics(desk, reset_request(idempotency_key="k")).audit_seq == 1


@pytest.mark.scorecard(17)
def test_parallel_calls_with_one_key_have_one_effect(crowd: Desk) -> None:
    with transaction(crowd.database) as db:
        make_bots(db, 5)
    with ThreadPoolExecutor(12) as pool:
        wishes = [reset_request(idempotency_key="k", request_id=f"r{n}") for n in range(12)]
        answers = [receipt.as_json() for receipt in pool.map(lambda wish: reset_metrics(crowd, wish), wishes)]
    assert all(answer == answers[0] for answer in answers)
    assert effects(crowd) == (1, 5, 1, 1)


@pytest.mark.scorecard(17)
def test_a_crash_at_any_point_leaves_the_key_unused(desk: Desk, owner: Engine) -> None:
    with transaction(desk.database) as db:
        make_bot(db)
    points = (*DEATHS, "INSERT INTO idempotency_keys")
    with deaths(desk, owner):
        for point in points:
            assert dying_reset(desk, reset_request(idempotency_key="k"), point) is None
            assert effects(desk) == (0, 0, 0, 0), point
    assert reset_metrics(desk, reset_request(idempotency_key="k")).audit_seq == 1
    assert effects(desk) == (1, 1, 1, 1)
    assert verify_chain(desk).is_whole
