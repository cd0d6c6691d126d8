"""How a use case tells how far it is.

Belongs here: the form of telling. Does not belong here: who listens: a terminal (`orchestration`), the screen
(`work/under_way.py`), the queue (`work/queue.py`, whose jobs tell percent).
"""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told after each step: what is being done, how many of how many are done."""


def silent(_step: str, _done: int, _of: int) -> None:
    """Tell nobody."""
