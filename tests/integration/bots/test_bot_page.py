"""What stands behind one bot's page: figures that agree with an independent recount, pages that miss nothing, files."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from itertools import accumulate
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, insert, text

from services.bots.registration import BotRequest, register_bot
from services.desk import Desk
from services.figures.resets import reset_metrics
from services.figures.rollups import rebuild_bots
from store.tables import AutonomyBotDecision, Bot, BotStageEvent, ImproveCandidate, ImproveIteration
from tests.harness import factories
from tests.harness.actors import person
from tests.harness.client import Client
from tests.harness.clocks import FixedClock
from tests.harness.history import plant_history
from tests.harness.rule_texts import AS_TEXTS
from trading.books import Stage
from trading.governance.gates import GATES
from trading.strategies.genome import genome_hash
from trading.strategies.rules import rule_text
from trading.work.reasons import in_words

BOOKS = ["BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"]


def reset(desk: Desk, bot_id: UUID, *, scope: str = "ALL", curves: bool = True) -> None:
    reset_metrics(
        desk,
        factories.reset_request(
            scope=scope,
            bot_ids=[bot_id],
            also_reset_equity_curves=curves,
            actor=person("tester"),
            request_id="request-1",
        ),
    )


@pytest.fixture
def traded(desk: Desk, clock: FixedClock) -> UUID:
    """A PAPER bot with a backtest session of seven trades and five paper trades, two of them before a reset."""
    now = clock.now
    with desk.database.begin() as db:
        bot = factories.make_bot(db, name="Cobalt Otter", stage="PAPER")
        run = factories.make_session(db, bot, created_at=now, trade_pnl_usd=("10", "-4", "7", "1", "-2", "3", "5"))
        for seq, net in enumerate(("10", "-4", "7", "1", "-2", "3", "5"), start=1):
            factories.make_trade(
                db, bot, book="BACKTEST", exit_at=now, net_usd=net, session_id=run.id, seq=seq, created_at=now
            )
        for hours, net in ((5, "40"), (4, "-15")):
            factories.make_trade(db, bot, book="PAPER", exit_at=now - timedelta(hours=hours), net_usd=net)
        bot_id = bot.id
    clock.advance(minutes=1)
    reset(desk, bot_id, scope="PAPER_ONLY")
    clock.advance(minutes=1)
    with desk.database.begin() as db:
        for days, net in ((1, "20"), (2, "-30"), (3, "12.5")):
            factories.make_trade(db, bot, book="PAPER", exit_at=clock.now + timedelta(days=days), net_usd=net)
    clock.advance(days=4)
    rebuild_bots(desk, [bot_id])
    return bot_id


def recounted(owner: Engine, bot_id: UUID, book: str) -> tuple[int, Decimal | None]:
    """Count trades and net of a book since its baseline, in SQL that shares nothing with the platform's."""
    counts = {
        "BACKTEST": """
            SELECT count(*), sum(net_pnl_usd) FROM trade_logs WHERE session_id = (
                SELECT s.id FROM backtest_sessions s WHERE s.bot_id = :bot AND s.status = 'COMPLETED'
                AND s.created_at >= coalesce((SELECT reset_at FROM metrics_baselines b
                                              WHERE b.bot_id = s.bot_id AND b.book = 'BACKTEST'), '-infinity')
                ORDER BY s.created_at DESC, s.id DESC LIMIT 1)""",
        "PAPER": """
            SELECT count(*), sum(net_pnl_usd) FROM trade_logs t WHERE t.bot_id = :bot AND t.book = :book
            AND t.created_at >= coalesce((SELECT reset_at FROM metrics_baselines b
                                          WHERE b.bot_id = t.bot_id AND b.book = t.book), '-infinity')""",
    }
    with owner.connect() as connection:
        statement = text(counts.get(book, counts["PAPER"]))
        parameters = {"bot": bot_id} | ({} if book == "BACKTEST" else {"book": book})
        count, net = connection.execute(statement, parameters).one()
        return count, net


def pages(client: Client, path: str, *, limit: int) -> Iterator[dict[str, Any]]:
    cursor: Any = None
    joint = "&" if "?" in path else "?"
    for _ in range(100):
        answer = client.get(f"{path}{joint}limit={limit}" + (f"&cursor={cursor}" if cursor is not None else ""))
        assert answer.status_code == 200, answer.text
        yield from answer.json()["data"]
        cursor = answer.json()["nextCursor"]
        if cursor is None:
            return
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("book", BOOKS)
def test_figures_trades_and_file_of_every_book_agree_with_a_recount(
    client: Client, owner: Engine, traded: UUID, book: str
) -> None:
    count, net = recounted(owner, traded, book)
    figures = client.get(f"/api/bots/{traded}/books/{book}").json()["figures"]
    listed = list(pages(client, f"/api/bots/{traded}/trades?book={book}", limit=2))
    file = client.get(f"/api/bots/{traded}/trades.csv?book={book}")
    rows = list(csv.DictReader(StringIO(file.text)))
    assert (figures["book"], figures["trades"] or 0, len(listed), len(rows)) == (book, count, count, count)
    assert figures["netPnl"] == (None if net is None else float(net))
    assert sum((Decimal(row["net_pnl_usd"]) for row in rows), Decimal(0)) == (net or 0)
    assert [trade["seq"] for trade in listed] == [int(row["seq"]) for row in reversed(rows)]
    assert count == {"BACKTEST": 7, "PAPER": 3}.get(book, 0)


def test_trades_without_a_book_are_those_of_the_current_one(client: Client, traded: UUID) -> None:
    answer = client.get(f"/api/bots/{traded}/trades").json()
    assert answer["book"] == "PAPER"
    assert [trade["netPnlUsd"] for trade in answer["data"]] == [12.5, -30, 20]


def test_the_curve_falls_from_its_own_peak_and_starts_at_the_account(
    client: Client, owner: Engine, traded: UUID
) -> None:
    for book in ("BACKTEST", "PAPER"):
        curve = client.get(f"/api/bots/{traded}/books/{book}").json()["equity"]
        peaks = list(accumulate([curve["accountUsd"], *curve["equityUsd"]], max))[1:]
        falls = [100 * (usd - peak) / peak for usd, peak in zip(curve["equityUsd"], peaks, strict=True)]
        assert curve["drawdownPct"] == pytest.approx(falls)
        _, net = recounted(owner, traded, book)
        assert curve["equityUsd"][-1] == pytest.approx(50_000 + float(net or 0))
        assert min(falls) < 0


def test_a_reset_that_spares_the_curve_leaves_it_with_its_own_since(
    desk: Desk, client: Client, clock: FixedClock, traded: UUID
) -> None:
    before = client.get(f"/api/bots/{traded}/books/PAPER").json()
    clock.advance(minutes=1)
    reset(desk, traded, scope="PAPER_ONLY", curves=False)
    after = client.get(f"/api/bots/{traded}/books/PAPER").json()
    assert after["figures"]["netPnl"] is None
    assert after["figures"]["since"] > before["figures"]["since"]
    assert after["equity"] == before["equity"]
    clock.advance(minutes=1)
    reset(desk, traded, scope="PAPER_ONLY")
    assert client.get(f"/api/bots/{traded}/books/PAPER").json()["equity"]["equityUsd"] == []


def test_what_was_shown_before_is_kept_in_order(client: Client, traded: UUID) -> None:
    snapshots = client.get(f"/api/bots/{traded}/books/PAPER").json()["shownBefore"]
    assert [snapshot["takenAt"] for snapshot in snapshots] == sorted(snapshot["takenAt"] for snapshot in snapshots)
    assert snapshots[-1]["netPnlUsd"] == 2.5


def plant_iterations(desk: Desk, bot_id: UUID, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = db.get(Bot, bot_id)
        assert bot is not None
        first = factories.make_generation(db, bot, generation_number=2, reason="held-out Sharpe 1.20")
        tried = dict(first.genome) | {"range_bars": 40}
        for number, (accepted, code) in enumerate([(True, "ACCEPTED"), (False, "COULD_BE_LUCK")], start=1):
            iteration = ImproveIteration(
                id=uuid4(),
                bot_id=bot_id,
                job_type="IMPROVE",
                iteration=number,
                parent_generation=number,
                new_generation=2 if accepted else None,
                accepted=accepted,
                reason_code=code,
                reason=f"reason {number}",
                candidates_tried=32,
                evidence={"parent_test_sharpe": 0.4},
                data_source="SIMULATED",
                data_fingerprint="f" * 64,
                seed=1,
                created_at=clock.now,
                completed_at=clock.advance(minutes=5),
            )
            db.add(iteration)
            db.flush()
            candidates: list[dict[str, Any]] = [
                {"segment": 0, "trial": 1, "test_trades": 20, "test_sharpe": 9.0, "genome": first.genome},
                {"segment": 3, "trial": 2, "test_trades": None, "test_sharpe": None, "genome": first.genome},
                {"segment": 3, "trial": 3, "test_trades": 31, "test_sharpe": 1.2, "genome": tried},
            ]
            alike = {"iteration_id": iteration.id, "train_trades": 60, "genome_hash": genome_hash(tried)}
            db.execute(insert(ImproveCandidate), [alike | candidate for candidate in candidates])


def test_every_iteration_shows_the_candidate_it_judged_and_the_verdict(
    desk: Desk, client: Client, clock: FixedClock, traded: UUID
) -> None:
    plant_iterations(desk, traded, clock)
    life = client.get(f"/api/bots/{traded}/life").json()
    assert [(search["iteration"], search["accepted"], search["reasonCode"]) for search in life["iterations"]] == [
        (2, False, "COULD_BE_LUCK"),
        (1, True, "ACCEPTED"),
    ]
    for search in life["iterations"]:
        assert (search["testSharpe"], search["testTrades"], search["genome"]["range_bars"]) == (1.2, 31, 40)
    assert [generation["generationNumber"] for generation in life["generations"]] == [2, 1]


def test_the_gate_answers_every_requirement_in_the_order_of_the_table(client: Client, traded: UUID) -> None:
    gate = client.get(f"/api/bots/{traded}/life").json()["gate"]
    table = [*GATES[Stage.PAPER].figures, *GATES[Stage.PAPER].besides]
    assert gate["to"] == "SHADOW"
    assert [(check["code"], check["required"]) for check in gate["checks"]] == [
        (rule.code, rule.required) for rule in table
    ]
    checks = {check["code"]: check for check in gate["checks"]}
    assert (checks["TRADES"]["was"], checks["TRADES"]["passed"]) == (3, False)
    assert (checks["SHARPE"]["was"], checks["SHARPE"]["passed"]) == (None, False)
    assert checks["MAX_DRAWDOWN_PCT"]["passed"]


def test_trail_and_marks_come_from_real_rows(desk: Desk, client: Client, clock: FixedClock, traded: UUID) -> None:
    with desk.database.begin() as db:
        bot = db.get(Bot, traded)
        assert bot is not None
        moved_at = clock.advance(minutes=1)
        db.add(
            BotStageEvent(
                bot_id=traded,
                from_stage="LAB",
                to_stage="PAPER",
                reason_code="GATE_OPEN",
                actor="amy",
                created_at=moved_at,
            )
        )
        factories.make_job(db, bot, status="FAILED", created_at=clock.advance(minutes=1), error="BAD_BARS: planted")
        factories.make_job(db, bot, reason_code="BY_HAND", created_at=clock.advance(minutes=1))
    life = client.get(f"/api/bots/{traded}/life").json()
    events = [(event["event"], event["reason"], event["actor"], event["detail"]) for event in life["events"]]
    assert events[:4] == [
        ("BACKTEST_QUEUED", "BY_HAND", None, "x1"),
        ("BACKTEST_FAILED", None, None, "BAD_BARS: planted"),
        ("BACKTEST_QUEUED", "NEEDS_BASELINE", "autonomy", "x1"),
        ("STAGE_MOVED", "GATE_OPEN", "amy", "LAB → PAPER"),
    ]
    assert ("METRICS_RESET", "SEV1_RESET_METRICS", "tester", "PAPER_ONLY") in events
    assert events[-1][0] == "BOT_REGISTERED"
    assert [event["at"] for event in life["events"]] == sorted((event["at"] for event in life["events"]), reverse=True)
    marks = [(mark["kind"], mark["label"], mark["books"]) for mark in life["marks"]]
    assert marks == [("STAGE", "PAPER", []), ("RESET", "RESET", ["PAPER", "SHADOW"])]


def test_the_bots_beside_it_are_the_next_by_name_that_are_not_archived(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        names = ("Amber Adder", "Cobalt Otter", "Delta Dingo", "Ember Egret")
        ids = [factories.make_bot(db, name=name).id for name in names]
        factories.make_bot(db, name="Cedar Condor", archived_at=desk.clock())
        factories.make_bot(db, name="Coral Crab", archived_at=desk.clock())

    def beside(bot_id: UUID) -> list[str | None]:
        life = client.get(f"/api/bots/{bot_id}/life").json()
        return [life[side] and life[side]["name"] for side in ("before", "after")]

    assert [beside(bot_id) for bot_id in ids] == [
        [None, "Cobalt Otter"],
        ["Amber Adder", "Delta Dingo"],
        ["Cobalt Otter", "Ember Egret"],
        ["Delta Dingo", None],
    ]


def test_decisions_are_told_in_words(desk: Desk, client: Client, traded: UUID) -> None:
    run_id = factories.tick(desk)
    with desk.database.begin() as db:
        for seq, code in enumerate(("CAP_REACHED", "FROM_ANOTHER_VERSION"), start=1):
            db.add(
                AutonomyBotDecision(
                    run_id=run_id, seq=seq, bot_id=traded, decision="SKIP", reason_code=code, blockers=[code]
                )
            )
    words = {
        decision["reasonCode"]: decision["words"]
        for decision in client.get(f"/api/bots/{traded}/life").json()["decisions"]
    }
    assert words == {"CAP_REACHED": in_words("CAP_REACHED"), "FROM_ANOTHER_VERSION": None}


def test_a_bot_that_trades_by_a_rule_shows_its_text(desk: Desk, client: Client, traded: UUID) -> None:
    text = AS_TEXTS["momentum_surge"]
    request = BotRequest(symbol="MES", timeframe="1h", actor=person("amy"), rule=text, name="Surge One")
    bot = register_bot(desk, request)
    life = client.get(f"/api/bots/{bot.id}/life").json()
    assert life["rule"] == rule_text(text).text
    assert [(event["event"], event["actor"], event["auditSeq"]) for event in life["events"]][-1] == (
        "BOT_REGISTERED",
        "amy",
        2,
    )
    assert client.get(f"/api/bots/{traded}/life").json()["rule"] is None


def test_sessions_are_paged_without_gap_or_repeat_and_say_what_counts(
    desk: Desk, client: Client, clock: FixedClock
) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        old = [factories.make_session(db, bot, created_at=clock.now).id for _ in range(3)]
        bot_id = bot.id
    clock.advance(minutes=1)
    reset(desk, bot_id)
    clock.advance(minutes=1)
    with desk.database.begin() as db:
        new = [factories.make_session(db, bot, created_at=clock.now).id for _ in range(4)]
    listed = list(pages(client, f"/api/bots/{bot_id}/sessions", limit=2))
    assert [UUID(session["id"]) for session in listed] == sorted(new) + sorted(old)
    assert [session["countsSinceReset"] for session in listed] == [True] * 4 + [False] * 3
    assert all(session["reportUrl"] == f"/api/sessions/{session['id']}/report" for session in listed)


def test_another_bots_session_is_no_cursor(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        mine, other = (factories.make_bot(db) for _ in range(2))
        factories.make_session(db, mine, created_at=clock.now)
        theirs = factories.make_session(db, other, created_at=clock.advance(hours=1)).id
        mine_id = mine.id
    assert client.get(f"/api/bots/{mine_id}/sessions?cursor={theirs}").json()["data"] == []


@pytest.mark.parametrize("path", ["life", "books/PAPER", "sessions", "trades", "trades.csv"])
def test_an_unknown_bot_is_a_problem_that_names_it(client: Client, path: str) -> None:
    stranger = uuid4()
    answer = client.get(f"/api/bots/{stranger}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["botIds"] == [str(stranger)]
    assert client.get(f"/api/bots/nonsense/{path}").status_code == 422


def test_an_unknown_book_is_refused(client: Client, traded: UUID) -> None:
    assert client.get(f"/api/bots/{traded}/books/POCKET").status_code == 422
    assert client.get(f"/api/bots/{traded}/trades?book=POCKET").status_code == 422


def test_the_fleet_file_holds_what_the_filter_leaves(desk: Desk, client: Client, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        for number in range(6):
            bot = factories.make_bot(db, name=f"Otter {number}", symbol=("MES", "MNQ")[number % 2])
            factories.make_job(db, bot, status=("QUEUED", "RUNNING")[number % 3 == 0], created_at=clock.now)
        factories.make_bot(db, name="Idle Lynx")
        factories.make_bot(db, name="Left Otter", archived_at=clock.now)
    rows = list(csv.DictReader(StringIO(client.get("/api/bots.csv?sort=-name").text)))
    assert [row["name"] for row in rows] == [*(f"Otter {number}" for number in reversed(range(6))), "Idle Lynx"]
    assert {row["net_pnl_usd"] for row in rows} == {row["max_drawdown_usd"] for row in rows} == {""}
    both = "/api/bots.csv?state=BACKTEST_RUNNING&state=BACKTEST_QUEUED&symbol=MNQ&q=otter"
    assert [row["name"] for row in csv.DictReader(StringIO(client.get(both).text))] == ["Otter 1", "Otter 3", "Otter 5"]
    path = "/api/bots.csv?state=BACKTEST_RUNNING"
    assert [row["name"] for row in csv.DictReader(StringIO(client.get(path).text))] == ["Otter 0", "Otter 3"]
    left = "/api/bots.csv?state=ARCHIVED&filter=name:otter"
    assert [row["name"] for row in csv.DictReader(StringIO(client.get(left).text))] == ["Left Otter"]
    as_typed = client.get("/api/bots.csv", params={"filter": "symbol:mnq -state:running name:otter net>"})
    assert [row["name"] for row in csv.DictReader(StringIO(as_typed.text))] == ["Otter 1", "Otter 5"]
    assert client.get("/api/bots.csv?filter=colour:red").status_code == 422
    answer = client.get("/api/bots.csv?q=nobody")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="bots.csv"' in answer.headers["content-disposition"]
    assert len(answer.text.splitlines()) == 1


def test_a_large_book_is_one_file(desk: Desk, client: Client, clock: FixedClock, monkeypatch: Any) -> None:
    monkeypatch.setattr("services.bots.books.TRADES_AT_A_TIME", 3)
    with desk.database.begin() as db:
        bot = factories.make_bot(db, stage="PAPER")
        for hour in range(10):
            factories.make_trade(db, bot, book="PAPER", exit_at=clock.now + timedelta(hours=hour), net_usd=hour)
        bot_id = bot.id
    rows = list(csv.DictReader(StringIO(client.get(f"/api/bots/{bot_id}/trades.csv").text)))
    assert [row["net_pnl_usd"] for row in rows] == [str(hour) for hour in range(10)]


def statements_sent(desk: Desk, client: Client, bot_id: UUID) -> list[str]:
    sent: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    engine = desk.database.kw["bind"]
    event.listen(engine, "before_cursor_execute", heard)
    try:
        for path in ("life", "books/BACKTEST", "sessions", "trades"):
            assert client.get(f"/api/bots/{bot_id}/{path}").status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", heard)
    return sent


def test_a_thousand_sessions_cost_no_more_statements_than_one(desk: Desk, client: Client) -> None:
    with desk.database.begin() as db:
        young, old = (factories.make_bot(db).id for _ in range(2))
        plant_history(db, [young], sessions_each=1)
        plant_history(db, [old], sessions_each=1_000)
    rebuild_bots(desk, [young, old])
    assert statements_sent(desk, client, old) == statements_sent(desk, client, young)
    assert len(client.get(f"/api/bots/{old}/sessions").json()["data"]) == 50
