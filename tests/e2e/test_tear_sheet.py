"""The tear sheet in a real browser: nothing refused by its policy, nothing cut off, at both widths and on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright
from sqlalchemy import select

from api.app import create_app
from api.pages import vendor
from services.backtests.baselines import run_baseline
from services.desk import Desk
from store.tables import BacktestSession
from tests.e2e.screen import needs_chromium
from tests.harness.factories import make_bot
from tests.harness.own_browser import CHROMIUM
from tests.harness.serving import serving

WIDTHS = {"desk": 1280, "phone": 390}

pytestmark = needs_chromium


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@dataclass
class Shown:
    """A page and everything the browser complained about."""

    page: Page
    complaints: list[str]

    def answered(self, response: Response) -> None:
        """Complain of an answer that is none."""
        if response.status >= 400:
            self.complaints.append(response.url)


def show(browser: Browser, address: str, *, width: int) -> Shown:
    page = browser.new_page(viewport={"width": width, "height": 900})
    sheet = Shown(page, [])
    page.on("console", lambda message: sheet.complaints.append(message.text))
    page.on("requestfailed", lambda request: sheet.complaints.append(request.url))
    page.on("response", sheet.answered)
    page.goto(address, wait_until="networkidle")
    return sheet


def test_it_is_whole_at_every_width_and_on_paper(stocked_desk: Desk, browser: Browser, tmp_path: Path) -> None:
    assert vendor.ensure()
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, name="Plotted Plover 0007", archetype="mean_reversion").id
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    with stocked_desk.database() as db:
        run_id = db.scalars(select(BacktestSession.id)).one()
    with serving(create_app(stocked_desk)) as served:
        for name, width in WIDTHS.items():
            sheet = show(browser, f"{served.http}/api/sessions/{run_id}/report", width=width)
            assert sheet.complaints == []
            assert sheet.page.evaluate("document.documentElement.scrollWidth") == width
            assert sheet.page.locator(".simulated").is_visible()
            charts = [chart for chart in sheet.page.locator("svg.chart").all() if chart.is_visible()]
            assert len(charts) == 3
            assert all((chart.bounding_box() or {"height": 0})["height"] > 80 for chart in charts)
            assert sheet.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(7, 9, 13)"
            sheet.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        sheet.page.emulate_media(media="print")
        assert sheet.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        printed = sheet.page.pdf(path=tmp_path / "paper.pdf", prefer_css_page_size=True)
        assert printed.startswith(b"%PDF")
