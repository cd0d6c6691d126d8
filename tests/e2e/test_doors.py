"""A browser on another origin and host name can change nothing: neither in the ledger nor in Dagster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from sqlalchemy import Engine, text
from starlette.types import ASGIApp

from api.app import create_app
from gateways.settings import Settings
from orchestration.platform.dagster_ui import Webserver, build_ui
from services.control.kill_switch import switch_state
from services.desk import Desk
from tests.e2e.screen import needs_chromium
from tests.e2e.strangers import HOST, KILL, PUBLIC_TOKEN, RESOLVED, WAYS, every_way, strange_page
from tests.harness import factories
from tests.harness.own_browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.harness.serving import Served, serving
from tests.harness.toys import BODY, Toys, toys_in

pytestmark = needs_chromium
POST = """([address, wish, headers]) => fetch(address, {
  method: "POST", body: JSON.stringify(wish), headers: { "Content-Type": "application/json", ...headers },
})"""
LEDGER = text("SELECT (SELECT count(*) FROM audit_events), (SELECT count(*) FROM bot_metrics_events)")


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    with toys_in(tmp_path) as laid_out:
        yield laid_out


@pytest.fixture
def browser() -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, RESOLVED])
        opened = chromium.new_context()
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        chromium.close()


@pytest.fixture
def dev_desk(desk: Desk) -> Desk:
    """A developer's desk: the token is the one everybody knows."""
    with desk.database.begin() as db:
        factories.make_bot(db)
    return replace(desk, settings=desk.settings.model_copy(update={"env": "dev", "admin_token": None}))


@contextmanager
def both(desk: Desk, dagster: ASGIApp) -> Iterator[tuple[Served, Served]]:
    with serving(create_app(desk)) as api, serving(dagster) as ui:
        yield api, ui


def tried(page: Page, api: str, dagster: str) -> list[list[Any]]:
    outcomes: list[list[Any]] = page.evaluate(WAYS, every_way(api=api, dagster=dagster, asks=[BODY]))
    return outcomes


def written(owner: Engine) -> tuple[int, int]:
    with owner.connect() as connection:
        events, resets = connection.execute(LEDGER).one()
    return events, resets


def test_a_page_of_another_origin_opens_no_socket_and_changes_nothing(
    browser: BrowserContext,
    dev_desk: Desk,
    owner: Engine,
    toys: Toys,
) -> None:
    writable = Settings(env="dev", dagster_writable=True)
    with both(dev_desk, build_ui(toys.context(read_only=False), writable)) as (api, ui):
        for host in (HOST, "127.0.0.1", "localhost"):
            with strange_page(browser, host=host) as page:
                outcomes = tried(page, f"127.0.0.1:{api.port}", f"127.0.0.1:{ui.port}")
            assert {name for name, *_ in outcomes} >= {"picture", "post plain", "form", "write", "socket"}
            assert [line for line in outcomes if line[0] == "socket" and line[1] != "refused"] == []
        assert (toys.started(), written(owner)) == (False, (0, 0))
        assert not switch_state(dev_desk).switch.is_engaged


def test_a_host_name_made_to_point_here_reaches_nothing_even_from_its_own_page(
    browser: BrowserContext,
    dev_desk: Desk,
    owner: Engine,
    toys: Toys,
) -> None:
    writable = Settings(env="dev", dagster_writable=True)
    with both(dev_desk, build_ui(toys.context(read_only=False), writable)) as (api, ui):
        for served in (api, ui):
            page = browser.new_page()
            landed = page.goto(f"http://{HOST}:{served.port}/")
            assert landed is not None
            assert (landed.status, landed.json()["code"]) == (421, "HOST_NOT_ALLOWED")
            outcomes = tried(page, f"{HOST}:{api.port}", f"{HOST}:{ui.port}")
            assert [line for line in outcomes if line[1] == "opened" or line[2] == 200] == []
        assert (toys.started(), written(owner)) == (False, (0, 0))


def test_without_doors_the_same_page_starts_a_sensor(browser: BrowserContext, dev_desk: Desk, toys: Toys) -> None:
    bare = Webserver(toys.context(read_only=False), writable=True).create_asgi_app()
    with both(dev_desk, bare) as (api, ui), strange_page(browser, host=HOST) as page:
        tried(page, f"127.0.0.1:{api.port}", f"127.0.0.1:{ui.port}")
        assert toys.started(), "or these ways prove nothing"


def test_its_own_pages_go_on_working(browser: BrowserContext, dev_desk: Desk, owner: Engine, toys: Toys) -> None:
    writable = Settings(env="dev", dagster_writable=True)
    with both(dev_desk, build_ui(toys.context(read_only=False), writable)) as (api, ui):
        page = browser.new_page()
        refused: list[str] = []
        sockets: list[str] = []
        page.on(
            "response", lambda answer: refused.append(answer.url) if answer.status in {403, 405, 415, 421} else None
        )
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.goto(f"{ui.http}/automation")
        expect(page.get_by_text("toy", exact=True).first).to_be_visible()
        assert sockets == [f"{ui.ws}/graphql"]
        page.evaluate(POST, ["/graphql", BODY, {}])
        page.goto(f"{api.http}/health")
        page.evaluate(POST, ["/api/admin/kill-switch", KILL, {"X-Admin-Token": PUBLIC_TOKEN}])
        expect(page.locator("#alarm")).to_contain_text("KILL SWITCH ENGAGED")
        assert (toys.started(), written(owner), refused) == (True, (1, 0), [])
