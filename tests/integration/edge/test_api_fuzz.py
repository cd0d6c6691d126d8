"""The whole OpenAPI under schemathesis: no request, however made, is answered with a server error."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from api.app import create_app
from services.desk import Desk
from tests.harness import factories
from tests.harness.client import TOKEN
from tests.harness.patience import until
from tests.harness.serving import Served, let_reads_take, serving

EXAMPLES = 25
PATIENCE_SECONDS = 180.0
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]


@pytest.fixture(autouse=True)
def patient_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come late where the machine is busy, not as 503: whether a request breaks the server is asked here."""
    let_reads_take(monkeypatch, seconds=PATIENCE_SECONDS)


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    with desk.database.begin() as db:
        for number in range(12):
            bot = factories.make_bot(db, stage=("LAB", "PAPER")[number % 2])
            db.add(factories.rollup(bot.id))
            factories.make_job(db, bot, status=("QUEUED", "RUNNING", "FAILED")[number % 3])
    factories.tick(desk)
    return create_app(desk)


@pytest.fixture
def server(app: FastAPI) -> Iterator[Served]:
    with serving(app) as served:
        until(lambda: httpx.get(f"{served.http}/api/board").status_code == 200, "the board to be read")
        yield served


def fuzz(app: FastAPI, served: Served, *, headers: dict[str, str]) -> set[str]:
    """Send generated requests to every operation; return the operations that were called."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    called: set[str] = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        called.add(f"{operation.method.upper()} {operation.path}")
        good, bad = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

        @examples(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(good, bad))
        def call(case: Any) -> None:
            answer = case.call(base_url=served.http, headers=headers, timeout=PATIENCE_SECONDS)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code < 500

        call()
    return called


@pytest.mark.scorecard(35)
@pytest.mark.parametrize("headers", [{}, {"X-Admin-Token": TOKEN}], ids=["stranger", "admin"])
def test_no_generated_request_is_answered_with_a_server_error(
    app: FastAPI, server: Served, headers: dict[str, str]
) -> None:
    called = fuzz(app, server, headers=headers)
    assert {
        "POST /api/admin/reset-metrics",
        "GET /api/bots",
        "GET /api/bots/{bot_id}",
        "GET /api/_proof/jobs",
    } <= called


@pytest.mark.scorecard(35)
def test_a_planted_server_error_is_found(desk: Desk) -> None:
    app = create_app(desk)

    @app.get("/planted")
    def planted(word: str) -> str:
        return word.encode("ascii").decode()

    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") == "/planted"]
    with serving(app) as served, pytest.raises(BaseException, match=r"(?i)server error|500"):
        fuzz(app, served, headers={})


@pytest.mark.scorecard(35)
@pytest.mark.parametrize("attack", ["\0", "a\0b", "%00", "\x01", "\x7f", "\ud800", "\U0010ffff", "' OR 1=1 --"])
def test_no_string_of_any_operation_lets_an_attack_through(app: FastAPI, server: Served, attack: str) -> None:

    spoken = quote(attack, safe="", errors="surrogatepass")
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            target = path.replace("{bot_id}", spoken)
            query = "&".join(f"{parameter['name']}={spoken}" for parameter in parameters if parameter["in"] == "query")
            body = {"scope": attack, "reasonCode": attack, "botIds": [attack], "planHash": attack}
            answer = httpx.request(
                method.upper(),
                f"{server.http}{target}?{query}",
                headers={"X-Admin-Token": TOKEN},
                content=None if method == "get" else json.dumps(body),
            )
            assert answer.status_code < 500, (method, path)
            if parameters or "requestBody" in operation:
                assert answer.status_code in {404, 422}, (method, path, answer.text)
