"""The Dagster UI behind its doors: read-only unless told otherwise, and asked by POST with JSON alone."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from gateways.settings import Settings
from orchestration.platform.dagster_ui import build_ui
from tests.harness.serving import Served, serving
from tests.harness.toys import BODY, START, Toys, toys_in

PAGE = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    with toys_in(tmp_path) as laid_out:
        yield laid_out


def ask(app: Any, method: str, path: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


def test_it_reads_and_changes_nothing_unless_it_is_writable(toys: Toys) -> None:
    app = build_ui(toys.context(read_only=True), Settings(env="dev"))
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
    assert not toys.started()


def test_a_writable_one_is_changed_by_its_own_page_and_no_other_way(toys: Toys) -> None:
    app = build_ui(toys.context(read_only=False), Settings(env="dev", dagster_writable=True))
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
        assert not toys.started(), more
    own = {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    done = ask(app, "POST", "/graphql", json=BODY, headers=own)
    assert done.json()["data"]["startSensor"]["__typename"] == "Sensor", done.text
    assert toys.started()


EVIL = Origin("http://evil.example")


@pytest.fixture
def writable(toys: Toys) -> Iterator[Served]:
    with serving(build_ui(toys.context(read_only=False), Settings(env="dev", dagster_writable=True))) as served:
        yield served


def test_a_socket_takes_no_mutation_and_no_page_of_another_origin(writable: Served, toys: Toys) -> None:
    where = f"{writable.ws}/graphql"
    spoken = [Subprotocol("graphql-ws")]
    with pytest.raises(InvalidStatus, match="403"), connect(where, subprotocols=spoken, origin=EVIL):
        pytest.fail("it opened")
    host = {"Host": "evil.example"}
    with pytest.raises(InvalidStatus, match="403"), connect(where, subprotocols=spoken, additional_headers=host):
        pytest.fail("it opened")
    with connect(where, subprotocols=spoken, origin=Origin(writable.http)) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": BODY}))
        assert json.loads(socket.recv())["type"] == "error"
    assert not toys.started()
