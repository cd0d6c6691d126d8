"""The JSON of one bot's page: its life, its books, its sessions."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from api.bots.dossier_contract import BotDecisionAnswer, GenerationAnswer, HistoryAnswer, SessionAnswer
from api.bots.figures_contract import FiguresAnswer
from api.bots.fleet_contract import BotAnswer
from api.edge.contract import Spoken
from api.market.contract import SeriesAnswer


class CheckAnswer(Spoken):
    """One requirement of a gate and the value held against it; null where unknown, which blocks."""

    code: str
    relation: str
    required: float
    was: float | None
    passed: bool
    reason: str


class GateAnswer(Spoken):
    """Every requirement of the gate to the next stage; `to` is null at the top."""

    to: str | None
    checks: list[CheckAnswer]


class IterationAnswer(Spoken):
    """One improve or evolve iteration: the candidate it judged, the verdict and why."""

    id: UUID
    job_type: str
    iteration: int
    parent_generation: int
    new_generation: int | None
    accepted: bool
    reason_code: str
    reason: str
    candidates_tried: int
    genome: dict[str, object] | None
    test_sharpe: float | None
    test_net_pnl_usd: float | None
    test_trades: int | None
    evidence: dict[str, object]
    data_source: str
    completed_at: datetime


class EventAnswer(Spoken):
    """One line of a bot's trail."""

    at: datetime
    event: str
    reason: str | None
    actor: str | None
    detail: str
    audit_seq: int | None
    run_id: str | None


class MarkAnswer(Spoken):
    """A moment worth a line across a chart; an empty list of books means all of them."""

    at: datetime
    kind: str
    label: str
    detail: str
    books: list[str]


class VerificationAnswer(Spoken):
    """The newest run of one kind of verification."""

    id: UUID
    kind: str
    verdict: str
    reason: str
    generation_number: int
    data_source: str
    can_show: str
    cannot_show: str
    completed_at: datetime


class NeighbourAnswer(Spoken):
    """The bot next to another one by name."""

    id: UUID
    name: str


class NumberAnswer(Spoken):
    """One number of a bot's newest generation, with the bounds an edit must keep."""

    name: str
    value: float
    low: float
    high: float
    step: float
    unit: str


class LifeAnswer(Spoken):
    """All a bot has lived through; every list but `books` is newest first."""

    now: datetime
    bot: BotAnswer
    bars: SeriesAnswer | None
    history: HistoryAnswer | None
    rule: str | None
    before: NeighbourAnswer | None
    after: NeighbourAnswer | None
    gate: GateAnswer
    books: list[FiguresAnswer]
    numbers: list[NumberAnswer]
    generations: list[GenerationAnswer]
    iterations: list[IterationAnswer]
    decisions: list[BotDecisionAnswer]
    events: list[EventAnswer]
    marks: list[MarkAnswer]
    verifications: list[VerificationAnswer]


class CurveAnswer(Spoken):
    """Equity and drawdown at each trading day's close since the curve's baseline, oldest first."""

    book: str
    since: datetime | None
    session_id: UUID | None
    account_usd: float
    trading_on: list[date]
    equity_usd: list[float]
    drawdown_pct: list[float]


class ShownAnswer(Spoken):
    """A book's headline figures as they were shown from a moment on; null net P&L right after a reset."""

    taken_at: datetime
    session_id: UUID | None
    generation_number: int | None
    net_pnl_usd: float | None
    trades: int


class BookAnswer(Spoken):
    """One book of a bot since its baseline; `shownBefore` is oldest first."""

    figures: FiguresAnswer
    session_id: UUID | None
    equity: CurveAnswer
    shown_before: list[ShownAnswer]


class CountedSessionAnswer(SessionAnswer):
    """One backtest session and whether it counts since the reset."""

    counts_since_reset: bool


class SessionsAnswer(Spoken):
    """One page of sessions, newest first."""

    data: list[CountedSessionAnswer] = Field(validation_alias="sessions")
    next_cursor: UUID | None
