"""The prequential record of a bot: how jobs that ran anyway make it grow.

Belongs here: which days a job adds, and adding them to the record and its evidence. Does not belong here: what a record
is (`trading.verification.record`), who is proven by it (`services/verification/discoveries.py`).

A record begins with the first improve iteration of a bot: the test days of its walk-forward over open days, if it began
at the genome the bot was registered with, then the sealed days there are. Each iteration and baseline after that adds
the whole days since. What a job adds commits with its result; where the record grew meanwhile by another job, nothing
is added: the next one will.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import numpy as np
from sqlalchemy.orm import Session

from services.backtests.workbench import Workbench
from services.desk import Desk
from services.market.tapes import TapeAtHand
from store.bots.registry import BotAtWork
from store.database import transaction
from store.improvement import looks
from store.improvement.looks import LineageRow
from store.verification import records
from store.verification.records import EvidenceRow
from store.work.jobs import Claim
from trading.arrays import IntArray
from trading.backtests.engine import ENGINE_VERSION, Trades
from trading.days import day_number, on_day
from trading.figures.declared import exact
from trading.market.marks import BarsKind, kind_of
from trading.money import MICROS_PER_USD
from trading.strategies.genome import genome_hash
from trading.verification.record import PrequentialRecord, StretchOrigin, TradedDays, in_force, traded_days
from trading.verification.walk_forward import WalkForward

NEVER = -1


class Run(Protocol):
    """What a genome earned over bars, whether over a whole tape or a part of it."""

    @property
    def equity_micros(self) -> IntArray:
        """Account equity at each close."""

    @property
    def trades(self) -> Trades:
        """Closed trades, bars counted on the whole tape."""


@dataclass(frozen=True, slots=True)
class RecordedStretch:
    """A stretch and the genome that traded it."""

    stretch: TradedDays
    origin: StretchOrigin
    generation: int
    genome_hash: str


@dataclass(frozen=True, slots=True)
class RecordGrowth:
    """What a job adds to the record of its bot.

    Attributes:
        bars_kind: Whose record: that on bars of this kind.
        follows_on: The last day the record had when the job began; None where it begins.
        stretches: Oldest first, each with a day at least; none where the record has all whole days.
    """

    bot: BotAtWork
    at_hand: TapeAtHand
    bars_kind: BarsKind
    follows_on: date | None
    stretches: tuple[RecordedStretch, ...]

    def record(self, db: Session, claim: Claim, *, now: datetime) -> None:
        """Add the stretches, unless the record has grown meanwhile; the bot's row is to be held."""
        if not self.stretches:
            return
        known = records.evidence_of(db, self.bot.id, bars_kind=self.bars_kind)
        if self.follows_on != (known.last_on if known is not None else None):
            return
        joined = _joined(known).followed_by([added.stretch for added in self.stretches])
        first_on = known.first_on if known is not None else on_day(self.stretches[0].stretch.day[0])
        evidence = self._evidence(joined, first_on=first_on, now=now)
        records.grow(db, list(self._rows(claim, now=now)), evidence, known=known)

    def _rows(self, claim: Claim, *, now: datetime) -> Iterator[dict[str, Any]]:
        follows_on = self.follows_on
        for added in self.stretches:
            stretch = added.stretch
            days_on = [on_day(day) for day in stretch.day]
            yield {
                "bot_id": self.bot.id,
                "bars_kind": self.bars_kind,
                "first_on": days_on[0],
                "last_on": days_on[-1],
                "follows_on": follows_on,
                "origin": added.origin,
                "generation_number": added.generation,
                "genome_hash": added.genome_hash,
                "days_on": days_on,
                "pnl_micros": stretch.pnl_micros.tolist(),
                **{name: getattr(stretch, name) for name in SUMS},
                "data_source": self.at_hand.data_source,
                "data_fingerprint": self.at_hand.bars.fingerprint,
                "engine_version": ENGINE_VERSION,
                "job_id": claim.job_id,
                "created_at": now,
            }
            follows_on = days_on[-1]

    def _evidence(self, joined: PrequentialRecord, *, first_on: date, now: datetime) -> dict[str, Any]:
        account_micros = int(self.bot.account_usd * MICROS_PER_USD)
        return {
            "bot_id": self.bot.id,
            "bars_kind": self.bars_kind,
            "first_on": first_on,
            "last_on": on_day(self.stretches[-1].stretch.day[-1]),
            "days": len(joined.pnl_micros),
            "pnl_micros": joined.pnl_micros,
            **{name: getattr(joined, name) for name in SUMS},
            **exact(joined.figures(account_micros=account_micros)),
            "log_e": joined.log_e,
            "computed_at": now,
        }


SUMS = ("trades", "winners", "losers", "bars_held", "profit_micros", "loss_micros")


def growth(desk: Desk, bench: Workbench, newest_run: Run | None = None) -> RecordGrowth | None:
    """Return the whole days since the end of a bot's record, or None where it has not begun or has them all.

    Args:
        desk: The desk.
        bench: The bot with all of its bars.
        newest_run: What its newest genome earned over all of them, where that is known already.
    """
    kind = kind_of(bench.at_hand.data_source)
    last_whole = _last_whole_day(bench)
    with transaction(desk.database) as db:
        ends_on = records.ends_on(db, bench.bot.id, bars_kind=kind)
        if ends_on is None or day_number(ends_on) >= last_whole:
            return None
        generations = looks.lineage_of(db, bench.bot.id)
    return _since(bench, kind, ends_on, generations, newest_run=newest_run)


def beginning(desk: Desk, bench: Workbench, *, sealed_from: int, walked: WalkForward | None) -> RecordGrowth:
    """Return the days that begin a bot's record, or those since its end where it has begun.

    Args:
        desk: The desk.
        bench: The bot with all of its bars.
        sealed_from: Its first sealed day.
        walked: A walk-forward over its open days by its own search, from its newest genome; None for none.
    """
    kind = kind_of(bench.at_hand.data_source)
    with transaction(desk.database) as db:
        ends_on = records.ends_on(db, bench.bot.id, bars_kind=kind)
        generations = looks.lineage_of(db, bench.bot.id)
    if ends_on is not None:
        return _since(bench, kind, ends_on, generations)
    is_first = len(generations) == 1 and generations[0].knows_until is None
    open_days = list(_walked(bench.before(sealed_from), walked)) if walked is not None and is_first else []
    sealed_days = list(_in_force(bench, generations, after=sealed_from - 1))
    return RecordGrowth(bench.bot, bench.at_hand, kind, None, (*open_days, *sealed_days))


def _since(
    bench: Workbench,
    kind: BarsKind,
    ends_on: date,
    generations: Sequence[LineageRow],
    *,
    newest_run: Run | None = None,
) -> RecordGrowth:
    added = _in_force(bench, generations, after=day_number(ends_on), newest_run=newest_run)
    return RecordGrowth(bench.bot, bench.at_hand, kind, ends_on, tuple(added))


def _joined(known: EvidenceRow | None) -> PrequentialRecord:
    if known is None:
        return PrequentialRecord()
    sums = {name: getattr(known, name) for name in SUMS}
    return PrequentialRecord(pnl_micros=np.array(known.pnl_micros, np.int64), **sums)


def _last_whole_day(bench: Workbench) -> int:
    """Return the last trading date of which a bar of a later one is known; below every date where there is none."""
    days = bench.at_hand.tape.trading_day
    before = int(np.searchsorted(days, days[-1]))
    return int(days[before - 1]) if before else NEVER


def _walked(bench: Workbench, walk: WalkForward) -> Iterator[RecordedStretch]:
    """Yield the test days of a walk-forward; a day that a cut goes through belongs to no test part."""
    days = bench.at_hand.tape.trading_day
    last = NEVER
    for result in walk.segments:
        test = result.segment.test
        first = max(last, int(days[test.first_bar - 1]) if test.first_bar else NEVER) + 1
        last = int(days[test.end_bar - 1]) - (test.end_bar < len(days) and days[test.end_bar] == days[test.end_bar - 1])
        run = bench.backtester.run(result.genome, test)
        stretch = _stretch(bench, run, run.trading_day, first=first, last=last)
        if len(stretch.day):
            yield RecordedStretch(stretch, StretchOrigin.WALK_FORWARD, bench.bot.generation, genome_hash(result.genome))


def _in_force(
    bench: Workbench, generations: Sequence[LineageRow], *, after: int, newest_run: Run | None = None
) -> Iterator[RecordedStretch]:
    """Yield the whole days after one, each with the generation that was in force on it."""
    tape_days = bench.at_hand.tape.trading_day
    days = np.unique(tape_days[np.searchsorted(tape_days, after, side="right") :])[:-1]
    places = in_force([None if row.knows_until is None else day_number(row.knows_until) for row in generations], days)
    for place in sorted(set(places.tolist()) - {-1}):
        row, traded = generations[place], days[places == place]
        known_run = newest_run if row.generation_number == bench.bot.generation else None
        run = known_run if known_run is not None else bench.run_genome(row.genome)
        stretch = _stretch(bench, run, tape_days, first=int(traded[0]), last=int(traded[-1]))
        yield RecordedStretch(stretch, StretchOrigin.IN_FORCE, row.generation_number, row.genome_hash)


def _stretch(bench: Workbench, run: Run, bar_day: IntArray, *, first: int, last: int) -> TradedDays:
    exit_day = bench.at_hand.tape.trading_day[run.trades.exit_bar]
    account_micros = bench.account.account_micros
    return traded_days(
        run.equity_micros, bar_day, run.trades, exit_day, account_micros=account_micros, first=first, last=last
    )
