"""Every page of the terminal at work, as pictures at both widths, and what a picture cannot forgive.

    python -m bench.screens [--out FOLDER] [--bots 900]     the terminal
    python -m bench.screens --dagster [--bots 1000]         Dagster's own pages over a fleet

A private platform comes up with everything: supervisor, code server, daemon, API, embedded PostgreSQL; a fleet
registers, a market is simulated, and the loop works: real backtests and improve iterations. Nothing is drawn for a
picture. Each page is looked at in headless Chromium at desk and phone width. The command fails where a page complains
in its console, is wider than its window, or says "Fresh".
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from gateways.settings import PROJECT_ROOT
from tests.harness.own_browser import CHROMIUM, own_browser
from tests.harness.own_platform import Platform, private_platform

WIDTHS = {"": (1280, 800), "-phone": (390, 844)}
WIDE = (1600, 900)
FOLDER = PROJECT_ROOT / "docs" / "screens"
MOST_BYTES = 3_000_000
BOTS = 900  # their baselines last until the first improvements run beside them
WORK_SECONDS = 420.0
SETTLE_MS = 900
COLOURS = 256
DAGSTER_BOTS = 1_000
DAGSTER_SECONDS = 9.0  # its pages go on loading when the network rests
FORBIDDEN = re.compile(r"\bfresh\b", re.IGNORECASE)
AT_WORK = """() => {
  const badges = [...document.querySelectorAll(".spacer .row:not([hidden]) .badge:not([hidden])")];
  const count = (words) => badges.filter((badge) => badge.textContent.startsWith(words)).length;
  return { works: count("Backtesting") >= 2 && count("Improving") >= 1, baselines: count("Backtest") };
}"""
WAITING = "SELECT count(*) FROM bots b WHERE NOT EXISTS (SELECT 1 FROM backtest_sessions s WHERE s.bot_id = b.id)"
LARGEST_RUN = """
    SELECT dagster_run_id, min(bot_id::text) FROM bot_jobs WHERE job_type = 'BACKTEST' AND status = 'COMPLETED'
    GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
"""
Act = Callable[[Page], Any]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where, what is done there first, and whether it is worth taking only while every cap is used."""

    name: str
    path: str
    act: Act | None = None
    at_work: bool = False


@dataclass(slots=True)
class Album:
    """Takes the pictures and remembers what was wrong."""

    browser: Browser
    platform: Platform
    folder: Path
    faults: list[str] = field(default_factory=list)
    written: int = 0

    def take(self, shot: Shot, name: str, size: tuple[int, int]) -> None:
        """Open a page of its own, act, look and write the picture."""
        with self._page(size, name) as page:
            page.goto(self.platform.api + shot.path)
            if page.locator("#link-words").count():
                expect(page.locator("#link-words")).to_have_text("LIVE")
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(SETTLE_MS)
            if shot.act is not None:
                shot.act(page)
            taken = self._at_work(page) if shot.at_work else page.screenshot()
            self._look(page, name, width=size[0])
        self.keep(name, taken)

    def keep(self, name: str, taken: bytes) -> None:
        """Write a picture with at most 256 colours, which a third of the bytes are enough for."""
        target = self.folder / f"{name}.png"
        Image.open(BytesIO(taken)).convert("RGB").quantize(COLOURS).save(target, optimize=True)
        self.written += target.stat().st_size
        print(f"  {name:<28} {target.stat().st_size / 1_000:>6.0f} KB", flush=True)

    def _at_work(self, page: Page) -> bytes:
        """Return the last picture before and after which two backtests and an improve iteration were seen running."""
        best, until = None, time.monotonic() + WORK_SECONDS
        while time.monotonic() < until:
            before, taken, after = page.evaluate(AT_WORK), page.screenshot(), page.evaluate(AT_WORK)
            if before["works"] and after["works"]:
                best = taken
            elif best is not None and not after["baselines"]:
                return best
        raise RuntimeError("backtests and improvements were never seen running at once, or never ended")

    @contextmanager
    def _page(self, size: tuple[int, int], name: str) -> Iterator[Page]:
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]})
        try:
            page = context.new_page()
            page.on("console", lambda said: self._heard(name, said))
            page.on("pageerror", lambda error: self.faults.append(f"{name}: {error}"))
            yield page
        finally:
            context.close()

    def _heard(self, name: str, said: Any) -> None:
        if said.type in {"error", "warning"}:
            self.faults.append(f"{name}: {said.text}")

    def _look(self, page: Page, name: str, *, width: int) -> None:
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.faults.append(f"{name}: {wide} px wide in a window of {width}")
        if said := FORBIDDEN.search(page.content()):
            self.faults.append(f"{name}: says {said.group()}")


def main() -> None:
    """Start, wait for work, look at every page; exit 1 where one is not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--bots", type=int)
    parser.add_argument("--dagster", action="store_true")
    chosen = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no Chromium is installed")
    chosen.out.mkdir(parents=True, exist_ok=True)
    take = _dagster if chosen.dagster else _terminal
    with private_platform("pg-screens", simulator_years=1) as platform:
        platform.command("seed", "--bots", str(chosen.bots or (DAGSTER_BOTS if chosen.dagster else BOTS)))
        platform.start()
        with own_browser() as browser:
            album = Album(browser, platform, chosen.out)
            take(album)
    if album.written > MOST_BYTES:
        album.faults.append(f"{album.written:,} bytes of pictures, at most {MOST_BYTES:,}")
    print("\n".join(album.faults or ["nothing to complain about"]))
    sys.exit(bool(album.faults))


def _terminal(album: Album) -> None:
    platform = album.platform
    platform.until(lambda: _improves(platform), "the first improvement")
    album.take(Shot("board", "/?sort=activity", at_work=True), "board", WIDE)
    _act(platform)
    for shot in _shots(platform):
        for end, size in WIDTHS.items():
            album.take(shot, shot.name + end, size)


def _dagster(album: Album) -> None:
    """Picture the asset graph, a partition of each bot and a run that did hundreds, once every bot has its baseline."""
    platform = album.platform
    platform.until(lambda: not _waiting(platform), "every baseline")
    with platform.owner().connect() as connection:
        run_id, bot_id = connection.exec_driver_sql(LARGEST_RUN).one()
    page = album.browser.new_page(viewport={"width": WIDE[0], "height": WIDE[1]})
    for name, path in (
        ("groups", "asset-groups"),
        ("graph", "asset-groups"),
        ("partitions", f"assets/backtest_sessions?view=partitions&partition={bot_id}"),
        ("run", f"runs/{run_id}"),
    ):
        page.goto(f"http://127.0.0.1:{platform.settings.webserver_port}/{path}")
        page.wait_for_timeout(DAGSTER_SECONDS * 1_000)
        if name == "graph":
            page.keyboard.press("Alt+KeyE")  # opens every group
            page.wait_for_timeout(DAGSTER_SECONDS * 1_000)
        album.keep(f"dagster-{name}", page.screenshot())


def _act(platform: Platform) -> None:
    """Have operators do what pages tell of: a proof pack, a stop and its release, a verified chain."""
    for words in (("proof",), ("kill-switch", "on", "--reason", "BAD_FEED"), ("kill-switch", "off"), ("verify-audit",)):
        platform.command(*words)


def _shots(platform: Platform) -> tuple[Shot, ...]:
    best = _best(platform)
    report = next(
        session["reportUrl"] for session in platform.get(f"/api/bots/{best}")[1]["sessions"] if session["reportUrl"]
    )
    return (
        Shot("board-narrow", "/"),
        Shot("drawer", "/", _open_drawer),
        Shot("reset", "/", _dry_run),
        Shot("kill-switch", "/", _kill_dialog),
        Shot("bot", f"/bots/{best}"),
        Shot("decisions", "/decisions"),
        Shot("jobs", "/jobs"),
        Shot("health", "/health"),
        Shot("audit", "/audit", _open_event),
        Shot("candidates", "/candidates"),
        Shot("discoveries", "/discoveries"),
        Shot("proof", "/proof"),
        Shot("tear-sheet", report),
    )


def _open_drawer(page: Page) -> None:
    page.locator(".spacer .row:visible .badge.running").first.click()
    expect(page.locator("#drawer-body .figures")).to_be_visible()


def _dry_run(page: Page) -> None:
    page.keyboard.press("r")
    page.locator("#reset-dry").click()
    expect(page.locator("#reset-execute")).to_be_enabled()


def _open_event(page: Page) -> None:
    page.keyboard.press("v")
    page.locator("#verify-do").click()
    expect(page.locator("#strip")).to_contain_text("whole")
    page.locator("#events tbody tr").first.click()
    expect(page.locator("#event .payload")).to_be_visible()


def _kill_dialog(page: Page) -> None:
    page.keyboard.press("!")
    expect(page.locator("#kill-work tr")).to_have_count(3)


def _improves(platform: Platform) -> bool:
    """Say whether an improve iteration has ended while baselines still go on."""
    with platform.owner().connect() as connection:
        return bool(connection.exec_driver_sql("SELECT count(*) FROM improve_iterations").scalar_one())


def _waiting(platform: Platform) -> int:
    """Return how many bots have no completed session."""
    with platform.owner().connect() as connection:
        return int(connection.exec_driver_sql(WAITING).scalar_one())


def _best(platform: Platform) -> str:
    """Return the bot with the most generations, and of these the best figure: it has the most to show."""
    bots = [bot for bot in platform.get("/api/bots?limit=200")[1]["data"] if bot["metrics"]["netPnl"] is not None]
    best: str = max(bots, key=lambda bot: (bot["generation"] or 0, bot["metrics"]["netPnl"]))["id"]
    return best


if __name__ == "__main__":
    main()
