"""Which days of a bot are sealed: its epoch, opened when it is asked for and due.

Belongs here: the standing of a bot's newest epoch, and opening one. Does not belong here: the rule of it
(`trading.improvement.looks`), what is judged on sealed days (`services/improvement`), the supply that holds none of
them (`market/tapes.py`).

A day counts once a bar of a later day is known: the last day of the bars may still be traded. Epochs are rows; opening
one waits for the bot's row, so that two who ask at once open one.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from services.backtests.workbench import Workbench
from services.desk import Desk
from store.bots import registry
from store.database import transaction
from store.improvement import looks as store
from store.improvement.looks import EpochRow
from trading.arrays import IntArray
from trading.days import day_number, on_day
from trading.improvement.looks import Budget, sealed_from
from trading.market.sessions import exchange_days


@dataclass(frozen=True, slots=True)
class Epoch:
    """The newest epoch of a bot.

    Attributes:
        number: Counted from 1.
        sealed_from: Its first sealed trading date, days since 1970-01-01; days before are open.
        days: The sealed days there are bars of, the last one aside, shape (n_days,).
        budget: What is left of it.
        lost: Hashes of the genomes that have lost a look at its days, those of the lineage of a copy aside.
    """

    number: int
    sealed_from: int
    days: IntArray
    budget: Budget
    lost: frozenset[str]


def whole_days(bench: Workbench) -> IntArray:
    """Return the trading dates of a bot's bars but the last one, which may not be over, shape (n_days,)."""
    return np.unique(bench.at_hand.tape.trading_day)[:-1]


def epoch_of(desk: Desk, bench: Workbench) -> Epoch | None:
    """Return the newest epoch of a bot, opening its first or next one where that is due; None under 100 whole days.

    Args:
        desk: The desk.
        bench: The bot with all of its bars.
    """
    days = whole_days(bench)
    with transaction(desk.database) as db:
        registry.lock(db, bench.bot.id)
        row = store.newest_epoch(db, bench.bot.id)
        due = _due(row, days)
        if due is not None:
            number = row.epoch + 1 if row is not None else 1
            store.open_epoch(db, bench.bot.id, epoch=number, sealed_from=on_day(due), now=desk.clock())
            row = EpochRow(number, on_day(due), 0, 0, passed=False, last_on=None)
        if row is None:
            return None
        lost = store.lost_genomes(db, bench.bot.id, epoch=row.epoch)
    first = day_number(row.sealed_from)
    return Epoch(row.epoch, first, days[days >= first], _budget(row, days), lost)


def open_days(desk: Desk, bench: Workbench) -> Workbench:
    """Return the workbench with a bot's open days only; with all of its days where none of them is sealed yet."""
    epoch = epoch_of(desk, bench)
    return bench if epoch is None else bench.before(epoch.sealed_from)


def waits_until(bench: Workbench, *, missing_days: int) -> date:
    """Return the trading date whose bars tell that so many more days than there are now are over.

    Args:
        bench: The bot with all of its bars, the last day of which may still be traded.
        missing_days: How many, at least 0.
    """
    last = int(bench.at_hand.tape.trading_day[-1])
    days = exchange_days(bench.bot.symbol, first_day=last + 1, last_day=last + 14 + 2 * missing_days)
    return on_day(last if missing_days == 0 else int(days[missing_days - 1]))


def _due(row: EpochRow | None, days: IntArray) -> int | None:
    """Return the first sealed day of the epoch that is to be opened now, or None."""
    if row is None:
        return sealed_from(days)
    if not _budget(row, days).opens_epoch:
        return None
    return int(_untouched(row, days)[0])


def _budget(row: EpochRow, days: IntArray) -> Budget:
    return Budget(lost=row.lost, accepted=row.passed, untouched_days=len(_untouched(row, days)))


def _untouched(row: EpochRow, days: IntArray) -> IntArray:
    begin = row.sealed_from if row.last_on is None else row.last_on + timedelta(days=1)
    return days[days >= day_number(begin)]
