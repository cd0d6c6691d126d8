"""The JSON of one bot's page: its life, its books, its sessions."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from api.bots.dossier_contract import (
    BotDecisionAnswer,
    GenerationAnswer,
    HistoryAnswer,
    LookAnswer,
    LooksStandingAnswer,
    SessionAnswer,
)
from api.bots.figures_contract import FiguresAnswer, with_figures
from api.bots.fleet_contract import BotAnswer, RecordAnswer
from api.edge.contract import Spoken
from api.market.contract import SeriesAnswer
from services.bots.books import Equity, ShownRow
from services.bots.life import JudgedIterationRow, LifeEvent, Milestone, NextBot, NumberView
from services.bots.records import StretchView
from trading.governance.gates import Check, GateVerdict


class CheckAnswer(Spoken, of=Check, without=("because",)):
    """One requirement of a gate and the value held against it; null where unknown, which blocks."""

    relation: str
    reason: str


class GateAnswer(Spoken, of=GateVerdict):
    """Every requirement of the gate to the next stage; `to` is null at the top."""

    to: str | None
    checks: list[CheckAnswer]


class IterationAnswer(Spoken, of=JudgedIterationRow):
    """One improve or evolve iteration: the candidate it judged, the verdict and why."""


class EventAnswer(Spoken, of=LifeEvent):
    """One line of a bot's trail."""


class MarkAnswer(Spoken, of=Milestone):
    """A moment worth a line across a chart; an empty list of books means all of them."""


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


class NeighbourAnswer(Spoken, of=NextBot):
    """The bot next to another one by name."""


class NumberAnswer(Spoken, of=NumberView):
    """One number of a bot's newest generation, with the bounds an edit must keep."""


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
    looks: list[LookAnswer]
    looks_standing: LooksStandingAnswer


class CurveAnswer(Spoken, of=Equity):
    """Equity and drawdown at each trading day's close since the curve's baseline, oldest first."""


class StretchAnswer(Spoken, of=StretchView):
    """Days of a record that one genome traded without having been chosen on them."""


@with_figures
class RecordCurveAnswer(Spoken):
    """The prequential record of a bot: the account and the e-value after each of its days, and who traded them."""

    standing: RecordAnswer | None
    account_usd: float
    trading_on: list[date]
    equity_usd: list[float]
    log10_e: list[float | None]
    stretches: list[StretchAnswer]


class ShownAnswer(Spoken, of=ShownRow, without=("since",)):
    """A book's headline figures as they were shown from a moment on; null net P&L right after a reset."""


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
