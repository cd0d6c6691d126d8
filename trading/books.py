"""Stages and the books trades are recorded in: the ladder every room speaks of.

Belongs here: the two lists of words and their order. Does not belong here: what a bot must show to move
(`governance/gates.py`), what happens in a stage.
"""

from enum import StrEnum


class Book(StrEnum):
    """Where a trade is recorded; books never mix in one figure."""

    BACKTEST = "BACKTEST"
    PAPER = "PAPER"
    SHADOW = "SHADOW"
    CANARY = "CANARY"
    LIVE = "LIVE"


class Stage(StrEnum):
    """How far a bot has proven itself, lowest first."""

    LAB = "LAB"
    PAPER = "PAPER"
    SHADOW = "SHADOW"
    CANARY = "CANARY"
    LIVE = "LIVE"

    @property
    def book(self) -> Book:
        """The book this stage trades in, and is judged by."""
        return Book.BACKTEST if self is Stage.LAB else Book(self.value)

    @property
    def rank(self) -> int:
        """Position from LAB (0) to LIVE (4)."""
        return _LADDER.index(self)

    @property
    def above(self) -> "Stage | None":
        """The next stage, or None at the top."""
        return _LADDER[self.rank + 1] if self.rank + 1 < len(_LADDER) else None

    @property
    def below(self) -> "Stage | None":
        """The previous stage, or None at the bottom."""
        return _LADDER[self.rank - 1] if self.rank > 0 else None


_LADDER = tuple(Stage)
