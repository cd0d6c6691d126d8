"""A thread beside some work, for its signs of life.

Belongs here: its life: it begins with the work and is told of its end. Does not belong here: what a sign of life says
(`work/queue.py`, `work/under_way.py`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(
    beat: Callable[[threading.Event], None], *, name: str, patience_seconds: float | None = None
) -> Iterator[None]:
    """Run `beat` in a thread while the block runs, handing it the event that says that the block has ended.

    Args:
        beat: Returns soon after the event is set.
        name: Of the thread.
        patience_seconds: How long the end of the block waits for it; without end if not given. A thread that is left
            behind keeps no process alive.
    """
    ended = threading.Event()
    thread = threading.Thread(target=beat, args=(ended,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(patience_seconds)
