"""What holds for every page there is, at desk and phone width: no barrier, no overflow, no forbidden word."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from api.pages.site import SITE
from api.reference.sheets import all_sheets
from services.control.kill_switch import SwitchWish, throw_switch
from services.desk import Desk
from services.work.autonomy import run_autonomy_tick
from tests.e2e.lived import lived, shown_session
from tests.e2e.screen import Screen, needs_chromium, violations
from tests.harness.actors import OPS
from tests.harness.client import TOKEN
from tests.harness.serving import Served, serving
from trading.errors import Unavailable

pytestmark = needs_chromium
WIDTHS = {"desk": 1280, "phone": 390}
REFUSED = {"no such bot": "404", "no such page": "404", "not now": "503"}
FORBIDDEN = re.compile(r"fresh|\bOK\b", re.IGNORECASE)
HELD_STALE = """() => {
  const hold = () => { if (!document.body.classList.contains("stale")) document.body.classList.add("stale"); };
  new MutationObserver(hold).observe(document.body, { attributeFilter: ["class"] });
  hold();
}"""
Step = tuple[str, str, Callable[[Page], Any]]


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    """A bot with a past of every kind, beside a tick and an act of an operator."""
    bot_id = lived(stocked_desk)
    run_autonomy_tick(stocked_desk)
    throw_switch(stocked_desk, SwitchWish(True, "BAD_FEED", OPS, "trace-7"))
    return bot_id


@pytest.fixture
def served(bot_id: UUID, stocked_desk: Desk) -> Iterator[Served]:
    app = create_app(stocked_desk)
    app.add_api_route("/away", _away)
    with serving(app) as served:
        yield served


def _away() -> None:
    raise Unavailable("the database is away: it was stopped")


def pressed(key: str) -> Callable[[Page], None]:
    """Return what presses a key on a page that has settled."""

    def press(page: Page) -> None:
        settle(page)
        page.keyboard.press(key)

    return press


def open_event(page: Page) -> None:
    settle(page)
    page.locator("#events tbody tr").first.click()


def everywhere(desk: Desk, bot_id: UUID) -> list[Step]:
    """Every page, and every layer that opens over one."""
    pages: list[Step] = [(page.name, page.path.replace("{bot_id}", str(bot_id)), settle) for page in SITE]
    return [
        *pages,
        ("drawer", "/", open_drawer),
        ("reset", "/", open_reset),
        ("kill switch", "/jobs", open_kill_switch),
        ("keys", "/", pressed("?")),
        ("nothing matches", "/", filter_everything_away),
        ("event", "/audit", open_event),
        ("verify", "/audit", pressed("v")),
        ("no such bot", f"/bots/{UUID(int=9)}", lambda page: expect(page.locator("#bot-missing")).to_be_visible()),
        ("no such page", "/bord", lambda page: expect(page.get_by_role("heading")).to_have_text("No such page")),
        ("not now", "/away", lambda page: expect(page.get_by_role("link", name="Try again")).to_be_visible()),
        ("proof", "/proof", lambda _: None),
        ("api", "/docs", lambda _: None),
        *((sheet.title, f"/docs/reference/{sheet.name}", lambda _: None) for sheet in all_sheets()),
        ("tear sheet", f"/api/sessions/{shown_session(desk, bot_id).id}/report", lambda _: None),
    ]


def settle(page: Page) -> None:
    expect(page.locator("#link-words")).to_have_text("LIVE")
    page.wait_for_load_state("networkidle")


def open_drawer(page: Page) -> None:
    settle(page)
    page.locator(".spacer .row:visible", has_text="Quartz").click()
    expect(page.locator("#drawer .chart canvas")).to_be_visible()


def open_reset(page: Page) -> None:
    settle(page)
    page.keyboard.press("r")
    page.locator("#reset-token").fill(TOKEN)
    page.locator("#reset-dry").click()
    expect(page.locator("#reset-execute")).to_be_enabled()


def open_kill_switch(page: Page) -> None:
    settle(page)
    page.keyboard.press("!")
    expect(page.locator("#kill-dialog")).to_be_visible()


def filter_everything_away(page: Page) -> None:
    settle(page)
    page.locator("#filter").fill("no bot has this name")
    expect(page.locator("#empty")).to_be_visible()


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_axe_finds_no_violation_on_any_page(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    bot_id: UUID,
    width: int,
    axe: Any,
) -> None:
    page = screen.page
    page.set_viewport_size({"width": width, "height": 844})
    faults: dict[str, list[str]] = {}
    for name, path, act in everywhere(stocked_desk, bot_id):
        page.goto(served.http + path)
        act(page)
        faults |= {f"{name}: {rule}": nodes for rule, nodes in violations(axe.run(page))}
        page.evaluate(HELD_STALE)
        faults |= {f"{name}, stale: {rule}": nodes for rule, nodes in violations(axe.run(page))}
    assert not faults, json.dumps(faults, indent=1)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_no_page_complains_is_too_wide_or_says_what_nobody_can_know(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
    bot_id: UUID,
    width: int,
) -> None:
    page = screen.page
    page.set_viewport_size({"width": width, "height": 844})
    for name, path, act in everywhere(stocked_desk, bot_id):
        page.goto(served.http + path)
        act(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert FORBIDDEN.findall(page.content()) == [], name
        complaints = [
            complaint for complaint in screen.complaints if name not in REFUSED or REFUSED[name] not in complaint
        ]
        assert complaints == [], name
        screen.complaints.clear()


def test_two_tabs_follow_the_same_change_and_keep_their_own_filters(
    screen: Screen,
    served: Served,
    stocked_desk: Desk,
) -> None:
    first, other = screen.page, screen.page.context.new_page()
    for tab in (first, other):
        tab.goto(served.http)
        settle(tab)
        tab.evaluate("window.marker = 1")
    first.locator("#filter").fill("amber")
    expect(first.locator("#row-count")).to_have_text("ROWS 1/3")
    expect(other.locator("#row-count")).to_have_text("ROWS 3/3")
    throw_switch(stocked_desk, SwitchWish(False, "FEED_MENDED", OPS, "trace-8"))
    run_autonomy_tick(stocked_desk)
    for tab in (first, other):
        row = tab.locator(".spacer .row:visible", has_text="Amber Adder")
        expect(row.locator(".badge")).to_have_text("Backtest queued • x1")
        assert tab.evaluate("window.marker") == 1
    expect(first.locator("#row-count")).to_have_text("ROWS 1/3")
