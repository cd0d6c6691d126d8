"""The statements behind the pages find their rows through an index, as `test_explain.py` asks of every other one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from services.audit.pages import chain_view, events_page
from services.control.kill_switch import SwitchWish, switch_state, throw_switch
from services.desk import Desk
from services.health.vitals import verdicts
from services.improvement.lab import iterations_page
from services.work.autonomy import run_autonomy_tick
from services.work.autonomy_ticks import autonomy_ticks_page, decisions_page
from services.work.job_pages import ended_page, work_now
from store.audit.pages import AuditFilter
from store.improvement.lab import IterationFilter
from store.tables import Bot
from store.work.autonomy_ticks import DecisionFilter
from tests.harness.actors import OPS
from tests.integration.ground.explaining import explained


def decisions(wanted: DecisionFilter) -> Callable[[Desk], object]:
    return lambda desk: decisions_page(desk, run_autonomy_tick(desk).run_id, wanted=wanted, after=None, limit=100)


def events(wanted: AuditFilter) -> Callable[[Desk], object]:
    return lambda desk: events_page(desk, wanted, before=2_000, limit=100)


HOT: dict[str, Callable[[Desk], object]] = {
    "ticks": lambda desk: autonomy_ticks_page(desk, before=None, limit=50),
    "older ticks": lambda desk: autonomy_ticks_page(desk, before=500, limit=50),
    "decisions of a tick": decisions(DecisionFilter()),
    "decisions of a reason": decisions(DecisionFilter("SKIP", "CAP_REACHED", "amber")),
    "work now": work_now,
    "jobs that ended": lambda desk: ended_page(desk, troubled=False, cursor=None, limit=50),
    "jobs in trouble": lambda desk: ended_page(desk, troubled=True, cursor=None, limit=50),
    "events": events(AuditFilter()),
    "events of an action": events(AuditFilter(action="REQUEUE")),
    "events of an actor": events(AuditFilter(actor="ops")),
    "events of a subject": events(AuditFilter(subject="fleet")),
    "events of a reason": events(AuditFilter(reason_code="BAD_FEED")),
    "end of the chain": chain_view,
    "verdicts": verdicts,
    "iterations": lambda desk: iterations_page(desk, IterationFilter(), cursor=None, limit=50),
    "iterations of a verdict": lambda desk: iterations_page(desk, IterationFilter(False), cursor=None, limit=50),
    "accepted iterations": lambda desk: iterations_page(desk, IterationFilter(True), cursor=None, limit=50),
    "iterations of a word": lambda desk: iterations_page(desk, IterationFilter(words="e"), cursor=None, limit=50),
    "kill switch": switch_state,
    "throwing the kill switch": lambda desk: throw_switch(desk, SwitchWish(True, "BAD_FEED", OPS, "trace")),
}


def test_no_page_reads_a_growing_table_from_end_to_end(old_fleet: Desk) -> None:
    engine = old_fleet.database.kw["bind"]
    scanned: dict[str, list[str]] = {}
    for name, read in HOT.items():
        with explained(engine) as caught:
            read(old_fleet)
        assert caught.statements, name
        if caught.scans:
            scanned[name] = [f"{table}: {statement}" for table, statement in caught.scans]
    assert scanned == {}


@pytest.mark.parametrize("troubled", [False, True])
def test_a_page_of_jobs_that_ended_reads_little_more_than_it_shows(
    old_fleet: Desk,
    troubled: bool,
) -> None:
    engine = old_fleet.database.kw["bind"]
    with old_fleet.database.begin() as db:
        db.execute(text("UPDATE bot_jobs SET status = 'FAILED' WHERE status = 'COMPLETED' AND random() < 0.2"))
        db.execute(text("ANALYZE bot_jobs"))
    cursor, seen = None, 0
    for _ in range(3):
        with rows_read(engine, "bot_jobs") as read:
            page = ended_page(old_fleet, troubled=troubled, cursor=cursor, limit=50)
        assert sum(read) <= 51
        cursor, seen = page.next_cursor, seen + len(page.jobs)
    assert seen == 150


def test_what_is_rare_in_the_strategy_lab_is_found_without_passing_over_the_rest(old_fleet: Desk) -> None:
    engine = old_fleet.database.kw["bind"]
    with old_fleet.database() as db:
        name = db.scalars(select(Bot.name).order_by(Bot.name)).first()
    rare = (
        IterationFilter(words="zzz"),
        IterationFilter(words=name),
        IterationFilter(True),
        IterationFilter(True, words=name),
    )
    for wanted in rare:
        with rows_read(engine, "improve_iterations") as read:
            page = iterations_page(old_fleet, wanted, cursor=None, limit=50)
        assert {iteration.name for iteration in page.iterations} <= {name}, wanted
        assert sum(read) < 100, wanted


@contextmanager
def rows_read(engine: Engine, table: str) -> Iterator[list[float]]:
    """Collect how many rows of a table each statement looks at, those it passes over included."""
    read: list[float] = []

    def analyze(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            with cursor.connection.cursor() as aside:
                plan = aside.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).fetchone()[0]
            read.extend(looked_at(plan[0]["Plan"], table))

    event.listen(engine, "before_cursor_execute", analyze)
    try:
        yield read
    finally:
        event.remove(engine, "before_cursor_execute", analyze)


def looked_at(node: dict[str, Any], table: str) -> Iterator[float]:
    if node.get("Relation Name") == table:
        yield node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    for below in node.get("Plans", ()):
        yield from looked_at(below, table)
