"""The JSON of the fleet: cards of bots, totals, equity lines."""

from datetime import datetime
from uuid import UUID

from api.bots.figures_contract import FiguresAnswer
from api.edge.contract import Spoken
from trading.books import Stage
from trading.work.badges import State


class ActiveJobAnswer(Spoken):
    """The job behind a state."""

    id: UUID
    type: str
    status: str
    created_at: datetime
    started_at: datetime | None
    attempt: int
    iteration: int
    elapsed_seconds: int | None


class BadgeAnswer(Spoken):
    """Words and colour of a badge."""

    text: str
    tone: str


class BotNowAnswer(Spoken):
    """What a bot does now; badge and tooltip exist exactly when there is an active job."""

    state: State
    active_job: ActiveJobAnswer | None
    badge: BadgeAnswer | None
    tooltip: str | None
    reason: str | None


class BlockerAnswer(Spoken):
    """What keeps a bot from its next stage."""

    code: str
    relation: str | None
    required: float | None
    was: float | None
    reason: str


class StageGateAnswer(Spoken):
    """The gate to the next stage."""

    to: str | None
    allowed: bool
    blockers: list[BlockerAnswer]


class BotAnswer(Spoken):
    """One bot."""

    id: UUID
    name: str
    stage: Stage
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
    bot_now: BotNowAnswer
    progress_pct: float | None
    dagster_run_id: str | None
    confidence_pct: float | None
    uniqueness_pct: float | None
    metrics: FiguresAnswer
    sparkline: list[float]
    stage_gate: StageGateAnswer


class BotsAnswer(Spoken):
    """One page of bots."""

    data: list[BotAnswer]
    next_cursor: str | None
    total: int


class BookTotalAnswer(Spoken):
    """Sums over the bots whose current book this is; books are never added to each other."""

    book: str
    bots: int
    measured: int
    simulated: int
    net_pnl_usd: float | None
    trades: int | None


class TotalsAnswer(Spoken):
    """Totals of the fleet."""

    bots: int
    by_stage: dict[str, int]
    by_state: dict[str, int]
    books: list[BookTotalAnswer]
    oldest_queued_at: datetime | None
    locked_bots: int
    locked_until: datetime | None
    manual_bots: int
    last_tick_at: datetime | None
