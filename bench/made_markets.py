"""Made-up markets with fleets that improve on them by the product's own loop, and what became of every bot.

Belongs here: a market of known truth, bars that stand still or arrive a day at a time, the account of each bot. Does
not belong here: the figures over many of them (`discovery.py`), the loop itself (`services`).

Nothing follows anything in these markets but what was planted: regimes neither trend nor pull back. The last year is
unseen: none of its bars is ever in the store.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.backtests.baselines import run_baseline
from services.backtests.workbench import bot_at_work
from services.bots.seed import seed_fleet
from services.desk import Desk
from services.improvement.iterations import run_improvement
from store.database import transaction
from store.improvement.looks import SealedEpoch, SealedLook
from store.market.bars import BarStore, NewSeries
from store.tables import Bot, BotEvidence, BotGeneration, ImproveIteration
from tests.harness.own_platform import private_platform
from trading.arrays import IntArray
from trading.backtests.engine import margined
from trading.backtests.parts import Part, PartBacktester
from trading.days import day_number
from trading.market.aggregation import aggregate
from trading.market.bars import Bars, bars_from_columns, columns_of
from trading.market.instruments import account_usd, instrument
from trading.market.marks import BarsKind
from trading.market.plants import EdgeKind, Plant
from trading.market.sessions import FULL_24X5, session_index
from trading.market.simulator import simulate_planted
from trading.money import MICROS_PER_USD
from trading.strategies.archetypes import ARCHETYPES
from trading.strategies.genome import Genome
from trading.strategies.tape import tape_of
from trading.work.jobs import JobStatus

TIMEFRAME = "1h"
START_ON = date(2016, 1, 4)
UNSEEN_YEARS = 1.0
ITERATIONS_A_DAY = 3
SUITED = {
    EdgeKind.REVERSION: ("exhaustion_fade", "reversal"),
    EdgeKind.GAP: ("exhaustion_fade", "mean_reversion"),
    EdgeKind.OPENING_RANGE: ("breakout_retest", "breakout"),
}
"""Archetypes whose entries follow an edge on hourly bars better with another genome than the one they begin with."""
OfABot = TypeVar("OfABot", BotGeneration, ImproveIteration, SealedEpoch, SealedLook)
ANY = ("orb_breakout", "mean_reversion", "vwap_bounce", "trend_ema_cross")


@dataclass(frozen=True, slots=True)
class Market:
    """A market to make.

    Attributes:
        symbol: NQ, on which costs are small beside a day's move, or MES, on which they are three times as large.
        seed: Of its bars.
        iterations: How many improve iterations each bot has on it.
        kind: The planted edge; empty where nothing is planted.
        sharpe: The annual Sharpe ratio of the edge's oracle before costs.
        arriving: Bars arrive, a day every three iterations; else they stand still.
        years: How long its history is before the unseen year.
    """

    symbol: str
    seed: int
    iterations: int
    kind: str = ""
    sharpe: float = 0.0
    arriving: bool = False
    years: float = 3.0

    @property
    def name(self) -> str:
        """What it is, as a file is named."""
        planted = f"{self.kind.lower()}-{self.sharpe:g}" if self.kind else "null"
        return f"{planted}-{self.symbol}-{'arriving' if self.arriving else 'static'}-{self.iterations}-{self.seed}"

    @property
    def archetypes(self) -> tuple[str, ...]:
        """Archetypes of the bots that improve on it."""
        return SUITED[EdgeKind(self.kind)] if self.kind else ANY


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One accepted generation: Sharpe ratios it and its parent had in the unseen year, and it had when it won."""

    generation: int
    after_iterations: int
    claimed: float
    realised: float
    parent_realised: float


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one bot.

    Attributes:
        archetype: What it trades by.
        outcomes: How often each verdict was given.
        looks: Of each look whether it was won, and its active days.
        epochs: How many epochs it had.
        epochs_won: How many of them were closed by a look that was won.
        accepted: Its generations beyond the first.
        log_e: Natural logarithm of the e-value of its prequential record; None without one.
        record_days: Days of that record.
    """

    archetype: str
    outcomes: dict[str, int]
    looks: list[tuple[bool, int]] = field(default_factory=list)
    epochs: int = 0
    epochs_won: int = 0
    accepted: list[Acceptance] = field(default_factory=list)
    log_e: float | None = None
    record_days: int = 0


def accounts_of(market: Market, *, keep: Path | None) -> list[Account]:
    """Return what became of the bots of a market: read where it was kept, else played on a database of its own."""
    kept = keep / f"{market.name}.json" if keep is not None else None
    if kept is not None and kept.exists():
        return [_account(read) for read in json.loads(kept.read_text("utf-8"))]
    with desk_of_its_own() as desk:
        accounts = played(desk, market)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".half")
        half.write_text(json.dumps([asdict(account) for account in accounts]), "utf-8")
        half.replace(kept)
    return accounts


@contextmanager
def desk_of_its_own() -> Iterator[Desk]:
    """Open a desk over an embedded database that is made for it and removed after it."""
    with private_platform("pg-discovery") as platform:
        desk = platform.desk()
        try:
            yield desk
        finally:
            desk.database.kw["bind"].dispose()


def played(desk: Desk, market: Market) -> list[Account]:
    """Register a fleet on a market, let it improve, and return what became of the bots that suit the market.

    Args:
        desk: Over a database without a bot.
        market: What to make.
    """
    bars = made(market)
    days = _days(bars)
    first_unseen = int(np.searchsorted(days, days[-1] - round(365.25 * UNSEEN_YEARS), side="right"))
    with TemporaryDirectory(prefix="pg-markets-") as folder:
        desk = replace(desk, bars=BarStore(Path(folder)))
        arriving = market.iterations // ITERATIONS_A_DAY if market.arriving else 0
        _deliver(desk, bars, days[first_unseen - arriving])
        seed_fleet(desk, size=len(ARCHETYPES), symbols=(market.symbol,), timeframes=(TIMEFRAME,))
        bots = _bots(desk, market.archetypes)
        for bot_id in bots:
            run_baseline(desk, bot_id, run_id="bench")
        for iteration in range(market.iterations):
            if market.arriving and iteration % ITERATIONS_A_DAY == 0 and iteration > 0:
                _deliver(desk, bars, days[first_unseen - arriving + iteration // ITERATIONS_A_DAY])
            for bot_id in bots:
                _improve(desk, bot_id)
    judge = Judge(bars, market.symbol, first_unseen=int(days[first_unseen]))
    return [_told(desk, bot_id, judge) for bot_id in bots]


def made(market: Market) -> Bars:
    """Return the hourly bars of a market, the unseen year included."""
    plant = Plant(EdgeKind(market.kind), market.sharpe) if market.kind else None
    years = market.years + UNSEEN_YEARS + market.arriving * market.iterations / ITERATIONS_A_DAY / 250.0
    simulated = simulate_planted(
        market.symbol, seed=market.seed, start_on=START_ON, years=years, plant=plant, regimes=False
    )
    return aggregate(simulated.bars, TIMEFRAME)


class Judge:
    """Runs genomes over days that no bot has seen, and over those a look was won on."""

    def __init__(self, bars: Bars, symbol: str, *, first_unseen: int) -> None:
        self._tape = tape_of(bars, session_index(bars, mode=FULL_24X5))
        self._account = margined(instrument(symbol), int(account_usd(symbol) * MICROS_PER_USD), 1)
        self._first_unseen = first_unseen

    def unseen(self, archetype: str, genome: Genome) -> float:
        """Return the Sharpe ratio of the unseen year."""
        return self.sharpe(archetype, genome, self._first_unseen, int(self._tape.trading_day[-1]))

    def sharpe(self, archetype: str, genome: Genome, first_day: int, last_day: int) -> float:
        """Return the annual Sharpe ratio of the days from one to another; 0 where it is unknown."""
        days = self._tape.trading_day
        part = Part(int(np.searchsorted(days, first_day)), int(np.searchsorted(days, last_day, side="right")))
        performance = PartBacktester(self._tape, archetype, account=self._account)(genome, part.first_bar, part.end_bar)
        return performance.sharpe or 0.0


def _days(bars: Bars) -> IntArray:
    return np.unique(session_index(bars, mode=FULL_24X5).trading_day)


def _deliver(desk: Desk, bars: Bars, end_day: int) -> None:
    """Write the bars of all days before one."""
    trading_day = session_index(bars, mode=FULL_24X5).trading_day
    known = np.ascontiguousarray(columns_of(bars)[:, : int(np.searchsorted(trading_day, end_day))])
    cut = bars_from_columns(known, symbol=bars.symbol, timeframe=bars.timeframe, provider=bars.provider)
    desk.bars.write_all([NewSeries(cut, "bench.discovery")])


def _bots(desk: Desk, archetypes: tuple[str, ...]) -> list[UUID]:
    with transaction(desk.database) as db:
        known = {archetype: bot_id for bot_id, archetype in db.execute(select(Bot.id, Bot.archetype))}
    return [known[archetype] for archetype in archetypes]


def _improve(desk: Desk, bot_id: UUID) -> None:
    finished = run_improvement(desk, bot_id, run_id="bench")
    if finished.status is not JobStatus.COMPLETED:
        raise RuntimeError(f"an iteration failed: {finished.error}")


def _told(desk: Desk, bot_id: UUID, judge: Judge) -> Account:
    archetype = bot_at_work(desk, bot_id).archetype
    with transaction(desk.database) as db:
        verdicts = sorted(_rows(db, ImproveIteration, bot_id), key=lambda row: row.iteration)
        looks, epochs = _rows(db, SealedLook, bot_id), len(_rows(db, SealedEpoch, bot_id))
        genomes = {row.generation_number: row.genome for row in _rows(db, BotGeneration, bot_id)}
        record = db.scalar(select(BotEvidence).filter_by(bot_id=bot_id, bars_kind=BarsKind.SIMULATED))
    won = {look.new_generation: look for look in looks if look.passed}
    return Account(
        archetype=archetype,
        outcomes=dict(Counter(row.reason_code for row in verdicts)),
        looks=[(look.passed, look.active_days) for look in looks],
        epochs=epochs,
        epochs_won=len(won),
        accepted=[
            Acceptance(
                generation=row.new_generation,
                after_iterations=row.iteration,
                claimed=judge.sharpe(archetype, genomes[row.new_generation], *_span(won[row.new_generation])),
                realised=judge.unseen(archetype, genomes[row.new_generation]),
                parent_realised=judge.unseen(archetype, genomes[row.parent_generation]),
            )
            for row in verdicts
            if row.new_generation is not None
        ],
        log_e=record.log_e if record is not None else None,
        record_days=len(record.pnl_micros) if record is not None else 0,
    )


def _rows(db: Session, table: type[OfABot], bot_id: UUID) -> Sequence[OfABot]:
    return db.scalars(select(table).filter_by(bot_id=bot_id)).all()


def _span(look: SealedLook) -> tuple[int, int]:
    return day_number(look.first_on), day_number(look.last_on)


def _account(read: dict[str, Any]) -> Account:
    accepted = [Acceptance(**acceptance) for acceptance in read["accepted"]]
    return Account(**read | {"looks": [(won, days) for won, days in read["looks"]], "accepted": accepted})
