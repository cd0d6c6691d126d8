"""The endpoints behind the pages: ticks and decisions, jobs, audit chain, vitals, kill switch."""

import csv
import io
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from services.audit import chain
from services.audit.pages import EventView, events_page, every_event
from services.backtests.baselines import BaselineBacktest
from services.desk import Desk
from services.improvement.iterations import Improvement
from services.work.autonomy import run_autonomy_tick
from services.work.queue import drain
from store.audit.pages import AuditFilter
from store.database import transaction
from store.tables import BotGeneration, BotProgress, ImproveCandidate
from tests.harness import factories
from tests.harness.actors import OPS, user
from tests.harness.client import ADMIN, Client
from tests.harness.clocks import FixedClock
from trading.strategies.genome import default_genome
from trading.work.jobs import JobType
from trading.work.planner import MAX_FAILURES_IN_ROW


def walk(client: Client, path: str, follow: str, named: str) -> list[dict[str, Any]]:
    """Every row of a paged list, page after page."""
    rows, more = [], ""
    while True:
        answer = client.get(f"{path}{more}").json()
        rows += answer["data"]
        if answer[follow] is None:
            return rows
        more = f"&{named}={answer[follow]}"


def test_pages_of_decisions_add_up_to_the_tick_and_say_why_in_words(client: Client, stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        for number in range(7):
            bot = factories.make_bot(db, symbol="MES", stage=("LAB", "PAPER")[number % 2], name=f"Bot {number}")
            factories.make_generation(db, bot)
    run_autonomy_tick(stocked_desk)
    run_autonomy_tick(stocked_desk)
    newest, oldest = client.get("/api/ticks").json()["data"]
    assert newest["id"] > oldest["id"]
    assert oldest["enqueued"]["BACKTEST"] == 4
    decisions = walk(client, f"/api/ticks/{oldest['id']}/decisions?limit=3", "nextAfter", "after")
    assert [decision["seq"] for decision in decisions] == list(range(7))
    counted = client.get(f"/api/ticks/{oldest['id']}/decisions").json()["tick"]["reasons"]
    assert {(reason["decision"], reason["reasonCode"]): reason["bots"] for reason in counted} == dict(
        Counter((decision["decision"], decision["reasonCode"]) for decision in decisions)
    )
    assert {decision["reasonCode"]: decision["words"] for decision in decisions}["STAGE_NOT_LAB"].startswith(
        "It has left LAB"
    )
    filtered = client.get(f"/api/ticks/{oldest['id']}/decisions?reason=STAGE_NOT_LAB&q=bot 3").json()["data"]
    assert [decision["name"] for decision in filtered] == ["Bot 3"]
    assert [tick["id"] for tick in walk(client, "/api/ticks?limit=1", "nextBefore", "before")] == [
        newest["id"],
        oldest["id"],
    ]
    refused = client.get("/api/ticks/999999/decisions")
    assert (refused.status_code, refused.json()["code"]) == (404, "UNKNOWN_TICK")


def test_jobs_are_shown_in_the_order_of_claiming_and_those_that_ended_page_by_page(
    client: Client, desk: Desk, clock: FixedClock
) -> None:
    due: dict[str, Any] = {"created_at": clock(), "reason_code": "NO_SESSION_SINCE_RESET"}
    with desk.database.begin() as db:
        late = factories.make_job(db, factories.make_bot(db), priority=100, **due)
        first = factories.make_job(db, factories.make_bot(db), priority=50, **due)
        factories.make_job(db, factories.make_bot(db), status="RUNNING", created_at=clock())
        ended = [
            factories.make_job(
                db,
                factories.make_bot(db),
                status=("COMPLETED", "FAILED", "TIMEOUT")[number % 3],
                created_at=clock() - timedelta(hours=1, minutes=number),
                completed_at=clock() - timedelta(minutes=5 * number % 8 // 2),
            )
            for number in range(8)
        ]
    now = client.get("/api/jobs/now").json()
    assert [job["id"] for job in now["queued"]] == [str(first.id), str(late.id)]
    assert len(now["running"]) == 1
    assert now["caps"] == {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 1}
    assert now["starvation"]["waits"][0]["queued"] == 2
    assert {(job["timeframe"], job["words"]) for job in now["queued"]} == {
        ("1h", "It has no completed backtest since its reset.")
    }
    listed = walk(client, "/api/jobs/ended?limit=3", "nextCursor", "cursor")
    assert [job["id"] for job in listed] == [
        str(job.id) for job in sorted(ended, key=lambda job: (job.completed_at, job.id), reverse=True)
    ]
    troubled = walk(client, "/api/jobs/ended?limit=2&troubled=true", "nextCursor", "cursor")
    assert {job["status"] for job in troubled} == {"FAILED", "TIMEOUT"}
    assert [job["id"] for job in troubled] == [job["id"] for job in listed if job["status"] != "COMPLETED"]
    assert len(troubled) == 5
    assert client.get("/api/jobs/ended?cursor=abc").status_code == 422


def test_given_up_work_is_put_back_only_by_an_admin(client: Client, desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        factories.make_job(db, bot, status="FAILED", error="it broke")
        db.get_one(BotProgress, bot.id).backtest_failures_in_row = MAX_FAILURES_IN_ROW
    (letter,) = client.get("/api/jobs/now").json()["deadLetters"]
    assert (letter["botId"], letter["lastError"]) == (str(bot.id), "it broke")
    path = f"/api/admin/dead-letters/{bot.id}/requeue"
    assert client.post(path).status_code == 401
    assert client.post(path, headers=ADMIN).json() == {"botId": str(bot.id), "jobTypes": ["BACKTEST"]}
    assert client.get("/api/jobs/now").json()["deadLetters"] == []
    again = client.post(path, headers=ADMIN)
    assert (again.status_code, again.json()["code"]) == (409, "NOT_GIVEN_UP")


def record(desk: Desk, number: int) -> None:
    with transaction(desk.database) as db:
        chain.record(
            desk,
            db,
            actor=(OPS, user("ann"))[number % 2],
            action=("METRICS_RESET", "REQUEUE")[number % 2],
            subject=f"bot {number % 3}",
            payload={"reasonCode": ("SEV1", "=EVIL()")[number % 2], "number": number},
        )


def test_the_audit_chain_is_read_filtered_and_exported_whole(client: Client, desk: Desk) -> None:
    for number in range(9):
        record(desk, number)
    listed = walk(client, "/api/audit/events?limit=4", "nextBefore", "before")
    assert [event["seq"] for event in listed] == list(range(9, 0, -1))
    assert all(newer["previousHash"] == older["hash"] for newer, older in pairwise(listed))
    mine = client.get("/api/audit/events?action=REQUEUE&actor=cli:ann&subject=bot 0").json()["data"]
    assert [event["payload"]["number"] for event in mine] == [3]
    assert len(client.get("/api/audit/events?reason=SEV1").json()["data"]) == 5
    file = client.get("/api/audit/events.csv?action=REQUEUE")
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [row["seq"] for row in rows] == ["8", "6", "4", "2"]
    assert {row["reason_code"] for row in rows} == {"'=EVIL()"}, "a spreadsheet runs nothing"


def test_an_event_about_a_bot_tells_its_name_and_is_found_by_it(client: Client, desk: Desk) -> None:
    with transaction(desk.database) as db:
        bot = factories.make_bot(db, name="Amber Otter")
        for subject in (str(bot.id), "fleet", str(UUID(int=5))):
            chain.record(desk, db, actor=OPS, action="REQUEUE", subject=subject, payload={})
    names = {event["subject"]: event["subjectName"] for event in client.get("/api/audit/events").json()["data"]}
    assert names == {str(bot.id): "Amber Otter", "fleet": None, str(UUID(int=5)): None}
    named = client.get("/api/audit/events", params={"subject": "Amber Otter"}).json()["data"]
    assert [event["subject"] for event in named] == [str(bot.id)]
    (row,) = csv.DictReader(io.StringIO(client.get("/api/audit/events.csv?subject=Amber Otter").text))
    assert (row["subject"], row["subject_name"]) == (str(bot.id), "Amber Otter")


def test_a_slow_reader_of_the_chain_holds_no_connection_and_misses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.pages.EVENTS_AT_A_TIME", 3)
    for number in range(9):
        record(desk, number)
    pool = desk.database.kw["bind"].pool
    read: list[EventView] = []
    for event in every_event(desk, AuditFilter()):
        assert pool.checkedout() == 0
        if not read:
            record(desk, 9)
        read.append(event)
    whole = events_page(desk, AuditFilter(), before=10, limit=100)
    assert whole.next_before is None
    assert read == list(whole.events)
    assert [event.seq for event in every_event(desk, AuditFilter(action="REQUEUE"))] == [10, 8, 6, 4, 2]
    assert list(every_event(desk, AuditFilter(action="NONE"))) == []


def test_a_verification_is_made_when_asked_and_remembered(client: Client, desk: Desk, owner: Engine) -> None:
    for number in range(4):
        record(desk, number)
    before = client.get("/api/audit/chain").json()
    assert (before["verification"], before["headSeq"], before["actions"]) == (None, 4, ["METRICS_RESET", "REQUEUE"])
    assert '"seq":4' in before["anchor"]
    assert client.post("/api/admin/audit-verification").status_code == 401
    assert client.get("/api/audit/chain").json()["verification"] is None
    whole = client.post("/api/admin/audit-verification", headers=ADMIN).json()
    assert (whole["isWhole"], whole["events"], whole["headHash"]) == (True, 4, before["headHash"])
    assert client.get("/api/audit/chain").json()["verification"] == whole
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER append_only"))
        connection.execute(text("UPDATE audit_events SET actor = 'nobody' WHERE seq = 2"))
    other = Client(create_app(desk))
    broken = other.post("/api/admin/audit-verification", headers=ADMIN).json()
    assert (broken["isWhole"], broken["breaks"][0]["seq"]) == (False, 2)
    verdicts = {verdict["name"]: verdict for verdict in other.get("/api/vitals").json()["verdicts"]}
    assert verdicts["audit_chain_is_whole"]["holds"] is False
    assert verdicts["audit_chain_is_whole"]["checkedAt"] is not None


def test_vitals_hold_every_value_against_its_bar(client: Client, desk: Desk, clock: FixedClock) -> None:
    silent = client.get("/api/vitals").json()
    assert silent["ready"] is False
    verdicts = {verdict["name"]: verdict for verdict in silent["verdicts"]}
    assert (verdicts["tick_is_recent"]["holds"], verdicts["tick_is_recent"]["value"]) == (False, "no tick yet")
    assert verdicts["audit_chain_is_whole"]["holds"] is None
    run_autonomy_tick(desk)
    clock.advance(seconds=4)
    vitals = Client(create_app(desk)).get("/api/vitals").json()
    assert {verdict["name"]: verdict for verdict in vitals["verdicts"]}["tick_is_recent"]["value"] == "4 s ago"
    assert vitals["room"]["databaseBytes"] > 1_000_000
    assert len(vitals["room"]["tables"]) == 12
    assert [program["answers"] for program in vitals["programs"]] == [False, False]
    assert {"CONCURRENCY_BACKTEST", "TICK_SECONDS"} <= {limit["source"] for limit in vitals["limits"]}


def test_the_kill_switch_is_thrown_by_an_admin_once_a_key_and_read_by_anybody(client: Client, desk: Desk) -> None:
    assert client.get("/api/kill-switch").json()["engaged"] is False
    wish = {"engaged": True, "reasonCode": "BAD_FEED"}
    assert client.post("/api/admin/kill-switch", json=wish).status_code == 401
    key = {"Idempotency-Key": "key-00000001"}
    first = client.post("/api/admin/kill-switch", json=wish, headers=ADMIN | key).json()
    assert (first["engaged"], first["changed"], first["settled"], first["auditSeq"]) == (True, True, True, 1)
    again = client.post("/api/admin/kill-switch", json=wish, headers=ADMIN | key).json()
    assert again == first
    state = client.get("/api/kill-switch").json()
    assert (state["engaged"], state["tier"], state["reasonCode"], state["actor"]) == (True, "SOFT", "BAD_FEED", "admin")
    refused = client.post("/api/admin/kill-switch", json=wish | {"engaged": False}, headers=ADMIN | key)
    assert (refused.status_code, refused.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    for wrong in ({"more": 1}, {"engaged": "no"}, {"engaged": 0}, {"engaged": None}):
        assert client.post("/api/admin/kill-switch", json=wish | wrong, headers=ADMIN).status_code == 422
    client.post("/api/admin/kill-switch", json={"engaged": False, "reasonCode": "FEED_MENDED"}, headers=ADMIN)
    events = client.get("/api/audit/events").json()["data"]
    assert [event["action"] for event in events] == ["KILL_SWITCH_RELEASED", "KILL_SWITCH_ENGAGED"]


def test_an_iteration_shows_every_candidate_and_what_the_judged_one_changed(client: Client, stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        bot = factories.make_bot(db, symbol="MES", timeframe="1h", name="Lab Lynx")
        factories.make_generation(db, bot, genome=dict(default_genome(bot.archetype)))
    run_autonomy_tick(stocked_desk)
    hour = timedelta(hours=1)
    list(drain(stocked_desk, BaselineBacktest(), JobType.BACKTEST, run_id="r", time_limit=hour))
    run_autonomy_tick(stocked_desk)
    (done,) = drain(stocked_desk, Improvement(), JobType.IMPROVE, run_id="r", time_limit=hour)
    (listed,) = client.get("/api/iterations?q=lab").json()["data"]
    assert (listed["name"], listed["reason"]) == ("Lab Lynx", done.figures["reason"])
    answer = client.get(f"/api/iterations/{listed['id']}").json()
    with stocked_desk.database() as db:
        rows = db.query(ImproveCandidate).order_by(ImproveCandidate.trial).all()
        parent = db.query(BotGeneration).filter_by(bot_id=bot.id, generation_number=1).one().genome
    assert [candidate["trial"] for candidate in answer["candidates"]] == [row.trial for row in rows]
    judged = next(row for row in rows if row.trial == answer["judged"])
    assert judged.segment == max(row.segment for row in rows)
    assert judged.test_trades is not None
    changed = {gene["gene"]: (gene["parent"], gene["candidate"]) for gene in answer["genes"] if gene["changed"]}
    assert changed == {
        gene: (parent[gene], judged.genome[gene]) for gene in parent if parent[gene] != judged.genome[gene]
    }
    other = "true" if not listed["accepted"] else "false"
    assert client.get(f"/api/iterations?accepted={other}").json()["data"] == []
    refused = client.get(f"/api/iterations/{bot.id}")
    assert (refused.status_code, refused.json()["code"]) == (404, "UNKNOWN_ITERATION")
