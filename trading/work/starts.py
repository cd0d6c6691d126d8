"""How runs come up, and how many new ones autonomy asks for while they come up slowly or not at all.

Belongs here: the pure rule and its words. Does not belong here: asking Dagster (`sensors`), ending what is left of a
start that failed (`orchestration.platform.run_launcher`).

A run costs seconds of processor time before it works. On a machine that has none to spare, runs that all start at once
keep each other from ever coming up; one at a time comes up late, and then works through the queue.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trading.words import counted

SLOW_START = timedelta(seconds=30)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=5)


class Pace(StrEnum):
    """How runs come up."""

    STARTS_WELL = "STARTS_WELL"
    STARTS_SLOW = "STARTS_SLOW"
    STARTS_FAILING = "STARTS_FAILING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """What Dagster says of the newest starts.

    Attributes:
        asked: Runs that were asked for and are not launched.
        starting: Runs that were launched and are not up.
        starting_since: When the first of these was launched.
        last_took: From launch to work, of the newest run that came up.
        failed_in_row: Runs that never came up since the newest that did.
        last_failed_at: When the last of these was given up.
    """

    asked: int = 0
    starting: int = 0
    starting_since: datetime | None = None
    last_took: timedelta | None = None
    failed_in_row: int = 0
    last_failed_at: datetime | None = None


NO_STARTS = Starts()


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many new runs a tick may ask for; `runs` is None where only the caps say. `next_at` ends a pause."""

    pace: Pace
    runs: int | None = None
    next_at: datetime | None = None


def allowance(starts: Starts, *, now: datetime) -> Allowance:
    """Return what a tick may ask for; pure and deterministic.

    While starts are slow or failing, one run at a time, and none while one is asked for or starting; after failures in
    a row a pause of 30 s that doubles with each, at most 5 min. A failure that lies ahead of the clock, which was set
    back, makes no pause.
    """
    at_most = 0 if starts.asked or starts.starting else 1
    if starts.failed_in_row and starts.last_failed_at is not None:
        next_at = starts.last_failed_at + pause(starts.failed_in_row)
        waits = starts.last_failed_at <= now < next_at
        return Allowance(Pace.STARTS_FAILING, 0 if waits else at_most, next_at if waits else min(next_at, now))
    if _is_slow(starts, now=now):
        return Allowance(Pace.STARTS_SLOW, at_most)
    return Allowance(Pace.STARTS_WELL)


def pause(failed_in_row: int) -> timedelta:
    """Return how long to wait after so many starts failed in a row."""
    doublings = max(min(failed_in_row - 1, 10), 0)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def in_words(starts: Starts, *, now: datetime) -> str:
    """Return the state of the starts, and what autonomy makes of it, as a sentence."""
    allowed = allowance(starts, now=now)
    if allowed.next_at is not None:
        waits = now < allowed.next_at
        then = f"the next is asked for at {allowed.next_at:%H:%M:%S} UTC, alone" if waits else "one is tried"
        return f"{counted(starts.failed_in_row, 'run')} in a row failed to start; {then}."
    if allowed.pace is Pace.STARTS_SLOW:
        return f"{_slow_words(starts, now=now)}; the machine is busy, so new runs are asked for one at a time."
    return f"{counted(starts.starting, 'run')} starting." if starts.starting else "Runs start as they are asked for."


def _slow_words(starts: Starts, *, now: datetime) -> str:
    if starts.starting_since is not None:
        return f"A run has been starting for {(now - starts.starting_since).total_seconds():.0f} s"
    took = starts.last_took or timedelta()
    return f"The last run took {took.total_seconds():.0f} s to start"


def _is_slow(starts: Starts, *, now: datetime) -> bool:
    waited = now - starts.starting_since if starts.starting_since is not None else timedelta()
    return waited >= SLOW_START or (starts.last_took or timedelta()) >= SLOW_START
