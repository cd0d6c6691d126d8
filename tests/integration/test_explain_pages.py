"""The statements behind the pages find their rows through an index, as `test_explain.py` asks of every other one."""

from collections.abc import Callable

from services.audit_pages import chain_told, events_page
from services.autonomy import run_tick
from services.desk import Desk
from services.job_pages import ended_page, work_now
from services.kill_switch import SwitchWish, switch_state, throw_switch
from services.lab import iterations_page
from services.ticks import decisions_page, ticks_page
from services.vitals import verdicts
from store.audit_pages import AuditFilter
from store.lab import IterationFilter
from store.ticks import DecisionFilter
from tests.integration.test_explain import explained, old_fleet  # noqa: F401 - fixture


def decisions(wanted: DecisionFilter) -> Callable[[Desk], object]:
    return lambda desk: decisions_page(desk, run_tick(desk).run_id, wanted=wanted, after=None, limit=100)


def events(wanted: AuditFilter) -> Callable[[Desk], object]:
    return lambda desk: events_page(desk, wanted, before=2_000, limit=100)


HOT: dict[str, Callable[[Desk], object]] = {
    "ticks": lambda desk: ticks_page(desk, before=None, limit=50),
    "older ticks": lambda desk: ticks_page(desk, before=500, limit=50),
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
    "end of the chain": chain_told,
    "verdicts": verdicts,
    "iterations": lambda desk: iterations_page(desk, IterationFilter(), cursor=None, limit=50),
    "iterations of a verdict": lambda desk: iterations_page(desk, IterationFilter(False), cursor=None, limit=50),
    "kill switch": switch_state,
    "throwing the kill switch": lambda desk: throw_switch(desk, SwitchWish(True, "BAD_FEED", "ops", "trace")),
}


def test_no_page_reads_a_growing_table_from_end_to_end(old_fleet: Desk) -> None:  # noqa: F811
    engine = old_fleet.sessions.kw["bind"]
    found: dict[str, list[str]] = {}
    for name, read in HOT.items():
        with explained(engine) as caught:
            read(old_fleet)
        assert caught.statements, name
        if caught.scans:
            found[name] = [f"{table}: {statement}" for table, statement in caught.scans]
    assert found == {}
