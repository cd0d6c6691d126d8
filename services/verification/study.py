"""A walk-forward study: every entry family on some symbols, told as figures, a plot and a text.

Belongs here: which strands a study has and how they are written down. Does not belong here: walking (`walk_forwards`),
bots and the ledger: a study looks at bars and stores nothing.

Every family is walked and every strand is shown, so nothing is picked after looking. Where bars were made from marks,
each strand is walked twice: over the bars as they are, and at the marks alone (`trading.market.marks`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from time import process_time

from services.market.tapes import BarSupply, TapeAtHand
from services.progress import Progress, counted, silent
from services.verification.findings import CURVE_POINTS, curve_of
from services.verification.walk_forwards import Walked, by_the_last_year, walk_history
from store.market.bars import BarStore
from trading.backtests.engine import margined
from trading.backtests.parts import PartBacktester
from trading.market.bars import timeframe_ns
from trading.market.instruments import account_usd, instrument
from trading.market.marks import at_marks, marks_note
from trading.money import MICROS_PER_USD
from trading.strategies.archetypes import ONE_PER_FAMILY, archetype
from trading.strategies.genome import default_genome
from trading.strategies.tape import tape_of

AS_GIVEN = "bars as given"
AT_MARKS = "at the marks"
MODE = "FULL_24x5"
SEED = 20260101


@dataclass(frozen=True, slots=True)
class Strand:
    """One family on one symbol, walked forward once.

    Attributes:
        symbol, family, reading: What was walked; `reading` is AS_GIVEN or AT_MARKS.
        walked: The result.
        bars: How many bars the history has.
        cpu_seconds: What it cost.
    """

    symbol: str
    family: str
    reading: str
    walked: Walked
    bars: int
    cpu_seconds: float

    @property
    def curve(self) -> tuple[list[date], list[float]]:
        """Trading dates and joined out-of-sample equity in dollars, thinned for a plot."""
        thinned = curve_of(self.walked.equity_micros, self.walked.trading_day, points=CURVE_POINTS)
        return [date.fromisoformat(on) for on in thinned["on"]], thinned["equity_usd"]


@dataclass(frozen=True, slots=True)
class Study:
    """All strands, and what is known against the bars."""

    timeframe: str
    strands: tuple[Strand, ...]
    notes: tuple[str, ...]

    def of(self, symbol: str, reading: str) -> tuple[Strand, ...]:
        """Return the strands of a symbol and reading, in the order of the families."""
        return tuple(strand for strand in self.strands if (strand.symbol, strand.reading) == (symbol, reading))


def walk_forward_study(store: BarStore, symbols: Sequence[str], *, timeframe: str, progress: Progress) -> Study:
    """Walk every entry family forward over the best series of each symbol.

    Raises:
        UnknownTimeframe, UnknownInstrument: no such thing.
        NoMarketData: a symbol has no bars on this timeframe.
        BadBars: too few of them.
    """
    timeframe_ns(timeframe)
    at_hand = [BarSupply(store, instrument(symbol).symbol, MODE).read(timeframe) for symbol in symbols]
    strands = []
    for read in at_hand:
        for reading in _readings(read):
            strands += list(_strands(read, reading, progress))
    notes = [note for note in map(_marks_note, at_hand) if note is not None]
    return Study(timeframe, tuple(strands), tuple(notes))


def _marks_note(at_hand: TapeAtHand) -> str | None:
    return marks_note(at_hand.bars, of_marks=at_hand.series.of_marks)


def _readings(at_hand: TapeAtHand) -> tuple[str, ...]:
    return (AS_GIVEN, AT_MARKS) if _marks_note(at_hand) else (AS_GIVEN,)


def _strands(at_hand: TapeAtHand, reading: str, progress: Progress) -> Iterator[Strand]:
    bars, tape = at_hand.bars, at_hand.tape
    if reading == AT_MARKS:
        tape = tape_of(at_marks(bars), at_hand.sessions)
    account = margined(instrument(bars.symbol), int(account_usd(bars.symbol) * MICROS_PER_USD))
    tell = counted(progress, f"{bars.symbol} {reading}", of=len(ONE_PER_FAMILY))
    for name in ONE_PER_FAMILY:
        began = process_time()
        walked = walk_history(
            PartBacktester(tape, name, account=account),
            by_the_last_year(bars.ts_event),
            account=account,
            style=name,
            parent=default_genome(name),
            seed=SEED,
            progress=silent,
        )
        tell()
        family = str(archetype(name).family)
        yield Strand(bars.symbol, family, reading, walked, len(bars), process_time() - began)
