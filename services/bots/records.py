"""The prequential record of a bot, for people: its days, what they are worth as evidence, who traded them.

Belongs here: the read-only use case behind a bot's record. Does not belong here: how a record grows
(`services/backtests/records.py`), who is proven by it (`services/verification/discoveries.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from uuid import UUID

import numpy as np

from services.bots.cards import NO_RECORD, RecordStanding, record_standing
from services.desk import Desk
from store.bots import fleet
from store.database import transaction
from store.verification import records
from store.verification.records import StretchRow
from trading.errors import UnknownBots
from trading.figures.declared import Figures
from trading.money import MICROS_PER_USD
from trading.verification.betting import log_e_values
from trading.verification.record import StretchOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchView:
    """Days that one genome traded without having been chosen on them.

    Attributes:
        origin: WALK_FORWARD: a genome chosen on the days before it by the search of its generation. IN_FORCE: the
            newest generation that was not chosen on these days.
        net_pnl_usd: What they earned by their last equity.
    """

    origin: str
    generation_number: int
    genome_hash: str
    first_on: date
    last_on: date
    days: int
    trades: int
    net_pnl_usd: float
    data_source: str

    @property
    def words(self) -> str:
        """Who traded them."""
        if self.origin == StretchOrigin.WALK_FORWARD:
            return f"what G{self.generation_number}'s search chose before"
        return f"G{self.generation_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRecord:
    """The record of a bot on the bars it trades now; without one, no days and no figures.

    Attributes:
        account_usd: What its account begins with.
        trading_on: Its days, oldest first.
        equity_usd: The account at the close of each of them.
        log10_e: Decimal logarithm of the e-value after each of them; None from the day that took everything.
        stretches: Oldest first.
    """

    name: str
    standing: RecordStanding | None
    figures: Figures
    account_usd: float
    trading_on: tuple[date, ...]
    equity_usd: tuple[float, ...]
    log10_e: tuple[float | None, ...]
    stretches: tuple[StretchView, ...]

    @property
    def words(self) -> str:
        """The standing in one sentence, without its full stop."""
        return NO_RECORD if self.standing is None else self.standing.words


def bot_record(desk: Desk, bot_id: UUID) -> BotRecord:
    """Return the record of a bot, in one transaction.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        row = fleet.read_bots(db, [bot_id]).get(bot_id)
        if row is None:
            raise UnknownBots([str(bot_id)])
        kind = row.record_kind or ""
        rows = records.stretches_of(db, bot_id, bars_kind=kind)
        figures = records.figures_of(db, bot_id, bars_kind=kind)
    pnl_micros = [day for stretch in rows for day in stretch.pnl_micros]
    account_usd = float(row.account_usd)
    return BotRecord(
        name=row.name,
        standing=record_standing(row),
        figures=figures,
        account_usd=account_usd,
        trading_on=tuple(day for stretch in rows for day in stretch.days_on),
        equity_usd=tuple(account_usd + earned / MICROS_PER_USD for earned in accumulate(pnl_micros)),
        log10_e=_log10_e(pnl_micros),
        stretches=tuple(map(_view, rows)),
    )


def _log10_e(pnl_micros: Sequence[int]) -> tuple[float | None, ...]:
    log_e = log_e_values(np.array(pnl_micros, np.int64) / MICROS_PER_USD) / np.log(10.0)
    return tuple(value if np.isfinite(value) else None for value in log_e.tolist())


def _view(row: StretchRow) -> StretchView:
    return StretchView(
        origin=row.origin,
        generation_number=row.generation_number,
        genome_hash=row.genome_hash,
        first_on=row.days_on[0],
        last_on=row.days_on[-1],
        days=len(row.days_on),
        trades=row.trades,
        net_pnl_usd=sum(row.pnl_micros) / MICROS_PER_USD,
        data_source=row.data_source,
    )
