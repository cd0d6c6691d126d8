"""The board in a real browser, over a real API and a fleet of 200, 5,000 and 10,000 bots.

    python -m bench.page [SIZE ...] [--loads 7] [--record PAGE]
    python -m bench.page --leak [MINUTES] [SIZE] [--record PAGE]

For each size, in a private folder: embedded PostgreSQL, a fleet with figures and work at hand, `python -m api`, and
headless Chromium at 1600 × 900. What the figures are:

- kb: all that a cold load transfers, as the browser's network counts it, headers and equity lines included.
- interactive_ms: from the start of the navigation until the rows are painted and a word written into the filter box
  filtered them; median of cold loads, each in a new context with the cache off.
- update_p50_ms, update_p95_ms: from a commit (a job claimed, a job closed) until the badge in the DOM says so, with ten
  clients on the board: this page and nine sockets.
- filter_ms: from a key going down until the filtered rows are painted.
- server_cpu_pct, server_mb, heap_mb: the API while it tells those changes, and the page's heap after a collection.

`--leak` gives an open page the messages of eight hours in ten minutes: one change a second, all of the board's own
waits shortened by as much. It judges what heap, DOM nodes and listeners the page gained. The last line is JSON; exit 1
where a bar is missed.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from bench.leaks import Growth, Sample, growth
from bench.page_traffic import Commit, Work, other_screens, own_api, prepare_fleet
from bench.watched_page import cold_load, held, keystrokes, names_shown, open_page
from tests.harness.own_browser import CHROMIUM, own_browser
from tests.harness.own_platform import private_platform

SIZES = (200, 5_000, 10_000)
LOADS = 7
OTHER_SCREENS = 9
CHANGES = 80
CHANGE_SECONDS = 0.25
WORDS = 4
SETTLE_SECONDS = 2.0
LEAK_HOURS = 8.0
LEAK_SIZE = 1_000
LEAK_SAMPLES = 20
CHANGES_A_SECOND = 1.0
JSON_FIGURES = ("kb", "interactive_ms", "update_p50_ms", "update_p95_ms", "filter_ms", "server_cpu_pct", "heap_mb")
BARS: dict[str, dict[int, float]] = {
    "kb": {5_000: 320},  # every column filled: evidence, OOS Sharpe, confidence and uniqueness cost 23
    "interactive_ms": {5_000: 400, 10_000: 600},
    "update_p95_ms": {200: 200, 5_000: 200, 10_000: 200},
}


@dataclass(slots=True)
class Figures:
    """What one fleet size gave."""

    size: int
    values: dict[str, float] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """The bars that were missed."""
        return [
            f"{self.size:,} bots: {name} {self.values[name]:,.0f}, at most {most[self.size]:g}"
            for name, most in BARS.items()
            if self.size in most and self.values[name] > most[self.size]
        ]


def main() -> None:
    """Measure every size that is asked for, or look for leaks; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--loads", type=int, default=LOADS, help="cold loads of each size")
    parser.add_argument("--leak", nargs="?", type=float, const=10.0, metavar="MINUTES", help="look for leaks instead")
    parser.add_argument("--record", type=Path, help="write the figures to this page")
    chosen = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("NOT RUN: no Chromium is installed")
    if chosen.leak is not None:
        sys.exit(leak(next(iter(chosen.sizes), LEAK_SIZE), minutes=chosen.leak, record=chosen.record))
    began = time.monotonic()
    with own_browser() as browser:
        measured = [measure(browser, size, loads=chosen.loads) for size in chosen.sizes or SIZES]
    print(f"\n{time.monotonic() - began:.0f} s in all, load at the end {os.getloadavg()[0]:.1f}")
    faults = [fault for figures in measured for fault in figures.faults]
    print("\n".join(faults or ["every bar is kept"]))
    if chosen.record is not None:
        _record(chosen.record, measured)
    print(
        json.dumps(
            {name: {str(figures.size): round(figures.values[name], 1) for figures in measured} for name in JSON_FIGURES}
        )
    )
    sys.exit(bool(faults))


def measure(browser: Browser, size: int, *, loads: int = LOADS) -> Figures:
    """Build a fleet of this size, look at it, and return the figures."""
    figures = Figures(size, {"load_before": os.getloadavg()[0]})
    print(f"\n{size:,} bots, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {datetime.now(UTC):%F %H:%M} UTC")
    with private_platform("pg-page") as platform:
        work = prepare_fleet(platform, platform.desk(), size)
        with own_api(platform) as server, other_screens(platform, OTHER_SCREENS):
            _record_loads(figures, browser, platform.api, loads=loads)
            with open_page(browser, f"{platform.api}/?sort=activity") as (page, session):
                time.sleep(SETTLE_SECONDS)
                _record_updates(figures, page, work, server=server)
                _record_keys(figures, page)
                figures.values["heap_mb"] = held(page, session).heap_mb
        work.desk.database.kw["bind"].dispose()
    for name, value in figures.values.items():
        print(f"  {name:<32} {value:>10,.1f}")
    return figures


def _record_loads(figures: Figures, browser: Browser, address: str, *, loads: int) -> None:
    cold_load(browser, address)
    cold_loads = [cold_load(browser, address) for _ in range(loads)]
    figures.values["kb"] = statistics.median(load.kb for load in cold_loads)
    figures.values["interactive_ms"] = statistics.median(load.ms["interactive"] for load in cold_loads)
    for part in sorted(set().union(*(load.bytes_by_part for load in cold_loads))):
        figures.values[f"kb {part}"] = statistics.median(load.bytes_by_part.get(part, 0) / 1_000 for load in cold_loads)
    for step in cold_loads[0].ms:
        figures.values[f"ms {step}"] = statistics.median(load.ms[step] for load in cold_loads)
    figures.values["ms interactive, best"] = min(load.ms["interactive"] for load in cold_loads)


def _record_updates(figures: Figures, page: Page, work: Work, *, server: psutil.Process) -> None:
    page.evaluate("watchBadges()")
    began, before = time.monotonic(), server.cpu_times()
    commits = work.change(CHANGES, each_seconds=CHANGE_SECONDS)
    after = server.cpu_times()
    spent = after.user + after.system - before.user - before.system
    figures.values["server_cpu_pct"] = 100 * spent / (time.monotonic() - began)
    figures.values["server_mb"] = server.memory_info().rss / 1e6
    page.wait_for_timeout(1_000 * SETTLE_SECONDS)
    took_ms = waits(commits, page.evaluate("seen.badges"))
    figures.values["update_p50_ms"] = statistics.median(took_ms)
    figures.values["update_p95_ms"] = statistics.quantiles(took_ms, n=20)[-1]
    figures.values["updates"] = len(took_ms)


def waits(commits: Sequence[Commit], badges: Sequence[tuple[str, str | None, float]]) -> list[float]:
    """Return the milliseconds from each commit until its badge came or went.

    Args:
        commits: In the order of their moments.
        badges: What the page saw, oldest first: bot, words of its badge (None where it went), epoch milliseconds.

    Raises:
        RuntimeError: a commit's badge never changed.
    """
    took_ms = []
    for commit in commits:
        at_ms = next((at for bot, words, at in badges if at >= commit.before_ms and _tells(commit, bot, words)), None)
        if at_ms is None:
            raise RuntimeError(f"no badge tells of {commit}")
        took_ms.append(max(0.0, at_ms - commit.at_ms))
    return took_ms


def _tells(commit: Commit, bot: str, words: str | None) -> bool:
    said = words is None if commit.badge is None else (words or "").startswith(commit.badge)
    return said and bot == str(commit.bot_id)


def _record_keys(figures: Figures, page: Page) -> None:
    took_ms = keystrokes(page, names_shown(page, WORDS))
    figures.values["filter_p50_ms"] = statistics.median(took_ms)
    figures.values["filter_ms"] = statistics.quantiles(took_ms, n=20)[-1]
    figures.values["keystrokes"] = len(took_ms)


def leak(size: int, *, minutes: float, record: Path | None = None) -> bool:
    """Give a page the messages of eight hours in so many minutes; print what it gained and return whether it leaks."""
    changes = round(LEAK_HOURS * 3_600 * CHANGES_A_SECOND)
    times = LEAK_HOURS * 60 / minutes
    print(f"{size:,} bots, {changes:,} changes in {minutes:g} minutes, {times:.0f} times as fast as eight hours")
    samples: list[Sample] = []
    began = time.monotonic()
    with own_browser() as browser, private_platform("pg-leak") as platform:
        work = prepare_fleet(platform, platform.desk(), size)
        with own_api(platform, times=times), open_page(browser, f"{platform.api}/?sort=activity") as (page, session):
            for part in range(LEAK_SAMPLES + 1):
                work.keep_pace(changes * part // LEAK_SAMPLES, since=began, seconds=60 * minutes / changes)
                samples.append(held(page, session))
                print(f"  {time.monotonic() - began:>6.0f} s  {samples[-1]}", flush=True)
        work.desk.database.kw["bind"].dispose()
    took_minutes = (time.monotonic() - began) / 60
    grown = growth(samples, messages=samples[-1].messages)
    print("\n".join(grown.faults or ["nothing is kept"]))
    if record is not None:
        record.write_text("\n".join(_leak_page(size, samples, grown, minutes=took_minutes)) + "\n", "utf-8")
    figures = {"leak_messages": samples[-1].messages, "leak_changes": changes, "leak_heap_mb": round(grown.heap_mb, 2)}
    print(json.dumps(figures | {"leak_nodes": round(grown.nodes), "leak_listeners": round(grown.listeners)}))
    return bool(grown.faults)


def _leak_page(size: int, samples: Sequence[Sample], grown: Growth, *, minutes: float) -> list[str]:
    return [
        "# What an open board keeps",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {size:,} bots: the messages of {LEAK_HOURS:g} hours in {minutes:.1f} "
        "minutes, each sample after a forced collection. "
        f"Written by `python -m bench.page {shlex.join(sys.argv[1:])}`.",
        "",
        "| messages | heap MB | DOM nodes | listeners |",
        "|--:|--:|--:|--:|",
        *(
            f"| {sample.messages:,} | {sample.heap_mb:.2f} | {sample.nodes:,} | {sample.listeners} |"
            for sample in samples
        ),
        "",
        f"Gained over all of them, at the pace after the warm-up: {grown.heap_mb:.2f} MB of heap, "
        f"{grown.nodes:.0f} nodes, {grown.listeners:.0f} listeners. {'; '.join(grown.faults) or 'Nothing is kept'}.",
    ]


def _record(page: Path, measured: list[Figures]) -> None:
    names = list(dict.fromkeys(name for figures in measured for name in figures.values))
    lines = [
        "# The board in a browser",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end. "
        f"Written by `python -m bench.page {' '.join(str(figures.size) for figures in measured)} --record {page}`; "
        "`bench/page.py` says what each figure is.",
        "",
        f"| figure | {' | '.join(f'{figures.size:,} bots' for figures in measured)} |",
        f"|---|{'--:|' * len(measured)}",
        *(
            f"| {name} | {' | '.join(f'{figures.values.get(name, 0):,.1f}' for figures in measured)} |"
            for name in names
        ),
        "",
        *(
            f"- {fault}"
            for fault in [fault for figures in measured for fault in figures.faults] or ["every bar is kept"]
        ),
    ]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
