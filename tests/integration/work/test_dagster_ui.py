"""The Dagster UI behind its doors: read-only unless told otherwise, and asked by POST with JSON alone."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from gateways.settings import Settings
from orchestration.platform.dagster_ui import build_ui
from tests.harness.serving import Served, serving

WHERE = {"repositoryLocationName": "toys", "repositoryName": "__repository__", "sensorName": "toy"}
START = "mutation Start($where: SensorSelector!) { startSensor(sensorSelector: $where) { __typename } }"
BODY = {"query": START, "variables": {"where": WHERE}}
PAGE = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
TOYS = """
import dagster as dg

@dg.op
def play(): ...

@dg.job
def game(): play()

@dg.sensor(job=game, default_status=dg.DefaultSensorStatus.STOPPED)
def toy(context): ...

defs = dg.Definitions(jobs=[game], sensors=[toy])
"""
Serve = Callable[[Settings], Any]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


@pytest.fixture
def context(tmp_path: Path, instance: DagsterInstance) -> Iterator[Callable[[bool], WorkspaceProcessContext]]:
    (tmp_path / "toys.py").write_text(TOYS)
    target = LoadableTargetOrigin(python_file=str(tmp_path / "toys.py"), working_directory=str(tmp_path))
    origin = InProcessCodeLocationOrigin(target, location_name="toys")
    opened: list[WorkspaceProcessContext] = []

    def open_context(read_only: bool) -> WorkspaceProcessContext:
        opened.append(WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin), read_only=read_only))
        return opened[-1].__enter__()

    yield open_context
    for one in opened:
        one.__exit__(None, None, None)


def ask(app: Any, method: str, path: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


def started(instance: DagsterInstance) -> bool:
    return any(state.instigator_name == "toy" for state in instance.all_instigator_state())


def test_it_reads_and_changes_nothing_unless_it_is_writable(context: Any, instance: DagsterInstance) -> None:
    app = build_ui(context(True), Settings(env="dev"))
    page = ask(app, "GET", "/")
    assert (page.status_code, page.headers["x-frame-options"]) == (200, "DENY")
    assert "frame-ancestors 'none'" in page.headers.get_list("content-security-policy")
    assert ask(app, "POST", "/graphql", json={"query": "{ __typename }"}).json() == {"data": {"__typename": "Query"}}
    refused = ask(app, "POST", "/graphql", json=BODY)
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (
        400,
        "Dagster is read-only here; DAGSTER_WRITABLE=yes makes it writable",
    )
    reported = ask(app, "POST", "/report_asset_materialization/bars", json={})
    assert (reported.status_code, reported.json()["code"]) == (403, "READ_ONLY")
    assert not started(instance)


def test_a_writable_one_is_changed_by_its_own_page_and_no_other_way(context: Any, instance: DagsterInstance) -> None:
    app = build_ui(context(False), Settings(env="dev", dagster_writable=True))
    address = {"query": START, "variables": json.dumps(BODY["variables"])}
    ways: list[tuple[str, str, dict[str, Any], int]] = [
        ("GET", "/graphql", {"params": address}, 405),
        ("GET", "/graphql", {"params": {"%71uery": START}}, 405),
        ("POST", "/graphql", {"params": address}, 415),
        ("POST", "/graphql", {"content": json.dumps(BODY), "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/graphql", {"content": START, "headers": {"Content-Type": "application/graphql"}}, 415),
        (
            "POST",
            "/graphql",
            {"content": json.dumps(BODY), "headers": {"Content-Type": "text/plain; application/json"}},
            415,
        ),
        ("POST", "/graphql", {"json": BODY, "headers": PAGE}, 403),
        ("POST", "/graphql", {"json": BODY, "headers": {"Host": "evil.example:3000"}}, 421),
        ("GET", "/server_info", {"headers": PAGE}, 403),
    ]
    for method, path, more, status in ways:
        answer = ask(app, method, path, **more)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), more
        assert not started(instance), more
    own = {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    done = ask(app, "POST", "/graphql", json=BODY, headers=own)
    assert done.json()["data"]["startSensor"]["__typename"] == "Sensor", done.text
    assert started(instance)


@pytest.fixture
def writable(context: Any) -> Iterator[Served]:
    with serving(build_ui(context(False), Settings(env="dev", dagster_writable=True))) as served:
        yield served


def test_a_socket_takes_no_mutation_and_no_page_of_another_origin(writable: Served, instance: DagsterInstance) -> None:
    where = f"{writable.ws}/graphql"
    for strange in ({"origin": "http://evil.example"}, {"additional_headers": {"Host": "evil.example"}}):
        with pytest.raises(InvalidStatus, match="403"), connect(where, subprotocols=["graphql-ws"], **strange):
            pytest.fail("it opened")
    with connect(where, subprotocols=["graphql-ws"], origin=writable.http) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": BODY}))
        assert json.loads(socket.recv())["type"] == "error"
    assert not started(instance)
