"""A bot's card: what it does now, its figures since reset, the gate before its next stage.

Belongs here: the card and how it is made from the row `store/bots/fleet.py` reads. Does not belong here: which bots are
shown (`fleet.py`), what a state or a gate means (`trading`).
"""

import math
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from services.bots.gates import Verifications
from store.bots.fleet import CardRow, GatedRow, RecentSession, RecordFigures
from store.figures.books import BookRow
from trading.books import Stage
from trading.figures.declared import Figures
from trading.governance.gates import OF_THE_RECORD, Check, Evidence, GateVerdict, days_in_stage, figures_pass, gate
from trading.market.marks import kind_of
from trading.verification.evidence import ASKING, with_verifications
from trading.words import counted
from trading.work.badges import BotNow, Job, Situation, bot_now
from trading.work.jobs import JobStatus, JobType

STAGE_LOCKED = "STAGE_LOCKED"
NO_RECORD = "it has no record yet; its first improve iteration begins one"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFigures:
    """The figures of one book of a bot since its baseline.

    Attributes:
        book: The book they belong to.
        since: That book's baseline; None where it was never reset.
        sessions: Completed sessions since then; None where unknown.
        data_source: SIMULATED or the provider of the bars behind them.
        generation: The generation that earned them in a backtest; None where unknown, and in the books of stages.
        in_sample: Whether that generation was chosen on days they cover.
        bust_at: When its account could no longer carry one contract; None if it always could, and where unknown.
        figures: What was measured, as `trading.figures.declared` lists it.
    """

    book: str
    since: datetime | None
    sessions: int | None = None
    data_source: str | None = None
    generation: int | None = None
    in_sample: bool = False
    bust_at: datetime | None = None
    figures: Figures = field(default_factory=Figures)
    computed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStanding:
    """The prequential record of a bot on the bars it trades now, and what it is worth as evidence.

    Attributes:
        bars_kind: REAL, MARKS or SIMULATED.
        days: How many it has, from `first_on` to `last_on`.
        sharpe: Annualised, out of sample; None under 20 days.
        log_e: Natural logarithm of the e-value; -inf where all was lost.
        proven_since: When it became proof among all records of its kind; None where it is none.
    """

    bars_kind: str
    days: int
    first_on: date
    last_on: date
    sharpe: float | None
    log_e: float
    proven_since: datetime | None

    @property
    def e_value(self) -> float:
        """What bettors would hold now, of 1 at first; 0 where all was lost."""
        return math.exp(self.log_e)

    @property
    def proven(self) -> bool:
        """Whether it is proof among all records of its kind."""
        return self.proven_since is not None

    @property
    def words(self) -> str:
        """The standing in one sentence, without its full stop."""
        sharpe = "unknown" if self.sharpe is None else f"{self.sharpe:.2f}"
        days = f"{counted(self.days, 'day')} on {self.bars_kind} bars to {self.last_on}, Sharpe {sharpe}"
        proof = "proven" if self.proven else "not proven"
        return f"{days}: e-value {self.e_value:.3g}, {proof} among all bots"


@dataclass(frozen=True, slots=True)
class Lock:
    """A blocker that is no rule of the gate: no value was held against it."""

    reason: str
    code: str = STAGE_LOCKED
    relation: None = None
    required: None = None
    was: None = None


@dataclass(frozen=True, slots=True)
class StageGate:
    """The gate to the next stage; `to` is None at the top."""

    to: str | None
    allowed: bool
    blockers: tuple[Check | Lock, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCard:
    """One bot as every page shows it.

    Attributes:
        confidence_pct: How far its newest generation is to be trusted (`trading.improvement.breeding`); None: never
        evaluated.
        uniqueness_pct: How far that generation stood from its nearest sibling then; None: never evaluated.
        record: Its prequential record; None before it has begun.
        sparkline: Account equity in US dollars, oldest first, thinned for drawing.
    """

    id: UUID
    name: str
    stage: str
    symbol: str
    timeframe: str
    archetype: str
    generation: int | None
    promotion_mode: str
    stage_locked_until: datetime | None
    stage_entered_at: datetime
    killed_at: datetime | None
    archived_at: datetime | None
    paused_at: datetime | None
    metrics_reset_at: datetime | None
    bot_now: BotNow
    progress_pct: float | None
    dagster_run_id: str | None
    confidence_pct: float | None
    uniqueness_pct: float | None
    record: RecordStanding | None
    metrics: BookFigures
    sparkline: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedCard(BotCard):
    """A card with the gate before the bot's next stage."""

    stage_gate: StageGate


Card = TypeVar("Card", bound=BotCard)


def card(row: CardRow, *, now: datetime) -> BotCard:
    """Make the card of one bot at a moment."""
    return _card(BotCard, row, now=now)


def gated_card(row: GatedRow, verifications: Verifications, *, now: datetime) -> GatedCard:
    """Make the card of one bot at a moment, its gate evaluated."""
    return _card(GatedCard, row.card, now=now, stage_gate=_stage_gate(row, verifications, now=now))


def gate_verdict(row: GatedRow, verifications: Verifications, *, now: datetime) -> GateVerdict:
    """Hold a bot against the gate before its next stage, every check answered."""
    bot, stage = row.card, Stage(row.card.stage)
    evidence = _evidence(row, stage, now=now)
    if stage in ASKING:
        evidence = with_verifications(evidence, verifications.get(bot.id, ()), generation=bot.generation)
    return gate(stage, evidence)


def book_figures(row: CardRow | BookRow) -> BookFigures:
    """Return the figures of one bot and book from a row of its rollup; `since` is the book's baseline."""
    return BookFigures(
        book=row.book,
        since=row.since,
        sessions=row.sessions,
        data_source=row.data_source,
        generation=row.generation_number,
        in_sample=bool(row.in_sample),
        bust_at=row.bust_at,
        figures=row.figures,
        computed_at=row.computed_at,
    )


def record_standing(row: CardRow) -> RecordStanding | None:
    """Return the record of one bot as it stands from the row of its card; None before it has begun."""
    kind, days, log_e = row.record_kind, row.record_days, row.log_e
    first_on, last_on = row.record_first_on, row.record_last_on
    if kind is None or days is None or log_e is None:
        return None
    if first_on is None or last_on is None:  # never: the columns of a record are null together
        return None
    return RecordStanding(
        bars_kind=kind,
        days=days,
        first_on=first_on,
        last_on=last_on,
        sharpe=row.record_sharpe,
        log_e=log_e,
        proven_since=row.proven_since,
    )


def _card(kind: type[Card], row: CardRow, *, now: datetime, **gate: Any) -> Card:
    return kind(
        id=row.id,
        name=row.name,
        stage=row.stage,
        symbol=row.symbol,
        timeframe=row.timeframe,
        archetype=row.archetype,
        generation=row.generation,
        promotion_mode=row.promotion_mode,
        stage_locked_until=row.stage_locked_until,
        stage_entered_at=row.stage_entered_at,
        killed_at=row.killed_at,
        archived_at=row.archived_at,
        paused_at=row.paused_at,
        metrics_reset_at=row.metrics_reset_at,
        bot_now=bot_now(_situation(row, now=now)),
        progress_pct=row.job_progress_pct,
        dagster_run_id=row.job_dagster_run_id,
        confidence_pct=row.confidence_pct,
        uniqueness_pct=row.uniqueness_pct,
        record=record_standing(row),
        metrics=book_figures(row),
        sparkline=tuple(row.sparkline_usd or ()),
        **gate,
    )


def _situation(row: CardRow, *, now: datetime) -> Situation:
    return Situation(
        stage=Stage(row.stage),
        now=now,
        killed=row.killed_at is not None,
        archived=row.archived_at is not None,
        paused=row.paused_at is not None,
        failures_in_row=row.backtest_failures_in_row or 0,
        has_completed_session=bool(row.backtests_completed),
        bars_left=row.last_session_bars_left,
        jobs=_jobs(row),
    )


def _jobs(row: CardRow) -> tuple[Job, ...]:
    kind, status, created_at = row.job_job_type, row.job_status, row.job_created_at
    attempt, iteration = row.job_attempt, row.job_iteration
    if row.job_id is None or kind is None or status is None:
        return ()
    if created_at is None or attempt is None or iteration is None:  # never: the columns of a job are null together
        return ()
    return (Job(row.job_id, JobType(kind), JobStatus(status), created_at, row.job_started_at, attempt, iteration),)


def _stage_gate(row: GatedRow, verifications: Verifications, *, now: datetime) -> StageGate:
    verdict, locked_until = gate_verdict(row, verifications, now=now), row.card.stage_locked_until
    if locked_until is None or now >= locked_until:
        return StageGate(verdict.to, verdict.allowed, verdict.blockers)
    lock = Lock(f"no stage move before {locked_until:%Y-%m-%d %H:%M %Z}")
    return StageGate(verdict.to, False, (lock, *verdict.blockers))


def _evidence(row: GatedRow, stage: Stage, *, now: datetime) -> Evidence:
    if stage is Stage.LAB:
        return _evidence_in_lab(row, now=now)
    bot, figures = row.card, row.card.figures
    return Evidence(
        trades=figures.trades,
        losers=row.losers,
        net_pnl_micros=figures.net_pnl_micros,
        win_pct=figures.win_pct,
        max_drawdown_pct=figures.max_drawdown_pct,
        profit_factor=figures.profit_factor,
        expectancy_usd=figures.expectancy_usd,
        sharpe=figures.sharpe,
        days_in_stage=days_in_stage(bot.stage_entered_at, now=now),
        data_sources=frozenset({bot.data_source} if bot.data_source else ()),
    )


def _evidence_in_lab(row: GatedRow, *, now: datetime) -> Evidence:
    """Return what is known of a bot in LAB: its record, which no search has seen, and that its sessions still pass."""
    bot, source = row.card, row.card.data_source
    passed = tuple(_passes(Stage.LAB, RecentSession._make(measured)) for measured in row.recent or ())
    evidence = Evidence(
        days_in_stage=days_in_stage(bot.stage_entered_at, now=now),
        data_sources=frozenset({source} if source else ()),
        recent_sessions_passed=passed,
    )
    if row.record is None:
        return replace(evidence, unknown_because=dict.fromkeys(OF_THE_RECORD, NO_RECORD))
    if source is not None and kind_of(source) != bot.record_kind:
        other = f"its record is on {bot.record_kind} bars, and it trades {kind_of(source)} ones now"
        return replace(evidence, unknown_because=dict.fromkeys(OF_THE_RECORD, other))
    return replace(evidence, proven=bot.proven, **RecordFigures._make(row.record)._asdict())


def _passes(stage: Stage, measured: RecentSession) -> bool:
    evidence = Evidence(
        trades=measured.trades,
        win_pct=measured.win_pct,
        max_drawdown_pct=measured.max_drawdown_pct,
        profit_factor=measured.profit_factor,
        expectancy_usd=measured.expectancy_usd,
        sharpe=measured.sharpe,
    )
    return figures_pass(stage, evidence)
