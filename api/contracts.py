"""The JSON of the HTTP contract: names and bounds of what goes in and out.

Belongs here: models of requests and answers, patterns of every string that comes in. Does not belong here: how an
answer is found (`services`).
"""

import re
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    computed_field,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from store.bots.fleet import SORTS
from trading.books import Stage
from trading.market.bars import TIMEFRAME_SECONDS
from trading.work.badges import State

MAX_TARGETS = 10_000
UUID_TEXT = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
Timeframe = Annotated[str, StringConstraints(pattern=f"^({'|'.join(TIMEFRAME_SECONDS)})$")]
NOT_PLAIN_WORDS = "not_plain_words"
_PLAIN_WORDS = r"^[A-Za-z0-9 ._-]{0,60}$"


def _plain_words(text: str) -> str:
    if re.fullmatch(_PLAIN_WORDS, text) is None:
        raise PydanticCustomError(
            NOT_PLAIN_WORDS,
            "takes words to look for, up to 60 letters, digits, blanks, '.', '_' and '-', and no field:word "
            "or figure>number, was {was}",
            {"was": repr(text[:60])},
        )
    return text


Words = Annotated[str, AfterValidator(_plain_words), WithJsonSchema({"type": "string", "pattern": _PLAIN_WORDS})]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,400}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{2,63}$")]
PlanHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,99}$")]
Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
BoardBots = Annotated[str, Query(pattern=f"^{UUID_TEXT}(,{UUID_TEXT}){{0,199}}$", description="Ids, comma between")]
ResetScope = Literal["ALL", "BACKTEST_ONLY", "PAPER_ONLY", "LIVE_ONLY"]
Sort = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")]
BotId = Annotated[UUID, Path(description="A bot's id")]
PageLimit = Annotated[int, Query(ge=1, le=500)]


class Spoken(BaseModel):
    """An answer: camelCase on the wire, made from the desk's own words."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, serialize_by_alias=True
    )

    @classmethod
    def reply(cls, told: object) -> Response:
        """Return what was told as an answer: checked and written once, in the thread that asked for it.

        A model that a route returns is checked again, in another thread, and written on the event loop.
        """
        return Response(cls.model_validate(told).model_dump_json(), media_type="application/json")


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


class FiguresAnswer(Spoken):
    """Figures of the bot's current book since its baseline; null where unknown."""

    book: str
    since: datetime | None
    sessions: int | None
    data_source: str | None
    net_pnl: float | None
    trades: int | None
    win_pct: float | None
    profit_factor: float | None
    expectancy: float | None
    max_drawdown: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    sortino: float | None
    exposure_pct: float | None
    average_trade_bars: float | None
    computed_at: datetime | None


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
    net_pnl: float | None
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


class SparksAnswer(Spoken):
    """Equity lines by bot, one level 0-z per point, scaled to each line's own range; unknown bots are left out."""

    sparks: dict[str, str]


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


class JobAnswer(Spoken):
    """One job."""

    id: UUID
    bot_id: UUID
    type: str
    status: str
    attempt: int
    iteration: int
    reason_code: str
    dagster_run_id: str | None
    progress_pct: float | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    completed_at: datetime | None
    error: str | None


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


class TickSummaryAnswer(BaseModel):
    """What a tick enqueued and found, in the words of the requirement."""

    model_config = ConfigDict(from_attributes=True)

    jobs_enqueued_by_type: dict[str, int]
    currently_running_jobs_by_type: dict[str, int]
    eligible_candidates_count: int | None
    concurrency_caps: dict[str, int | None]


class TickAnswer(Spoken):
    """One tick."""

    id: int
    started_at: datetime
    completed_at: datetime | None
    candidates: int
    decisions_total: int
    summary: TickSummaryAnswer


class DecisionAnswer(Spoken):
    """What the tick decided for one bot."""

    bot_id: UUID
    name: str | None
    decision: str
    job_type: str | None
    reason_code: str
    blockers: list[str]


class ReasonAnswer(Spoken):
    """How many bots got a decision for a reason."""

    decision: str
    reason_code: str
    bots: int


class LatestTickAnswer(TickAnswer):
    """The newest tick; its first decisions are shown, `decisionsTotal` counts all."""

    decisions: list[DecisionAnswer]
    reasons: list[ReasonAnswer]


class AutonomyAnswer(Spoken):
    """Whether autonomy ticks, and what it did."""

    healthy: bool
    seconds_since_last_tick: float | None
    stuck_jobs: int
    latest_run: LatestTickAnswer | None
    recent_runs: list[TickAnswer]


class OldestQueuedAnswer(Spoken):
    """The job that has waited longest."""

    id: UUID
    bot_id: UUID
    type: str
    age_seconds: float


class JobsAnswer(Spoken):
    """All jobs counted."""

    counts: dict[str, int]
    by_type: dict[str, dict[str, int]]
    oldest_queued: OldestQueuedAnswer | None
    stuck: list[JobAnswer]
    recent: list[JobAnswer]


class InvariantAnswer(Spoken):
    """One thing that must always hold, and whether it does; `broken` shows up to ten of the `faults`."""

    name: str
    holds: bool
    checked: int
    faults: int
    broken: list[dict[str, str | int | float | None]]


class InvariantsAnswer(Spoken):
    """Every invariant; `holds` only if all of them do."""

    holds: bool
    invariants: list[InvariantAnswer]


class WaitAnswer(Spoken):
    """The queue of one type of work."""

    job_type: str
    queued: int
    oldest_queued_seconds: float | None
    finished_per_minute: float
    last_served_in_seconds: float | None


class StarvationAnswer(Spoken):
    """How long bots wait, and how long they can wait at most at the present pace."""

    waits: list[WaitAnswer]
    refused_for_room: int
    held_by_kill_switch: bool


class ResetBody(BaseModel):
    """A wish to start the displayed figures anew."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    scope: ResetScope
    bot_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_TARGETS)] | None = None
    reason_code: ReasonCode
    also_reset_equity_curves: bool = True
    dry_run: bool = False
    plan_hash: PlanHash | None = None


class HealthCheck(Spoken):
    """One check and what it found."""

    name: str
    passed: bool
    detail: str


class HealthAnswer(Spoken):
    """Whether the platform is ready, check by check."""

    status: Literal["ready", "not ready"]
    version: str
    checks: list[HealthCheck]
