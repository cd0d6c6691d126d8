"""Waiting that follows progress: a wait gives up when what it waits for stands still, never because time has passed.

Belongs here: when to give up. Does not belong here: what is waited for.

A busy machine makes everything late and nothing wrong. So a platform gets processor time rather than seconds: it may
use so much of it, and it must use some. A wait within our own process, where nothing else can be counted, gets looks.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import psutil

LOOK_SECONDS = 0.25
STILL_LOOKS = 480
WORK_SECONDS = 900.0
OWN_LOOK_SECONDS = 0.02
OWN_LOOKS = 6_000


class GaveUp(AssertionError):
    """What was waited for stood still, or did a great deal of work without getting there."""


@dataclass(slots=True)
class Work:
    """The processor time that processes have used; what they used counts on after their end.

    Attributes:
        processes: Those that live now.
    """

    processes: Callable[[], Iterable[psutil.Process]]
    _used: dict[tuple[int, float], float] = field(default_factory=dict)

    def seconds(self) -> float:
        """Return the seconds of processor time seen so far; never less than before."""
        for process in self.processes():
            try:
                used = process.cpu_times()
                self._used[process.pid, process.create_time()] = used.user + used.system
            except psutil.Error:
                continue
        return sum(self._used.values())


def follow(
    holds: Callable[[], object],
    what: str,
    *,
    work: Work,
    enough: float = WORK_SECONDS,
    said: Callable[[], str] = str,
) -> float:
    """Wait until something holds and return how many seconds it took.

    Args:
        holds: The question.
        what: What is waited for, in words.
        work: Whose progress is followed.
        enough: Seconds of processor time after which it should long have held.
        said: What else the failure tells.

    Raises:
        GaveUp: the work used that much, or none at all during `STILL_LOOKS` looks, and it still does not hold.
    """
    began, first = time.monotonic(), work.seconds()
    last, still = first, 0
    while not holds():
        used = work.seconds()
        still = 0 if used > last else still + 1
        last = used
        if used - first > enough:
            raise GaveUp(f"{what}: not after {used - first:.0f} s of processor time\n{said()}")
        if still > STILL_LOOKS:
            raise GaveUp(f"{what}: nothing moved during {still} looks\n{said()}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def until(holds: Callable[[], object], what: str, *, looks: int = OWN_LOOKS) -> None:
    """Look again and again until something of our own process holds.

    Raises:
        GaveUp: it did not hold at any of so many looks.
    """
    for _ in range(looks):
        if holds():
            return
        time.sleep(OWN_LOOK_SECONDS)
    raise GaveUp(f"{what}: not at any of {looks} looks")


def with_children(pid: int) -> list[psutil.Process]:
    """Return a process and all that it started, as far as they live."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
