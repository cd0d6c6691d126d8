"""The JSON of one bot in depth: sessions, generations, history, trades."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, computed_field

from api.bots.fleet_contract import BotAnswer
from api.edge.contract import Spoken
from api.work.contract import JobAnswer
from services.bots.books import Equity, TradeRow
from services.bots.dossier import DecisionOfBot, FiguresEventRow, GenerationRow
from services.bots.looks import LookRow
from trading.improvement.standing import LooksStanding
from trading.strategies.memory import History
from trading.words import margin_in_words


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
    refused_entries: int | None
    bust_at: datetime | None
    order_list_hash: str | None
    notes: list[str]
    error: str | None
    in_sample: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def report_url(self) -> str | None:
        """The session's tear sheet; a session that failed has none."""
        return f"/api/sessions/{self.id}/report" if self.status == "COMPLETED" else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def margin_words(self) -> str | None:
        """What margin did to it; null where it did nothing, or the session is from before it was modelled."""
        return margin_in_words(self.refused_entries, self.bust_at)


class GenerationAnswer(Spoken, of=GenerationRow):
    """One generation."""


class BotDecisionAnswer(Spoken, of=DecisionOfBot):
    """What a tick decided for a bot, and why in words; null for a reason of another version."""

    words: str | None


class MetricsEventAnswer(Spoken, of=FiguresEventRow, without=("payload_json",)):
    """One event in the life of a bot's figures."""


class EquityAnswer(Spoken, of=Equity, without=("session_id", "account_usd", "drawdown_pct")):
    """Equity at each trading day's close since the baseline, oldest first."""


class HistoryAnswer(Spoken, of=History):
    """The bars there are for a bot, how many its warm-up takes, how many are left to trade on, and that in words."""

    left_bars: int
    words: str


class LookAnswer(Spoken, of=LookRow):
    """One look: a candidate against a generation on sealed days, and how it came out."""


class LooksStandingAnswer(Spoken, of=LooksStanding, without=("budget",)):
    """The looks a bot's epoch has had and has left, the error the next may make, what it waits for, and in words."""

    taken: int
    left: int
    level: float | None
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
    looks: list[LookAnswer]
    looks_standing: LooksStandingAnswer


class TradeAnswer(Spoken, of=TradeRow, without=("session_id", "bot_id", "book", "created_at")):
    """One round trip; a price recorded without its ticks is null where it cannot be told exactly."""


class TradesAnswer(Spoken):
    """One page of trades, newest first; `price_decimals` is how many a price of the instrument has."""

    book: str
    session_id: UUID | None
    price_decimals: int
    data: list[TradeAnswer] = Field(validation_alias="trades")
    next_cursor: int | None
