"""Whether a page that ran for long kept what it should have let go.

Belongs here: the judgement over samples taken after a forced collection. Does not belong here: taking them
(`page.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

WARM_UP = 0.2
LEAST_SAMPLES = 8
MOST_HEAP_MB = 2.0
MOST_NODES = 200
MOST_LISTENERS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What the browser held after a forced collection, once the page had taken so many messages."""

    messages: int
    heap_mb: float
    nodes: int
    listeners: int


@dataclass(frozen=True, slots=True)
class Growth:
    """What the page would gain over all messages at the pace at which it gained them after the warm-up."""

    heap_mb: float
    nodes: float
    listeners: float

    @property
    def faults(self) -> list[str]:
        """What grew more than chance explains."""
        bars = (
            ("MB of heap", self.heap_mb, MOST_HEAP_MB),
            ("DOM nodes", self.nodes, MOST_NODES),
            ("listeners", self.listeners, MOST_LISTENERS),
        )
        return [f"{grown:,.1f} {what} gained, at most {most:g}" for what, grown, most in bars if grown > most]


def growth(samples: Sequence[Sample], *, messages: int) -> Growth:
    """Return the growth over so many messages, by the median slope between any two samples (Theil and Sen).

    The first fifth of the samples is warm-up: pools that fill once and caches that find their size.

    Raises:
        ValueError: too few samples, or none with a message between them.
    """
    if len(samples) < LEAST_SAMPLES or samples[0].messages == samples[-1].messages:
        raise ValueError(f"at least {LEAST_SAMPLES} samples over some messages are needed, was {len(samples)}")
    settled = samples[int(WARM_UP * len(samples)) :]
    return Growth(
        heap_mb=messages * _slope(settled, lambda sample: sample.heap_mb),
        nodes=messages * _slope(settled, lambda sample: sample.nodes),
        listeners=messages * _slope(settled, lambda sample: sample.listeners),
    )


def _slope(samples: Sequence[Sample], held: Callable[[Sample], float]) -> float:
    return median(
        (held(later) - held(earlier)) / (later.messages - earlier.messages)
        for place, later in enumerate(samples)
        for earlier in samples[:place]
        if later.messages > earlier.messages
    )
