"""Taking a look: a candidate meets the newest generation on the sealed days of its bot's epoch.

Belongs here: running both over open and sealed days, and the verdict. Does not belong here: the rule of a look
(`trading.improvement.looks`), which days are sealed (`backtests/epochs.py`), writing it down (`results.py`).

Nothing of a look leaves it but its verdict, and a search hears no more of it than whether it was won.
"""

from dataclasses import dataclass

import numpy as np

from services.backtests.epochs import Epoch
from services.backtests.workbench import Workbench
from trading.arrays import FloatArray
from trading.backtests.parts import Part, PartBacktester
from trading.figures.performance import daily_pnl
from trading.improvement.acceptance import AcceptanceVerdict, cannot_win, judged
from trading.improvement.looks import Look, can_win, paired_look
from trading.money import MICROS_PER_USD
from trading.strategies.genome import Genome


@dataclass(frozen=True, slots=True)
class TakenLook:
    """A look that was taken, and where."""

    look: Look
    epoch: Epoch

    @property
    def number(self) -> int:
        """Which look of its epoch it is, from 1."""
        return self.epoch.budget.taken + 1


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a candidate fared: its verdict, and the look behind it; None where none was worth taking."""

    verdict: AcceptanceVerdict
    taken: TakenLook | None


@dataclass(frozen=True, slots=True)
class Arena:
    """Where a look is taken: the bot with all of its bars, the same with open days only, and its epoch."""

    whole: Workbench
    open_days: Workbench
    epoch: Epoch

    def meet(self, candidate: Genome, *, level: float, seed: int, reverts_to: int | None = None) -> Meeting:
        """Return how a candidate fares against the newest generation; no look is taken where it cannot win one.

        Args:
            candidate: A genome chosen on open days alone.
            level: The error this look may make.
            seed: Of the look's own chance.
            reverts_to: The candidate is this earlier generation.
        """
        on_open = self._pair(self.open_days.backtester, self.open_days.whole, candidate)
        sealed_days = len(self.epoch.days)
        if not can_win(*on_open, sealed_days=sealed_days, level=level):
            return Meeting(cannot_win(level, sealed_days=sealed_days), None)
        on_sealed = self._pair(self.whole.backtester, self._sealed_part(), candidate)
        look = paired_look(
            *on_sealed,
            worst_candidate_day=float(on_open[0].min()),
            worst_difference_day=float((on_open[0] - on_open[1]).min()),
            level=level,
            seed=seed,
        )
        return Meeting(judged(look, reverts_to=reverts_to), TakenLook(look, self.epoch))

    def _sealed_part(self) -> Part:
        """Return the bars of the epoch's sealed days."""
        first, last = int(self.epoch.days[0]), int(self.epoch.days[-1])
        days = self.whole.at_hand.tape.trading_day
        return Part(int(np.searchsorted(days, first)), int(np.searchsorted(days, last, side="right")))

    def _pair(self, backtester: PartBacktester, part: Part, candidate: Genome) -> tuple[FloatArray, FloatArray]:
        """Return the net P&L of each day of a part in dollars, of the candidate and of the newest generation."""
        account_micros = self.whole.account.account_micros
        earned = []
        for genome in (candidate, self.whole.genome):
            run = backtester.run(genome, part)
            daily = daily_pnl(run.equity_micros, run.trading_day, account_micros=account_micros)
            earned.append(daily / MICROS_PER_USD)
        return earned[0], earned[1]
