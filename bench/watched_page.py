"""The board in a browser, watched: cold loads, keystrokes and badges with the moments at which a person sees them.

Belongs here: what is asked of a page. Does not belong here: starting Chromium (`tests.harness.own_browser`), what the
figures mean (`page.py`), the server.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page

from bench.leaks import Sample
from tests.harness.own_browser import PATIENCE_MS

DESK = {"width": 1600, "height": 900}
KEYSTROKE_MS = 130
QUIET_MS = 400
SEEN = """() => {
  const seen = { keys: [], badges: [] };
  window.seen = seen;
  const painted = (then) => requestAnimationFrame(() => setTimeout(then));
  const rows = () => document.querySelectorAll(".spacer .row:not([hidden])");
  const marks = {
    rows: () => rows().length > 0 && rows()[0].querySelector(".name").textContent !== "",
    live: () => document.getElementById("link-words")?.textContent === "LIVE",
  };
  let asked = false;
  const look = () => {
    for (const [name, holds] of Object.entries(marks)) {
      if (!(name in seen) && holds()) seen[name] = performance.now();
    }
    if (!seen.rows || asked) return;
    asked = true;
    const filter = document.getElementById("filter");
    const write = (words) => {
      filter.value = words;
      filter.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const count = () => document.getElementById("row-count").textContent;
    const all = count();
    write(rows()[rows().length - 1].querySelector(".name").textContent);
    seen.filtered = count() !== all && rows().length >= 1;
    write("");
    painted(() => { seen.interactive = performance.now(); watched.disconnect(); });
  };
  const watched = new MutationObserver(look);
  watched.observe(document, { subtree: true, childList: true, characterData: true });
  let pressed = null;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true });
  addEventListener("input", (event) => {
    const began = pressed;
    pressed = null;
    if (began !== null) painted(() => seen.keys.push(performance.now() - began));
  });
  let known = new Map();
  const badges = () => {
    const now = new Map();
    for (const row of rows()) {
      const badge = row.querySelector(".badge");
      if (!badge.hidden) now.set(row.dataset.id, badge.textContent);
    }
    const at = performance.timeOrigin + performance.now();
    for (const [id, words] of now) if (known.get(id) !== words) seen.badges.push([id, words, at]);
    for (const id of known.keys()) if (!now.has(id)) seen.badges.push([id, null, at]);
    known = now;
  };
  window.watchBadges = () => {
    badges();
    seen.badges.length = 0;
    const options = { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "data-id"] };
    new MutationObserver(badges).observe(document.getElementById("spacer"), options);
  };
}"""
PARTS = {".js": "JS", ".css": "CSS", ".woff2": "fonts", "/api/board": "board JSON", ".svg": "icon", "/": "HTML"}


@dataclass(slots=True)
class ColdLoad:
    """One load without any cache: bytes by part, and milliseconds since the navigation began."""

    bytes_by_part: dict[str, float]
    ms: dict[str, float]

    @property
    def kb(self) -> float:
        """All that crossed the wire, headers included."""
        return sum(self.bytes_by_part.values()) / 1_000


class Received:
    """Counts what the network delivered to a page."""

    def __init__(self, session: CDPSession) -> None:
        self._urls: dict[str, str] = {}
        self.bytes_by_part: dict[str, float] = defaultdict(float)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def _asked(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        path = urlsplit(self._urls.get(event["requestId"], "")).path
        part = next((name for end, name in PARTS.items() if path.endswith(end)), "other JSON")
        self.bytes_by_part[part] += event["encodedDataLength"]


@contextmanager
def open_page(browser: Browser, address: str) -> Iterator[tuple[Page, CDPSession]]:
    """Open the board in a context of its own, watched from its first moment, and wait until it is live."""
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(f"({SEEN})()")
        session = context.new_cdp_session(page)
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => seen.interactive && seen.live", polling=100)
        yield page, session
    finally:
        context.close()


def cold_load(browser: Browser, address: str) -> ColdLoad:
    """Load the board without any cache and return what crossed the wire and when."""
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(f"({SEEN})()")
        received = Received(context.new_cdp_session(page))
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => seen.interactive && seen.live", polling=100)
        page.wait_for_load_state("networkidle")
        if not page.evaluate("seen.filtered"):
            raise RuntimeError("the filter box did nothing")
        return ColdLoad(dict(received.bytes_by_part), _phases(page))
    finally:
        context.close()


def _phases(page: Page) -> dict[str, float]:
    """Return when each step was over, in milliseconds since the navigation began."""
    phases: dict[str, float] = page.evaluate(
        """() => {
          const [page] = performance.getEntriesByType("navigation");
          const files = performance.getEntriesByType("resource");
          const ended = (end) => files.filter((file) => file.name.endsWith(end)).map((file) => file.responseEnd);
          const last = (end) => Math.max(0, ...ended(end));
          const board = files.find((file) => file.name.endsWith("/api/board"));
          const paint = performance.getEntriesByName("first-contentful-paint")[0];
          return {
            "HTML there": page.responseEnd, "CSS there": last(".css"), "JS there": last(".js"),
            "fonts there": last(".woff2"), "first paint": paint?.startTime ?? 0, "board asked": board.requestStart,
            "board answers": board.responseStart, "board there": board.responseEnd, "rows drawn": seen.rows,
            interactive: seen.interactive,
          };
        }"""
    )
    return phases


def keystrokes(page: Page, words: list[str]) -> list[float]:
    """Type into the filter box and return the milliseconds from each key to the painted rows."""
    page.evaluate("seen.keys.length = 0")
    for word in words:
        page.keyboard.press("/")
        page.keyboard.type(word, delay=KEYSTROKE_MS)
        page.keyboard.press("Escape")
        page.wait_for_timeout(KEYSTROKE_MS)
    delays_ms: list[float] = page.evaluate("seen.keys")
    return delays_ms


def names_shown(page: Page, count: int) -> list[str]:
    """Return names of bots on the page, for words to type."""
    names: list[str] = page.locator(".spacer .row:visible .name").all_text_contents()
    return random.Random(3).sample(names, min(count, len(names)))


def held(page: Page, session: CDPSession) -> Sample:
    """Return what the page holds after a forced collection, once it has taken all that was sent.

    A page that is still behind makes nodes between the collection and the count; these would look like a leak.
    """
    messages, before = _messages(page), -1
    while messages != before:
        page.wait_for_timeout(QUIET_MS)
        messages, before = _messages(page), messages
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    counters = session.send("Memory.getDOMCounters")
    return Sample(messages, metrics["JSHeapUsedSize"] / 1e6, counters["nodes"], counters["jsEventListeners"])


def _messages(page: Page) -> int:
    return int(page.locator("#seq").inner_text().removeprefix("SEQ "))
