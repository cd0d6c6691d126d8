"""One answer shared by everyone who asks within a moment, so that many open pages cost one reading.

Belongs here: remembering for a moment. Does not belong here: what is read.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from trading.errors import Unavailable

T = TypeVar("T")
WAIT_SECONDS = 1.5


class Recent(Generic[T]):
    """Remembers an answer for a moment; of those who ask at once, one reads and the others wait for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reading = threading.Lock()
        self._swapping = threading.Lock()
        self._forgotten = 0
        self._known: tuple[float, T] | None = None

    def peek(self) -> T | None:
        """Return the answer if it is young enough; waits for nobody, so that a coroutine may ask."""
        known = self._known
        return known[1] if known is not None and monotonic() - known[0] < self._seconds else None

    def get(self, read: Callable[[], T]) -> T:
        """Return the answer, reading it anew if it is older than its moment; a failure is not remembered.

        Raises:
            Unavailable: somebody else has been reading for too long; who waits here would only hold up other calls.
        """
        if not self._reading.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("somebody asked the same before and still waits for the answer")
        try:
            known = self._known
            if known is None or monotonic() - known[0] >= self._seconds:
                return self._read_anew(read)
            return known[1]
        finally:
            self._reading.release()

    def forget(self) -> None:
        """Have the next one who asks read anew, whoever is reading now; waits for no reading."""
        with self._swapping:
            self._forgotten += 1
            self._known = None

    def _read_anew(self, read: Callable[[], T]) -> T:
        began, forgotten = monotonic(), self._forgotten
        answer = read()
        with self._swapping:
            if forgotten == self._forgotten:
                self._known = (began, answer)
        return answer
