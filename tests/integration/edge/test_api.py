"""The HTTP contract over a real database: shapes, refusals, and figures that agree with an independent recount."""

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from api.app import create_app
from gateways.settings import Settings, WeakSecret
from services.desk import Desk
from store.tables import AutonomyBotDecision, AutonomyRun, BotProgress, MetricsBaseline
from tests.harness import factories
from tests.harness.client import ADMIN, TOKEN, Client
from tests.harness.clocks import FixedClock

RESET = {"scope": "ALL", "reasonCode": "SEV1_RESET_METRICS", "alsoResetEquityCurves": True}


def test_bots_are_listed_with_what_they_do_now(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db, name="Cobalt Otter")
        job = factories.make_job(db, bot, status="RUNNING", attempt=2, created_at=clock.now - timedelta(seconds=406))
        db.add(factories.rollup(bot.id))
    answer = client.get("/api/bots?limit=10")
    assert answer.status_code == 200
    page = answer.json()
    assert (page["total"], page["nextCursor"]) == (1, None)
    card = page["data"][0]
    assert card["id"] == str(bot.id)
    assert (card["name"], card["stage"], card["symbol"]) == ("Cobalt Otter", "LAB", "MES")
    assert (card["timeframe"], card["archetype"], card["generation"]) == ("1h", "breakout", 1)
    assert card["botNow"]["state"] == "BACKTEST_RUNNING"
    assert card["botNow"]["badge"] == {"text": "Backtesting • x2", "tone": "purple"}
    assert card["botNow"]["tooltip"] == "Running 6m 46s • Attempt x2"
    active = card["botNow"]["activeJob"]
    assert (active["id"], active["type"], active["status"]) == (str(job.id), "BACKTEST", "RUNNING")
    assert (active["attempt"], active["iteration"], active["elapsedSeconds"]) == (2, 0, 406)
    assert card["metrics"]["book"] == "BACKTEST"
    assert (card["metrics"]["netPnl"], card["metrics"]["trades"]) == (125.5, 40)
    assert card["metrics"]["dataSource"] == "SIMULATED"
    assert card["stageGate"]["allowed"] is False
    blockers = {blocker["code"] for blocker in card["stageGate"]["blockers"]}
    assert {"TRADES", "REAL_MARKET_DATA"} <= blockers


def test_figures_from_before_a_reset_are_unknown_not_zero(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        db.add(factories.rollup(bot.id, since=None))
        db.add(
            MetricsBaseline(
                bot_id=bot.id,
                book="BACKTEST",
                reset_at=clock.now,
                scope="ALL",
                reason_code="SEV1_RESET_METRICS",
                actor="test",
                request_id="test",
            )
        )
    metrics = client.get("/api/bots").json()["data"][0]["metrics"]
    assert metrics["since"] is not None
    assert {metrics[name] for name in ("netPnl", "trades", "winPct", "maxDrawdownPct", "dataSource")} == {None}


def test_a_stage_book_is_shown_instead_of_backtests_above_lab(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db, stage="PAPER")
        db.add(factories.rollup(bot.id, net_pnl_usd=Decimal(999)))
        db.add(factories.rollup(bot.id, book="PAPER", net_pnl_usd=Decimal(-5), data_source="databento"))
    metrics = client.get("/api/bots").json()["data"][0]["metrics"]
    assert (metrics["book"], metrics["netPnl"], metrics["dataSource"]) == ("PAPER", -5, "databento")


@pytest.mark.parametrize("sort", ["activity", "-activity", "name", "symbol", "stage", "netPnl", "-netPnl", "-trades"])
def test_pages_of_any_order_hold_every_bot_once(desk: Desk, client: Client, sort: str) -> None:
    with desk.database.begin() as db:
        for number in range(23):
            bot = factories.make_bot(db, symbol=("MES", "MNQ")[number % 2])
            if number % 3 == 0:
                factories.make_job(db, bot, status=("QUEUED", "RUNNING")[number % 2])
            if number % 4:
                db.add(factories.rollup(bot.id, net_pnl_usd=Decimal(number % 5), trades=number % 5))
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/api/bots?limit=4&sort={sort}" + (f"&cursor={cursor}" if cursor else "")).json()
        assert page["total"] == 23
        seen += [bot["id"] for bot in page["data"]]
        cursor = page["nextCursor"]
    assert len(seen) == len(set(seen)) == 23
    whole = client.get(f"/api/bots?limit=500&sort={sort}").json()["data"]
    assert seen == [bot["id"] for bot in whole]


def test_unknown_figures_come_last_in_both_directions(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        known = factories.make_bot(db, name="Known")
        factories.make_bot(db, name="Unknown")
        db.add(factories.rollup(known.id, net_pnl_usd=Decimal(-10)))
    for sort in ("netPnl", "-netPnl"):
        assert [bot["name"] for bot in client.get(f"/api/bots?sort={sort}").json()["data"]] == ["Known", "Unknown"]


def test_active_bots_come_first_by_default(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        factories.make_bot(db, name="A idle")
        for name, kind, status in (
            ("B", "EVOLVE", "QUEUED"),
            ("C", "IMPROVE", "RUNNING"),
            ("D", "BACKTEST", "QUEUED"),
            ("E", "BACKTEST", "RUNNING"),
        ):
            factories.make_job(db, factories.make_bot(db, name=name), status=status, job_type=kind)
    assert [bot["name"] for bot in client.get("/api/bots").json()["data"]] == ["E", "C", "D", "B", "A idle"]


def test_every_state_asked_for_in_sql_is_the_state_that_is_shown(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        for number in range(64):
            bot = factories.make_bot(db, stage=("LAB", "PAPER")[number % 2])
            if number & 2:
                factories.make_job(db, bot, status="QUEUED", job_type="IMPROVE", iteration=3)
            if number & 4:
                factories.make_job(db, bot, status="RUNNING", job_type=("EVOLVE", "BACKTEST")[number & 1])
            if number & 8:
                factories.make_job(db, bot, status="FAILED")
            progress = db.get(BotProgress, bot.id)
            assert progress is not None
            progress.backtests_completed = int(bool(number & 16))
            progress.backtest_failures_in_row = 5 if number & 32 and number & 8 else 0
    states = Counter(bot["botNow"]["state"] for bot in client.get("/api/bots?limit=500").json()["data"])
    assert len(states) >= 6
    totals = client.get("/api/bots/totals").json()
    for state, expected in totals["byState"].items():
        page = client.get(f"/api/bots?limit=500&state={state}").json()
        assert {bot["botNow"]["state"] for bot in page["data"]} <= {state}
        assert page["total"] == len(page["data"]) == states[state] == expected


def test_filters_narrow_by_stage_symbol_and_words(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        factories.make_bot(db, name="Cobalt Otter", symbol="MES")
        factories.make_bot(db, name="Cobalt Lynx", symbol="MNQ", stage="PAPER")
        factories.make_bot(db, name="Jade_Heron", symbol="MNQ", archetype="vwap", timeframe="5m")

    def names(query: str) -> set[str]:
        return {bot["name"] for bot in client.get(f"/api/bots?{query}").json()["data"]}

    assert names("q=cobalt") == {"Cobalt Otter", "Cobalt Lynx"}
    assert names("q=cobalt mnq") == {"Cobalt Lynx"}
    assert names("q=_") == {"Jade_Heron"}
    assert names("stage=PAPER") == {"Cobalt Lynx"}
    assert names("symbol=MNQ&q=vwap") == {"Jade_Heron"}
    assert names("timeframe=5m") == {"Jade_Heron"}
    assert len(client.get("/api/bots.csv?timeframe=5m").text.splitlines()) == 2


@pytest.mark.parametrize("written", ["tf:1h stage:LAB", "net>100", "otter\x00", "x" * 61])
@pytest.mark.parametrize(
    ("path", "besides"),
    [
        ("/api/bots", "cursor=, limit=, sort=, stage=, state=, symbol=, timeframe="),
        ("/api/bots.csv", "filter=, sort=, stage=, state=, symbol=, timeframe="),
        ("/api/iterations", "accepted=, cursor=, limit=, work="),
    ],
)
def test_words_that_ask_for_more_are_told_what_words_are_and_what_asks_for_the_rest(
    client: Client, path: str, besides: str, written: str
) -> None:
    answer = client.get(path, params={"q": written})
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_INPUT")
    message = (
        "takes words to look for, up to 60 letters, digits, blanks, '.', '_' and '-', and no field:word or "
        f"figure>number, was {written[:60]!r}; the rest is asked by {besides}"
    )
    assert answer.json()["errors"] == [{"at": "query.q", "message": message}]


def test_archived_bots_are_not_listed_but_can_be_opened(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db, archived_at=clock.now)
    assert client.get("/api/bots").json()["total"] == 0
    assert client.get(f"/api/bots/{bot.id}").status_code == 200


def test_one_bot_is_shown_in_depth(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        factories.make_job(db, bot, status="FAILED", error="BAD_BARS: planted")
        run = factories.make_session(db, bot, created_at=clock.now)
        factories.make_session(db, bot, created_at=clock.now, status="FAILED")
        db.add(factories.rollup(bot.id, session_id=run.id))
        for seq in range(3):
            factories.make_trade(db, bot, book="BACKTEST", exit_at=clock.now, net_usd=seq, session_id=run.id, seq=seq)
        run_id = AutonomyRun(started_at=clock.now, candidates=1, decisions=1, summary={})
        db.add(run_id)
        db.flush()
        db.add(
            AutonomyBotDecision(
                run_id=run_id.id, seq=0, bot_id=bot.id, decision="SKIP", reason_code="BACKOFF", blockers=["BACKOFF"]
            )
        )
    dossier = client.get(f"/api/bots/{bot.id}").json()
    assert dossier["bot"]["id"] == str(bot.id)
    assert [session["status"] for session in dossier["sessions"]].count("FAILED") == 1
    assert [generation["generationNumber"] for generation in dossier["generations"]] == [1]
    assert dossier["decisions"][0]["reasonCode"] == "BACKOFF"
    assert (dossier["jobs"][0]["type"], dossier["jobs"][0]["error"]) == ("BACKTEST", "BAD_BARS: planted")
    first = client.get(f"/api/bots/{bot.id}/trades?limit=2").json()
    rest = client.get(f"/api/bots/{bot.id}/trades?limit=2&cursor={first['nextCursor']}").json()
    assert [trade["seq"] for trade in first["data"] + rest["data"]] == [2, 1, 0]
    assert rest["nextCursor"] is None


def test_books_are_never_added_to_each_other(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        for stage, book, net in (("LAB", "BACKTEST", 10), ("LAB", "BACKTEST", 5), ("PAPER", "PAPER", -7)):
            db.add(factories.rollup(factories.make_bot(db, stage=stage).id, book=book, net_pnl_usd=Decimal(net)))
        factories.make_bot(db)
    books = {book["book"]: book for book in client.get("/api/bots/totals").json()["books"]}
    assert (books["BACKTEST"]["netPnlUsd"], books["BACKTEST"]["bots"], books["BACKTEST"]["measured"]) == (15, 3, 2)
    assert (books["PAPER"]["netPnlUsd"], books["PAPER"]["simulated"]) == (-7, 1)


def test_totals_count_the_locks_that_still_hold_and_who_is_promoted_by_hand(
    desk: Desk, client: Client, clock: FixedClock
) -> None:
    until = clock.now + timedelta(hours=1)
    with desk.database.begin() as db:
        factories.make_bot(db, stage_locked_until=until)
        factories.make_bot(db, stage_locked_until=clock.now)
        factories.make_bot(db, promotion_mode="AUTO")
        factories.make_bot(db, stage_locked_until=until + timedelta(hours=1), archived_at=clock.now)
    totals = client.get("/api/bots/totals").json()
    assert (totals["lockedBots"], totals["manualBots"]) == (1, 2)
    assert datetime.fromisoformat(totals["lockedUntil"]) == until


@pytest.mark.scorecard(19)
def test_proofs_equal_an_sql_recount(desk: Desk, client: Client, owner: Engine, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        for number in range(60):
            bot = factories.make_bot(db)
            status = ("QUEUED", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT", "CANCELED")[number % 6]
            kind = ("BACKTEST", "IMPROVE", "EVOLVE")[number % 3 if number < 40 else 0]
            created = clock.now - timedelta(seconds=10 * number)
            factories.make_job(db, bot, status=status, job_type=kind, created_at=created)
    run_id = factories.tick(desk)
    jobs = client.get("/api/_proof/jobs").json()
    summary = client.get("/api/_proof/autonomy").json()["latestRun"]["summary"]
    with owner.connect() as connection:

        def rows(sql: str) -> list[Any]:
            return list(connection.execute(text(sql)))

        by_status = dict(rows("SELECT status, count(*) FROM bot_jobs GROUP BY 1"))
        assert {status: n for status, n in jobs["counts"].items() if n} == by_status
        counted = {(kind, status): n for kind, all_ in jobs["byType"].items() for status, n in all_.items() if n}
        by_type = rows("SELECT job_type, status, count(*) FROM bot_jobs GROUP BY 1, 2")
        assert counted == {(kind, status): n for kind, status, n in by_type}
        oldest = rows("SELECT id, created_at FROM bot_jobs WHERE status = 'QUEUED' ORDER BY created_at LIMIT 1")[0]
        assert jobs["oldestQueued"]["id"] == str(oldest.id)
        assert jobs["oldestQueued"]["ageSeconds"] == (clock.now - oldest.created_at).total_seconds()
        silent = rows(
            "SELECT id FROM bot_jobs WHERE status = 'RUNNING'"
            f" AND heartbeat_at < timestamptz '{clock.now.isoformat()}' - interval '2 minutes'"
        )
        assert {job["id"] for job in jobs["stuck"]} == {str(row.id) for row in silent}
        assert len(silent) > 0
        running = rows("SELECT job_type, count(*) FROM bot_jobs WHERE status = 'RUNNING' GROUP BY 1")
        assert summary["currently_running_jobs_by_type"] == {"BACKTEST": 0, "IMPROVE": 0, "EVOLVE": 0} | dict(running)
    assert summary["jobs_enqueued_by_type"] == {"BACKTEST": 1, "IMPROVE": 0, "EVOLVE": 0}
    assert summary["concurrency_caps"] == {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 1}
    assert run_id > 0


@pytest.mark.scorecard(19)
def test_figures_of_every_bot_equal_an_sql_recount(desk: Desk, client: Client, owner: Engine) -> None:
    with desk.database.begin() as db:
        for number in range(50):
            bot = factories.make_bot(db, stage=("LAB", "PAPER", "SHADOW")[number % 3])
            book = ("BACKTEST", "PAPER", "SHADOW")[number % 3]
            since = factories.BIRTH + timedelta(days=number) if number % 2 else None
            if since is not None:
                db.add(
                    MetricsBaseline(
                        bot_id=bot.id,
                        book=book,
                        reset_at=since,
                        scope="ALL",
                        reason_code="X",
                        actor="a",
                        request_id="r",
                    )
                )
            shown_since = since if number % 5 else factories.BIRTH
            db.add(factories.rollup(bot.id, book=book, since=shown_since, net_pnl_usd=Decimal(number), trades=number))
    recount = (
        "SELECT b.id::text, r.net_pnl_usd, r.trades FROM bots b"
        " JOIN bot_metrics_rollups r ON r.bot_id = b.id"
        "  AND r.book = CASE b.stage WHEN 'LAB' THEN 'BACKTEST' ELSE b.stage END"
        " WHERE coalesce(r.since, 'epoch') = coalesce((SELECT reset_at FROM metrics_baselines m"
        "  WHERE m.bot_id = b.id AND m.book = r.book), 'epoch')"
    )
    with owner.connect() as connection:
        expected = {row[0]: (float(row[1]), row[2]) for row in connection.execute(text(recount))}
    data = client.get("/api/bots?limit=500").json()["data"]
    figures_of = {bot["id"]: (bot["metrics"]["netPnl"], bot["metrics"]["trades"]) for bot in data}
    assert {bot_id: figures for bot_id, figures in figures_of.items() if figures != (None, None)} == expected
    assert 0 < len(expected) < 50


def test_autonomy_before_the_first_tick_is_unknown_and_unhealthy(client: Client) -> None:
    proof = client.get("/api/_proof/autonomy").json()
    assert proof == {
        "healthy": False,
        "secondsSinceLastTick": None,
        "stuckJobs": 0,
        "latestRun": None,
        "recentRuns": [],
    }


def test_autonomy_is_healthy_only_while_ticks_come(desk: Desk, client: Client, clock: FixedClock) -> None:
    factories.tick(desk)
    assert client.get("/api/_proof/autonomy").json()["healthy"] is True
    assert client.get("/readyz").status_code == 200
    clock.advance(minutes=5)
    proof = client.get("/api/_proof/autonomy").json()
    assert (proof["healthy"], proof["secondsSinceLastTick"]) == (False, 300)
    late = client.get("/readyz")
    assert (late.status_code, late.json()["code"]) == (503, "NOT_READY")
    assert client.get("/healthz").json() == {"status": "up"}


@pytest.mark.parametrize(
    "headers", [{}, {"X-Admin-Token": ""}, {"X-Admin-Token": "wrong"}, {"X-Admin-Token": TOKEN + "x"}]
)
@pytest.mark.parametrize("body", [b'{"scope":"ALL","reasonCode":"TEST_RESET"}', b"not json", b"{}"])
def test_without_the_token_nothing_else_is_looked_at(client: Client, headers: dict[str, str], body: bytes) -> None:
    answer = client.post("/api/admin/reset-metrics", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_a_token_of_any_bytes_is_answered(client: Client) -> None:
    answer = client.post("/api/admin/reset-metrics", json=RESET, headers=[(b"X-Admin-Token", b"\xff\xfe\x80")])
    assert answer.status_code == 401


def test_a_dry_run_changes_nothing_and_the_execution_does_what_it_showed(
    desk: Desk, client: Client, owner: Engine
) -> None:
    with desk.database.begin() as db:
        bots = [factories.make_bot(db) for _ in range(3)]
        for bot in bots:
            db.add(factories.rollup(bot.id))
    dry = client.post("/api/admin/reset-metrics", json=RESET | {"dryRun": True}, headers=ADMIN).json()
    assert (dry["success"], dry["dryRun"], dry["targetCount"]) == (True, True, 3)
    assert {target["id"] for target in dry["targets"]} == {str(bot.id) for bot in bots}
    assert {"currentResetAt", "name", "stage"} <= set(dry["targets"][0])
    assert "resetCount" not in dry
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM metrics_baselines")).scalar_one() == 0
    bound = RESET | {"planHash": dry["planHash"]}
    done = client.post("/api/admin/reset-metrics", json=bound, headers=ADMIN).json()
    assert (done["dryRun"], done["resetCount"]) == (False, 3)
    assert set(done["resetBotIds"]) == {str(bot.id) for bot in bots}
    assert done["auditSeq"] >= 1
    assert {bot["metrics"]["netPnl"] for bot in client.get("/api/bots").json()["data"]} == {None}
    again = client.post("/api/admin/reset-metrics", json=bound, headers=ADMIN)
    assert (again.status_code, again.json()["code"]) == (409, "PLAN_CHANGED")


def test_a_repeated_key_has_one_effect_and_another_body_is_refused(desk: Desk, client: Client, owner: Engine) -> None:
    with desk.database.begin() as db:
        factories.make_bot(db)
    headers = ADMIN | {"Idempotency-Key": "reset-2026-03-02"}
    first = client.post("/api/admin/reset-metrics", json=RESET, headers=headers).json()
    second = client.post("/api/admin/reset-metrics", json=RESET, headers=headers).json()
    assert first["auditSeq"] == second["auditSeq"]
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM bot_metrics_events")).scalar_one() == 1
    other = client.post("/api/admin/reset-metrics", json=RESET | {"scope": "PAPER_ONLY"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


def test_a_body_that_is_not_text_is_a_bad_body(client: Client) -> None:
    headers = ADMIN | {"Content-Type": "application/json"}
    answer = client.post("/api/admin/reset-metrics", content=b"\xff\xfe{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_INPUT")


def test_unknown_bots_are_listed_and_nothing_is_reset(desk: Desk, client: Client, owner: Engine) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    stranger = str(uuid4())
    body = RESET | {"botIds": [str(bot.id), stranger]}
    answer = client.post("/api/admin/reset-metrics", json=body, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"], answer.json()["botIds"]) == (404, "UNKNOWN_BOTS", [stranger])
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM metrics_baselines")).scalar_one() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "EVERYTHING"},
        {"reasonCode": "lower case"},
        {"reasonCode": "NUL\0NUL"},
        {"botIds": []},
        {"botIds": ["\0"]},
        {"dryRun": "maybe"},
        {"planHash": "../.."},
        {"unheardOf": 1},
    ],
)
def test_a_bad_body_is_refused_with_the_field(client: Client, change: dict[str, Any]) -> None:
    answer = client.post("/api/admin/reset-metrics", json=RESET | change, headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_INPUT")
    assert next(iter(change)) in answer.json()["detail"]


INJECTIONS = ["\0", "';DROP TABLE bots;--", "%", "\\", "../../etc/passwd", "{{7*7}}", "\u202e", "a" * 5_000, "\ud7ff"]


@pytest.mark.scorecard(41)
def test_no_attack_in_a_query_has_an_effect(client: Client, owner: Engine) -> None:
    for name in ("q", "symbol", "cursor", "state", "stage", "sort", "limit"):
        for attack in INJECTIONS:
            answer = client.get("/api/bots", params={name: attack})
            assert answer.status_code == 422, (name, attack)
    with owner.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('bots')")).scalar_one() == "bots"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/api/bots", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/bots/not-a-uuid", 422, "BAD_INPUT"),
        ("GET", f"/api/bots/{UUID(int=1)}", 404, "UNKNOWN_BOTS"),
        ("GET", "/api/bots/%00", 422, "BAD_INPUT"),
        ("GET", "/redoc", 404, "NOT_FOUND"),
        ("GET", "/docs/reference/nothing", 404, "NOT_FOUND"),
        ("GET", "/static/../../../../etc/passwd", 404, "NOT_FOUND"),
    ],
)
def test_every_error_is_a_problem_with_a_code(client: Client, method: str, path: str, status: int, code: str) -> None:
    answer = client(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["traceId"] == answer.headers["x-request-id"]


def test_the_api_is_told_on_a_page_without_script_that_names_every_operation(client: Client) -> None:
    page = client.get("/docs", headers=BROWSER)
    assert page.status_code == 200
    assert "require-trusted-types-for 'script'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in page.text, path
    for schema in document["components"]["schemas"]:
        assert f'id="{schema}"' in page.text
    assert "`" not in page.text
    assert "<code>sort=-netPnl</code> sorts descending" in page.text


def test_the_reference_is_served_and_leads_to_every_sheet(client: Client) -> None:
    page = client.get("/docs/reference/instruments", headers=BROWSER)
    assert page.status_code == 200
    assert '<th scope="row">MES</th><td>CME</td><td>0.25</td>' in page.text
    for name in re.findall(r'href="(/docs/reference/[a-z-]+)"', page.text):
        sheet = client.get(name, headers=BROWSER)
        assert sheet.status_code == 200, name
        assert "`" not in sheet.text, name


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


def test_a_person_who_mistypes_an_address_gets_a_page_that_leads_back(client: Client) -> None:
    answer, problem = (client.get("/%3Cscript%3Ebord", headers=headers) for headers in (BROWSER, {}))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert '<a class="action" href="/">Back to the board</a>' in answer.text
    assert "<code>/&lt;script&gt;bord</code>" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert answer.headers["cache-control"] == "no-store"
    of_one = {"content-type", "content-length", "content-encoding", "vary", "x-request-id", "server-timing"}
    assert {name: answer.headers[name] for name in answer.headers if name not in of_one} == {
        name: problem.headers[name] for name in problem.headers if name not in of_one
    }
    styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
    assert styles
    assert {client.get(path).status_code for path in styles} == {200}
    lost = client.get("/proof?pack=proof-2026-03-02T15-04-05Z", headers=BROWSER)
    assert lost.status_code == 404
    assert "there is no proof pack proof-2026-03-02T15-04-05Z" in lost.text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *(("/nowhere", accept) for accept in ("", "*/*", "application/json", "text/html;q=0", "text/html;q=x")),
        ("/nowhere", "text/html;q=0.5, application/json"),
        *((path, BROWSER["Accept"]) for path in ("/api/nowhere", "/static/nowhere.js", f"/api/bots/{UUID(int=1)}")),
    ],
)
def test_a_program_that_asks_for_what_is_not_there_gets_a_problem(client: Client, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_body_over_the_bound_is_refused_with_or_without_its_length(client: Client) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    for content in (b" " * 1_100_000, pieces()):
        answer = client.post("/api/admin/reset-metrics", content=content, headers=ADMIN)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_a_request_id_is_kept_when_it_is_plain_and_made_when_it_is_not(client: Client) -> None:
    assert (
        client.get("/healthz", headers={"X-Request-Id": "trace-12345678"}).headers["x-request-id"] == "trace-12345678"
    )
    for bad in ("short", "has spaces in it", "x" * 65, "line\tbreak-12345"):
        made = client.get("/healthz", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert made != bad
        assert len(made) == 24


def test_answers_say_how_long_the_database_took(desk: Desk, client: Client) -> None:
    timing = client.get("/api/bots").headers["server-timing"]
    assert timing.startswith("db;dur=")
    assert float(timing.split("db;dur=")[1].split(",")[0]) > 0
    assert client.get("/healthz").headers["server-timing"].startswith("db;dur=0.0")


@pytest.mark.scorecard(43)
@pytest.mark.parametrize("path", ["/", "/api/bots", "/healthz", "/nowhere", "/api/admin/reset-metrics"])
def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    headers = client.get(path, headers={"Origin": "https://evil.example"}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["permissions-policy"]
    assert headers["cache-control"] in {"no-store", "no-cache"}
    assert not any(name.startswith("access-control") for name in headers)
    assert "server" not in headers


def test_files_are_sent_zipped_are_never_documents_and_are_kept_for_ever(client: Client) -> None:
    path = next(iter(re.findall(r'src="(/static/[^"]+/js/main.js)"', client.get("/").text)))
    zipped = client.get(path)
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["content-type"].startswith("text/javascript")
    assert zipped.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert zipped.headers["x-content-type-options"] == "nosniff"
    assert zipped.headers["cross-origin-resource-policy"] == "same-origin"
    assert "immutable" in zipped.headers["cache-control"]
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == zipped.content
    assert client.get(path.replace("main.js", "no.js")).status_code == 404
    assert client.post(path).status_code == 405


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example:5000", "Origin": "http://evil.example:5000"}, 421, "HOST_NOT_ALLOWED"),
        ({"Host": "a b"}, 400, "BAD_HOST"),
        ({"Origin": "http://evil.example"}, 403, "FOREIGN_ORIGIN"),
        ({"Origin": "http://127.0.0.1:8888", "Sec-Fetch-Site": "same-site"}, 403, "FOREIGN_ORIGIN"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "FOREIGN_ORIGIN"),
    ],
)
def test_no_token_opens_the_door_to_another_host_or_origin(
    client: Client, desk: Desk, headers: dict[str, str], status: int, code: str
) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    for path, body in (
        ("/api/admin/reset-metrics", RESET | {"dryRun": False}),
        ("/api/admin/kill-switch", {"engaged": True, "reasonCode": "BAD_FEED"}),
    ):
        answer = client.post(path, json=body, headers=ADMIN | headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["traceId"] == answer.headers["x-request-id"]
    assert client.get("/healthz", headers=headers).status_code == status
    bots = client.get("/api/bots").json()["data"]
    assert [(card["id"], card["metricsResetAt"]) for card in bots] == [(str(bot.id), None)]
    assert client.get("/api/kill-switch").json()["engaged"] is False
    own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/admin/reset-metrics", json=RESET, headers=ADMIN | own).status_code == 200


@pytest.mark.scorecard(38)
@pytest.mark.parametrize("env", ["test", "prod"])
@pytest.mark.parametrize("token", [None, "dev-admin-secret", "short", "a" * 40, "changeme"])
def test_no_application_is_built_on_a_weak_secret(desk: Desk, env: Any, token: str | None, tmp_path: Path) -> None:
    weak = Settings(env=env, proving_home=tmp_path, admin_token=None if token is None else SecretStr(token))
    with pytest.raises(WeakSecret):
        create_app(Desk(database=desk.database, clock=desk.clock, bars=desk.bars, settings=weak))


def test_an_unexpected_error_is_a_problem_that_tells_nothing(desk: Desk) -> None:
    app = create_app(desk)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("a secret detail")

    answer = Client(app).get("/boom")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


def test_the_answer_of_the_requirement_is_what_its_commands_select(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        factories.make_job(db, factories.make_bot(db), status="RUNNING")
    factories.tick(desk)
    assert set(client.get("/api/_proof/autonomy").json()["latestRun"]["summary"]) == {
        "jobs_enqueued_by_type",
        "currently_running_jobs_by_type",
        "eligible_candidates_count",
        "concurrency_caps",
    }
    jobs = client.get("/api/_proof/jobs").json()
    assert jobs["counts"]["RUNNING"] == 1
    assert jobs["byType"]["BACKTEST"]["RUNNING"] == 1
    assert set(jobs["byType"]) == {"BACKTEST", "IMPROVE", "EVOLVE"}
    assert json.dumps(client.get("/api/bots?limit=10").json()["data"][0]["botNow"]["activeJob"])
