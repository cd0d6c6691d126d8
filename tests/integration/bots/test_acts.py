"""What a person does to one bot: each act with its effect, its link in the chain and its line in the bot's trail."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from services.audit.chain import verify_chain
from services.backtests.baselines import BaselineBacktest
from services.backtests.workbench import bot_at_work
from services.bots.acts import Act, ActReceipt, ActWish, act_on_bot
from services.bots.life import bot_life
from services.bots.registration import BotRequest, bot_named, register_bot, would_register
from services.desk import Desk
from services.work.autonomy import run_autonomy_tick
from services.work.queue import drain
from store.tables import AuditEvent, AutonomyBotDecision, Bot, BotGeneration, BotJob, BotProgress
from store.work import jobs
from tests.harness.actors import AMY
from tests.harness.client import ADMIN, Client
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_bots, make_job
from trading.errors import BadGenome, BadInput, IdempotencyMismatch, NameTaken, Refused, UnknownBots
from trading.work.jobs import TIMEOUTS, JobStatus, JobType

WANTED = BotRequest(symbol="MES", timeframe="1h", actor=AMY, archetype="breakout", name="Amber One")


def act(desk: Desk, kind: Act, bot_id: UUID, **over: Any) -> ActReceipt:
    wish = ActWish(act=kind, bot_id=bot_id, reason_code="OPERATOR_DECISION", actor=AMY, request_id="trace-1")
    return act_on_bot(desk, replace(wish, **over))


def added(desk: Desk, **over: Any) -> UUID:
    return register_bot(desk, replace(WANTED, **over)).id


def reasons(desk: Desk) -> dict[UUID, str]:
    """Return what the newest tick gave as its reason, by bot."""
    tick = run_autonomy_tick(desk)
    with desk.database() as db:
        decided = select(AutonomyBotDecision.bot_id, AutonomyBotDecision.reason_code)
        rows = db.execute(decided.where(AutonomyBotDecision.run_id == tick.run_id))
        return {row.bot_id: row.reason_code for row in rows}


def trail(desk: Desk, bot_id: UUID) -> list[tuple[str, str | None, str | None, str]]:
    return [(event.event, event.reason, event.actor, event.detail) for event in bot_life(desk, bot_id).events]


@pytest.mark.parametrize(
    ("kind", "over", "event", "detail"),
    [
        (Act.RENAME, {"name": "Amber Two"}, "BOT_RENAMED", "Amber One → Amber Two"),
        (Act.COPY, {"name": "Amber Two"}, "BOT_COPIED", "as Amber Two, G1"),
        (Act.PAUSE, {}, "BOT_PAUSED", ""),
        (Act.ARCHIVE, {}, "BOT_ARCHIVED", ""),
        (Act.EDIT, {"numbers": {"stop_atr": 2.5}}, "BOT_EDITED", "G2, stop_atr 1.5 → 2.5"),
    ],
)
def test_an_act_is_a_link_of_the_chain_and_a_line_of_the_trail(
    stocked_desk: Desk, clock: FixedClock, kind: Act, over: dict[str, Any], event: str, detail: str
) -> None:
    bot_id = added(stocked_desk)
    clock.advance(seconds=1)
    receipt = act(stocked_desk, kind, bot_id, **over)
    assert receipt.changed
    last = next(line for line in trail(stocked_desk, bot_id) if line[0] == event)
    assert last == (event, "OPERATOR_DECISION", "cli:amy", detail)
    with stocked_desk.database() as db:
        link = db.get_one(AuditEvent, receipt.audit_seq)
        assert (link.action, link.subject, link.payload["requestId"]) == (event, str(bot_id), "trace-1")
    assert verify_chain(stocked_desk).is_whole


def test_a_renamed_bot_is_found_by_its_new_name_alone(desk: Desk) -> None:
    bot_id = added(desk)
    assert act(desk, Act.RENAME, bot_id, name="Amber Two").name == "Amber Two"
    assert bot_named(desk, "amber two") == bot_id
    with pytest.raises(UnknownBots, match="there is Amber Two"):
        bot_named(desk, "Amber One")
    assert act(desk, Act.RENAME, bot_id, name="AMBER TWO").changed


@pytest.mark.parametrize(
    ("kind", "over", "error", "says"),
    [
        (Act.RENAME, {"name": "amber TWO"}, NameTaken, "'amber TWO' is taken"),
        (Act.RENAME, {"name": "gone"}, NameTaken, "'gone' is taken"),
        (Act.COPY, {"name": "Amber Two"}, NameTaken, "is taken"),
        (Act.RENAME, {"name": None}, BadInput, "a renaming needs the new name"),
        *((kind, {"name": name}, BadInput, "empty or blank") for kind in (Act.RENAME, Act.COPY) for name in ("", "  ")),
        (Act.RENAME, {"name": "a\x00"}, BadInput, "1 to 80 plain letters"),
        (Act.PAUSE, {"name": "x"}, BadInput, "PAUSE takes no name"),
        (Act.PAUSE, {"numbers": {"x": 1}}, BadInput, "PAUSE takes no numbers"),
        (Act.PAUSE, {"reason_code": "why not"}, BadInput, "reasonCode must match"),
        (Act.EDIT, {}, BadInput, "names at least one number"),
        (Act.EDIT, {"numbers": {"stop_art": 2}}, BadGenome, "no number 'stop_art'; did you mean 'stop_atr'?"),
        (Act.EDIT, {"numbers": {"stop_atr": 1e6}}, BadGenome, "stop_atr must be between"),
        (Act.EDIT, {"numbers": {"stop_atr": float("nan")}}, BadGenome, "must be a finite number"),
        (Act.EDIT, {"numbers": {"stop_atr": 1.5}}, BadInput, "nothing would change: stop_atr is 1.5"),
        (Act.RESUME, {"bot_id": uuid4()}, UnknownBots, "1 unknown bot id"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    desk: Desk, kind: Act, over: dict[str, Any], error: type[Exception], says: str
) -> None:
    bot_id = added(desk)
    added(desk, name="Amber Two")
    with desk.database.begin() as db:
        make_bot(db, name="Gone", archived_at=desk.clock())
    with pytest.raises(error, match=says):
        act(desk, kind, **{"bot_id": bot_id, **over})
    with desk.database() as db:
        assert db.scalars(select(AuditEvent.action)).all() == ["BOT_REGISTERED"] * 2
        assert db.get_one(Bot, bot_id).name == "Amber One"
        assert len(db.scalars(select(BotGeneration).where(BotGeneration.bot_id == bot_id)).all()) == 1


def test_a_paused_bot_keeps_what_runs_loses_what_waits_and_is_not_planned(stocked_desk: Desk) -> None:
    bot_id = added(stocked_desk)
    with stocked_desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        running = make_job(db, bot, status="RUNNING").id
        waiting = make_job(db, bot, job_type="IMPROVE").id
    assert act(stocked_desk, Act.PAUSE, bot_id).canceled == ["IMPROVE"]
    with stocked_desk.database() as db:
        assert db.get_one(BotJob, running).status == "RUNNING"
        canceled = db.get_one(BotJob, waiting)
        assert (canceled.status, canceled.completed_at) == ("CANCELED", stocked_desk.clock())
        assert canceled.error == "its bot was paused while it waited"
    assert reasons(stocked_desk)[bot_id] == "PAUSED"
    assert not act(stocked_desk, Act.PAUSE, bot_id).changed
    assert act(stocked_desk, Act.RESUME, bot_id).changed
    assert not act(stocked_desk, Act.RESUME, bot_id).changed
    assert reasons(stocked_desk)[bot_id] != "PAUSED"


def test_an_archived_bot_is_not_planned_keeps_its_name_and_comes_back(stocked_desk: Desk) -> None:
    bot_id = added(stocked_desk)
    act(stocked_desk, Act.ARCHIVE, bot_id)
    assert reasons(stocked_desk) == {bot_id: "ARCHIVED"}
    with pytest.raises(NameTaken):
        added(stocked_desk)
    with pytest.raises(UnknownBots, match="is archived; put it back with: proving bot revive 'Amber One'"):
        bot_named(stocked_desk, "Amber One")
    assert bot_named(stocked_desk, "Amber One", archived_too=True) == bot_id
    for kind in (Act.PAUSE, Act.RESUME, Act.RENAME, Act.EDIT):
        with pytest.raises(Refused, match="Amber One is archived; revive it first"):
            act(stocked_desk, kind, bot_id)
    assert act(stocked_desk, Act.REVIVE, bot_id).changed
    assert reasons(stocked_desk) == {bot_id: "NO_SESSION_SINCE_RESET"}


@pytest.mark.parametrize(("kind", "back"), [(Act.PAUSE, Act.RESUME), (Act.ARCHIVE, Act.REVIVE)])
@pytest.mark.parametrize("job_type", JobType)
def test_work_of_a_resting_bot_is_not_begun_again_when_its_run_dies(
    stocked_desk: Desk, clock: FixedClock, kind: Act, back: Act, job_type: JobType
) -> None:
    bot_id = added(stocked_desk)
    with stocked_desk.database.begin() as db:
        bot = db.get_one(Bot, bot_id)
        job_id = make_job(db, bot, job_type=job_type, status="RUNNING", created_at=clock()).id
        died = str(db.get_one(BotJob, job_id).dagster_run_id)
    assert act(stocked_desk, kind, bot_id).canceled == [], "what runs goes on"
    (taken,) = run_autonomy_tick(stocked_desk, dead_runs=[died]).reclaimed
    assert (taken.job_id, taken.status) == (job_id, JobStatus.CANCELED)
    with stocked_desk.database.begin() as db:
        ended = db.get_one(BotJob, job_id)
        assert (ended.status, ended.error) == ("CANCELED", "its run died and its bot had been paused or archived")
        assert jobs.claim(db, job_type, run_id="next", cap=9, now=clock()) is None
        assert db.get_one(BotProgress, bot_id).backtest_failures_in_row == 0
    act(stocked_desk, back, bot_id)
    assert reasons(stocked_desk) == {bot_id: "NO_SESSION_SINCE_RESET"}


def test_an_edit_is_a_generation_on_top_and_the_ones_before_stay(stocked_desk: Desk) -> None:
    bot_id = added(stocked_desk)
    before = bot_at_work(stocked_desk, bot_id).genome
    with stocked_desk.database.begin() as db:
        db.get_one(BotProgress, bot_id).confidence_pct = 80.0
    assert act(stocked_desk, Act.EDIT, bot_id, numbers={"stop_atr": 2.5, "range_bars": 12}).generation == 2
    bot = bot_at_work(stocked_desk, bot_id)
    assert (bot.generation, bot.genome) == (2, {**before, "stop_atr": 2.5, "range_bars": 12})
    with stocked_desk.database() as db:
        old, new = db.scalars(select(BotGeneration).order_by(BotGeneration.generation_number))
        assert (old.genome, new.origin, new.parent_generation) == (before, "EDIT", 1)
        assert new.reason == "OPERATOR_DECISION by cli:amy"
        assert db.get_one(BotProgress, bot_id).confidence_pct is None


def test_a_copy_trades_by_the_numbers_of_now_and_has_no_history(stocked_desk: Desk) -> None:
    bot_id = added(stocked_desk, contracts=3)
    act(stocked_desk, Act.EDIT, bot_id, numbers={"stop_atr": 2.5})
    first, second = (act(stocked_desk, Act.COPY, bot_id) for _ in range(2))
    assert (first.name, second.name) == ("Amber One copy", "Amber One copy 2")
    assert first.copy_id is not None
    source, copy = bot_at_work(stocked_desk, bot_id), bot_at_work(stocked_desk, first.copy_id)
    assert source._replace(id=copy.id, name=copy.name, generation=1) == copy
    assert trail(stocked_desk, copy.id)[-1][:3] == ("BOT_REGISTERED", "OPERATOR_DECISION", "cli:amy")
    assert {copy.id, second.copy_id} <= set(reasons(stocked_desk))


def test_ones_own_bot_is_claimed_before_a_queue_of_hundreds(stocked_desk: Desk, clock: FixedClock) -> None:
    with stocked_desk.database.begin() as db:
        seeded = make_bots(db, 300)
    run_autonomy_tick(stocked_desk)
    clock.advance(seconds=9)
    own = added(stocked_desk)
    copy = act(stocked_desk, Act.COPY, own).copy_id
    run_autonomy_tick(stocked_desk)
    with stocked_desk.database.begin() as db:
        order = [jobs.claim(db, JobType.BACKTEST, run_id=f"r{n}", cap=9, now=clock()) for n in range(3)]
    assert {claim.bot_id for claim in order[:2] if claim is not None} == {own, copy}
    assert order[2] is not None
    assert order[2].bot_id in seeded


def test_an_edited_bot_is_backtested_on_its_new_numbers_before_the_queue(stocked_desk: Desk, clock: FixedClock) -> None:
    own = added(stocked_desk)
    run_autonomy_tick(stocked_desk)
    limit = TIMEOUTS[JobType.BACKTEST]
    backtests = drain(stocked_desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=limit)
    assert [done.status for done in backtests] == [JobStatus.COMPLETED]
    with stocked_desk.database.begin() as db:
        make_bots(db, 200)
    run_autonomy_tick(stocked_desk)
    clock.advance(seconds=9)
    act(stocked_desk, Act.EDIT, own, numbers={"stop_atr": 2.5})
    with stocked_desk.database.begin() as db:
        jobs.cancel_queued(db, own, error="not the work under test", now=clock())
    assert reasons(stocked_desk)[own] == "NUMBERS_EDITED"
    with stocked_desk.database.begin() as db:
        claim = jobs.claim(db, JobType.BACKTEST, run_id="r2", cap=9, now=clock())
    assert claim is not None
    assert claim.bot_id == own


def test_a_dry_run_shows_the_bot_and_registers_none(stocked_desk: Desk) -> None:
    preview = would_register(stocked_desk, WANTED)
    assert (preview.name, preview.symbol, preview.has_bars, preview.genome["stop_atr"]) == (
        "Amber One",
        "MES",
        True,
        1.5,
    )
    with stocked_desk.database() as db:
        assert db.scalars(select(Bot.id)).all() == []
        assert db.scalars(select(AuditEvent.seq)).all() == []
    added(stocked_desk)
    with pytest.raises(NameTaken):
        would_register(stocked_desk, WANTED)


def test_two_who_take_one_name_at_once_get_it_once(desk: Desk) -> None:
    ids = [added(desk, name=f"Amber {number}") for number in range(2)]

    def take(bot_id: UUID) -> bool:
        try:
            return act(desk, Act.RENAME, bot_id, name="Wanted").changed
        except NameTaken:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, ids)) == [False, True]


def test_the_api_acts_once_for_one_key(desk: Desk, client: Client) -> None:
    bot_id = added(desk)
    path, body, key = f"/api/admin/bots/{bot_id}/pause", {"reasonCode": "BAD_BARS"}, {"Idempotency-Key": "pause-once-1"}
    first, again = (client.post(path, json=body, headers=ADMIN | key) for _ in range(2))
    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json() | {"changed": True, "act": "PAUSE", "name": "Amber One"} == first.json()
    other = client.post(path.replace("pause", "resume"), json=body, headers=ADMIN | key)
    assert (other.status_code, other.json()["code"]) == (409, IdempotencyMismatch.code)
    assert client.post(path, json=body, headers={"X-Admin-Token": "wrong"}).status_code == 401
    page = client.get("/api/bots", params={"state": "PAUSED"}).json()
    assert [(bot["name"], bot["botNow"]["state"]) for bot in page["data"]] == [("Amber One", "PAUSED")]


def test_the_bots_page_gets_the_numbers_an_edit_may_change_with_their_bounds(desk: Desk, client: Client) -> None:
    bot_id = added(desk)
    path, wish = f"/api/admin/bots/{bot_id}/edit", {"reasonCode": "TIGHTER_STOP", "numbers": {"stop_atr": 1.0}}
    edited = client.post(path, json=wish, headers=ADMIN)
    assert edited.json()["generation"] == 2
    numbers = {number["name"]: number for number in client.get(f"/api/bots/{bot_id}/life").json()["numbers"]}
    assert numbers["stop_atr"]["value"] == 1.0
    assert numbers["stop_atr"]["low"] < numbers["stop_atr"]["value"] < numbers["stop_atr"]["high"]
    wrong = client.post(path, json={"reasonCode": "X_Y_Z", "numbers": {"stop_atr": 99}}, headers=ADMIN)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "BAD_GENOME")
