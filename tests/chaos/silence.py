"""How long a harmed platform gives no answer, seen from outside while the harm is done and mended.

Belongs here: asking in a thread of its own. Does not belong here: what counts as an answer
(`orchestration.platform.health`).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.platform.health import api_ready, code_server_answers
from tests.harness.own_platform import Platform

ASK_SECONDS = 0.2


@dataclass(slots=True)
class Silence:
    """When API or code server last gave no answer; None if they always did."""

    last: datetime | None = None

    def seconds_after(self, harm: datetime) -> float:
        """Return how long after a harm the last silence was, in seconds; 0 if there was none."""
        return 0.0 if self.last is None else max(0.0, (self.last - harm).total_seconds())


@contextmanager
def listening(platform: Platform) -> Iterator[Silence]:
    """Ask API and code server again and again until the block ends."""
    heard, ended = Silence(), threading.Event()

    def ask() -> None:
        while not ended.wait(ASK_SECONDS):
            if not (code_server_answers(platform.settings) and api_ready(platform.settings)):
                heard.last = datetime.now(UTC)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield heard
    finally:
        ended.set()
        asking.join()
