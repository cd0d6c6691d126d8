"""Walk-forward: choose on the past, judge on what came next, again and again.

Belongs here: the plan of train and test parts, the fence that keeps a search out of its test part, the verdict. Does
not belong here: how a genome is run (`backtests/engine.py`, passed in), what a gate demands (`governance/gates.py`).

Can show: whether choosing by this search paid on bars the search had not seen, segment after segment. Cannot show: that
the archetype itself was not chosen because of those bars, that four segments are many, or what costs will be tomorrow.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from trading.arrays import IntArray
from trading.backtests.parts import Part
from trading.errors import BadBars, LookAhead
from trading.figures.performance import Performance
from trading.strategies.genome import Genome
from trading.verification.trials import Trial

DAY_NS = 86_400 * 1_000_000_000
MINIMUM_PART_BARS = 2

Evaluate = Callable[[Genome, int, int], Performance]
"""Run a genome over bars first_bar..end_bar-1, from a flat book, and measure it (`parts.PartBacktester` is one)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A train part and the test part that follows it without gap or overlap."""

    train: Part
    test: Part


@dataclass(frozen=True, slots=True)
class Windows:
    """How a history is cut, in days; lengths shrink together where the history is shorter."""

    segments: int = 4
    train_days: float = 365.0
    test_days: float = 90.0
    step_days: float = 90.0

    @property
    def span_days(self) -> float:
        """History that the windows need at full length."""
        return self.train_days + self.test_days + (self.segments - 1) * self.step_days


DEFAULT_WINDOWS = Windows()


def as_many_as_fit(ts_event: IntArray, windows: Windows = DEFAULT_WINDOWS) -> Windows:
    """Return the same lengths with as many segments as the history holds, at least one.

    Args:
        ts_event: Bar opens, UTC nanoseconds, shape (n_bars,), oldest first.
        windows: Lengths to keep.

    Raises:
        BadBars: fewer than four bars.
    """
    span_days = (_ends_ns(ts_event) - int(ts_event[0])) / DAY_NS
    further = math.floor((span_days - windows.train_days - windows.test_days) / windows.step_days)
    return Windows(max(1, further + 1), windows.train_days, windows.test_days, windows.step_days)


def plan(ts_event: IntArray, windows: Windows = DEFAULT_WINDOWS) -> tuple[Segment, ...]:
    """Cut a history into segments, oldest first, the last test part ending with the last bar.

    A longer history than the windows span leaves its oldest bars unused; a shorter one scales every length by the same
    factor. Cuts are made in calendar time, so closed hours count as time.

    Args:
        ts_event: Bar opens, UTC nanoseconds, shape (n_bars,), strictly increasing.
        windows: How to cut.

    Raises:
        BadBars: windows without length, or a part would hold fewer than two bars.
    """
    if windows.segments < 1 or min(windows.train_days, windows.test_days, windows.step_days) <= 0.0:
        raise BadBars(f"walk-forward windows need segments and lengths above zero, was {windows}")
    end_ns = _ends_ns(ts_event)
    scale = min(1.0, (end_ns - int(ts_event[0])) / (windows.span_days * DAY_NS))
    segments = tuple(
        _segment(ts_event, windows, ends_ns=end_ns - round(later * windows.step_days * scale * DAY_NS), scale=scale)
        for later in reversed(range(windows.segments))
    )
    for segment in segments:
        if min(len(segment.train), len(segment.test)) < MINIMUM_PART_BARS:
            raise BadBars(f"too few bars for {windows.segments} walk-forward segments: {segment}")
    return segments


def anchored(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the same test parts, each with all the bars before it as its train part."""
    return tuple(Segment(Part(0, segment.test.first_bar), segment.test) for segment in segments)


def _ends_ns(ts_event: IntArray) -> int:
    """Return when the last bar closes, taking the shortest distance between two opens as the length of a bar."""
    if len(ts_event) < 2 * MINIMUM_PART_BARS:
        raise BadBars(f"walk-forward needs at least {2 * MINIMUM_PART_BARS} bars, was {len(ts_event)}")
    return int(ts_event[-1]) + int(np.diff(ts_event).min())


def _segment(ts_event: IntArray, windows: Windows, *, ends_ns: int, scale: float) -> Segment:
    cut_ns = ends_ns - round(windows.test_days * scale * DAY_NS)
    begins_ns = cut_ns - round(windows.train_days * scale * DAY_NS)
    first, middle, last = (int(bar) for bar in np.searchsorted(ts_event, [begins_ns, cut_ns, ends_ns]))
    return Segment(Part(first, middle), Part(middle, last))


class Fence:
    """All a search gets to see: an evaluator that refuses every bar outside the train part, and counts what was tried.

    Every answer is kept as a trial, so the number tried cannot be understated.
    """

    def __init__(self, evaluate: Evaluate, train: Part) -> None:
        self._evaluate = evaluate
        self._open = True
        self._trials: list[Trial] = []
        self.train = train

    def __call__(self, genome: Genome, first_bar: int | None = None, end_bar: int | None = None) -> Performance:
        """Return the figures of a genome over the train part, or over some of its bars.

        Raises:
            LookAhead: a bar outside the train part, or the search has already answered.
        """
        first_bar = self.train.first_bar if first_bar is None else first_bar
        end_bar = self.train.end_bar if end_bar is None else end_bar
        if not self._open:
            raise LookAhead("the search has answered; it may evaluate no more")
        if not self.train.first_bar <= first_bar < end_bar <= self.train.end_bar:
            raise LookAhead(
                f"a search may use bars {self.train.first_bar} to {self.train.end_bar}, was {first_bar} to {end_bar}"
            )
        performance = self._evaluate(genome, first_bar, end_bar)
        self._trials.append(Trial(genome, performance))
        return performance

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Everything evaluated so far, oldest first."""
        return tuple(self._trials)

    def close(self) -> None:
        """Refuse every further evaluation."""
        self._open = False


Search = Callable[[Fence, np.random.Generator], Genome]
"""Choose a genome by evaluating within the fence; all chance comes from the generator."""


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """What was chosen on a train part, what it earned there and on the test part, and everything tried for it."""

    segment: Segment
    genome: Genome
    train: Performance
    test: Performance
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class WalkForward:
    """The verdict over all segments, oldest first."""

    segments: tuple[SegmentResult, ...]

    @property
    def consistency(self) -> float:
        """Share of test parts with a positive net P&L, 0-1."""
        return sum(result.test.net_pnl_micros > 0 for result in self.segments) / len(self.segments)

    @property
    def overfit_ratio(self) -> float | None:
        """Mean train Sharpe over mean test Sharpe; 1 means the future was as good as the past.

        None, which blocks every gate, where a segment's Sharpe ratio is unknown (under 20 days, or no P&L at all) or
        where the mean test Sharpe is not above zero: there is no honest number for a promise that was not kept.
        """
        pairs = [(result.train.sharpe, result.test.sharpe) for result in self.segments]
        known = [(train, test) for train, test in pairs if train is not None and test is not None]
        tested = math.fsum(test for _, test in known)
        if len(known) < len(pairs) or tested <= 0.0:
            return None
        return math.fsum(train for train, _ in known) / tested

    @property
    def trials(self) -> int:
        """How many evaluations all searches made."""
        return sum(len(result.trials) for result in self.segments)


def walk_forward(segments: Iterable[Segment], *, evaluate: Evaluate, search: Search, seed: int) -> WalkForward:
    """Search on each train part, then judge the chosen genome once on its test part.

    The search never receives `evaluate`, only a `Fence` around it. Each segment has its own chance, drawn from the seed
    and the segment's position, so a segment can be repeated alone.

    Args:
        segments: From `plan`, oldest first, at least one.
        evaluate: Runs a genome over bars.
        search: Chooses a genome.
        seed: Not negative.

    Raises:
        LookAhead: the search asked for bars outside its train part.
        BadBars: no segments.
    """
    results = []
    for position, segment in enumerate(segments):
        fence = Fence(evaluate, segment.train)
        genome = search(fence, np.random.default_rng([seed, position]))
        fence.close()
        train = evaluate(genome, segment.train.first_bar, segment.train.end_bar)
        test = evaluate(genome, segment.test.first_bar, segment.test.end_bar)
        results.append(SegmentResult(segment, genome, train, test, fence.trials))
    if not results:
        raise BadBars("walk-forward needs at least one segment, had none")
    return WalkForward(tuple(results))
