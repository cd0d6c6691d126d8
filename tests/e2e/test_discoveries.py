"""The Discoveries page: proven bots beside the truth about simulated markets, at a desk and on a phone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.app import create_app
from services.desk import Desk
from services.market.plants import simulate_with_edges
from store.market.bars import BarStore
from tests.e2e.screen import Screen, needs_chromium, violations
from tests.harness.factories import make_bot, make_evidence
from tests.harness.serving import Served, serving
from trading.market.plants import EdgeKind, Plant

pytestmark = needs_chromium
FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
PLANTS = {"MES": Plant(EdgeKind.OPENING_RANGE, 16.0), "MNQ": Plant(EdgeKind.MOMENTUM, 20.0)}


@pytest.fixture
def served(desk: Desk, tmp_path: Path) -> Iterator[Served]:
    desk = replace(desk, bars=BarStore(tmp_path / "bars"))
    simulate_with_edges(desk, ["MES", "MNQ", "M2K", "MGC"], plants=PLANTS, seed=7, years=0.02)
    with desk.database.begin() as db:
        for name, symbol, over in (
            ("Amber Adder", "MES", {"log_e": 7.6, "sharpe": 4.5, "proven_since": FIRST}),
            ("Basalt Bison", "MES", {"log_e": 23.0, "sharpe": 7.25, "proven_since": FIRST}),
            ("Cinder Crane", "MNQ", {"log_e": 1.0}),
            ("Dusk Dingo", "M2K", {"log_e": 8.0, "proven_since": FIRST}),
            ("Ember Egret", "MGC", {"log_e": -3.0}),
        ):
            make_evidence(db, make_bot(db, name=name, symbol=symbol), **over)
        real = make_bot(db, name="Flint Falcon", symbol="NQ")
        make_evidence(db, real, bars_kind="REAL", log_e=9.0, sharpe=1.5, proven_since=FIRST)
    with serving(create_app(desk)) as served:
        yield served


def opened(screen: Screen, served: Served) -> Page:
    screen.page.goto(served.http + "/discoveries")
    expect(screen.page.locator("#link-words")).to_have_text("LIVE")
    expect(screen.page.locator("#proven tr[data-key]")).to_have_count(4)
    return screen.page


def figure(page: Page, label: str) -> Any:
    return page.locator("#strip .total", has=page.get_by_text(label, exact=True)).locator(".figure")


def test_it_says_what_is_planted_found_missed_and_false_and_since_when(screen: Screen, served: Served) -> None:
    page = opened(screen, served)
    for label, words in (
        ("Planted", "2edges"),
        ("Found", "1"),
        ("Missed", "1"),
        ("False", "1of 3 proven bots"),
        ("Records, simulated", "5"),
        ("Proven, real bars", "1of 1 records"),
    ):
        expect(figure(page, label)).to_have_text(words)
    rows = page.locator("#markets tr[data-key]")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("MESopening range16.00")
    expect(rows.nth(0)).to_contain_text("FOUND2026-03-01 10:00:00")
    expect(rows.nth(1)).to_contain_text("MNQmomentum")
    expect(rows.nth(1)).to_contain_text("MISSED")
    expect(rows.nth(2)).to_contain_text("M2Knothing")
    expect(rows.nth(2)).to_contain_text("FALSE")
    expect(rows.nth(3)).to_contain_text("QUIET")
    bot = page.locator("#proven tr[data-key]")
    expect(bot.nth(0)).to_contain_text("Amber Adder")
    expect(bot.nth(0)).to_contain_text("×1,998")  # e to 7.6
    expect(bot.nth(1)).to_contain_text("×10^10")  # 23 over the natural logarithm of ten is 9.99
    expect(bot.nth(2)).to_contain_text("FALSE")
    expect(bot.nth(3)).to_contain_text("unknown")
    expect(page.locator("#rule")).to_contain_text("at most 10 % of the proven are false")
    assert screen.complaints == []


def test_keys_lead_to_a_proven_bot(screen: Screen, served: Served) -> None:
    page = opened(screen, served)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#proven tr[aria-current]")).to_contain_text("Basalt Bison")
    page.keyboard.press("Enter")
    page.wait_for_url("**/bots/*")
    expect(page.locator("#bot-name")).to_have_text("Basalt Bison")


@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_and_has_no_barrier(screen: Screen, served: Served, axe: Any, width: int) -> None:
    screen.page.set_viewport_size({"width": width, "height": 850})
    page = opened(screen, served)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("a.tab[aria-current]")).to_be_in_viewport(ratio=0.95)
    for table in ("#markets", "#proven"):
        over = page.locator(table).evaluate("table => table.scrollWidth - table.parentElement.clientWidth")
        assert over <= 0, f"{table} is {over} px wider than its place"
    assert violations(axe.run(page)) == []
