"""Gates on the board and in the dossier read stored verifications, in one statement, and only where a gate asks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from gateways.postgres import DatabaseUrls
from services.bots.dossier import bot_dossier
from services.bots.fleet import FleetQuery, bots_page
from services.bots.life import bot_life
from services.desk import Desk, prepare_database
from services.figures.resets import reset_metrics
from services.verification.verifications import verify
from store.figures import rollups
from store.tables import Bot, BotEvidence
from store.verification import verifications
from tests.harness.clocks import FixedClock
from tests.harness.factories import (
    BIRTH,
    LAB_FIGURES,
    make_bot,
    make_generation,
    make_record,
    make_session,
    reset_request,
)
from trading.verification.verdicts import Kind

HOUR = timedelta(hours=1)
WALK_FORWARD = ("WALK_FORWARD_CONSISTENCY", "WALK_FORWARD_OVERFIT_RATIO")


def make_run(db: Session, bot_id: UUID, kind: Kind, **over: Any) -> None:
    """Append one verification that passed on real bars."""
    columns: dict[str, Any] = {
        "id": uuid4(),
        "bot_id": bot_id,
        "kind": kind,
        "generation_number": 1,
        "genome_hash": "0" * 64,
        "created_at": BIRTH,
        "completed_at": BIRTH,
        "seed": 1,
        "data_source": "cme",
        "data_fingerprint": "f" * 64,
        "engine_version": "test",
        "verdict": "PASSED",
        "reason": "planted",
        "figures": {},
        "can_show": "planted",
        "cannot_show": "planted",
    }
    verifications.append(db, columns | (walked(0.75, 1.25) if kind is Kind.WALK_FORWARD else {}) | over)


def walked(consistency: float | None, overfit_ratio: float | None) -> dict[str, float | None]:
    """Return the columns that gates read of a walk-forward."""
    return {"walk_forward_consistency": consistency, "walk_forward_overfit_ratio": overfit_ratio}


def reasons(desk: Desk, bot_id: UUID) -> dict[str, str]:
    """Return the blockers of a bot, the same from the board, the dossier and the life."""
    (on_board,) = (bot.stage_gate for bot in bots_page(desk, FleetQuery()).bots if bot.id == bot_id)
    assert bot_dossier(desk, bot_id).bot.stage_gate == on_board == bot_life(desk, bot_id).bot.stage_gate
    assert [check.reason for check in bot_life(desk, bot_id).gate.blockers] == [b.reason for b in on_board.blockers]
    return {blocker.code: blocker.reason for blocker in on_board.blockers}


@pytest.mark.parametrize("stage", ["SHADOW", "CANARY"])
def test_a_bot_that_was_never_verified_is_told_what_to_run(desk: Desk, stage: str) -> None:
    with desk.database.begin() as db:
        bot_id = make_bot(db, stage=stage).id
    words = reasons(desk, bot_id)
    for code in WALK_FORWARD:
        assert words[code].endswith("was unknown: never verified; run its walk-forward suite")
    assert ("STRESS_SUITE_PASSED" in words) == (stage == "CANARY")


def test_a_verification_that_passed_is_no_blocker(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot_id = make_bot(db, stage="CANARY").id
        make_run(db, bot_id, Kind.WALK_FORWARD)
        make_run(db, bot_id, Kind.STRESS)
    assert not {*WALK_FORWARD, "STRESS_SUITE_PASSED"} & set(reasons(desk, bot_id))


def test_the_newest_run_counts_even_where_an_older_one_was_better(desk: Desk, clock: FixedClock) -> None:
    later = {"created_at": clock.now, "completed_at": clock.now}
    with desk.database.begin() as db:
        bot_id = make_bot(db, stage="CANARY").id
        make_run(db, bot_id, Kind.WALK_FORWARD)
        make_run(db, bot_id, Kind.WALK_FORWARD, **walked(0.25, None), **later)
        make_run(db, bot_id, Kind.STRESS)
        make_run(db, bot_id, Kind.STRESS, verdict="FAILED", **later)
    words = reasons(desk, bot_id)
    assert words["WALK_FORWARD_CONSISTENCY"].endswith("≥ 0.6, was 0.25")
    assert "no test Sharpe above zero" in words["WALK_FORWARD_OVERFIT_RATIO"]
    assert words["STRESS_SUITE_PASSED"].endswith("was 0")


def test_figures_that_are_only_shown_open_no_gate(desk: Desk) -> None:
    lying = {"figures": {"consistency": 0.9, "overfit_ratio": 1.0}}
    with desk.database.begin() as db:
        bot_id = make_bot(db, stage="SHADOW").id
        make_run(db, bot_id, Kind.WALK_FORWARD, **lying, **walked(None, None))
    assert set(WALK_FORWARD) <= set(reasons(desk, bot_id))


def test_no_other_verification_has_the_figures_of_a_walk_forward(desk: Desk) -> None:
    for wrong in (walked(0.75, None), walked(None, 1.25)):
        with desk.database() as db, pytest.raises(IntegrityError, match="only_a_walk_forward_has_its_figures"):
            make_run(db, make_bot(db).id, Kind.STRESS, **wrong)


OLD_RUN = """
    INSERT INTO verification_runs (id, bot_id, kind, generation_number, genome_hash, created_at, completed_at, seed,
        data_source, data_fingerprint, engine_version, verdict, reason, figures, can_show, cannot_show)
    VALUES (:id, :bot_id, :kind, 1, 'old', :at, :at, 1, 'cme', 'old', 'old', 'PASSED', 'old', CAST(:figures AS jsonb),
        '', '')
"""
RECORDED = (
    ("WALK_FORWARD", {"consistency": 0.5625, "overfit_ratio": 1.1000000000000003, "tried": 96}),
    ("WALK_FORWARD", {"consistency": 1, "overfit_ratio": None}),
    ("WALK_FORWARD", {"consistency": "0.5"}),
    ("STRESS", {"consistency": 0.75, "failures": []}),
)


@pytest.fixture
def old_bots(desk: Desk, owner: Engine, urls: DatabaseUrls, migrate: Callable[[str], None]) -> list[UUID]:
    """A bot with one run for each of `RECORDED`, as the code before migration 0017 left it, in a migrated database."""
    with desk.database.begin() as db:
        bots = [make_bot(db, stage="CANARY").id for _ in RECORDED]
    migrate("0016")
    with owner.begin() as connection:
        for bot_id, (kind, figures) in zip(bots, RECORDED, strict=True):
            old = {"id": uuid4(), "bot_id": bot_id, "kind": kind, "figures": json.dumps(figures), "at": BIRTH}
            connection.execute(text(OLD_RUN), old)
    migrate("head")
    prepare_database(urls)
    return bots


def test_a_gate_reads_the_figures_of_walk_forwards_from_before_there_were_columns(
    desk: Desk, old_bots: list[UUID]
) -> None:
    with desk.database() as db:
        runs = verifications.latest_of_bots(db, old_bots, kinds=["WALK_FORWARD", "STRESS"])
    read = [[(run.consistency, run.overfit_ratio) for run in runs[bot_id]] for bot_id in old_bots]
    assert read == [[(0.5625, 1.1000000000000003)], [(1.0, None)], [(None, None)], [(None, None)]]


def test_a_migration_leaves_what_was_recorded_and_who_may_change_it(
    desk: Desk, owner: Engine, old_bots: list[UUID]
) -> None:
    recorded = text(
        "SELECT kind, figures FROM verification_runs ORDER BY array_position(CAST(:bots AS uuid[]), bot_id)"
    )
    with owner.connect() as connection:
        assert tuple(connection.execute(recorded, {"bots": old_bots}).all()) == RECORDED
        with pytest.raises(ProgrammingError, match="raw truth is append-only"):
            connection.execute(text("UPDATE verification_runs SET walk_forward_consistency = 1"))
    with desk.database.begin() as db:
        make_run(db, old_bots[0], Kind.WALK_FORWARD, created_at=BIRTH + HOUR, completed_at=BIRTH + HOUR)
        (run,) = verifications.latest_of_bots(db, old_bots[:1], kinds=["WALK_FORWARD"])[old_bots[0]]
    assert (run.consistency, run.overfit_ratio) == (0.75, 1.25)


def test_a_new_generation_has_to_be_verified_anew(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db, stage="SHADOW")
        make_run(db, bot.id, Kind.WALK_FORWARD)
    assert not set(WALK_FORWARD) & set(reasons(desk, bot.id))
    with desk.database.begin() as db:
        make_generation(db, bot)
    for code in WALK_FORWARD:
        assert "generation 1 was verified, the newest is 2" in reasons(desk, bot.id)[code]


def test_a_verification_over_simulated_bars_is_no_evidence(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, stage="CANARY", archetype="trend_ema_cross").id
    for kind in (Kind.WALK_FORWARD, Kind.STRESS):
        assert verify(stocked_desk, bot_id, kind).data_source == "SIMULATED"
    words = reasons(stocked_desk, bot_id)
    for code in (*WALK_FORWARD, "STRESS_SUITE_PASSED"):
        assert words[code].endswith("was unknown: verified on SIMULATED bars, which pass no gate")


def test_the_lab_gate_asks_the_latest_completed_sessions_since_the_reset(desk: Desk, clock: FixedClock) -> None:
    figures = {"trades": 60, "winners": 40, "losers": 20, "win_pct": 66.0, "profit_factor": 2.0}
    good: dict[str, Any] = figures | {"expectancy_usd": 20.0, "sharpe": 1.0, "max_drawdown_pct": 5.0}
    with desk.database.begin() as db:
        bot = make_bot(db)
        for number, over in enumerate(({}, good, good, good)):
            content = {"data_source": "cme", "data_fingerprint": str(number)}
            make_session(db, bot, created_at=clock.advance(minutes=1), **(content | over))
        make_session(db, bot, created_at=clock.advance(minutes=1), status="FAILED")
    assert "RECENT_SESSIONS_PASSED" not in reasons(desk, bot.id)
    clock.advance(minutes=1)
    reset_metrics(desk, reset_request())
    with desk.database.begin() as db:
        make_session(db, bot, created_at=clock.advance(minutes=1), **good, data_source="cme")
    assert reasons(desk, bot.id)["RECENT_SESSIONS_PASSED"].endswith("was 1")


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ([{}, {"data_fingerprint": "b"}, {"order_list_hash": "b"}], 3),
        ([{}, {}, {"data_fingerprint": "b"}, {}], 2),
        ([{"sharpe": 0.0, "data_fingerprint": "b"}, {"data_fingerprint": "c"}, {}, {"data_fingerprint": "b"}], 3),
        ([{"data_fingerprint": "b"}, {"data_fingerprint": "c"}, {"sharpe": 0.0}], 2),
        ([{"data_fingerprint": "b"}, {"data_source": "SIMULATED"}, {"data_source": "cme-MARKS"}], 1),
        ([{"data_fingerprint": "b"}, {"generation_number": 1}, {}], 2),
        ([], 0),
    ],
)
def test_recent_sessions_count_once_for_the_same_bars_and_orders_and_only_where_they_may_open_a_gate(
    desk: Desk, clock: FixedClock, changes: list[dict[str, Any]], counted: int
) -> None:
    usual = LAB_FIGURES | {"data_source": "cme", "data_fingerprint": "a", "order_list_hash": "a"}
    with desk.database.begin() as db:
        bot = make_bot(db)
        make_generation(db, bot)
        for over in changes:
            session = usual | {"generation_number": 2} | over
            make_session(db, bot, created_at=clock.advance(minutes=1), **session)
    words = reasons(desk, bot.id).get("RECENT_SESSIONS_PASSED", "was 3")
    assert words.endswith(f"was {counted}")


@pytest.fixture
def passing(desk: Desk, clock: FixedClock) -> Bot:
    """A bot in LAB whose sessions and record pass its gate."""
    with desk.database.begin() as db:
        bot = make_bot(db)
        make_record(db, bot)
        for bars in ("a", "b", "c"):
            good = LAB_FIGURES | {"data_source": "cme", "data_fingerprint": bars, "order_list_hash": bars}
            make_session(db, bot, created_at=clock.advance(minutes=1), **good)
        rollups.rebuild(db, [bot.id], now=clock())
    return bot


def changed_record(desk: Desk, bot: Bot, **values: Any) -> None:
    with desk.database.begin() as db:
        db.execute(update(BotEvidence).where(BotEvidence.bot_id == bot.id).values(**values))


def test_a_bot_in_lab_is_judged_by_its_record_and_not_by_its_sessions(desk: Desk, passing: Bot) -> None:
    assert reasons(desk, passing.id) == {}
    weak = {"trades": 49, "sharpe": 0.25, "max_drawdown_pct": 21.5, "losers": 0}
    changed_record(desk, passing, **weak, proven=False, proven_since=None)
    words = reasons(desk, passing.id)
    assert set(words) == {"TRADES", "SHARPE", "MAX_DRAWDOWN_PCT", "HAS_LOSING_TRADES", "EVIDENCE"}
    assert words["SHARPE"].endswith("≥ 0.5, was 0.25")
    assert words["TRADES"].endswith("was 49")


def test_without_a_record_nothing_of_it_is_known(desk: Desk, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=clock.advance(minutes=1), **LAB_FIGURES)
        rollups.rebuild(db, [bot.id], now=clock())
    words = reasons(desk, bot.id)
    for code in ("TRADES", "SHARPE", "EVIDENCE", "HAS_LOSING_TRADES"):
        assert words[code].endswith("was unknown: it has no record yet; its first improve iteration begins one")


def test_a_record_on_other_bars_than_the_bot_trades_now_opens_no_gate(desk: Desk, passing: Bot) -> None:
    changed_record(desk, passing, bars_kind="SIMULATED")
    other = "its record is on SIMULATED bars, and it trades REAL ones now"
    assert reasons(desk, passing.id)["EVIDENCE"].endswith(f"was unknown: {other}")


def test_a_reset_takes_nothing_from_a_record(desk: Desk, passing: Bot) -> None:
    reset_metrics(desk, reset_request())
    assert set(reasons(desk, passing.id)) == {"REAL_MARKET_DATA", "RECENT_SESSIONS_PASSED"}


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """Collect the statements that read verifications."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "verification_runs" in statement:
            seen.append(statement)

    engine = desk.database.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_they_are_read_once_for_a_page_and_only_where_a_gate_asks(desk: Desk) -> None:
    with desk.database.begin() as db:
        for stage in ("LAB", "PAPER", "LIVE"):
            make_run(db, make_bot(db, stage=stage).id, Kind.WALK_FORWARD)
    with statements(desk) as seen:
        bots_page(desk, FleetQuery())
    assert seen == []
    with desk.database.begin() as db:
        for number in range(6):
            make_run(db, make_bot(db, stage=("SHADOW", "CANARY")[number % 2]).id, Kind.STRESS)
    with statements(desk) as seen:
        bots_page(desk, FleetQuery())
    assert len(seen) == 1


def test_the_store_answers_for_many_bots_and_leaves_out_those_without_a_run(desk: Desk) -> None:
    with desk.database.begin() as db:
        bots = [make_bot(db, stage="SHADOW").id for _ in range(3)]
        for bot_id in bots:
            for kind in (Kind.WALK_FORWARD, Kind.STRESS, Kind.GRID):
                make_run(db, bot_id, kind)
        runs_of = verifications.latest_of_bots(db, [*bots, uuid4()], kinds=["WALK_FORWARD", "STRESS"])
    assert set(runs_of) == set(bots)
    assert all(sorted(row.kind for row in runs) == ["STRESS", "WALK_FORWARD"] for runs in runs_of.values())
    assert {row.consistency for runs in runs_of.values() for row in runs} == {0.75, None}
