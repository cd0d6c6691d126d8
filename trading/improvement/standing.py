"""What a bot has left to be judged with, as people are told it.

Belongs here: the figures of it and their sentence. Does not belong here: the rule of a look (`looks.py`), where the
figures come from (`services/bots/looks.py`).
"""

from dataclasses import dataclass
from datetime import date

from trading.improvement.looks import LOOKS, Budget
from trading.words import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class LooksStanding:
    """The newest epoch of a bot and the looks left of it.

    Attributes:
        epoch: Counted from 1; None where no day of the bot is sealed yet.
        sealed_from: The epoch's first sealed trading date.
        sealed_days: Trading days since then that are over, by the calendar of the exchange; None without bars.
        budget: What is left of the epoch; None without one.
        waits_until: The trading date whose bars give the bot a look again; None where it waits for none.
        waits_for_days: Trading days from the last one there are bars of to that date; 0 where they have come.
    """

    epoch: int | None = None
    sealed_from: date | None = None
    sealed_days: int | None = None
    budget: Budget | None = None
    waits_until: date | None = None
    waits_for_days: int = 0

    @property
    def taken(self) -> int:
        """How many looks the epoch has had."""
        return 0 if self.budget is None else self.budget.taken

    @property
    def left(self) -> int:
        """How many looks the epoch still has."""
        return 0 if self.budget is None else self.budget.left

    @property
    def level(self) -> float | None:
        """The error the next look may make; None where there is none."""
        return None if self.budget is None else self.budget.level

    @property
    def words(self) -> str:
        """The standing in one sentence, without its full stop."""
        if self.budget is None:
            return f"No day is sealed yet: {self._wait or 'its first search seals the newest'}"
        if self.left == 0:
            none = "A look was won, which closed the epoch" if self.budget.accepted else "No look left"
            return f"{none}: {self._wait or 'its next search asks for a new epoch'}"
        days = "days sealed" if self.sealed_days is None else counted(self.sealed_days, "sealed day")
        left = f"{self.left} of {LOOKS} looks left at {days} since {self.sealed_from}"
        return f"{left}; {self._wait}" if self._wait else left

    @property
    def _wait(self) -> str:
        if self.waits_until is None or self.waits_for_days == 0:
            return ""
        return f"it waits for {counted(self.waits_for_days, 'more trading day')}, until {self.waits_until}"
