"""The JSON of one bot in depth: sessions, generations, history, trades."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field, computed_field

from api.bots.fleet_contract import BotAnswer
from api.edge.contract import Spoken
from api.work.contract import JobAnswer


class SessionAnswer(Spoken):
    """One backtest session."""

    id: UUID
    status: str
    created_at: datetime
    completed_at: datetime
    generation_number: int
    genome_hash: str
    symbol: str
    timeframe: str
    data_source: str | None
    data_fingerprint: str | None
    bar_count: int
    first_bar_at: datetime | None
    last_bar_at: datetime | None
    engine_version: str
    net_pnl_usd: float | None
    trades: int
    win_pct: float | None
    profit_factor: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    order_list_hash: str | None
    notes: list[str]
    error: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def report_url(self) -> str | None:
        """The session's tear sheet; a session that failed has none."""
        return f"/api/sessions/{self.id}/report" if self.status == "COMPLETED" else None


class GenerationAnswer(Spoken):
    """One generation."""

    generation_number: int
    genome: dict[str, object]
    genome_hash: str
    origin: str
    parent_generation: int | None
    reason: str | None
    created_at: datetime


class BotDecisionAnswer(Spoken):
    """What a tick decided for a bot, and why in words; null for a reason of another version."""

    run_id: int
    started_at: datetime
    decision: str
    job_type: str | None
    reason_code: str
    blockers: list[str]
    words: str | None


class MetricsEventAnswer(Spoken):
    """One event in the life of a bot's figures."""

    event_type: str
    reason_code: str
    actor: str
    created_at: datetime


class EquityAnswer(Spoken):
    """Equity at each trading day's close since the baseline, oldest first."""

    book: str
    since: datetime | None
    trading_on: list[date]
    equity_usd: list[float]


class HistoryAnswer(Spoken):
    """The bars there are for a bot, how many its warm-up takes, how many are left to trade on, and that in words."""

    bars: int
    warm_up_bars: int
    left_bars: int
    words: str


class DossierAnswer(Spoken):
    """One bot in depth; lists are newest first."""

    bot: BotAnswer
    history: HistoryAnswer | None
    equity: EquityAnswer
    sessions: list[SessionAnswer]
    generations: list[GenerationAnswer]
    jobs: list[JobAnswer]
    decisions: list[BotDecisionAnswer]
    metrics_events: list[MetricsEventAnswer]


class TradeAnswer(Spoken):
    """One round trip; a price recorded without its ticks is null where it cannot be told exactly."""

    id: int
    seq: int
    side: str
    contracts: int
    entry_at: datetime
    exit_at: datetime
    entry_price: float | None
    exit_price: float | None
    entry_ticks: int | None
    exit_ticks: int | None
    tick_size: float | None
    bars_held: int
    gross_pnl_usd: float
    commission_usd: float
    slippage_usd: float
    net_pnl_usd: float
    mae_usd: float
    mfe_usd: float
    exit_reason: str


class TradesAnswer(Spoken):
    """One page of trades, newest first; `price_decimals` is how many a price of the instrument has."""

    book: str
    session_id: UUID | None
    price_decimals: int
    data: list[TradeAnswer] = Field(validation_alias="trades")
    next_cursor: int | None
