"""All a bot has lived through, for its own page: gate, generations, iterations, decisions, events, verifications.

Belongs here: one read-only use case and how rows of many tables become one trail. Does not belong here: one book's
figures, curve and trades (`books.py`), SQL, JSON.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.bots.cards import BookFigures, GatedCard, book_figures, gate_verdict, gated_card
from services.bots.gates import verifications_of
from services.bots.histories import history_of_bot
from services.bots.looks import LookRow, looks_rows, looks_standing
from services.bots.registration import REGISTERED
from services.desk import Desk
from services.market.choice import SeriesView, series_traded
from store.bots import dossier, fleet, registry
from store.bots.dossier import ActRow, FiguresEventRow, GenerationRow, StageMoveRow
from store.bots.dossier import JudgedIterationRow as JudgedIterationRow
from store.bots.dossier import NextBot as NextBot
from store.bots.fleet import CardRow
from store.database import transaction
from store.figures import books
from store.verification import verifications
from store.verification.verifications import VerificationRun
from store.work import autonomy_ticks, job_pages
from store.work.autonomy_ticks import DecisionOfBot
from store.work.job_pages import JobRow
from trading.actors import AUTONOMY
from trading.errors import UnknownBots
from trading.governance.gates import GateVerdict
from trading.improvement.standing import LooksStanding
from trading.strategies.genome import Style, schema
from trading.strategies.memory import History
from trading.strategies.rules import rule_text
from trading.work.planner import Reason

SHOWN_GENERATIONS = 200
SHOWN_ITERATIONS = 200
SHOWN_DECISIONS = 60
SHOWN_EVENTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeEvent:
    """One line of a bot's trail.

    Attributes:
        event: What happened, in capitals.
        reason, actor: Why and by whom; None where the row does not say.
        detail: The rest in plain words.
        audit_seq: Its link in the audit chain.
        run_id: The Dagster run that did it.
    """

    at: datetime
    event: str
    reason: str | None = None
    actor: str | None = None
    detail: str = ""
    audit_seq: int | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A moment worth a line across a chart of real time; `books` names the books it concerns, none means all."""

    at: datetime
    kind: str
    label: str
    detail: str
    books: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberView:
    """One number of a bot's newest generation, with the bounds an edit must keep."""

    name: str
    value: float
    low: float
    high: float
    step: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A bot's card, its gate with every check answered, and what stands behind them; every list is newest first.

    `bars` is the series it trades on, `history` what its warm-up leaves of that, unknown where the bar store is away;
    `rule` is the text of a bot that trades by one; `before` and `after` are the bots beside it by name.
    """

    bot: GatedCard
    bars: SeriesView | None
    history: History | None
    rule: str | None
    before: NextBot | None
    after: NextBot | None
    gate: GateVerdict
    books: tuple[BookFigures, ...]
    numbers: tuple[NumberView, ...]
    generations: tuple[GenerationRow, ...]
    iterations: tuple[JudgedIterationRow, ...]
    decisions: tuple[DecisionOfBot, ...]
    events: tuple[LifeEvent, ...]
    marks: tuple[Milestone, ...]
    verifications: Sequence[VerificationRun]
    looks: tuple[LookRow, ...]
    looks_standing: LooksStanding


@dataclass(frozen=True, slots=True)
class _Trail:
    """Rows of the tables a trail is made of."""

    born_at: datetime
    generations: Sequence[GenerationRow]
    moves: Sequence[StageMoveRow]
    resets: Sequence[FiguresEventRow]
    acts: Sequence[ActRow]
    jobs: Sequence[JobRow]


def bot_life(desk: Desk, bot_id: UUID) -> Life:
    """Return a bot's life, in one transaction.

    Raises:
        UnknownBots: there is no such bot.
        Unavailable: the database or the bar store is away.
    """
    now = desk.clock()
    with transaction(desk.database) as db:
        row = fleet.read_bots_with_evidence(db, [bot_id]).get(bot_id)
        if row is None:
            raise UnknownBots([str(bot_id)])
        bot, trail = row.card, _trail(db, row.card)
        iterations = dossier.iterations_of_bot(db, bot_id, limit=SHOWN_ITERATIONS)
        decisions = autonomy_ticks.decisions_of_bot(db, bot_id, limit=SHOWN_DECISIONS)
        book_rows = books.books_of_bot(db, bot_id)
        rule, at_work = dossier.rule_of_bot(db, bot_id), registry.at_work(db, bot_id)
        before, after = (dossier.beside_bot(db, bot.name, after=ahead) for ahead in (False, True))
        at_gates = verifications_of(db, [bot])
        newest = verifications.latest_of_bot(db, bot_id)
        judged = looks_rows(db, bot_id)
    bars = series_traded(desk.bars, bot.symbol, bot.timeframe)
    return Life(
        bot=gated_card(row, at_gates, now=now),
        bars=bars,
        history=history_of_bot(desk, at_work),
        rule=rule,
        before=before,
        after=after,
        gate=gate_verdict(row, at_gates, now=now),
        books=tuple(book_figures(book) for book in book_rows),
        numbers=_numbers(bot.archetype if rule is None else rule_text(rule), trail.generations),
        generations=tuple(trail.generations),
        iterations=tuple(iterations),
        decisions=tuple(decisions),
        events=_events(trail),
        marks=_milestones(trail),
        verifications=newest,
        looks=judged.looks,
        looks_standing=looks_standing(judged, bars),
    )


def _numbers(style: Style, generations: Sequence[GenerationRow]) -> tuple[NumberView, ...]:
    """Return the numbers of the newest generation in the order of their style; one it has not is left out."""
    genome = generations[0].genome if generations else {}
    return tuple(
        NumberView(name, genome[name], row.low, row.high, row.step, row.unit)
        for name, row in schema(style).items()
        if name in genome
    )


def _trail(db: Session, row: CardRow) -> _Trail:
    return _Trail(
        born_at=row.created_at,
        generations=dossier.generations_of_bot(db, row.id, limit=SHOWN_GENERATIONS),
        moves=dossier.stage_moves_of_bot(db, row.id, limit=SHOWN_EVENTS),
        resets=dossier.resets_of_bot(db, row.id, limit=SHOWN_EVENTS),
        acts=dossier.acts_on_bot(db, row.id, limit=SHOWN_EVENTS),
        jobs=job_pages.of_bot(db, row.id, limit=SHOWN_EVENTS),
    )


def _events(trail: _Trail) -> tuple[LifeEvent, ...]:
    """Merge the trail, newest first: as many as each source was asked for, so none is missing."""
    sources = [
        [_moved(row) for row in trail.moves],
        [_reset(row) for row in trail.resets],
        [event for row in trail.jobs for event in _worked(row)],
        [_generation(row) for row in trail.generations],
        [_acted(row) for row in trail.acts],
        [LifeEvent(at=trail.born_at, event=REGISTERED)] if REGISTERED not in {row.action for row in trail.acts} else [],
    ]
    merged = sorted((event for source in sources for event in source), key=lambda event: event.at, reverse=True)
    return tuple(merged[:SHOWN_EVENTS])


def _moved(row: StageMoveRow) -> LifeEvent:
    way = f"{row.from_stage or 'new'} → {row.to_stage}"
    return LifeEvent(at=row.created_at, event="STAGE_MOVED", reason=row.reason_code, actor=row.actor, detail=way)


def _reset(row: FiguresEventRow) -> LifeEvent:
    scope = row.payload_json.get("scope", "")
    return LifeEvent(at=row.created_at, event=row.event_type, reason=row.reason_code, actor=row.actor, detail=scope)


def _acted(row: ActRow) -> LifeEvent:
    return LifeEvent(
        at=row.at,
        event=row.action,
        reason=row.payload.get("reasonCode"),
        actor=row.actor,
        detail=_told(row.payload),
        audit_seq=row.seq,
    )


def _told(payload: Mapping[str, Any]) -> str:
    """Return what an act says of itself besides its reason: names, generation, numbers, canceled or requeued work."""
    numbers = [f"{name} {was} → {now}" for name, (was, now) in payload.get("numbers", {}).items()]
    renamed = [f"{payload['previousName']} → {payload['name']}"] if "previousName" in payload else []
    copied = [f"as {payload['copyName']}"] if "copyName" in payload else []
    grown = [f"G{payload['generation']}"] if "generation" in payload else []
    return ", ".join([*renamed, *copied, *grown, *numbers, *map(str, payload.get("jobTypes", ()))])


def _worked(row: JobRow) -> Iterator[LifeEvent]:
    count = f"x{row.attempt}" if row.type == "BACKTEST" else f"#{row.iteration}"
    by = None if row.reason_code == Reason.BY_HAND else str(AUTONOMY)
    yield LifeEvent(at=row.created_at, event=f"{row.type}_QUEUED", reason=row.reason_code, actor=by, detail=count)
    if row.completed_at is not None:
        yield LifeEvent(
            at=row.completed_at,
            event=f"{row.type}_{row.status}",
            detail=row.error or count,
            run_id=row.dagster_run_id,
        )


def _generation(row: GenerationRow) -> LifeEvent:
    came = f"G{row.generation_number}" + (f" from G{row.parent_generation}" if row.parent_generation else "")
    return LifeEvent(at=row.created_at, event="GENERATION_ADDED", reason=row.origin, detail=came)


def _milestones(trail: _Trail) -> tuple[Milestone, ...]:
    milestones = [
        *(Milestone(row.created_at, "STAGE", row.to_stage, row.reason_code) for row in trail.moves),
        *(
            Milestone(row.created_at, "RESET", "RESET", row.reason_code, tuple(row.payload_json.get("books", ())))
            for row in trail.resets
        ),
        *(
            Milestone(row.created_at, "GENERATION", f"G{row.generation_number}", row.reason or row.origin)
            for row in trail.generations
            if row.parent_generation is not None
        ),
    ]
    return tuple(sorted(milestones, key=lambda milestone: milestone.at, reverse=True))
