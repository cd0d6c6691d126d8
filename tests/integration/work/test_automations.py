"""What autonomy records of itself: how long it was silent, and which of its sensors somebody stopped in Dagster."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from api.app import create_app
from orchestration.definitions import build_defs
from services.audit.chain import verify_chain
from services.audit.pages import events_page
from services.desk import Desk
from services.work.automations import note_automations, stopped_automations
from services.work.autonomy import run_autonomy_tick
from store.audit.pages import AuditFilter
from tests.harness.client import Client
from tests.harness.clocks import FixedClock


def events(desk: Desk, action: str | None = None) -> list[tuple[str, str, str]]:
    page = events_page(desk, AuditFilter(action), before=None, limit=50)
    return [(event.action, event.actor, event.subject) for event in reversed(page.events)]


def test_a_silence_is_recorded_by_the_tick_that_ends_it(desk: Desk, clock: FixedClock) -> None:
    began = clock()
    run_autonomy_tick(desk)
    clock.advance(seconds=80)
    run_autonomy_tick(desk)
    assert events(desk) == []
    since = clock()
    until = clock.advance(minutes=10)
    last = run_autonomy_tick(desk).run_id - 1
    (event,) = events_page(desk, AuditFilter("AUTONOMY_WAS_SILENT"), before=None, limit=5).events
    assert (event.actor, event.subject, event.payload) == (
        "autonomy",
        "fleet",
        {
            "from": since.isoformat(),
            "to": until.isoformat(),
            "seconds": 600,
            "limitSeconds": 87,
            "lastTick": last,
        },
    )
    assert since > began
    clock.advance(seconds=9)
    run_autonomy_tick(desk)
    assert len(events(desk)) == 1
    assert verify_chain(desk).is_whole


def test_a_stopped_sensor_is_recorded_once_and_its_start_too(desk: Desk, clock: FixedClock) -> None:
    running = {"autonomy_tick": False, "reset_watch": False}
    note_automations(desk, running, noticed_by="reset_watch")
    assert (events(desk), stopped_automations(desk)) == ([], {})
    noticed = clock.advance(seconds=4)
    stopped = running | {"autonomy_tick": True}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: note_automations(desk, stopped, noticed_by="reset_watch"), range(4)))
    assert events(desk) == [("AUTOMATION_STOPPED", "dagster", "autonomy_tick")]
    assert [(name, stopped.since) for name, stopped in stopped_automations(desk).items()] == [
        ("autonomy_tick", noticed)
    ]
    note_automations(desk, running, noticed_by="autonomy_tick")
    assert events(desk)[1:] == [("AUTOMATION_STARTED", "dagster", "autonomy_tick")]
    assert stopped_automations(desk) == {}


def test_a_stopped_sensor_makes_the_platform_not_ready_and_says_why(desk: Desk) -> None:
    client = Client(create_app(desk))
    run_autonomy_tick(desk)
    assert client.get("/readyz").status_code == 200
    note_automations(desk, {"autonomy_tick": True}, noticed_by="reset_watch")
    late = client.get("/readyz")
    assert late.status_code == 503
    assert "autonomy_tick was stopped in Dagster, noticed 2026-03-02 15:00:00 UTC" in late.json()["detail"]


@pytest.mark.parametrize("watcher", ["reset_watch", "autonomy_tick"])
def test_sensors_notice_each_others_stop(desk: Desk, watcher: str) -> None:
    with dg.instance_for_test() as instance:
        target = LoadableTargetOrigin(module_name="orchestration.definitions")
        location = InProcessCodeLocationOrigin(target, location_name="proving-ground")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "fleet_partitions")
        for status in (InstigatorStatus.RUNNING, InstigatorStatus.STOPPED):
            state = InstigatorState(origin, InstigatorType.SENSOR, status)
            if status is InstigatorStatus.RUNNING:
                instance.add_instigator_state(state)
            else:
                instance.update_instigator_state(state)
            _evaluate(watcher, desk, instance)
    assert events(desk) == [("AUTOMATION_STOPPED", "dagster", "fleet_partitions")]
    page = events_page(desk, AuditFilter("AUTOMATION_STOPPED"), before=None, limit=1)
    assert page.events[0].payload == {"noticedBy": watcher}


def _evaluate(name: str, desk: Desk, instance: dg.DagsterInstance) -> None:
    sensor = build_defs(desk=desk).get_repository_def().get_sensor_def(name)
    context = dg.build_sensor_context(instance=instance, resources={"desk": desk})
    sensor.evaluate_tick(context)
