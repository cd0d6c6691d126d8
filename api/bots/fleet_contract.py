"""The JSON of the fleet: cards of bots, totals, equity lines."""

from api.bots.figures_contract import FiguresAnswer
from api.edge.contract import Spoken
from services.bots.cards import GatedCard, RecordStanding, StageGate
from services.bots.fleet import Totals
from trading.books import Stage
from trading.work.badges import ActiveJob, Badge, BotNow


class ActiveJobAnswer(Spoken, of=ActiveJob):
    """The job behind a state."""

    type: str
    status: str


class BadgeAnswer(Spoken, of=Badge):
    """Words and colour of a badge."""

    tone: str


class BotNowAnswer(Spoken, of=BotNow):
    """What a bot does now; badge and tooltip exist exactly when there is an active job."""

    active_job: ActiveJobAnswer | None
    badge: BadgeAnswer | None


class BlockerAnswer(Spoken):
    """What keeps a bot from its next stage."""

    code: str
    relation: str | None
    required: float | None
    was: float | None
    reason: str


class StageGateAnswer(Spoken, of=StageGate):
    """The gate to the next stage."""

    blockers: list[BlockerAnswer]


class RecordAnswer(Spoken, of=RecordStanding, without=("log_e",)):
    """The prequential record of a bot: days it traded by genomes that were not chosen on them, and their evidence."""

    e_value: float
    proven: bool
    words: str


class BotAnswer(Spoken, of=GatedCard):
    """One bot; `record` is null before its first improve iteration."""

    stage: Stage
    bot_now: BotNowAnswer
    record: RecordAnswer | None
    metrics: FiguresAnswer
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


class TotalsAnswer(Spoken, of=Totals):
    """Totals of the fleet."""

    books: list[BookTotalAnswer]
