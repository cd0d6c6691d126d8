"""Running a strategy over a part of a tape as it would have been run then: warm from earlier bars, flat at the start.

Belongs here: the lead-in before a part and the figures of the part alone. Does not belong here: which parts there are
(`verification/walk_forward.py`), the engine's rules (`engine.py`).

Cutting a tape at the part would make its indicators warm up again inside it. A Wilder average of 14 needs 179 bars for
that, so a test part of a quarter of daily bars could never trade at all. The lead-in uses past bars only, and as many
as the finest tolerance asks for: more history costs little, and a part then trades what the whole would have.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from trading.arrays import IntArray
from trading.backtests.engine import Account, Output, Strategy, Trades, run_tape
from trading.figures.performance import Performance, measure
from trading.strategies import kernels
from trading.strategies.genome import Genome, Style, validated
from trading.strategies.memory import FINEST_TOLERANCE, WARM_UP_TOLERANCE
from trading.strategies.styles import warm_up_bars
from trading.strategies.tape import Tape, read_only

LAYOUTS_AT_HAND = 8


@dataclass(frozen=True, slots=True)
class Part:
    """Bars first_bar..end_bar-1."""

    first_bar: int
    end_bar: int

    def __len__(self) -> int:
        return self.end_bar - self.first_bar


@dataclass(frozen=True, slots=True)
class PartResult:
    """What a run over a part produced; the arrays live in reused buffers and are valid until the backtester's next.

    Attributes:
        performance: Figures of the part's bars alone.
        trades: Closed trades; bars are counted on the whole tape. The last one ends with the part if still open.
        equity_micros: Account equity at each close of the part, shape (n_bars,).
        trading_day: Trading date of each bar of the part, days since 1970-01-01, shape (n_bars,).
    """

    performance: Performance
    trades: Trades
    equity_micros: IntArray
    trading_day: IntArray


class PartBacktester:
    """Runs genomes of one style over parts of one tape; calling it measures a part, as `walk_forward` asks for.

    A signal counts from the part's first bar on, so the first order fills at the part's second open. Where the history
    before a part is shorter than the warm-up, the rest of the warm-up happens inside it. Not for use by two threads.
    """

    def __init__(self, tape: Tape, style: Style, *, account: Account, tolerance: float = WARM_UP_TOLERANCE) -> None:
        self._tape = tape
        self._style = style
        self._account = account
        self._tolerance = tolerance
        self._layout = lru_cache(maxsize=LAYOUTS_AT_HAND)(self._lay_out)

    def __call__(self, genome: Genome, first_bar: int, end_bar: int) -> Performance:
        """Return the figures of a genome over bars first_bar..end_bar-1.

        Raises:
            BadGenome, UnknownArchetype: the genome is not valid.
        """
        return self.run(genome, Part(first_bar, end_bar)).performance

    def run(self, genome: Genome, part: Part) -> PartResult:
        """Run a genome over a part.

        Raises:
            BadGenome, UnknownArchetype: the genome is not valid.
        """
        numbers = validated(self._style, genome)
        lead = min(part.first_bar, _rounded_up(warm_up_bars(self._style, numbers, tolerance=FINEST_TOLERANCE)))
        tape, output = self._layout(part, lead)
        whole = run_tape(tape, Strategy(self._style, genome, self._tolerance), account=self._account, output=output)
        equity, day = whole.equity_micros[lead:], tape.trading_day[lead:]
        performance = measure(
            trade_pnl_micros=whole.trades.net_micros,
            trade_bars=whole.trades.bars_held,
            equity_micros=equity,
            trading_day=day,
            account_micros=self._account.account_micros,
            bars_in_position=whole.bars_in_position,
        )
        return PartResult(performance, _shifted(whole.trades, part.first_bar - lead), equity, day)

    def _lay_out(self, part: Part, lead: int) -> tuple[Tape, Output]:
        tape = self._tape.part(part.first_bar - lead, part.end_bar)
        gate = tape.gate.copy()
        gate[:lead] &= ~kernels.FILL_NEXT & 0xFF
        return replace(tape, gate=read_only(gate)), Output.for_bars(len(tape))


def _rounded_up(bars: int) -> int:
    return 1 << max(6, (bars - 1).bit_length())


def _shifted(trades: Trades, bars: int) -> Trades:
    return replace(trades, entry_bar=trades.entry_bar + bars, exit_bar=trades.exit_bar + bars)
