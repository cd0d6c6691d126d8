"""One bot in depth: its sessions, generations, iterations, stage moves, resets, and what people did to it.

Belongs here: the statements behind `/api/bots/{id}`; read-only. Does not belong here: the fleet (`fleet.py`), figures,
curves and trades of a book (`figures/books.py`), jobs and decisions (`work/job_pages.py`, `work/autonomy_ticks.py`).
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session, aliased

from store.rows import first_of, rows_of
from store.tables import (
    AuditEvent,
    BacktestSession,
    Bot,
    BotGeneration,
    BotMetricsEvent,
    BotStageEvent,
    ImproveCandidate,
    ImproveIteration,
    StoredRuleText,
)
from trading.figures.sample import is_in_sample


class NextBot(NamedTuple):
    """The bot next to another one by name."""

    id: UUID
    name: str


class SessionRow(NamedTuple):
    """One backtest session with its headline figures; all of them stand in its tear sheet.

    Attributes:
        first_on: The first trading date its figures cover; None where it failed.
        knows_until: The last trading date its generation was chosen on; None for none.
    """

    id: UUID
    bot_id: UUID
    job_id: UUID | None
    dagster_run_id: str | None
    status: str
    created_at: datetime
    completed_at: datetime
    generation_number: int
    genome_hash: str
    archetype: str
    rule_fingerprint: str | None
    symbol: str
    timeframe: str
    session_mode: str
    account_usd: Decimal
    contracts: int
    data_source: str | None
    data_fingerprint: str | None
    bar_count: int
    first_bar_at: datetime | None
    last_bar_at: datetime | None
    engine_version: str
    seed: int | None
    net_pnl_usd: Decimal | None
    trades: int
    win_pct: float | None
    profit_factor: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    refused_entries: int | None
    bust_at: datetime | None
    order_list_hash: str | None
    notes: list[str]
    error: str | None
    first_on: date | None
    knows_until: date | None

    @property
    def in_sample(self) -> bool:
        """Whether its figures cover days that its generation was chosen on."""
        return is_in_sample(self.first_on, knows_until=self.knows_until)


class GenerationRow(NamedTuple):
    """One genome a bot has had."""

    generation_number: int
    genome: dict[str, Any]
    genome_hash: str
    origin: str
    parent_generation: int | None
    reason: str | None
    created_at: datetime


class JudgedIterationRow(NamedTuple):
    """One improve or evolve iteration; `genome` and `test_*` are those of the candidate it judged, null without one."""

    id: UUID
    job_type: str
    iteration: int
    parent_generation: int
    new_generation: int | None
    accepted: bool
    reason_code: str
    reason: str
    candidates_tried: int
    genome: dict[str, Any] | None
    test_sharpe: float | None
    test_net_pnl_usd: Decimal | None
    test_trades: int | None
    evidence: dict[str, Any]
    data_source: str
    completed_at: datetime


class FiguresEventRow(NamedTuple):
    """One event in the life of a bot's figures, such as a reset."""

    event_type: str
    reason_code: str
    actor: str
    payload_json: dict[str, Any]
    created_at: datetime


class StageMoveRow(NamedTuple):
    """One move of a bot from stage to stage; from None when it came."""

    from_stage: str | None
    to_stage: str
    reason_code: str
    actor: str
    created_at: datetime


class ActRow(NamedTuple):
    """One link of the audit chain whose subject is a bot."""

    seq: int
    at: datetime
    actor: str
    action: str
    payload: dict[str, Any]


def beside_bot(db: Session, name: str, *, after: bool) -> NextBot | None:
    """Return the bot next after, or next before, a name; archived ones are passed over."""
    further, nearest = (Bot.name > name, Bot.name) if after else (Bot.name < name, Bot.name.desc())
    asked = select(Bot.id, Bot.name).where(further, Bot.archived_at.is_(None))
    return first_of(db.execute(asked.order_by(nearest).limit(1)), NextBot)


def sessions_of_bot(db: Session, bot_id: UUID, *, before: UUID | None = None, limit: int) -> list[SessionRow]:
    """Return a bot's backtest sessions older than one of them, newest first, before and after any reset."""
    run, behind = BacktestSession, BotGeneration
    known: dict[str, ColumnElement[Any]] = {column.key: column for column in run.__table__.columns}
    known |= {"first_on": run.equity_on[1].label("first_on"), "knows_until": behind.__table__.c.knows_until}
    of_generation = and_(behind.bot_id == run.bot_id, behind.generation_number == run.generation_number)
    own = select(*(known[name] for name in SessionRow._fields)).join(behind, of_generation).where(run.bot_id == bot_id)
    if before is not None:
        last = aliased(BacktestSession)
        earlier = or_(run.created_at < last.created_at, and_(run.created_at == last.created_at, run.id > last.id))
        own = own.join(last, and_(last.id == before, last.bot_id == bot_id)).where(earlier)
    return rows_of(db.execute(own.order_by(run.created_at.desc(), run.id).limit(limit)), SessionRow)


def generations_of_bot(db: Session, bot_id: UUID, *, limit: int) -> list[GenerationRow]:
    """Return a bot's newest generations, newest first."""
    own = select(*(getattr(BotGeneration, name) for name in GenerationRow._fields)).where(
        BotGeneration.bot_id == bot_id
    )
    return rows_of(db.execute(own.order_by(BotGeneration.generation_number.desc()).limit(limit)), GenerationRow)


def iterations_of_bot(db: Session, bot_id: UUID, *, limit: int) -> list[JudgedIterationRow]:
    """Return a bot's newest improve and evolve iterations, newest first, each with the candidate it judged.

    The candidate is the genome chosen on the last segment, where it met its parent on bars no search had seen; its
    columns are null where an ancestor came back without a search.
    """
    iteration, tried = ImproveIteration, ImproveCandidate
    judged = (
        select(tried.genome, tried.test_sharpe, tried.test_net_pnl_usd, tried.test_trades)
        .where(tried.iteration_id == iteration.id, tried.test_trades.is_not(None))
        .order_by(tried.segment.desc(), tried.trial)
        .limit(1)
        .lateral("judged")
    )
    known = {column.key: column for column in (*iteration.__table__.columns, *judged.c)}
    own = (
        select(*(known[name] for name in JudgedIterationRow._fields))
        .select_from(iteration)
        .outerjoin(judged, true())
        .where(iteration.bot_id == bot_id)
    )
    return rows_of(
        db.execute(own.order_by(iteration.completed_at.desc(), iteration.id).limit(limit)), JudgedIterationRow
    )


def resets_of_bot(db: Session, bot_id: UUID, *, limit: int) -> list[FiguresEventRow]:
    """Return the newest events in the life of a bot's figures, newest first."""
    event = BotMetricsEvent
    columns = (event.event_type, event.reason_code, event.actor, event.payload_json, event.created_at)
    own = select(*columns).where(event.bot_id == bot_id)
    newest = own.order_by(event.created_at.desc(), event.id.desc()).limit(limit)
    return rows_of(db.execute(newest), FiguresEventRow)


def stage_moves_of_bot(db: Session, bot_id: UUID, *, limit: int) -> list[StageMoveRow]:
    """Return a bot's newest moves from stage to stage, newest first."""
    move = BotStageEvent
    columns = (move.from_stage, move.to_stage, move.reason_code, move.actor, move.created_at)
    own = select(*columns).where(move.bot_id == bot_id)
    return rows_of(db.execute(own.order_by(move.created_at.desc(), move.id.desc()).limit(limit)), StageMoveRow)


def acts_on_bot(db: Session, bot_id: UUID, *, limit: int) -> list[ActRow]:
    """Return the newest links of the audit chain whose subject is this bot, newest first.

    An act on many bots, such as a reset, names their number in the chain; its rows per bot are `resets_of_bot`. Served
    by `ix_audit_events__subject`.
    """
    event = AuditEvent
    columns = (event.seq, event.at, event.actor, event.action, event.payload)
    own = select(*columns).where(event.subject == str(bot_id))
    return rows_of(db.execute(own.order_by(event.seq.desc()).limit(limit)), ActRow)


def rule_of_bot(db: Session, bot_id: UUID) -> str | None:
    """Return the text a bot trades by, or None where it trades by an archetype."""
    own = select(StoredRuleText.text).join(Bot, Bot.rule_fingerprint == StoredRuleText.fingerprint)
    return db.scalar(own.where(Bot.id == bot_id))
