"""A browser of one's own: which Chromium, how it starts, how long it may take.

Belongs here: what is true of any page. Does not belong here: what is asked of one.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 180_000  # what a page does takes seconds; this ends a wait for what it does not do


@contextmanager
def own_browser() -> Iterator[Browser]:
    """Start a headless Chromium with nothing remembered, and end it.

    Raises:
        RuntimeError: there is no Chromium on this machine.
    """
    if CHROMIUM is None:
        raise RuntimeError("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
