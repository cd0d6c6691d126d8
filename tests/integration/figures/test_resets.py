"""A reset changes what is displayed, all of it or nothing, and never what happened."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select, text

from services.audit.chain import verify_chain
from services.desk import Desk
from services.figures.resets import reset_metrics
from store.database import transaction
from store.figures import rollups
from store.tables import (
    AuditEvent,
    Bot,
    BotEquityCurve,
    BotJob,
    BotMetricsEvent,
    BotMetricsRollup,
    BotPerformanceSnapshot,
    BotProgress,
    MetricsBaseline,
    RebuildRequest,
)
from store.work import jobs
from tests.harness.clocks import FixedClock
from tests.harness.factories import BIRTH, make_bot, make_fill, make_job, make_session, make_trade, reset_request
from trading.errors import BadInput, PlanChanged, UnknownBots
from trading.work.jobs import JobStatus, JobType

RAW = ("backtest_sessions", "trade_logs", "execution_fills", "bot_generations")
HOUR = timedelta(hours=1)


def displayed(desk: Desk) -> dict[tuple[UUID, str], int]:
    """Trades behind each figure that is shown, after a full rebuild."""
    with transaction(desk.database) as db:
        rollups.rebuild(db, None, now=desk.clock())
        rows = db.execute(select(BotMetricsRollup)).scalars()
        return {(row.bot_id, row.book): row.trades for row in rows}


def everything(owner: Engine, *tables: str) -> dict[str, object]:
    with owner.connect() as connection:
        return {
            table: connection.execute(
                text(f"SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {table} row")
            ).scalar()
            for table in tables
        }


def all_tables(owner: Engine) -> list[str]:
    with owner.connect() as connection:
        return list(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())


@pytest.fixture
def lab(desk: Desk) -> UUID:
    """A LAB bot with two sessions, a failed one, counters and figures."""
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH, trade_pnl_usd=[10, 20])
        make_session(db, bot, created_at=BIRTH + HOUR, trade_pnl_usd=[10, 20, -5])
        make_session(db, bot, created_at=BIRTH + 2 * HOUR, status="FAILED")
        db.execute(
            text(
                "UPDATE bot_progress SET backtest_attempts = 3, backtests_completed = 2, backtest_failures_in_row = 1,"
                " last_backtest_at = :at, last_session_trades = 3, last_session_generation = 1,"
                " last_session_fingerprint = 'f', improve_iterations = 7, improves_since_evolve = 2,"
                " improve_failures_in_row = 1, last_improve_at = :at, evolve_iterations = 4,"
                " evolve_failures_in_row = 1, last_evolve_at = :at"
            ),
            {"at": BIRTH},
        )
        rollups.rebuild(db, None, now=desk.clock())
    return bot.id


@pytest.fixture
def live(desk: Desk) -> UUID:
    """A LIVE bot with one trade and fill in every stage book."""
    with transaction(desk.database) as db:
        bot = make_bot(db, stage="LIVE")
        for book in ("PAPER", "SHADOW", "CANARY", "LIVE"):
            make_trade(db, bot, book=book, exit_at=BIRTH + HOUR, net_usd=5)
            make_fill(db, bot, book=book, filled_at=BIRTH + HOUR)
        rollups.rebuild(db, None, now=desk.clock())
    return bot.id


def test_an_executed_reset_moves_everything_it_names_together(desk: Desk, owner: Engine, lab: UUID) -> None:
    raw = everything(owner, *RAW)
    receipt = reset_metrics(desk, reset_request())
    now = desk.clock()
    with transaction(desk.database) as db:
        bot = db.get_one(Bot, lab)
        assert (bot.metrics_reset_at, bot.metrics_reset_reason_code) == (now, "SEV1_RESET_METRICS")
        assert (bot.metrics_reset_by, bot.metrics_reset_scope) == ("ops", "ALL")
        baselines = db.execute(select(MetricsBaseline)).scalars().all()
        assert {row.book for row in baselines} == {"BACKTEST", "PAPER", "SHADOW", "CANARY", "LIVE"}
        assert {(row.reset_at, row.equity_reset_at, row.request_id) for row in baselines} == {(now, now, "trace-1")}
        event = db.execute(select(BotMetricsEvent)).scalar_one()
        assert (event.bot_id, event.event_type, event.reason_code, event.actor) == (
            lab,
            "METRICS_RESET",
            "SEV1_RESET_METRICS",
            "ops",
        )
        assert event.payload_json["scope"] == "ALL"
        assert event.payload_json["requestId"] == "trace-1"
        assert set(event.payload_json["previousBaselines"].values()) == {None}
        assert datetime.fromisoformat(event.payload_json["resetAt"]) == now
        audited = db.execute(select(AuditEvent)).scalar_one()
        assert (audited.seq, audited.action, audited.actor) == (receipt.audit_seq, "METRICS_RESET", "ops")
        wish = db.execute(select(RebuildRequest)).scalar_one()
        assert (wish.bot_ids, wish.also_equity_curves, wish.completed_at) == ([lab], True, None)
        assert db.execute(select(BotMetricsRollup)).all() == []
        assert db.execute(select(BotEquityCurve)).all() == []
        last = db.execute(
            select(BotPerformanceSnapshot).order_by(BotPerformanceSnapshot.id.desc()).limit(1)
        ).scalar_one()
        assert (last.net_pnl_usd, last.session_id, last.since) == (None, None, now)
    assert everything(owner, *RAW) == raw
    assert verify_chain(desk).is_whole


def test_the_counters_of_backtests_start_again_and_lifetime_iterations_stay(desk: Desk, lab: UUID) -> None:
    reset_metrics(desk, reset_request(scope="PAPER_ONLY"))
    with transaction(desk.database) as db:
        assert db.get_one(BotProgress, lab).backtests_completed == 2
    reset_metrics(desk, reset_request(scope="BACKTEST_ONLY"))
    with transaction(desk.database) as db:
        counters = db.get_one(BotProgress, lab)
        values = {column.name: getattr(counters, column.name) for column in BotProgress.__table__.columns}
    lifetime = {"bot_id": lab, "improve_iterations": 7, "evolve_iterations": 4}
    assert {name: value for name, value in values.items() if value} == lifetime


def test_a_dry_run_tells_what_the_execution_does_and_changes_nothing(
    desk: Desk, owner: Engine, lab: UUID, live: UUID
) -> None:
    tables = all_tables(owner)
    before = everything(owner, *tables)
    dry = reset_metrics(desk, reset_request(dry_run=True))
    assert everything(owner, *tables) == before
    assert not desk.settings.audit_anchor.exists()
    done = reset_metrics(desk, reset_request(plan_hash=dry.plan_hash))
    assert done.targets == dry.targets
    assert done.no_longer_shown == dry.no_longer_shown
    assert done.reset_bot_ids == sorted([lab, live])
    assert {book: rows.model_dump() for book, rows in dry.no_longer_shown.items()} == {
        "BACKTEST": {"sessions": 3, "trades": 5, "fills": 0},
        "PAPER": {"sessions": 0, "trades": 1, "fills": 1},
        "SHADOW": {"sessions": 0, "trades": 1, "fills": 1},
        "CANARY": {"sessions": 0, "trades": 1, "fills": 1},
        "LIVE": {"sessions": 0, "trades": 1, "fills": 1},
    }
    again = reset_metrics(desk, reset_request(dry_run=True))
    assert all(rows.model_dump() == {"sessions": 0, "trades": 0, "fills": 0} for rows in again.no_longer_shown.values())


def test_improve_and_evolve_work_that_waits_is_canceled_as_the_dry_run_told(desk: Desk, lab: UUID) -> None:
    with transaction(desk.database) as db:
        bot, other = db.get_one(Bot, lab), make_bot(db)
        kinds = {kind: make_job(db, bot, job_type=kind).id for kind in JobType}
        running = make_job(db, other, job_type="IMPROVE", status="RUNNING").id
        left = make_job(db, other, job_type="EVOLVE").id
    dry = reset_metrics(desk, reset_request(dry_run=True, bot_ids=[lab]))
    with transaction(desk.database) as db:
        statuses = db.scalars(select(BotJob.status)).all()
        assert sorted(statuses) == ["QUEUED"] * 4 + ["RUNNING"]
    done = reset_metrics(desk, reset_request(bot_ids=[lab], plan_hash=dry.plan_hash))
    assert dry.canceled_jobs == done.canceled_jobs == {JobType.IMPROVE: 1, JobType.EVOLVE: 1}
    with transaction(desk.database) as db:
        jobs = {job.id: (job.status, job.completed_at, job.error) for job in db.scalars(select(BotJob))}
        event = db.execute(select(BotMetricsEvent)).scalar_one()
        audited = db.execute(select(AuditEvent)).scalar_one()
    canceled = ("CANCELED", desk.clock(), "METRICS_RESET: its bot was reset while it waited; a baseline comes first")
    assert jobs[kinds[JobType.IMPROVE]] == jobs[kinds[JobType.EVOLVE]] == canceled
    assert jobs[kinds[JobType.BACKTEST]] == jobs[left] == ("QUEUED", None, None)
    assert jobs[running][0] == "RUNNING"
    assert event.payload_json["canceledJobs"] == [str(kinds[JobType.EVOLVE]), str(kinds[JobType.IMPROVE])]
    assert audited.payload["canceledJobs"] == {"IMPROVE": 1, "EVOLVE": 1}


@pytest.mark.parametrize("scope", ["PAPER_ONLY", "LIVE_ONLY"])
def test_a_reset_of_other_books_cancels_nothing(desk: Desk, lab: UUID, scope: str) -> None:
    with transaction(desk.database) as db:
        job_id = make_job(db, db.get_one(Bot, lab), job_type="IMPROVE").id
    assert reset_metrics(desk, reset_request(scope=scope)).canceled_jobs == {JobType.IMPROVE: 0, JobType.EVOLVE: 0}
    with transaction(desk.database) as db:
        assert db.get_one(BotJob, job_id).status == "QUEUED"


@pytest.mark.parametrize("job_type", [JobType.IMPROVE, JobType.EVOLVE])
def test_an_iteration_that_ran_while_its_bot_was_reset_is_not_begun_again(desk: Desk, lab: UUID, job_type: str) -> None:
    with transaction(desk.database) as db:
        job = make_job(db, db.get_one(Bot, lab), job_type=job_type, status="RUNNING", started_at=desk.clock())
    reset_metrics(desk, reset_request())
    with transaction(desk.database) as db:
        before = db.get_one(BotProgress, lab).improve_failures_in_row
        (taken,) = jobs.reclaim(db, now=desk.clock(), dead_runs=[str(job.dagster_run_id)])
        assert taken.status is JobStatus.CANCELED
    with transaction(desk.database) as db:
        ended = db.get_one(BotJob, job.id)
        assert (ended.status, ended.error) == ("CANCELED", "its run died and its bot had been reset")
        assert db.get_one(BotProgress, lab).improve_failures_in_row == before == 0


def test_the_answer_has_the_shape_of_the_contract(desk: Desk, lab: UUID) -> None:
    dry = reset_metrics(desk, reset_request(dry_run=True)).as_json()
    assert {"success", "dryRun", "traceId", "scope", "reasonCode", "alsoResetEquityCurves", "targetCount"} <= set(dry)
    assert {"targets", "timestamp"} <= set(dry)
    assert not {"resetCount", "resetBotIds", "resetTime", "auditSeq"} & set(dry)
    done = reset_metrics(desk, reset_request()).as_json()
    assert (done["resetCount"], done["resetBotIds"], done["auditSeq"]) == (1, [str(lab)], 1)
    assert (done["dryRun"], dry["dryRun"], done["success"]) == (False, True, True)
    assert {"id", "name", "stage", "currentResetAt"} <= set(done["targets"][0])


def test_an_execution_is_refused_when_the_dry_run_showed_something_else(desk: Desk, lab: UUID) -> None:
    plan = reset_metrics(desk, reset_request(dry_run=True)).plan_hash
    for other in ({"scope": "PAPER_ONLY"}, {"also_reset_equity_curves": False}):
        with pytest.raises(PlanChanged):
            reset_metrics(desk, reset_request(plan_hash=plan, **other))
    with transaction(desk.database) as db:
        make_session(db, db.get_one(Bot, lab), created_at=desk.clock())
    reset_metrics(desk, reset_request(plan_hash=plan))
    with pytest.raises(PlanChanged):
        reset_metrics(desk, reset_request(plan_hash=plan))
    plan = reset_metrics(desk, reset_request(dry_run=True)).plan_hash
    with transaction(desk.database) as db:
        make_bot(db)
    with pytest.raises(PlanChanged):
        reset_metrics(desk, reset_request(plan_hash=plan))


def test_unknown_bots_are_named_and_nothing_is_reset(desk: Desk, owner: Engine, lab: UUID) -> None:
    before = everything(owner, *all_tables(owner))
    strangers = sorted([uuid4(), uuid4()])
    for dry_run in (True, False):
        with pytest.raises(UnknownBots) as refusal:
            reset_metrics(desk, reset_request(bot_ids=[lab, *strangers], dry_run=dry_run))
        assert refusal.value.bot_ids == [str(bot_id) for bot_id in strangers]
    assert everything(owner, *all_tables(owner)) == before


def test_a_request_that_breaks_a_rule_is_refused(desk: Desk) -> None:
    wrongs: list[dict[str, Any]] = [
        {"scope": "EVERYTHING"},
        {"scope": "all"},
        {"bot_ids": []},
        {"reason_code": "no"},
        {"reason_code": "SEV1 RESET"},
        {"reason_code": "A" * 65},
        {"reason_code": "RESET\n"},
        {"request_id": "x" * 201},
        {"idempotency_key": ""},
        {"idempotency_key": "é"},
    ]
    for wrong in wrongs:
        with pytest.raises(BadInput):
            reset_metrics(desk, reset_request(**wrong))


def test_only_the_named_bots_are_reset_each_once(desk: Desk, lab: UUID, live: UUID) -> None:
    receipt = reset_metrics(desk, reset_request(bot_ids=[lab, lab]))
    assert receipt.reset_bot_ids == [lab]
    assert set(displayed(desk)) == {(live, book) for book in ("PAPER", "SHADOW", "CANARY", "LIVE")}


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("BACKTEST_ONLY", {"PAPER", "SHADOW", "CANARY", "LIVE"}),
        ("PAPER_ONLY", {"CANARY", "LIVE"}),
        ("LIVE_ONLY", {"PAPER", "SHADOW"}),
        ("ALL", set()),
    ],
)
def test_a_scope_hides_its_books_and_no_other(desk: Desk, live: UUID, scope: str, left: set[str]) -> None:
    reset_metrics(desk, reset_request(scope=scope))
    assert {book for _, book in displayed(desk)} == left


def test_a_narrow_reset_after_a_wide_one_never_reopens_old_backtests(desk: Desk, clock: FixedClock, lab: UUID) -> None:
    reset_metrics(desk, reset_request())
    clock.advance(hours=1)
    reset_metrics(desk, reset_request(scope="PAPER_ONLY"))
    assert displayed(desk) == {}
    with transaction(desk.database) as db:
        assert db.get_one(Bot, lab).metrics_reset_scope == "PAPER_ONLY"
        make_session(db, db.get_one(Bot, lab), created_at=clock.advance(hours=1), trade_pnl_usd=[1])
    assert displayed(desk) == {(lab, "BACKTEST"): 1}


def test_a_spared_equity_curve_goes_on_showing_what_it_showed(desk: Desk, clock: FixedClock, lab: UUID) -> None:
    def curve() -> int:
        displayed(desk)
        with transaction(desk.database) as db:
            rows = db.execute(select(BotEquityCurve.equity_usd)).scalars().all()
        return len(rows[0]) if rows else 0

    reset_metrics(desk, reset_request(also_reset_equity_curves=False))
    assert curve() == 3
    clock.advance(hours=1)
    reset_metrics(desk, reset_request(also_reset_equity_curves=True))
    assert curve() == 0
    clock.advance(hours=1)
    reset_metrics(desk, reset_request(also_reset_equity_curves=False))
    assert curve() == 0


def curves(desk: Desk) -> set[str]:
    with transaction(desk.database) as db:
        return set(db.execute(select(BotEquityCurve.book)).scalars())


def test_curves_of_other_books_and_spared_curves_stay_in_sight(desk: Desk, live: UUID) -> None:
    reset_metrics(desk, reset_request(scope="PAPER_ONLY"))
    assert curves(desk) == {"CANARY", "LIVE"}
    reset_metrics(desk, reset_request(also_reset_equity_curves=False))
    assert curves(desk) == {"CANARY", "LIVE"}


def test_a_clock_set_back_hides_whatever_was_recorded_last(desk: Desk, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=clock())
        make_trade(db, bot, book="PAPER", exit_at=clock.advance(seconds=1), net_usd=5)
    clock.advance(minutes=-10)
    reset_metrics(desk, reset_request())
    assert displayed(desk) == {}


def test_archived_and_killed_bots_are_reset_too(desk: Desk) -> None:
    with transaction(desk.database) as db:
        ids = {make_bot(db, archived_at=BIRTH).id, make_bot(db, killed_at=BIRTH, kill_reason="test").id}
    assert set(reset_metrics(desk, reset_request()).reset_bot_ids or ()) == ids


@pytest.mark.scorecard(12)
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_jumps_puts_no_session_on_the_wrong_side(desk: Desk, clock: FixedClock, minutes: int) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=clock.advance(seconds=1))
        make_trade(db, bot, book="PAPER", exit_at=clock(), net_usd=5)
        running = make_job(db, bot, status="RUNNING", created_at=clock.advance(seconds=1))
        straddling = clock()
    clock.advance(minutes=minutes)
    reset_metrics(desk, reset_request())
    with transaction(desk.database) as db:
        make_session(db, bot, created_at=straddling)
    assert displayed(desk) == {}
    with transaction(desk.database) as db:
        jobs.close(db, running.id, run_id=str(running.dagster_run_id), status=JobStatus.FAILED, now=clock())
        make_job(db, bot, created_at=clock.advance(seconds=1))
        begun = jobs.claim(db, JobType.BACKTEST, run_id="next", cap=2, now=clock())
        assert begun is not None
        make_session(db, bot, created_at=begun.started_at)
    assert displayed(desk) == {(bot.id, "BACKTEST"): 3}
    clock.advance(minutes=-minutes)
    reset_metrics(desk, reset_request())
    assert displayed(desk) == {}


@pytest.mark.scorecard(12)
def test_the_hour_that_happens_twice_is_split_where_the_reset_was(desk: Desk, clock: FixedClock) -> None:
    new_york = ZoneInfo("America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=new_york, fold=0)
    second = datetime(2026, 11, 1, 1, 15, tzinfo=new_york, fold=1)
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=first, trade_pnl_usd=[1])
    clock.now = datetime(2026, 11, 1, 1, 45, tzinfo=new_york, fold=0)
    reset_metrics(desk, reset_request())
    assert displayed(desk) == {}
    with transaction(desk.database) as db:
        make_session(db, bot, created_at=second, trade_pnl_usd=[1, 2])
    assert displayed(desk) == {(bot.id, "BACKTEST"): 2}
    with transaction(desk.database) as db:
        assert db.get_one(MetricsBaseline, (bot.id, "BACKTEST")).reset_at == datetime(2026, 11, 1, 5, 45, tzinfo=UTC)
