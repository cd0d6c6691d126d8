"""The looks of a bot: all it has had, what is left of its epoch, and what it waits for.

Belongs here: reading rows into a standing, beside the last bar there is. Does not belong here: taking a look
(`services/improvement`), opening an epoch (`services/backtests/epochs.py`), words (`trading.improvement.standing`).

No bar is read: days are counted by the calendar of the exchange.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import numpy as np
from sqlalchemy.orm import Session

from services.market.choice import SeriesView
from store.improvement import looks
from store.improvement.looks import EpochRow
from store.improvement.looks import LookRow as LookRow
from trading.days import day_number
from trading.improvement.looks import Budget
from trading.improvement.standing import LooksStanding
from trading.market.sessions import exchange_days, trading_days

NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LooksRows:
    """What is written down of a bot's looks, newest first, its newest epoch, and until when it waits for another."""

    epoch: EpochRow | None
    waits_until: date | None
    looks: tuple[LookRow, ...]


def looks_rows(db: Session, bot_id: UUID) -> LooksRows:
    """Return all that is written down of a bot's looks."""
    taken = tuple(looks.looks_of(db, bot_id))
    return LooksRows(looks.newest_epoch(db, bot_id), looks.waits_until(db, bot_id), taken)


def looks_standing(rows: LooksRows, bars: SeriesView | None) -> LooksStanding:
    """Return what a bot has left to be judged with.

    Args:
        rows: What is written down of it.
        bars: The series it trades on, the last day of which may still be traded; None where there is none.
    """
    epoch, until = rows.epoch, rows.waits_until
    waits_for, sealed = 0, None
    if bars is not None:
        last = trading_date(bars.symbol, bars.last_bar_at)
        waits_for = 0 if until is None else _days(bars.symbol, last + 1, day_number(until))
        sealed = None if epoch is None else _days(bars.symbol, day_number(epoch.sealed_from), last - 1)
    return LooksStanding(
        epoch=None if epoch is None else epoch.epoch,
        sealed_from=None if epoch is None else epoch.sealed_from,
        sealed_days=sealed,
        budget=None if epoch is None else Budget(lost=epoch.lost, accepted=epoch.passed, untouched_days=0),
        waits_until=until,
        waits_for_days=waits_for,
    )


def trading_date(symbol: str, at: datetime) -> int:
    """Return the trading date of an instant, days since 1970-01-01."""
    return int(trading_days(symbol, np.array([int(at.timestamp()) * NS_PER_SECOND]))[0])


def _days(symbol: str, first: int, last: int) -> int:
    """Return how many trading days there are from one date to another, both included."""
    return len(exchange_days(symbol, first_day=first, last_day=last))
