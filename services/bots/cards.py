"""A bot's card: what it does now, its figures since reset, the gate before its next stage.

Belongs here: the card and how it is made from the row `store/bots/fleet.py` reads. Does not belong here: which bots are
shown (`fleet.py`), what a state or a gate means (`trading`).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.bots.gates import Verifications
from store.bots.fleet import AnyRow
from trading.books import Stage
from trading.governance.gates import Check, Evidence, GateVerdict, days_in_stage, figures_pass, gate
from trading.verification.evidence import ASKING, with_verifications
from trading.work.badges import BotNow, Job, Situation, bot_now
from trading.work.jobs import JobStatus, JobType

STAGE_LOCKED = "STAGE_LOCKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a bot's current book since its baseline; None where unknown.

    Attributes:
        book: The book they belong to.
        since: That book's baseline; None where it was never reset.
        sessions: Completed sessions since then.
        data_source: SIMULATED or the provider of the bars behind them.
        sparkline_usd: Account equity, oldest first, thinned for drawing.
    """

    book: str
    since: datetime | None
    sessions: int | None = None
    data_source: str | None = None
    net_pnl: Decimal | None = None
    trades: int | None = None
    win_pct: float | None = None
    profit_factor: float | None = None
    expectancy: float | None = None
    max_drawdown: float | None = None
    max_drawdown_pct: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    exposure_pct: float | None = None
    average_trade_bars: float | None = None
    computed_at: datetime | None = None


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
    metrics: Figures
    sparkline: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedCard(BotCard):
    """A card with the gate before the bot's next stage."""

    stage_gate: StageGate


def card(row: AnyRow, *, now: datetime) -> BotCard:
    """Make the card of one bot at a moment."""
    return BotCard(**_columns(row, now=now))


def gated_card(row: AnyRow, verifications: Verifications, *, now: datetime) -> GatedCard:
    """Make the card of one bot at a moment, its gate evaluated; the row must come with evidence."""
    return GatedCard(**_columns(row, now=now), stage_gate=_stage_gate(row, verifications, now=now))


def gate_verdict(row: AnyRow, verifications: Verifications, *, now: datetime) -> GateVerdict:
    """Hold a bot against the gate before its next stage, every check answered; the row must come with evidence."""
    stage = Stage(row.stage)
    evidence = _evidence(row, stage, now=now)
    if stage in ASKING:
        evidence = with_verifications(evidence, verifications.get(row.id, ()), generation=row.generation)
    return gate(stage, evidence)


def figures(row: AnyRow) -> Figures:
    """Return the figures of one bot and book from a row of its rollup; `since` is the book's baseline."""
    return Figures(
        book=row.book,
        since=row.since,
        sessions=row.sessions,
        data_source=row.data_source,
        net_pnl=row.net_pnl_usd,
        trades=row.trades,
        win_pct=row.win_pct,
        profit_factor=row.profit_factor,
        expectancy=row.expectancy_usd,
        max_drawdown=row.max_drawdown_usd,
        max_drawdown_pct=row.max_drawdown_pct,
        sharpe=row.sharpe,
        sortino=row.sortino,
        exposure_pct=row.exposure_pct,
        average_trade_bars=row.average_trade_bars,
        computed_at=row.computed_at,
    )


def _columns(row: AnyRow, *, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "stage": row.stage,
        "symbol": row.symbol,
        "timeframe": row.timeframe,
        "archetype": row.archetype,
        "generation": row.generation,
        "promotion_mode": row.promotion_mode,
        "stage_locked_until": row.stage_locked_until,
        "stage_entered_at": row.stage_entered_at,
        "killed_at": row.killed_at,
        "archived_at": row.archived_at,
        "paused_at": row.paused_at,
        "metrics_reset_at": row.metrics_reset_at,
        "bot_now": bot_now(_situation(row, now=now)),
        "progress_pct": row.job_progress_pct,
        "dagster_run_id": row.job_dagster_run_id,
        "confidence_pct": row.confidence_pct,
        "uniqueness_pct": row.uniqueness_pct,
        "metrics": figures(row),
        "sparkline": tuple(row.sparkline_usd or ()),
    }


def _situation(row: AnyRow, *, now: datetime) -> Situation:
    return Situation(
        stage=Stage(row.stage),
        now=now,
        killed=row.killed_at is not None,
        archived=row.archived_at is not None,
        paused=row.paused_at is not None,
        failures_in_row=row.backtest_failures_in_row or 0,
        has_completed_session=bool(row.backtests_completed),
        bars_left=row.last_session_bars_left,
        jobs=(_job(row),) if row.job_id is not None else (),
    )


def _job(row: AnyRow) -> Job:
    return Job(
        id=row.job_id,
        type=JobType(row.job_job_type),
        status=JobStatus(row.job_status),
        created_at=row.job_created_at,
        started_at=row.job_started_at,
        attempt=row.job_attempt,
        iteration=row.job_iteration,
    )


def _stage_gate(row: AnyRow, verifications: Verifications, *, now: datetime) -> StageGate:
    verdict = gate_verdict(row, verifications, now=now)
    if row.stage_locked_until is None or now >= row.stage_locked_until:
        return StageGate(verdict.to, verdict.allowed, verdict.blockers)
    lock = Lock(f"no stage move before {row.stage_locked_until:%Y-%m-%d %H:%M %Z}")
    return StageGate(verdict.to, False, (lock, *verdict.blockers))


def _evidence(row: AnyRow, stage: Stage, *, now: datetime) -> Evidence:
    return Evidence(
        trades=row.trades,
        losers=row.losers,
        net_pnl_micros=int(row.net_pnl_usd.scaleb(6)) if row.net_pnl_usd is not None else None,
        win_pct=row.win_pct,
        max_drawdown_pct=row.max_drawdown_pct,
        profit_factor=row.profit_factor,
        expectancy_usd=row.expectancy_usd,
        sharpe=row.sharpe,
        days_in_stage=days_in_stage(row.stage_entered_at, now=now),
        data_sources=frozenset({row.data_source} if row.data_source else ()),
        recent_sessions_passed=tuple(_passes(stage, measured) for measured in row.recent or ()),
    )


def _passes(stage: Stage, measured: list[Any]) -> bool:
    trades, win_pct, max_drawdown_pct, profit_factor, expectancy_usd, sharpe = measured
    evidence = Evidence(
        trades=trades,
        win_pct=win_pct,
        max_drawdown_pct=max_drawdown_pct,
        profit_factor=profit_factor,
        expectancy_usd=expectancy_usd,
        sharpe=sharpe,
    )
    return figures_pass(stage, evidence)
