"""Reset baselines: which books a scope covers, and what counts since a reset.

Belongs here: the table of scopes, the one comparison, where a new baseline may lie. Does not belong here: locking,
SQL (`store.figures.resets`), how counted rows become figures (`performance.py`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from trading.books import Book

NEXT_INSTANT = timedelta(microseconds=1)


class Scope(StrEnum):
    """How much a reset covers."""

    ALL = "ALL"
    BACKTEST_ONLY = "BACKTEST_ONLY"
    PAPER_ONLY = "PAPER_ONLY"
    LIVE_ONLY = "LIVE_ONLY"

    @property
    def books(self) -> tuple[Book, ...]:
        """The books whose baseline a reset of this scope moves."""
        return _BOOKS[self]


_BOOKS: Mapping[Scope, tuple[Book, ...]] = MappingProxyType(
    {
        Scope.ALL: tuple(Book),
        Scope.BACKTEST_ONLY: (Book.BACKTEST,),
        Scope.PAPER_ONLY: (Book.PAPER, Book.SHADOW),
        Scope.LIVE_ONLY: (Book.CANARY, Book.LIVE),
    }
)


def counts(created_at: datetime, *, reset_at: datetime | None) -> bool:
    """Return whether a session, trade or fill created then counts: at or after the baseline of its book."""
    return reset_at is None or created_at >= reset_at


def next_baseline(now: datetime, *, previous: datetime | None, recorded: datetime | None) -> datetime:
    """Return the baseline a reset sets at `now`.

    It lies at `now`, but never before an earlier baseline of the same books, and always after the newest thing they
    have recorded (or begun), so that a clock set back ten minutes cannot bring a past session into the new count.

    Args:
        now: Time of the reset.
        previous: Latest earlier baseline of the books, if any.
        recorded: Newest `created_at` of their sessions, trades and fills and newest start of a running backtest.
    """
    floor = now if previous is None else max(now, previous)
    return floor if recorded is None else max(floor, recorded + NEXT_INSTANT)
