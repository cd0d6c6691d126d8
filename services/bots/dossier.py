"""One bot in depth, for the people who ask why.

Belongs here: read-only use cases behind `/api/bots/{id}`. Does not belong here: pages of many bots (`fleet.py`), one
book (`books.py`), a bot's whole life (`life.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from services.bots.books import Equity, equity
from services.bots.cards import GatedCard, gated_card
from services.bots.gates import verifications_of
from services.bots.histories import history_of_bot
from services.bots.looks import LookRow, looks_rows, looks_standing
from services.desk import Desk
from services.market.choice import SeriesView, series_traded
from store.bots import dossier, fleet, registry
from store.bots.dossier import FiguresEventRow as FiguresEventRow
from store.bots.dossier import GenerationRow as GenerationRow
from store.bots.dossier import SessionRow
from store.database import transaction
from store.figures import books
from store.work import autonomy_ticks, job_pages
from store.work.autonomy_ticks import DecisionOfBot as DecisionOfBot
from store.work.job_pages import JobRow
from trading.errors import UnknownBots
from trading.improvement.standing import LooksStanding
from trading.strategies.memory import History

SHOWN_SESSIONS = 50
SHOWN_GENERATIONS = 200
SHOWN_JOBS = 50
SHOWN_DECISIONS = 50
SHOWN_EVENTS = 50
OUTCOME = ("decision", "job_type", "reason_code", "blockers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A bot's card and what stands behind it; every list is newest first.

    `bars` is the series it trades on, `history` what its warm-up leaves of that, unknown without a bar store.
    """

    bot: GatedCard
    bars: SeriesView | None
    history: History | None
    equity: Equity
    sessions: tuple[SessionRow, ...]
    generations: tuple[GenerationRow, ...]
    jobs: tuple[JobRow, ...]
    decisions: tuple[DecisionOfBot, ...]
    metrics_events: tuple[FiguresEventRow, ...]
    looks: tuple[LookRow, ...]
    looks_standing: LooksStanding


@dataclass(frozen=True, slots=True)
class DecisionFold:
    """Decisions of one outcome that followed each other, told by the newest; `first` and `last` are their moments."""

    first: datetime
    last: datetime
    times: int
    decision: DecisionOfBot


def folded_decisions(decisions: Sequence[DecisionOfBot]) -> tuple[DecisionFold, ...]:
    """Group decisions, newest first, into runs of one outcome, newest first: as `runsOf` does on the bot's page."""
    grouped = [list(run) for _, run in groupby(decisions, key=attrgetter(*OUTCOME))]
    return tuple(DecisionFold(run[-1].started_at, run[0].started_at, len(run), run[0]) for run in grouped)


def bot_dossier(desk: Desk, bot_id: UUID) -> Dossier:
    """Return one bot in depth, in one transaction.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database or the bar store is away.
    """
    with transaction(desk.database) as db:
        row = fleet.read_bots_with_evidence(db, [bot_id]).get(bot_id)
        if row is None:
            raise UnknownBots([str(bot_id)])
        bot = gated_card(row, verifications_of(db, [row.card]), now=desk.clock())
        at_work = registry.at_work(db, bot_id)
        curve = books.equity_curve(db, bot_id, book=bot.metrics.book)
        jobs = job_pages.of_bot(db, bot_id, limit=SHOWN_JOBS)
        decisions = autonomy_ticks.decisions_of_bot(db, bot_id, limit=SHOWN_DECISIONS)
        sessions = dossier.sessions_of_bot(db, bot_id, limit=SHOWN_SESSIONS)
        generations = dossier.generations_of_bot(db, bot_id, limit=SHOWN_GENERATIONS)
        events = dossier.resets_of_bot(db, bot_id, limit=SHOWN_EVENTS)
        judged = looks_rows(db, bot_id)
    bars = series_traded(desk.bars, bot.symbol, bot.timeframe)
    return Dossier(
        bot=bot,
        bars=bars,
        history=history_of_bot(desk, at_work),
        equity=equity(row.card, curve),
        sessions=tuple(sessions),
        generations=tuple(generations),
        jobs=tuple(jobs),
        decisions=tuple(decisions),
        metrics_events=tuple(events),
        looks=judged.looks,
        looks_standing=looks_standing(judged, bars),
    )
