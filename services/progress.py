"""How a use case tells how far it is.

Belongs here: the form of telling, and counting the steps of work that does not count them itself. Does not belong here:
who listens: a terminal (`orchestration`), the screen (`work/under_way.py`), the queue (`work/queue.py`).
"""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

Progress = Callable[[str, int, int], None]
"""Told after each step: what is being done, how many of how many are done."""


class Step(NamedTuple):
    """What was told last."""

    step: str
    done: int
    of: int

    @property
    def done_pct(self) -> float:
        """Share of the step that is done, 0-100."""
        return 100.0 * self.done / self.of


def silent(_step: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def counted(progress: Progress, step: str, *, of: int) -> Callable[[], None]:
    """Return what is called after each of `of` steps, and tells how many are done; more than expected tell `of`."""
    numbers = count(1)

    def tell() -> None:
        progress(step, min(next(numbers), of), of)

    return tell
