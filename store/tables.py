"""The tables of the platform, and the words its CHECKs allow.

Belongs here: columns, keys, constraints, indexes. Does not belong here: triggers, roles and grants
(`migrations/guards.sql`), statements (the wings) and tables that stand beside the statements of one wing
(`backtests/trades.py`, `verification/verifications.py`, `idempotency.py`, `work/under_way.py`,
`work/owed_materializations.py`).

Raw truth is append-only for every role: every table that `guards.sql` does not name. Figures for display can be rebuilt
from it at any time: bot_metrics_rollups, bot_equity_curve. `map.py` writes all of it down as docs/tables.md; what the
`doc` of a column says stands there.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from store.base import Base, PackedIntegers, one_of, spelled
from store.figure_columns import FigureColumns
from trading.books import Book, Stage
from trading.figures.baselines import Scope
from trading.market.bars import TIMEFRAME_SECONDS
from trading.market.sessions import SESSION_MODES
from trading.work.jobs import ITERATIONS, JobStatus, JobType

STAGES = tuple(Stage)
BOOKS = tuple(Book)
RESET_SCOPES = tuple(Scope)
JOB_TYPES = tuple(JobType)
JOB_STATUSES = tuple(JobStatus)
SESSION_STATUSES = (JobStatus.COMPLETED, JobStatus.FAILED)
TIMEFRAMES = tuple(TIMEFRAME_SECONDS)
GENERATION_ORIGINS = ("SEED", "IMPROVE", "EVOLVE", "REVERT", "EDIT", "COPY")
SIDES = ("LONG", "SHORT")
# words of enums that come with the kernels, which not everybody who opens the tables should have to load
PROMOTION_MODES = ("MANUAL", "AUTO")
EXIT_REASONS = (
    "STOP",
    "TARGET",
    "TIME",
    "REVERSAL",
    "SESSION_CLOSE",
    "ROLL",
    "END_OF_DATA",
    "LATE_CLOSE",
    "MARGIN_CALL",
)
BARS_KINDS = ("REAL", "MARKS", "SIMULATED")
DECISIONS = ("ENQUEUE", "SKIP")
FOR_GOVERNANCE = "nobody writes it yet: governance will"


class StoredRuleText(Base):
    """A strategy as it was written, under the hash of its text. Raw truth: another text is another row."""

    __tablename__ = "rule_texts"
    __table_args__ = (
        CheckConstraint(
            "fingerprint = encode(sha256(convert_to(text, 'UTF8')), 'hex')", name="fingerprint_is_its_text"
        ),
    )

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    created_at: Mapped[datetime]


class Bot(Base):
    """One bot: what it trades, how, and which stage it has reached. Archetype and rule never change.

    `added_by` names the person who added it; null where it came with a seeded fleet.
    """

    __tablename__ = "bots"
    __table_args__ = (
        one_of("stage", STAGES),
        one_of("timeframe", TIMEFRAMES),
        one_of("session_mode", SESSION_MODES),
        one_of("promotion_mode", PROMOTION_MODES),
        one_of("metrics_reset_scope", RESET_SCOPES),
        CheckConstraint("account_usd > 0", name="account_is_positive"),
        CheckConstraint("contracts BETWEEN 1 AND 1000", name="contracts_in_bounds"),
        CheckConstraint("name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$'", name="name_is_plain"),
        CheckConstraint("(archetype = 'rule') = (rule_fingerprint IS NOT NULL)", name="a_rule_has_its_text"),
        Index("ix_bots__stage_symbol", "stage", "symbol"),
        Index("ix_bots__killed", "id", postgresql_where=text("killed_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    stage: Mapped[str] = mapped_column(server_default="LAB", doc="LAB for every bot until stage moves are built")
    symbol: Mapped[str]
    timeframe: Mapped[str]
    archetype: Mapped[str]
    rule_fingerprint: Mapped[str | None] = mapped_column(ForeignKey("rule_texts.fingerprint"))
    session_mode: Mapped[str] = mapped_column(server_default="FULL_24x5")
    account_usd: Mapped[Decimal]
    contracts: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    promotion_mode: Mapped[str] = mapped_column(server_default="MANUAL", doc=FOR_GOVERNANCE)
    stage_entered_at: Mapped[datetime]
    stage_locked_until: Mapped[datetime | None] = mapped_column(doc=FOR_GOVERNANCE)
    killed_at: Mapped[datetime | None] = mapped_column(doc=FOR_GOVERNANCE)
    kill_reason: Mapped[str | None] = mapped_column(doc=FOR_GOVERNANCE)
    archived_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    added_by: Mapped[str | None]
    metrics_reset_at: Mapped[datetime | None]
    metrics_reset_reason_code: Mapped[str | None]
    metrics_reset_by: Mapped[str | None]
    metrics_reset_scope: Mapped[str] = mapped_column(server_default="ALL")
    created_at: Mapped[datetime]


class BotGeneration(Base):
    """A genome a bot has had. Append-only; the bot runs its highest number.

    `knows_until` is the last trading date that it, or any genome whose genes entered it, was chosen on; null where the
    platform chose nothing. A person's edit knows all bars there were.
    """

    __tablename__ = "bot_generations"
    __table_args__ = (
        one_of("origin", GENERATION_ORIGINS),
        CheckConstraint("generation_number >= 1", name="number_is_positive"),
        CheckConstraint("parent_generation < generation_number", name="parent_is_older"),
        ForeignKeyConstraint(
            ["bot_id", "parent_generation"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name="fk_bot_generations__parent",
        ),
    )

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    generation_number: Mapped[int] = mapped_column(primary_key=True)
    genome: Mapped[dict[str, Any]]
    genome_hash: Mapped[str]
    origin: Mapped[str]
    parent_generation: Mapped[int | None]
    knows_until: Mapped[date | None]
    job_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]


class BotJob(Base):
    """One piece of work autonomy wants done. Its truth is here; Dagster only runs it."""

    __tablename__ = "bot_jobs"
    __table_args__ = (
        one_of("job_type", JOB_TYPES),
        one_of("status", JOB_STATUSES),
        CheckConstraint("attempt >= 1 AND iteration >= 0", name="counts_are_sane"),
        CheckConstraint(
            "status <> 'RUNNING'"
            " OR (dagster_run_id IS NOT NULL AND started_at IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name="running_has_a_run",
        ),
        CheckConstraint(
            "(completed_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'TIMEOUT', 'CANCELED'))",
            name="ended_has_a_time",
        ),
        Index(
            "uq_bot_jobs__one_active",
            "bot_id",
            "job_type",
            unique=True,
            postgresql_where=text("status IN ('QUEUED', 'RUNNING')"),
        ),
        Index(
            "ix_bot_jobs__queue",
            "job_type",
            "priority",
            "created_at",
            "id",
            postgresql_where=text("status = 'QUEUED'"),
        ),
        Index("ix_bot_jobs__running", "job_type", "heartbeat_at", postgresql_where=text("status = 'RUNNING'")),
        Index("ix_bot_jobs__bot", "bot_id", "created_at"),
        Index("ix_bot_jobs__recent", "created_at"),
        Index("ix_bot_jobs__ended", "completed_at", "id", postgresql_where=text("completed_at IS NOT NULL")),
        Index("ix_bot_jobs__troubled", "completed_at", "id", postgresql_where=text("status IN ('FAILED', 'TIMEOUT')")),
        Index("ix_bot_jobs__counts", "job_type", "status"),
        Index("ix_bot_jobs__completed", "completed_at", postgresql_where=text("status = 'COMPLETED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    job_type: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="QUEUED")
    attempt: Mapped[int] = mapped_column(server_default="1")
    iteration: Mapped[int] = mapped_column(server_default="0")
    priority: Mapped[int] = mapped_column(server_default="100")
    reason_code: Mapped[str]
    dagster_run_id: Mapped[str | None]
    reclaims: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    progress_pct: Mapped[float | None] = mapped_column(REAL)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    error: Mapped[str | None]


IS_ACTIVE = BotJob.status.in_([spelled(JobStatus.QUEUED), spelled(JobStatus.RUNNING)])
"""A job that waits or runs, in the words of its partial index, for every statement on such jobs."""


class BacktestSession(FigureColumns, Base):
    """One finished backtest and everything needed to repeat it. Raw truth."""

    __tablename__ = "backtest_sessions"
    __table_args__ = (
        one_of("status", SESSION_STATUSES),
        CheckConstraint("(status = 'FAILED') = (error IS NOT NULL)", name="failure_says_why"),
        CheckConstraint("cardinality(equity_on) = cardinality(equity_usd)", name="equity_has_its_days"),
        CheckConstraint("status = 'FAILED' OR (bar_count > 0 AND net_pnl_usd IS NOT NULL)", name="completed_is_whole"),
        CheckConstraint("(archetype = 'rule') = (rule_fingerprint IS NOT NULL)", name="a_rule_has_its_text"),
        ForeignKeyConstraint(
            ["bot_id", "generation_number"], ["bot_generations.bot_id", "bot_generations.generation_number"]
        ),
        Index("ix_backtest_sessions__bot", "bot_id", "created_at"),
        Index(
            "ix_backtest_sessions__completed",
            "bot_id",
            "created_at",
            "id",
            postgresql_where=text("status = 'COMPLETED'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("bot_jobs.id"), unique=True)
    dagster_run_id: Mapped[str | None]
    status: Mapped[str]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime]
    generation_number: Mapped[int]
    genome_hash: Mapped[str]
    archetype: Mapped[str]
    rule_fingerprint: Mapped[str | None] = mapped_column(ForeignKey("rule_texts.fingerprint"))
    symbol: Mapped[str]
    timeframe: Mapped[str]
    session_mode: Mapped[str]
    account_usd: Mapped[Decimal]
    contracts: Mapped[int] = mapped_column(SmallInteger)
    data_source: Mapped[str | None]
    data_fingerprint: Mapped[str | None]
    bar_count: Mapped[int] = mapped_column(server_default="0")
    first_bar_at: Mapped[datetime | None]
    last_bar_at: Mapped[datetime | None]
    engine_version: Mapped[str]
    seed: Mapped[int | None] = mapped_column(BigInteger, doc="nobody writes it yet: the engine draws nothing by chance")
    costs: Mapped[dict[str, Any]]
    net_pnl_usd: Mapped[Decimal | None] = mapped_column()
    trades: Mapped[int] = mapped_column(server_default="0")
    winners: Mapped[int] = mapped_column(server_default="0")
    losers: Mapped[int] = mapped_column(server_default="0")
    refused_entries: Mapped[int | None]
    bust_at: Mapped[datetime | None]
    order_list_hash: Mapped[str | None]
    equity_on: Mapped[list[date]] = mapped_column(ARRAY(Date()), server_default=text("'{}'"))
    equity_usd: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(20, 6)), server_default=text("'{}'"))
    notes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    error: Mapped[str | None]


class MetricsBaseline(Base):
    """Since when the figures of one bot and book count; the equity curve starts earlier where a reset spared it."""

    __tablename__ = "metrics_baselines"
    __table_args__ = (one_of("book", BOOKS), one_of("scope", RESET_SCOPES))

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    reset_at: Mapped[datetime]
    equity_reset_at: Mapped[datetime | None]
    scope: Mapped[str]
    reason_code: Mapped[str]
    actor: Mapped[str]
    request_id: Mapped[str]


class BotMetricsRollup(FigureColumns, Base):
    """The figures of one bot and book since its baseline: what pages, proofs and gates show.

    Of backtests they say whose they are: `generation_number` ran, `in_sample` where it was chosen on days they cover,
    `bust_at` where its account could no longer carry one contract.
    """

    __tablename__ = "bot_metrics_rollups"
    __table_args__ = (one_of("book", BOOKS), Index("ix_bot_metrics_rollups__net", "book", "net_pnl_usd", "bot_id"))

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime | None]
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("backtest_sessions.id"))
    sessions: Mapped[int]
    data_source: Mapped[str | None]
    generation_number: Mapped[int | None]
    in_sample: Mapped[bool] = mapped_column(server_default=text("false"))
    bust_at: Mapped[datetime | None]
    net_pnl_usd: Mapped[Decimal | None] = mapped_column()
    trades: Mapped[int] = mapped_column()
    sparkline_usd: Mapped[list[float]] = mapped_column(ARRAY(REAL), server_default=text("'{}'"))
    computed_at: Mapped[datetime]


class BotEvidence(FigureColumns, Base):
    """The prequential record of a bot on one kind of bars, joined, and what it is worth as evidence.

    Rebuilt from `record_stretches` at any time. `is_newest` marks the record that grew last: the one of the bars the
    bot trades now. `proven` is the answer of the newest judgement over all records of a kind.
    """

    __tablename__ = "bot_evidence"
    __table_args__ = (
        one_of("bars_kind", BARS_KINDS),
        CheckConstraint("first_on <= last_on AND octet_length(pnl_micros) = 8 * days", name="days_are_its_days"),
        CheckConstraint("log_e <> 'NaN'", name="evidence_is_a_number"),
        CheckConstraint("proven = (proven_since IS NOT NULL)", name="proven_since_when"),
        Index("ix_bot_evidence__newest", "bot_id", unique=True, postgresql_where=text("is_newest")),
    )

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    bars_kind: Mapped[str] = mapped_column(primary_key=True)
    is_newest: Mapped[bool]
    first_on: Mapped[date]
    last_on: Mapped[date]
    days: Mapped[int]
    pnl_micros: Mapped[list[int]] = mapped_column(PackedIntegers)
    winners: Mapped[int]
    losers: Mapped[int]
    bars_held: Mapped[int] = mapped_column(BigInteger)
    profit_micros: Mapped[int] = mapped_column(BigInteger)
    loss_micros: Mapped[int] = mapped_column(BigInteger)
    log_e: Mapped[float] = mapped_column(doc="natural logarithm of the e-value; -Infinity where all was lost")
    proven: Mapped[bool] = mapped_column(server_default=text("false"))
    proven_since: Mapped[datetime | None]
    computed_at: Mapped[datetime]


class BotPerformanceSnapshot(Base):
    """A rollup as it stood when it last changed: the history of what was shown."""

    __tablename__ = "bot_performance_snapshots"
    __table_args__ = (one_of("book", BOOKS), Index("ix_bot_performance_snapshots__bot", "bot_id", "book", "taken_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    book: Mapped[str]
    taken_at: Mapped[datetime]
    since: Mapped[datetime | None]
    session_id: Mapped[UUID | None]
    generation_number: Mapped[int | None]
    net_pnl_usd: Mapped[Decimal | None]
    trades: Mapped[int]
    max_drawdown_pct: Mapped[float | None]
    sharpe: Mapped[float | None]


class BotEquityCurve(Base):
    """Account equity of one bot and book at the close of each trading day since its baseline, oldest first."""

    __tablename__ = "bot_equity_curve"
    __table_args__ = (
        one_of("book", BOOKS),
        CheckConstraint("cardinality(trading_on) = cardinality(equity_usd)", name="equity_has_its_days"),
    )

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    book: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime | None]
    session_id: Mapped[UUID | None]
    trading_on: Mapped[list[date]] = mapped_column(ARRAY(Date()))
    equity_usd: Mapped[list[Decimal]] = mapped_column(ARRAY(Numeric(20, 6)))
    computed_at: Mapped[datetime]


class BotProgress(Base):
    """What the planner needs to know of one bot; backtests are counted since its BACKTEST baseline.

    Improve and evolve iterations are numbered through all its life. `confidence_pct` and `uniqueness_pct` belong to its
    newest generation and outlive a reset; null where no iteration has evaluated that. `last_session_bars_left` is what
    the warm-up left of the last session's bars. `evidence_waits_until` is the trading date whose bars give it a look
    again; null where it has one.
    """

    __tablename__ = "bot_progress"
    __table_args__ = (
        Index("ix_bot_progress__failing", "bot_id", postgresql_where=text("backtest_failures_in_row > 0")),
    )

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    backtest_attempts: Mapped[int] = mapped_column(server_default="0")
    backtests_completed: Mapped[int] = mapped_column(server_default="0")
    backtest_failures_in_row: Mapped[int] = mapped_column(server_default="0")
    last_backtest_at: Mapped[datetime | None]
    last_session_trades: Mapped[int] = mapped_column(server_default="0")
    last_session_generation: Mapped[int | None]
    last_session_fingerprint: Mapped[str | None]
    last_session_bars_left: Mapped[int | None]
    improve_iterations: Mapped[int] = mapped_column(server_default="0")
    improves_since_evolve: Mapped[int] = mapped_column(server_default="0")
    improve_failures_in_row: Mapped[int] = mapped_column(server_default="0")
    last_improve_at: Mapped[datetime | None]
    evolve_iterations: Mapped[int] = mapped_column(server_default="0")
    evolve_failures_in_row: Mapped[int] = mapped_column(server_default="0")
    last_evolve_at: Mapped[datetime | None]
    confidence_pct: Mapped[float | None]
    uniqueness_pct: Mapped[float | None]
    evidence_waits_until: Mapped[date | None]


class ImproveIteration(Base):
    """One finished improve or evolve iteration and its verdict."""

    __tablename__ = "improve_iterations"
    __table_args__ = (
        one_of("job_type", ITERATIONS),
        CheckConstraint("accepted = (new_generation IS NOT NULL)", name="accepted_has_a_generation"),
        UniqueConstraint("bot_id", "job_type", "iteration"),
        Index("ix_improve_iterations__completed", "completed_at", "id"),
        Index("ix_improve_iterations__accepted", "completed_at", "id", postgresql_where=text("accepted")),
        Index("ix_improve_iterations__bot_completed", "bot_id", "completed_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("bot_jobs.id"), unique=True)
    job_type: Mapped[str]
    iteration: Mapped[int]
    parent_generation: Mapped[int]
    new_generation: Mapped[int | None]
    accepted: Mapped[bool]
    reason_code: Mapped[str]
    reason: Mapped[str]
    candidates_tried: Mapped[int]
    evidence: Mapped[dict[str, Any]]
    data_source: Mapped[str]
    data_fingerprint: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime]


class ImproveCandidate(Base):
    """One genome that was tried in an iteration, with its figures. Raw truth."""

    __tablename__ = "improve_candidates"

    iteration_id: Mapped[UUID] = mapped_column(ForeignKey("improve_iterations.id"), primary_key=True)
    trial: Mapped[int] = mapped_column(primary_key=True)
    segment: Mapped[int] = mapped_column(SmallInteger)
    genome: Mapped[dict[str, Any]]
    genome_hash: Mapped[str]
    train_sharpe: Mapped[float | None]
    train_net_pnl_usd: Mapped[Decimal | None]
    train_trades: Mapped[int]
    test_sharpe: Mapped[float | None]
    test_net_pnl_usd: Mapped[Decimal | None]
    test_trades: Mapped[int | None]


class BotStageEvent(Base):
    """One move of a bot from stage to stage. Raw truth."""

    __tablename__ = "bot_stage_events"
    __table_args__ = (Index("ix_bot_stage_events__bot", "bot_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    from_stage: Mapped[str | None]
    to_stage: Mapped[str]
    reason_code: Mapped[str]
    actor: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime]


class BotMetricsEvent(Base):
    """One event in the life of a bot's figures, such as METRICS_RESET. Raw truth."""

    __tablename__ = "bot_metrics_events"
    __table_args__ = (Index("ix_bot_metrics_events__bot", "bot_id", "created_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"))
    event_type: Mapped[str]
    reason_code: Mapped[str]
    actor: Mapped[str]
    payload_json: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class AuditEvent(Base):
    """One link of the audit chain. Raw truth."""

    __tablename__ = "audit_events"
    __table_args__ = (
        *(Index(f"ix_audit_events__{column}", column, "seq") for column in ("subject", "action", "actor")),
        Index("ix_audit_events__reason", text("(payload ->> 'reasonCode')"), "seq"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    payload: Mapped[dict[str, Any]]
    previous_hash: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)


class RebuildRequest(Base):
    """A wish, written by a reset, that Dagster recompute the figures of some bots."""

    __tablename__ = "rebuild_requests"
    __table_args__ = (Index("ix_rebuild_requests__open", "id", postgresql_where=text("completed_at IS NULL")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    request_id: Mapped[str]
    bot_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)))
    also_equity_curves: Mapped[bool]
    created_at: Mapped[datetime]
    dagster_run_id: Mapped[str | None]
    completed_at: Mapped[datetime | None]


class AutonomyRun(Base):
    """One tick of autonomy."""

    __tablename__ = "autonomy_runs"
    __table_args__ = (Index("ix_autonomy_runs__recent", "started_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    candidates: Mapped[int]
    decisions: Mapped[int]
    summary: Mapped[dict[str, Any]]


class AutonomyBotDecision(Base):
    """What one tick decided for one bot, and why."""

    __tablename__ = "autonomy_bot_decisions"
    __table_args__ = (
        one_of("decision", DECISIONS),
        CheckConstraint("(decision = 'ENQUEUE') = (job_type IS NOT NULL)", name="enqueue_names_the_work"),
        Index("ix_autonomy_bot_decisions__bot", "bot_id", "run_id"),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("autonomy_runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    bot_id: Mapped[UUID]
    decision: Mapped[str]
    job_type: Mapped[str | None]
    reason_code: Mapped[str]
    blockers: Mapped[list[str]]


class SystemSetting(Base):
    """One setting that outlives a deployment, such as the kill switch."""

    __tablename__ = "system_settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]
