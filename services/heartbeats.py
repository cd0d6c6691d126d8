"""Signs of life of some work, given by a thread beside it, with how far the work is.

Belongs here: the thread's life: it begins with the work and is told of its end. Does not belong here: what a sign of
life says (`work/queue.py`, `work/under_way.py`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.progress import Progress, Step


def nothing() -> None:
    """Do nothing."""


@contextmanager
def heartbeats(
    beat: Callable[[Step | None], bool],
    *,
    name: str,
    every_seconds: float,
    first_seconds: float = 0.0,
    last: Callable[[], None] = nothing,
    patience_seconds: float | None = None,
) -> Iterator[Progress]:
    """Give signs of life while the block runs; yields what the work calls after each step.

    Args:
        beat: Gives one, with the step the work told last, None before its first; returns whether another is wanted.
        name: Of the thread.
        every_seconds: From the end of one to the next.
        first_seconds: From the beginning of the block to the first.
        last: Called in the thread once no more are given.
        patience_seconds: How long the end of the block waits for the thread; without end if not given. A thread that
            is left behind keeps no process alive.
    """
    ended = threading.Event()
    newest: list[Step | None] = [None]

    def live() -> None:
        pause = first_seconds
        while not ended.wait(pause) and beat(newest[0]):
            pause = every_seconds
        last()

    def tell(step: str, done: int, of: int) -> None:
        newest[0] = Step(step, done, of)

    thread = threading.Thread(target=live, name=name, daemon=True)
    thread.start()
    try:
        yield tell
    finally:
        ended.set()
        thread.join(patience_seconds)
