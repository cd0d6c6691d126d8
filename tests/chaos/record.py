"""The record of chaos: one dated page with every round.

Belongs here: the Markdown. Does not belong here: doing harm, judging it.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

COUNTED = ("lost", "duplicated", "stuck", "wrong figures")


@dataclass(slots=True)
class Round:
    """One round: the harm, what was broken once the platform had caught up, and seconds, all counted from the harm.

    Attributes:
        silent_seconds: Until API and code server answered for good; 0 if they never fell silent.
        ticks_seconds: Until a tick that began after it.
        settled_seconds: Until nothing waited any more.
    """

    number: int
    kind: str
    what: str = "it did not come through"
    ended: bool = False
    silent_seconds: float = 0.0
    ticks_seconds: float = 0.0
    settled_seconds: float = 0.0
    broken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))


def write(page: Path, rounds: Sequence[Round], *, seed: int, bots: int, at: datetime) -> None:
    """Write the page; what stood there before is replaced."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(_lines(rounds, seed=seed, bots=bots, at=at)) + "\n", "utf-8")


def _lines(rounds: Sequence[Round], *, seed: int, bots: int, at: datetime) -> list[str]:
    sums = {name: sum(shot.broken[name] for shot in rounds) for name in COUNTED}
    by_kind: dict[str, list[Round]] = defaultdict(list)
    for shot in rounds:
        by_kind[shot.kind].append(shot)
    failed = sum(not shot.ended for shot in rounds)
    verdict = ", ".join([*(f"{count} {name}" for name, count in sums.items()), f"{failed} rounds not come through"])
    return [
        "# Chaos",
        "",
        f"{at:%Y-%m-%d %H:%M} UTC, {len(rounds)} rounds, seed {seed}, {bots} bots, {os.cpu_count()} cores, "
        f"load at the end {os.getloadavg()[0]:.1f}: **{verdict}**.",
        "",
        f"Written by `CHAOS_ROUNDS={len(rounds)} CHAOS_SEED={seed} CHAOS_RECORD={_shown_path()} make chaos`. "
        "Each round resets the whole fleet, harms the platform while it works, waits until it has caught up by itself, "
        "and recounts the ledger in SQL (`tests/chaos/ledger.py`). All times count from the harm itself; silent is "
        "until API and code server answer for good.",
        "",
        "| harm | rounds | silent, worst s | ticks again, worst s | caught up, worst s | lost | duplicated |"
        " stuck | wrong figures |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(kind, done) for kind, done in sorted(by_kind.items())),
        "",
        "## Rounds",
        "",
        *(_line(shot) for shot in rounds),
    ]


def _line(shot: Round) -> str:
    verdict = f"caught up after {shot.settled_seconds:.0f} s" if shot.ended else "**FAILED**"
    return f"{shot.number}. {shot.kind}: {shot.what}; {verdict}"


def _row(kind: str, done: Sequence[Round]) -> str:
    silent = max(shot.silent_seconds for shot in done)
    ticks = max(shot.ticks_seconds for shot in done)
    settled = max(shot.settled_seconds for shot in done)
    counts = " | ".join(str(sum(shot.broken[name] for shot in done)) for name in COUNTED)
    return f"| {kind} | {len(done)} | {silent:.1f} | {ticks:.0f} | {settled:.0f} | {counts} |"


def _shown_path() -> str:
    return os.environ.get("CHAOS_RECORD", "docs/proof/chaos.md")
