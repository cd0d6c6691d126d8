"""The ledger: every table of the first release."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_events__hash")),
    )
    op.create_table(
        "autonomy_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_autonomy_runs")),
    )
    op.create_index("ix_autonomy_runs__recent", "autonomy_runs", ["started_at"], unique=False)
    op.create_table(
        "bots",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="LAB", nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("archetype", sa.Text(), nullable=False),
        sa.Column("session_mode", sa.Text(), server_default="FULL_24x5", nullable=False),
        sa.Column("account_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("contracts", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("promotion_mode", sa.Text(), server_default="MANUAL", nullable=False),
        sa.Column("stage_entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("killed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kill_reason", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metrics_reset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metrics_reset_reason_code", sa.Text(), nullable=True),
        sa.Column("metrics_reset_by", sa.Text(), nullable=True),
        sa.Column("metrics_reset_scope", sa.Text(), server_default="ALL", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "metrics_reset_scope IN ('ALL', 'BACKTEST_ONLY', 'PAPER_ONLY', 'LIVE_ONLY')",
            name=op.f("ck_bots__metrics_reset_scope_is_known"),
        ),
        sa.CheckConstraint("name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$'", name=op.f("ck_bots__name_is_plain")),
        sa.CheckConstraint("promotion_mode IN ('MANUAL', 'AUTO')", name=op.f("ck_bots__promotion_mode_is_known")),
        sa.CheckConstraint(
            "session_mode IN ('FULL_24x5', 'RTH_US', 'ETH', 'CUSTOM')", name=op.f("ck_bots__session_mode_is_known")
        ),
        sa.CheckConstraint(
            "stage IN ('LAB', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')", name=op.f("ck_bots__stage_is_known")
        ),
        sa.CheckConstraint("timeframe IN ('1m', '5m', '15m', '1h', '1d')", name=op.f("ck_bots__timeframe_is_known")),
        sa.CheckConstraint("account_usd > 0", name=op.f("ck_bots__account_is_positive")),
        sa.CheckConstraint("contracts BETWEEN 1 AND 1000", name=op.f("ck_bots__contracts_in_bounds")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bots")),
        sa.UniqueConstraint("name", name=op.f("uq_bots__name")),
    )
    op.create_index("ix_bots__stage_symbol", "bots", ["stage", "symbol"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 200", name=op.f("ck_idempotency_keys__key_is_bounded")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "rebuild_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("bot_ids", sa.ARRAY(sa.UUID()), nullable=False),
        sa.Column("also_equity_curves", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebuild_requests")),
    )
    op.create_index(
        "ix_rebuild_requests__open",
        "rebuild_requests",
        ["id"],
        unique=False,
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_table(
        "system_settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_system_settings")),
    )
    op.create_table(
        "autonomy_bot_decisions",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=True),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("blockers", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(decision = 'ENQUEUE') = (job_type IS NOT NULL)",
            name=op.f("ck_autonomy_bot_decisions__enqueue_names_the_work"),
        ),
        sa.CheckConstraint(
            "decision IN ('ENQUEUE', 'SKIP')", name=op.f("ck_autonomy_bot_decisions__decision_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["autonomy_runs.id"], name=op.f("fk_autonomy_bot_decisions__run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_autonomy_bot_decisions")),
    )
    op.create_index("ix_autonomy_bot_decisions__bot", "autonomy_bot_decisions", ["bot_id", "run_id"], unique=False)
    op.create_table(
        "bot_equity_curve",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("trading_on", sa.ARRAY(sa.Date()), nullable=False),
        sa.Column("equity_usd", sa.ARRAY(sa.Numeric(precision=20, scale=6)), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "book IN ('BACKTEST', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')", name=op.f("ck_bot_equity_curve__book_is_known")
        ),
        sa.CheckConstraint(
            "cardinality(trading_on) = cardinality(equity_usd)", name=op.f("ck_bot_equity_curve__equity_has_its_days")
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_equity_curve__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", "book", name=op.f("pk_bot_equity_curve")),
    )
    op.create_table(
        "bot_generations",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("generation_number", sa.Integer(), nullable=False),
        sa.Column("genome", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("parent_generation", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "origin IN ('SEED', 'IMPROVE', 'EVOLVE', 'REVERT')", name=op.f("ck_bot_generations__origin_is_known")
        ),
        sa.CheckConstraint("generation_number >= 1", name=op.f("ck_bot_generations__number_is_positive")),
        sa.CheckConstraint("parent_generation < generation_number", name=op.f("ck_bot_generations__parent_is_older")),
        sa.ForeignKeyConstraint(
            ["bot_id", "parent_generation"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name="fk_bot_generations__parent",
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_generations__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", "generation_number", name=op.f("pk_bot_generations")),
    )
    op.create_table(
        "bot_jobs",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("iteration", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="100", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("reclaims", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("progress_pct", sa.REAL(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'TIMEOUT', 'CANCELED'))",
            name=op.f("ck_bot_jobs__ended_has_a_time"),
        ),
        sa.CheckConstraint(
            "job_type IN ('BACKTEST', 'IMPROVE', 'EVOLVE')", name=op.f("ck_bot_jobs__job_type_is_known")
        ),
        sa.CheckConstraint(
            "status <> 'RUNNING' OR (dagster_run_id IS NOT NULL AND started_at IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name=op.f("ck_bot_jobs__running_has_a_run"),
        ),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'TIMEOUT', 'CANCELED')",
            name=op.f("ck_bot_jobs__status_is_known"),
        ),
        sa.CheckConstraint("attempt >= 1 AND iteration >= 0", name=op.f("ck_bot_jobs__counts_are_sane")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_jobs__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_jobs")),
    )
    op.create_index("ix_bot_jobs__bot", "bot_jobs", ["bot_id", "created_at"], unique=False)
    op.create_index(
        "ix_bot_jobs__queue",
        "bot_jobs",
        ["job_type", "priority", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index("ix_bot_jobs__recent", "bot_jobs", ["created_at"], unique=False)
    op.create_index(
        "ix_bot_jobs__running",
        "bot_jobs",
        ["job_type", "heartbeat_at"],
        unique=False,
        postgresql_where=sa.text("status = 'RUNNING'"),
    )
    op.create_index(
        "uq_bot_jobs__one_active",
        "bot_jobs",
        ["bot_id", "job_type"],
        unique=True,
        postgresql_where=sa.text("status IN ('QUEUED', 'RUNNING')"),
    )
    op.create_table(
        "bot_metrics_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload_json", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_metrics_events__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_metrics_events")),
    )
    op.create_index("ix_bot_metrics_events__bot", "bot_metrics_events", ["bot_id", "created_at"], unique=False)
    op.create_table(
        "bot_performance_snapshots",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("generation_number", sa.Integer(), nullable=True),
        sa.Column("net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("max_drawdown_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sharpe", sa.DOUBLE_PRECISION(), nullable=True),
        sa.CheckConstraint(
            "book IN ('BACKTEST', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')",
            name=op.f("ck_bot_performance_snapshots__book_is_known"),
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_performance_snapshots__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_performance_snapshots")),
    )
    op.create_index(
        "ix_bot_performance_snapshots__bot", "bot_performance_snapshots", ["bot_id", "book", "taken_at"], unique=False
    )
    op.create_table(
        "bot_progress",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("backtest_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("backtests_completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("backtest_failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_backtest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_session_trades", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_session_generation", sa.Integer(), nullable=True),
        sa.Column("last_session_fingerprint", sa.Text(), nullable=True),
        sa.Column("improve_iterations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("improves_since_evolve", sa.Integer(), server_default="0", nullable=False),
        sa.Column("improve_failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_improve_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evolve_iterations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("evolve_failures_in_row", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_evolve_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_progress__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", name=op.f("pk_bot_progress")),
    )
    op.create_table(
        "bot_stage_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=True),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_stage_events__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_stage_events")),
    )
    op.create_index("ix_bot_stage_events__bot", "bot_stage_events", ["bot_id", "created_at"], unique=False)
    op.create_table(
        "execution_fills",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("venue_fill_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity_contracts", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("commission_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("realised_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "book IN ('PAPER', 'SHADOW', 'CANARY', 'LIVE')", name=op.f("ck_execution_fills__book_is_known")
        ),
        sa.CheckConstraint("side IN ('BUY', 'SELL')", name=op.f("ck_execution_fills__side_is_known")),
        sa.CheckConstraint("quantity_contracts > 0", name=op.f("ck_execution_fills__quantity_is_positive")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_execution_fills__bot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_execution_fills")),
        sa.UniqueConstraint("venue", "venue_fill_id", name=op.f("uq_execution_fills__venue_venue_fill_id")),
    )
    op.create_index("ix_execution_fills__bot_book", "execution_fills", ["bot_id", "book", "created_at"], unique=False)
    op.create_table(
        "metrics_baselines",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("reset_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("equity_reset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "book IN ('BACKTEST', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')",
            name=op.f("ck_metrics_baselines__book_is_known"),
        ),
        sa.CheckConstraint(
            "scope IN ('ALL', 'BACKTEST_ONLY', 'PAPER_ONLY', 'LIVE_ONLY')",
            name=op.f("ck_metrics_baselines__scope_is_known"),
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_metrics_baselines__bot_id")),
        sa.PrimaryKeyConstraint("bot_id", "book", name=op.f("pk_metrics_baselines")),
    )
    op.create_table(
        "backtest_sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation_number", sa.Integer(), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("archetype", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("session_mode", sa.Text(), nullable=False),
        sa.Column("account_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("contracts", sa.SmallInteger(), nullable=False),
        sa.Column("data_source", sa.Text(), nullable=True),
        sa.Column("data_fingerprint", sa.Text(), nullable=True),
        sa.Column("bar_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_bar_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_bar_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("costs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("trades", sa.Integer(), server_default="0", nullable=False),
        sa.Column("winners", sa.Integer(), server_default="0", nullable=False),
        sa.Column("losers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("win_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("profit_factor", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("expectancy_usd", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("max_drawdown_usd", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("max_drawdown_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sharpe", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sortino", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("exposure_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("average_trade_bars", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("order_list_hash", sa.Text(), nullable=True),
        sa.Column("equity_on", sa.ARRAY(sa.Date()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "equity_usd", sa.ARRAY(sa.Numeric(precision=20, scale=6)), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("notes", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status = 'FAILED') = (error IS NOT NULL)", name=op.f("ck_backtest_sessions__failure_says_why")
        ),
        sa.CheckConstraint(
            "status = 'FAILED' OR (bar_count > 0 AND net_pnl_usd IS NOT NULL)",
            name=op.f("ck_backtest_sessions__completed_is_whole"),
        ),
        sa.CheckConstraint("status IN ('COMPLETED', 'FAILED')", name=op.f("ck_backtest_sessions__status_is_known")),
        sa.CheckConstraint(
            "cardinality(equity_on) = cardinality(equity_usd)", name=op.f("ck_backtest_sessions__equity_has_its_days")
        ),
        sa.ForeignKeyConstraint(
            ["bot_id", "generation_number"],
            ["bot_generations.bot_id", "bot_generations.generation_number"],
            name=op.f("fk_backtest_sessions__bot_id_generation_number"),
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_backtest_sessions__bot_id")),
        sa.ForeignKeyConstraint(["job_id"], ["bot_jobs.id"], name=op.f("fk_backtest_sessions__job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest_sessions")),
        sa.UniqueConstraint("job_id", name=op.f("uq_backtest_sessions__job_id")),
    )
    op.create_index("ix_backtest_sessions__bot", "backtest_sessions", ["bot_id", "created_at"], unique=False)
    op.create_index(
        "ix_backtest_sessions__completed",
        "backtest_sessions",
        ["bot_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'COMPLETED'"),
    )
    op.create_table(
        "improve_iterations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("job_id", sa.UUID(), nullable=True),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("parent_generation", sa.Integer(), nullable=False),
        sa.Column("new_generation", sa.Integer(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("candidates_tried", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("data_source", sa.Text(), nullable=False),
        sa.Column("data_fingerprint", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("job_type IN ('IMPROVE', 'EVOLVE')", name=op.f("ck_improve_iterations__job_type_is_known")),
        sa.CheckConstraint(
            "accepted = (new_generation IS NOT NULL)", name=op.f("ck_improve_iterations__accepted_has_a_generation")
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_improve_iterations__bot_id")),
        sa.ForeignKeyConstraint(["job_id"], ["bot_jobs.id"], name=op.f("fk_improve_iterations__job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_improve_iterations")),
        sa.UniqueConstraint(
            "bot_id", "job_type", "iteration", name=op.f("uq_improve_iterations__bot_id_job_type_iteration")
        ),
        sa.UniqueConstraint("job_id", name=op.f("uq_improve_iterations__job_id")),
    )
    op.create_table(
        "bot_metrics_rollups",
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("data_source", sa.Text(), nullable=True),
        sa.Column("net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("win_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("profit_factor", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("expectancy_usd", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("max_drawdown_usd", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("max_drawdown_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sharpe", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sortino", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("exposure_pct", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("average_trade_bars", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("sparkline_usd", sa.ARRAY(sa.REAL()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "book IN ('BACKTEST', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')",
            name=op.f("ck_bot_metrics_rollups__book_is_known"),
        ),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_metrics_rollups__bot_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["backtest_sessions.id"], name=op.f("fk_bot_metrics_rollups__session_id")
        ),
        sa.PrimaryKeyConstraint("bot_id", "book", name=op.f("pk_bot_metrics_rollups")),
    )
    op.create_index(
        "ix_bot_metrics_rollups__net", "bot_metrics_rollups", ["book", "net_pnl_usd", "bot_id"], unique=False
    )
    op.create_table(
        "improve_candidates",
        sa.Column("iteration_id", sa.UUID(), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("segment", sa.SmallInteger(), nullable=False),
        sa.Column("genome", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("genome_hash", sa.Text(), nullable=False),
        sa.Column("train_sharpe", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("train_net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("train_trades", sa.Integer(), nullable=False),
        sa.Column("test_sharpe", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("test_net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=True),
        sa.Column("test_trades", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["iteration_id"], ["improve_iterations.id"], name=op.f("fk_improve_candidates__iteration_id")
        ),
        sa.PrimaryKeyConstraint("iteration_id", "trial", name=op.f("pk_improve_candidates")),
    )
    op.create_table(
        "trade_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("bot_id", sa.UUID(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("contracts", sa.SmallInteger(), nullable=False),
        sa.Column("entry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exit_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("exit_price", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("bars_held", sa.Integer(), nullable=False),
        sa.Column("gross_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("commission_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("slippage_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("net_pnl_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("mae_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("mfe_usd", sa.Numeric(precision=20, scale=6), nullable=False),
        sa.Column("exit_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(book = 'BACKTEST') = (session_id IS NOT NULL)", name=op.f("ck_trade_logs__backtests_have_a_session")
        ),
        sa.CheckConstraint(
            "book IN ('BACKTEST', 'PAPER', 'SHADOW', 'CANARY', 'LIVE')", name=op.f("ck_trade_logs__book_is_known")
        ),
        sa.CheckConstraint(
            "exit_reason IN ('STOP', 'TARGET', 'TIME', 'REVERSAL', 'SESSION_CLOSE', 'ROLL', 'END_OF_DATA')",
            name=op.f("ck_trade_logs__exit_reason_is_known"),
        ),
        sa.CheckConstraint("side IN ('LONG', 'SHORT')", name=op.f("ck_trade_logs__side_is_known")),
        sa.CheckConstraint("exit_at >= entry_at", name=op.f("ck_trade_logs__exit_follows_entry")),
        sa.CheckConstraint(
            "net_pnl_usd = gross_pnl_usd - commission_usd - slippage_usd",
            name=op.f("ck_trade_logs__net_is_gross_less_costs"),
        ),
        sa.ForeignKeyConstraint(["session_id"], ["backtest_sessions.id"], name=op.f("fk_trade_logs__session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_logs")),
        sa.UniqueConstraint("session_id", "seq", name=op.f("uq_trade_logs__session_id_seq")),
    )
    op.create_index(
        "ix_trade_logs__stage_book",
        "trade_logs",
        ["bot_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("book <> 'BACKTEST'"),
    )


def downgrade() -> None:
    op.drop_index("ix_trade_logs__stage_book", table_name="trade_logs", postgresql_where=sa.text("book <> 'BACKTEST'"))
    op.drop_table("trade_logs")
    op.drop_table("improve_candidates")
    op.drop_index("ix_bot_metrics_rollups__net", table_name="bot_metrics_rollups")
    op.drop_table("bot_metrics_rollups")
    op.drop_table("improve_iterations")
    op.drop_index(
        "ix_backtest_sessions__completed",
        table_name="backtest_sessions",
        postgresql_where=sa.text("status = 'COMPLETED'"),
    )
    op.drop_index("ix_backtest_sessions__bot", table_name="backtest_sessions")
    op.drop_table("backtest_sessions")
    op.drop_table("metrics_baselines")
    op.drop_index("ix_execution_fills__bot_book", table_name="execution_fills")
    op.drop_table("execution_fills")
    op.drop_index("ix_bot_stage_events__bot", table_name="bot_stage_events")
    op.drop_table("bot_stage_events")
    op.drop_table("bot_progress")
    op.drop_index("ix_bot_performance_snapshots__bot", table_name="bot_performance_snapshots")
    op.drop_table("bot_performance_snapshots")
    op.drop_index("ix_bot_metrics_events__bot", table_name="bot_metrics_events")
    op.drop_table("bot_metrics_events")
    op.drop_index(
        "uq_bot_jobs__one_active", table_name="bot_jobs", postgresql_where=sa.text("status IN ('QUEUED', 'RUNNING')")
    )
    op.drop_index("ix_bot_jobs__running", table_name="bot_jobs", postgresql_where=sa.text("status = 'RUNNING'"))
    op.drop_index("ix_bot_jobs__recent", table_name="bot_jobs")
    op.drop_index("ix_bot_jobs__queue", table_name="bot_jobs", postgresql_where=sa.text("status = 'QUEUED'"))
    op.drop_index("ix_bot_jobs__bot", table_name="bot_jobs")
    op.drop_table("bot_jobs")
    op.drop_table("bot_generations")
    op.drop_table("bot_equity_curve")
    op.drop_index("ix_autonomy_bot_decisions__bot", table_name="autonomy_bot_decisions")
    op.drop_table("autonomy_bot_decisions")
    op.drop_table("system_settings")
    op.drop_index(
        "ix_rebuild_requests__open", table_name="rebuild_requests", postgresql_where=sa.text("completed_at IS NULL")
    )
    op.drop_table("rebuild_requests")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_bots__stage_symbol", table_name="bots")
    op.drop_table("bots")
    op.drop_index("ix_autonomy_runs__recent", table_name="autonomy_runs")
    op.drop_table("autonomy_runs")
    op.drop_table("audit_events")
