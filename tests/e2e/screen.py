"""An operator at the screen: a page in real Chromium with its complaints, what axe found.

Belongs here: what several modules of end-to-end tests hold in their hands. Does not belong here: fleets
(`harness/scene.py`), fixtures (`conftest.py`).
"""

from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page

from tests.harness.own_browser import CHROMIUM

STALE_TEXT = "rgb(154, 165, 179)"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; make test installs it")


class Screen:
    """A page and everything it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def row(self, name: str) -> Any:
        return self.page.locator(".spacer .row:visible", has_text=name)


def violations(results: Any) -> list[tuple[str, list[str]]]:
    """Return what axe found: the rule and the elements that break it."""
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"]])
        for violation in results.response["violations"]
    ]


def box_within(part: Locator, width: int) -> FloatRect:
    """Return the box of a part of the page, which lies between the edges of a window so wide."""
    box = part.bounding_box()
    assert box is not None, "it is not on the page"
    assert 0 <= box["x"] <= width - box["width"], f"it lies beside the window: {box}"
    return box
