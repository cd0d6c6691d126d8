"""The kill switch: what it stops, what it lets finish, and that nothing slips past its acknowledgement."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text

from gateways.clock import system_clock
from gateways.postgres import DatabaseUrls
from gateways.settings import Settings
from services.audit import chain
from services.audit.chain import verify_chain
from services.backtests.baselines import BaselineBacktest, run_baseline
from services.control.kill_switch import SwitchReceipt, SwitchWish, switch_state, throw_switch
from services.desk import Desk, open_desk
from services.progress import Progress
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Result, drain
from store.control import kill_switch
from store.database import transaction
from store.tables import AuditEvent, BotJob
from store.work import jobs
from store.work.jobs import Claim
from tests.harness.actors import OPS
from tests.harness.factories import make_bot, make_generation, make_job
from trading.errors import BadInput, IdempotencyMismatch, KillSwitchOn
from trading.work.jobs import JobType


def throw(desk: Desk, engaged: bool, *, reason: str = "BAD_FEED", key: str | None = None) -> SwitchReceipt:
    return throw_switch(desk, SwitchWish(engaged, reason, OPS, "trace-1", key))


@pytest.fixture
def crowd(urls: DatabaseUrls, settings: Settings) -> Iterator[Desk]:
    """A desk with room for many connections, over a clock that moves."""
    opened = open_desk(settings, urls, clock=system_clock, pool_size=20)
    try:
        yield opened
    finally:
        opened.database.kw["bind"].dispose()


def test_an_engaged_switch_lets_nothing_be_queued_or_claimed_and_a_release_goes_on(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        for _ in range(3):
            make_generation(db, make_bot(db, symbol="MES"))
        make_job(db, make_bot(db, symbol="MES"), job_type="BACKTEST")
    receipt = throw(stocked_desk, True)
    assert (receipt.changed, receipt.settled, receipt.tier) == (True, True, "SOFT")
    assert receipt.queued["BACKTEST"] == 1
    tick = run_autonomy_tick(stocked_desk)
    assert tick.summary["reasons"] == {"KILL_SWITCH_ON": 4}
    assert set(tick.queued.values()) == {0}, "a run that may claim nothing is not worth starting"
    worked = drain(stocked_desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=timedelta(hours=1))
    assert list(worked) == []
    throw(stocked_desk, False)
    assert run_autonomy_tick(stocked_desk).queued[JobType.BACKTEST] > 1
    worked = drain(stocked_desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=timedelta(hours=1))
    assert next(worked).job_type is JobType.BACKTEST


@pytest.mark.parametrize("value", ['{"tier": "LOUD"}', "{}", '{"tier": ["SOFT"]}', "[]", '"NORMAL"', "null"])
def test_a_switch_that_cannot_be_read_stops_work_until_it_is_released(
    stocked_desk: Desk, owner: Engine, value: str
) -> None:
    with stocked_desk.database.begin() as db:
        make_job(db, make_bot(db, symbol="MES"), job_type="BACKTEST")
    throw(stocked_desk, True)
    with owner.begin() as connection:
        connection.execute(text("UPDATE system_settings SET value = CAST(:value AS jsonb)"), {"value": value})
    state = switch_state(stocked_desk).switch
    assert (state.is_engaged, state.reason_code) == (True, "KILL_SWITCH_UNREADABLE")
    assert set(run_autonomy_tick(stocked_desk).queued.values()) == {0}
    throw(stocked_desk, False)
    assert run_autonomy_tick(stocked_desk).queued[JobType.BACKTEST] == 1


def test_a_job_that_runs_finishes_and_its_result_counts(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        make_generation(db, make_bot(db, symbol="MES"))
    run_autonomy_tick(stocked_desk)

    class EngagingTask(BaselineBacktest):
        def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
            throw(stocked_desk, True)
            return super().perform(desk, claim, progress)

    worked = drain(stocked_desk, EngagingTask(), JobType.BACKTEST, run_id="r", time_limit=timedelta(hours=1))
    assert [finished.status for finished in worked] == ["COMPLETED"]
    assert switch_state(stocked_desk).switch.is_engaged


def test_a_persons_wish_is_refused_and_leaves_no_job(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        bot = make_bot(db, symbol="MES")
        make_generation(db, bot)
    throw(stocked_desk, True)
    with pytest.raises(KillSwitchOn):
        run_baseline(stocked_desk, bot.id, run_id="cli-1")
    with stocked_desk.database() as db:
        assert db.execute(select(func.count()).select_from(BotJob)).scalar_one() == 0


def test_setting_and_audit_event_commit_together_and_name_actor_and_reason(desk: Desk) -> None:
    first = throw(desk, True)
    again = throw(desk, True, reason="ANOTHER_REASON")
    assert (again.changed, again.audit_seq, again.reason_code) == (False, None, "BAD_FEED")
    throw(desk, False, reason="FEED_MENDED")
    with desk.database() as db:
        events = db.execute(select(AuditEvent).order_by(AuditEvent.seq)).scalars().all()
    assert [(event.action, event.actor, event.payload["reasonCode"]) for event in events] == [
        ("KILL_SWITCH_ENGAGED", "ops", "BAD_FEED"),
        ("KILL_SWITCH_RELEASED", "ops", "FEED_MENDED"),
    ]
    assert events[0].seq == first.audit_seq
    assert verify_chain(desk).is_whole


def test_the_receipt_and_the_audit_event_tell_the_work_it_concerned_by_type(desk: Desk) -> None:
    with desk.database.begin() as db:
        make_job(db, make_bot(db), job_type="BACKTEST")
        make_job(db, make_bot(db), job_type="IMPROVE", status="RUNNING")
    receipt = throw(desk, True)
    assert receipt.queued == {"BACKTEST": 1, "IMPROVE": 0, "EVOLVE": 0}
    assert receipt.running == {"BACKTEST": 0, "IMPROVE": 1, "EVOLVE": 0}
    with desk.database() as db:
        payload = db.execute(select(AuditEvent.payload)).scalar_one()
    assert (payload["previousTier"], payload["tier"]) == ("NORMAL", "SOFT")
    assert (payload["queued"], payload["running"]) == (receipt.queued, receipt.running)


def test_an_engagement_that_cannot_be_recorded_does_not_happen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError("no anchor")

    monkeypatch.setattr(chain, "record", refuse)
    with pytest.raises(OSError, match="no anchor"):
        throw(desk, True)
    assert not switch_state(desk).switch.is_engaged


def test_a_repeated_request_has_one_effect(desk: Desk) -> None:
    first = throw(desk, True, key="key-00000001")
    assert throw(desk, True, key="key-00000001") == first
    assert first.settled is True
    throw(desk, False)
    again = throw(desk, True, key="key-00000001")
    assert again == first.model_copy(update={"settled": None}), "nothing is certain any more once it is released"
    assert not switch_state(desk).switch.is_engaged
    with pytest.raises(IdempotencyMismatch):
        throw(desk, True, reason="ANOTHER", key="key-00000001")
    with pytest.raises(BadInput):
        throw(desk, True, reason="not plain")


@pytest.mark.parametrize("barrier", [True, False], ids=["with the barrier", "planted: without it"])
def test_nothing_is_claimed_after_an_acknowledged_engagement(
    crowd: Desk, monkeypatch: pytest.MonkeyPatch, barrier: bool
) -> None:
    """A claim saw the switch released and dawdles before it commits; the acknowledgement has to wait for it."""
    if not barrier:
        monkeypatch.setattr(kill_switch, "settle", lambda _: None)
    with crowd.database.begin() as db:
        make_job(db, make_bot(db), job_type="BACKTEST")
    claimed, acknowledged = threading.Event(), threading.Event()

    def claim() -> None:
        with transaction(crowd.database) as db:
            assert jobs.claim(db, JobType.BACKTEST, run_id="dawdler", cap=9, now=crowd.clock())
            claimed.set()
            acknowledged.wait(0.5 if barrier else None)

    with ThreadPoolExecutor(1) as pool:
        claiming = pool.submit(claim)
        claimed.wait()
        assert throw(crowd, True).settled
        held = _held(crowd)
        acknowledged.set()
        claiming.result()
    assert (_held(crowd) == held) is barrier


@pytest.mark.parametrize("seed", range(3))
def test_racing_ticks_and_claims_leave_the_work_as_the_acknowledgement_saw_it(stocked_desk: Desk, seed: int) -> None:
    with stocked_desk.database.begin() as db:
        for _ in range(12):
            make_generation(db, make_bot(db, symbol="MES"))
    run_autonomy_tick(stocked_desk)
    stop = threading.Event()

    def claims(number: int) -> None:
        while not stop.is_set():
            with transaction(stocked_desk.database) as db:
                jobs.claim(db, JobType.BACKTEST, run_id=f"r{number}", cap=99, now=stocked_desk.clock())

    def ticks() -> None:
        while not stop.is_set():
            run_autonomy_tick(stocked_desk)

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(claims, seed * 10 + number) for number in range(2)] + [pool.submit(ticks)]
        try:
            assert throw(stocked_desk, True).settled
            seen = _snapshot(stocked_desk)
            for _ in range(3):
                run_autonomy_tick(stocked_desk)
            assert _snapshot(stocked_desk) == seen
        finally:
            stop.set()
        for thread in work:
            thread.result()
    assert _snapshot(stocked_desk) == seen


def test_a_claim_that_hangs_cannot_hold_up_the_switch_only_its_certainty(
    crowd: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_switch, "SETTLE_MS", 200)
    with transaction(crowd.database) as hanging:
        assert kill_switch.admits_work(hanging)
        receipt = throw(crowd, True)
        assert (receipt.changed, receipt.settled) == (True, False)
        assert switch_state(crowd).switch.is_engaged
    assert throw(crowd, True).settled


def _held(desk: Desk) -> set[str | None]:
    with desk.database() as db:
        return set(db.execute(select(BotJob.dagster_run_id).where(BotJob.status == "RUNNING")).scalars())


def _snapshot(desk: Desk) -> list[tuple[object, ...]]:
    with desk.database() as db:
        return [tuple(row) for row in db.execute(text("SELECT id, status FROM bot_jobs ORDER BY id"))]
