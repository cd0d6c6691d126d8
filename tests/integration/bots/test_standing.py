"""Confidence and uniqueness of a bot's newest generation, against a recount from its iterations and generations."""

import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from services.bots.fleet import FleetQuery, bots_page, each_bot
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.improvement.results import Iteration
from store.bots import registry
from store.tables import Bot, ImproveIteration
from store.work.jobs import Claim
from tests.harness import factories
from tests.harness.clocks import FixedClock
from tests.harness.known import known
from trading.improvement.acceptance import AcceptanceVerdict, Outcome
from trading.work.jobs import JobType

MIGRATION = Path(__file__).parents[3] / "store/migrations/versions/0003_fleet_at_speed.py"
CANNOT_TELL = (Outcome.LOOK_LOST, Outcome.INCONSISTENT, Outcome.TOO_FEW_TEST_TRADES)
LIVES = {
    "never evaluated": [],
    "only refused": [*CANNOT_TELL],
    "accepted": [Outcome.ACCEPTED],
    "accepted, then others refused": [Outcome.ACCEPTED, *CANNOT_TELL],
    "accepted twice": [Outcome.ACCEPTED, Outcome.ACCEPTED],
    "its own best": [Outcome.SAME_AS_PARENT],
    "accepted, then judged again": [Outcome.ACCEPTED, Outcome.LOOK_LOST, Outcome.SAME_AS_PARENT],
    "an ancestor came back": [Outcome.ACCEPTED, Outcome.REVERTED],
    "came back, then judged": [Outcome.ACCEPTED, Outcome.REVERTED, Outcome.SAME_AS_PARENT],
}
KNOWN = {name for name in LIVES if name not in {"never evaluated", "only refused", "an ancestor came back"}}


@pytest.fixture
def lived(desk: Desk, clock: FixedClock) -> dict[str, UUID]:
    """One bot per life, every iteration with other figures."""
    seed_fleet(desk, size=len(LIVES), symbols=("MES",), timeframes=("1h",))
    with desk.database.begin() as db:
        by_life = dict(zip(LIVES, registry.bot_ids(db), strict=True))
    for life, outcomes in LIVES.items():
        for number, outcome in enumerate(outcomes, start=1):
            live(desk, by_life[life], outcome, number=number, now=clock.advance(minutes=1))
    return by_life


def live(
    desk: Desk, bot_id: UUID, outcome: Outcome, *, number: int, now: Any, at_work: registry.BotAtWork | None = None
) -> Mapping[str, Any]:
    """Record one iteration of a bot, begun on its newest generation or as it was at work before; return its figures."""
    seen: dict[str, Any] = {
        "deflated_sharpe_probability": 0.9 - number / 10,
        "candidate_test_trades": 40 * number,
        "walk_forward_consistency": 0.75,
        "uniqueness_pct": 10.0 + number,
    }
    with desk.database.begin() as db:
        bot = at_work or registry.at_work(db, bot_id)
        assert bot is not None
        job = factories.make_job(db, db.get_one(Bot, bot_id), status="COMPLETED", created_at=now)
        iteration = Iteration(
            bot=bot,
            at_hand=SimpleNamespace(data_source="SIMULATED", bars=SimpleNamespace(fingerprint="f")),  # type: ignore[arg-type]
            seed=1,
            candidate=dict(bot.genome),
            verdict=AcceptanceVerdict(outcome, "as told"),
            evidence={} if outcome is Outcome.REVERTED else seen,
        )
        return iteration.record(db, Claim(job.id, bot_id, JobType.IMPROVE, "run", 1, number, now), now=now)


def recounted(owner: Engine) -> dict[UUID, tuple[float | None, float | None]]:
    """Each bot's figures from raw rows, in Python: the last iteration that judged what is now its newest genome."""
    with owner.connect() as connection:
        grouped = text("SELECT bot_id, max(generation_number) FROM bot_generations GROUP BY 1")
        newest: dict[UUID, int] = {row[0]: row[1] for row in connection.execute(grouped)}
        rows = connection.execute(text("SELECT * FROM improve_iterations ORDER BY completed_at")).mappings().all()
    figures: dict[UUID, tuple[float | None, float | None]] = dict.fromkeys(newest, (None, None))
    for row in rows:
        generation = row["new_generation"] or (
            row["parent_generation"] if row["reason_code"] == "SAME_AS_PARENT" else None
        )
        if generation != newest[row["bot_id"]]:
            continue
        seen = row["evidence"]
        p, n, c = (
            seen.get(name)
            for name in ("deflated_sharpe_probability", "candidate_test_trades", "walk_forward_consistency")
        )
        confidence = None if None in (p, n, c) else 100 * p * c * n / (n + 50)
        figures[row["bot_id"]] = (confidence, seen.get("uniqueness_pct"))
    return figures


def shown_in_pages(desk: Desk) -> dict[UUID, tuple[float | None, float | None]]:
    return {bot.id: (bot.confidence_pct, bot.uniqueness_pct) for bot in bots_page(desk, FleetQuery(limit=100)).bots}


def shown_on_the_board(desk: Desk) -> dict[UUID, tuple[float | None, float | None]]:
    return {bot.id: (bot.confidence_pct, bot.uniqueness_pct) for bot in each_bot(desk)}


@pytest.mark.scorecard(19)
@pytest.mark.parametrize("read", [shown_in_pages, shown_on_the_board])
def test_they_equal_a_recount_and_are_unknown_where_nothing_was_evaluated(
    desk: Desk,
    owner: Engine,
    lived: dict[str, UUID],
    read: Callable[[Desk], dict[UUID, tuple[float | None, float | None]]],
) -> None:
    expected, figures_of = recounted(owner), read(desk)
    assert figures_of.keys() == expected.keys()
    for bot_id, figures in figures_of.items():
        assert figures == pytest.approx(expected[bot_id])
    assert {life for life, bot_id in lived.items() if figures_of[bot_id] != (None, None)} == KNOWN


def test_an_iteration_overtaken_by_a_generation_says_nothing_of_it(
    desk: Desk, owner: Engine, clock: FixedClock, lived: dict[str, UUID]
) -> None:
    bot_id = lived["never evaluated"]
    with desk.database() as db:
        before = known(registry.at_work(db, bot_id))
    live(desk, bot_id, Outcome.ACCEPTED, number=1, now=clock.advance(minutes=1))
    live(desk, bot_id, Outcome.SAME_AS_PARENT, number=2, now=clock.advance(minutes=1), at_work=before)
    standing = shown_on_the_board(desk)[bot_id]
    assert None not in standing
    assert standing == pytest.approx(recounted(owner)[bot_id])


def test_an_accepted_candidate_that_was_overtaken_becomes_no_generation(
    desk: Desk, clock: FixedClock, lived: dict[str, UUID]
) -> None:
    bot_id = lived["never evaluated"]
    with desk.database() as db:
        before = known(registry.at_work(db, bot_id))
    live(desk, bot_id, Outcome.ACCEPTED, number=1, now=clock.advance(minutes=1))
    standing = shown_on_the_board(desk)[bot_id]
    figures = live(desk, bot_id, Outcome.ACCEPTED, number=2, now=clock.advance(minutes=1), at_work=before)
    assert (figures["accepted"], figures["reason_code"]) == (False, "OVERTAKEN")
    assert shown_on_the_board(desk)[bot_id] == standing
    with desk.database() as db:
        assert registry.newest_generation(db, bot_id) == before.generation + 1
        late = db.query(ImproveIteration).filter_by(bot_id=bot_id, iteration=2).one()
        assert (late.reason_code, late.accepted, late.new_generation) == ("OVERTAKEN", False, None)


def test_the_migration_fills_in_what_older_iterations_showed(desk: Desk, owner: Engine, lived: dict[str, UUID]) -> None:
    before = shown_on_the_board(desk)
    with owner.begin() as connection:
        connection.execute(text("UPDATE bot_progress SET confidence_pct = NULL, uniqueness_pct = NULL"))
        connection.execute(text(runpy.run_path(str(MIGRATION))["FILL"]))
    after = shown_on_the_board(desk)
    assert {bot_id: pytest.approx(figures) for bot_id, figures in before.items()} == after
    assert lived
