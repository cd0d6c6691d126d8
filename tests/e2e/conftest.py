"""What every end-to-end test may ask for: the database of the integration tests, a screen, a clock that runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from api.pages import vendor
from tests.e2e.screen import Screen
from tests.harness.clocks import MovingClock
from tests.harness.database import bar_store, desk, owner, server_url, settings, stocked_desk, urls
from tests.harness.own_browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.harness.serving import let_reads_take

__all__ = ["bar_store", "desk", "owner", "server_url", "settings", "stocked_desk", "urls"]


expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture(autouse=True)
def patient_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of this folder answer late where the machine is busy, not 503: what a page shows is asked here."""
    seconds = PATIENCE_MS / 1_000
    let_reads_take(monkeypatch, seconds=seconds)
    monkeypatch.setattr("api.edge.recent.WAIT_SECONDS", seconds)
    monkeypatch.setattr("api.live.stream.FIRST_READ_SECONDS", seconds)


@pytest.fixture(scope="session", autouse=True)
def vendored() -> None:
    assert vendor.ensure()


@pytest.fixture
def axe() -> Any:
    """What looks at a page for barriers."""
    return pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1600, "height": 900}
        )
        browser.set_default_timeout(PATIENCE_MS)
        try:
            yield Screen(browser.new_page())
        finally:
            browser.close()
