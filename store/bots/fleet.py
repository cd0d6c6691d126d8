"""The fleet as the bots page shows it: pages of bots, their figures since reset, totals.

Belongs here: the statements behind `/api/bots` and the board; read-only. Does not belong here: what a state or a gate
means (`trading`), one bot in depth (`dossier.py`), writes.

States are filtered and sorted in SQL by their rank in `trading.work.badges.State`, the smallest that holds, so
precedence is written once. Figures come from the rollup of the bot's current book, and only while its `since` is that
book's baseline: a reset blanks them the moment it commits.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, aggregate_order_by
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Session

from store.base import spelled
from store.figure_columns import read_figures
from store.rows import columns_of, maker_of, require_columns, rows_of
from store.tables import (
    IS_ACTIVE,
    BacktestSession,
    Bot,
    BotEvidence,
    BotGeneration,
    BotJob,
    BotMetricsRollup,
    BotProgress,
    MetricsBaseline,
)
from trading.books import Book, Stage
from trading.figures.declared import FIGURES, Figures, at_rest, word_of
from trading.governance.gates import RECENT_SESSIONS
from trading.market.bars import SIMULATED
from trading.market.marks import MARKS_SUFFIX
from trading.words import camel
from trading.work.badges import STATE_OF_JOB, State
from trading.work.planner import MAX_FAILURES_IN_ROW

STATES = tuple(State)
ROWS_AT_A_TIME = 1_000
RECENT_READ = 32
UNSEARCHED = {"no_parameters": True}  # a statement without any goes as it is; looking for them takes half a millisecond
RANK = {state: rank for rank, state in enumerate(STATES)}


_FAILS_AGAIN = BotProgress.backtest_failures_in_row >= spelled(MAX_FAILURES_IN_ROW)
_IN_LAB = Bot.stage == spelled(Stage.LAB)
LAST_BUSY = State.ERROR
"""The last state of a bot that has an active job or is in error; those that follow are states of rest."""

_COLUMN_OF = {camel(word_of(name)): at_rest(name) for name in FIGURES}
SORTS = ("activity", "name", "symbol", "stage", *_COLUMN_OF)
SHOWN_OF_BOT = (
    *("id", "name", "stage", "symbol", "timeframe", "archetype", "promotion_mode", "stage_locked_until"),
    *("stage_entered_at", "killed_at", "archived_at", "paused_at", "metrics_reset_at", "created_at"),
    "account_usd",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFilter:
    """Which bots of the fleet; None means any. ARCHIVED means every archived bot; any other state none of them."""

    stage: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    state: State | None = None
    words: str | None = None


class CardRow(NamedTuple):
    """What stands behind a bot's card. The columns of its job, and those of its figures, are null together.

    Attributes:
        book, since: Its current book and that book's baseline.
        job_id: The first of its active jobs.
        record_kind: What follows, down to `proven_since`, is its newest prequential record: the kind of its bars, its
            days, its Sharpe ratio, its e-value as a logarithm, and since when that is proof; null together without one.
        session_id: What follows is the rollup of its current book since the baseline, its figures last.
    """

    id: UUID
    name: str
    stage: str
    symbol: str
    timeframe: str
    archetype: str
    promotion_mode: str
    stage_locked_until: datetime | None
    stage_entered_at: datetime
    killed_at: datetime | None
    archived_at: datetime | None
    paused_at: datetime | None
    metrics_reset_at: datetime | None
    created_at: datetime
    account_usd: Decimal
    book: str
    since: datetime | None
    generation: int | None
    backtests_completed: int | None
    backtest_failures_in_row: int | None
    last_session_bars_left: int | None
    confidence_pct: float | None
    uniqueness_pct: float | None
    job_id: UUID | None
    job_job_type: str | None
    job_status: str | None
    job_created_at: datetime | None
    job_started_at: datetime | None
    job_attempt: int | None
    job_iteration: int | None
    job_progress_pct: float | None
    job_dagster_run_id: str | None
    record_kind: str | None
    record_days: int | None
    record_first_on: date | None
    record_last_on: date | None
    record_sharpe: float | None
    log_e: float | None
    proven: bool | None
    proven_since: datetime | None
    session_id: UUID | None
    sessions: int | None
    data_source: str | None
    generation_number: int | None
    in_sample: bool | None
    bust_at: datetime | None
    sparkline_usd: list[float] | None
    computed_at: datetime | None
    figures: Figures


class RecentSession(NamedTuple):
    """The figures of one completed session, as `GatedRow.recent` lists them."""

    trades: int
    win_pct: float | None
    max_drawdown_pct: float | None
    profit_factor: float | None
    expectancy_usd: float | None
    sharpe: float | None


class RecordFigures(NamedTuple):
    """What a gate reads of a prequential record, as `GatedRow.record` lists it."""

    trades: int
    losers: int
    win_pct: float | None
    max_drawdown_pct: float
    profit_factor: float | None
    expectancy_usd: float | None
    sharpe: float | None


_TOLD_OF_RECENT = (
    *("created_at", "generation_number", "data_source", "data_fingerprint", "order_list_hash"),
    *RecentSession._fields,
)


class GatedRow(NamedTuple):
    """What stands behind a bot's card, and behind the gate before its next stage.

    Attributes:
        losers: Losing trades of the session its figures show.
        recent: Of a bot in LAB, the figures of its latest completed sessions that count, oldest first, each in the
            order of `RecentSession`.
        record: The figures of its newest prequential record in the order of `RecordFigures`; None without one.
    """

    card: CardRow
    losers: int | None
    recent: list[list[float | None]] | None
    record: list[float | None] | None


class BookTotal(NamedTuple):
    """Bots of one current book, how many have figures since reset and how many of those are SIMULATED."""

    book: str
    bots: int
    measured: int
    simulated: int
    net_pnl_usd: Decimal | None
    trades: int | None


class StageLocks(NamedTuple):
    """How many bots there are, how many are stage-locked or promoted by hand, and when the last lock ends."""

    bots: int
    locked: int
    manual: int
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bot stands in a sorted fleet: its sort key, and its name to break ties."""

    key: str | float
    name: str


@dataclass(frozen=True, slots=True)
class Portion:
    """Some rows in order, where each stands, and how many the filter matches in all."""

    rows: Sequence[GatedRow]
    places: Sequence[Place]
    total: int


@dataclass(frozen=True, slots=True)
class FleetOrder:
    """What the fleet is sorted by; unknown figures come last in either direction."""

    sort: str = "activity"
    descending: bool = False


def read_page(db: Session, wanted: FleetFilter, order: FleetOrder, *, after: Place | None, limit: int) -> Portion:
    """Return the rows behind up to `limit` cards and gates in order; one statement, so rows and total agree."""
    asked = _asked(wanted, after)
    statement = _page_statement(frozenset(asked), order)
    result = db.execute(statement, asked | {"limit": limit}, execution_options=UNSEARCHED)
    require_columns(result, "a page", (*columns_of(GatedRow), "total", "sort_key"))
    rows = result.all()  # one without a bot where the page is empty
    listed = [row for row in rows if row.id is not None]
    return Portion(
        [_gated(row[:-2]) for row in listed], [Place(row.sort_key, row.name) for row in listed], rows[0].total
    )


def matching_ids(db: Session, wanted: FleetFilter, order: FleetOrder) -> list[UUID]:
    """Return every bot the filter leaves, in order."""
    asked = _asked(wanted, None)
    return list(db.execute(_listed(frozenset(asked), order), asked).scalars())


def read_bots(db: Session, bot_ids: Sequence[UUID]) -> dict[UUID, CardRow]:
    """Return the row behind each bot's card, by id; ids that do not exist are left out."""
    return {row.id: row for row in rows_of(db.execute(_CARDS_OF, {"bot_ids": list(bot_ids)}), CardRow)}


def read_bots_with_evidence(db: Session, bot_ids: Sequence[UUID]) -> dict[UUID, GatedRow]:
    """Return the row behind each bot's card and gate, by id; ids that do not exist are left out."""
    result = db.execute(_GATED_CARDS_OF, {"bot_ids": list(bot_ids)})
    return {row.card.id: row for row in rows_of(result, GatedRow)}


def read_fleet(db: Session) -> Iterator[CardRow]:
    """Yield the row behind every bot's card that is not archived, in no particular order, a thousand at a time."""
    result = db.execute(_EVERY_CARD, execution_options={"yield_per": ROWS_AT_A_TIME})
    require_columns(result, CardRow.__name__, columns_of(CardRow))
    yield from map(maker_of(CardRow), result)


def count_by_state(db: Session) -> list[tuple[str, State, int]]:
    """Return how many bots stand in each stage and state."""
    ranked = _fleet(Bot.stage, _state_rank().label("rank")).subquery()
    counted = select(ranked.c.stage, ranked.c.rank, func.count()).group_by(ranked.c.stage, ranked.c.rank)
    return [(stage, STATES[rank], count) for stage, rank, count in db.execute(counted)]


def sum_by_book(db: Session) -> list[BookTotal]:
    """Return the totals of each current book, in the order of stages; net P&L and trades are None without figures."""
    rollup = BotMetricsRollup
    summed = _fleet(
        _book().label("book"),
        func.count().label("bots"),
        func.count(rollup.net_pnl_usd).label("measured"),
        func.count(rollup.net_pnl_usd).filter(rollup.data_source == SIMULATED).label("simulated"),
        func.sum(rollup.net_pnl_usd).label("net_pnl_usd"),
        func.sum(rollup.trades).filter(rollup.net_pnl_usd.is_not(None)).label("trades"),
    )
    in_order = summed.group_by(_book()).order_by(func.min(_stage_rank()))
    return rows_of(db.execute(in_order), BookTotal)


def stage_locks(db: Session, *, now: datetime) -> StageLocks:
    """Return how the bots that are not archived are locked."""
    locked = Bot.stage_locked_until > now
    counted = select(
        func.count().label("bots"),
        func.count().filter(locked).label("locked"),
        func.count().filter(Bot.promotion_mode == "MANUAL").label("manual"),
        func.max(Bot.stage_locked_until).filter(locked).label("until"),
    ).where(Bot.archived_at.is_(None))
    return rows_of(db.execute(counted), StageLocks)[0]


def _fleet(*columns: Any, archived: bool = False) -> Select[Any]:
    """Bots that are not archived (or those that are), with all a page filters or sorts by; unused joins are free."""
    best = (
        select(BotJob.bot_id, func.min(_job_rank()).label("job_rank"))
        .where(IS_ACTIVE)
        .group_by(BotJob.bot_id)
        .subquery("best")
    )
    joined = select(*columns).select_from(Bot).outerjoin(BotProgress).outerjoin(best, best.c.bot_id == Bot.id)
    return _with_figures(joined).where(Bot.archived_at.is_not(None) if archived else Bot.archived_at.is_(None))


def _job_rank() -> ColumnElement[int]:
    ranks = (
        (and_(BotJob.job_type == spelled(kind), BotJob.status == spelled(status)), spelled(RANK[state]))
        for (kind, status), state in STATE_OF_JOB.items()
    )
    return case(*ranks)


def _with_figures(statement: Select[Any]) -> Select[Any]:
    baseline, rollup = MetricsBaseline, BotMetricsRollup
    return statement.outerjoin(baseline, and_(baseline.bot_id == Bot.id, baseline.book == _book())).outerjoin(
        rollup,
        and_(
            rollup.bot_id == Bot.id,
            rollup.book == _book(),
            rollup.since.is_not_distinct_from(baseline.reset_at),
        ),
    )


def _book() -> ColumnElement[str]:
    return case((_IN_LAB, spelled(Book.BACKTEST)), else_=Bot.stage)


def _stage_rank() -> ColumnElement[int]:
    return case(*((Bot.stage == spelled(stage), spelled(rank)) for rank, stage in enumerate(Stage)))


def _state_rank() -> ColumnElement[int]:
    left_alone = or_(Bot.archived_at.is_not(None), Bot.paused_at.is_not(None))
    failing = or_(Bot.killed_at.is_not(None), and_(_FAILS_AGAIN, not_(left_alone)))
    untested = and_(_IN_LAB, func.coalesce(BotProgress.backtests_completed, spelled(0)) == spelled(0))
    return func.least(
        case((failing, spelled(RANK[State.ERROR]))),
        column("job_rank"),
        case((Bot.archived_at.is_not(None), spelled(RANK[State.ARCHIVED]))),
        case((Bot.paused_at.is_not(None), spelled(RANK[State.PAUSED]))),
        case((untested, spelled(RANK[State.NEEDS_BACKTEST]))),
        spelled(RANK[State.IDLE]),
    )


def _asked(wanted: FleetFilter, after: Place | None) -> dict[str, Any]:
    """What a statement is given; what is not asked for has no place in the statement either."""
    of_archived = wanted.state is State.ARCHIVED
    given = {
        "stage": wanted.stage,
        "symbol": wanted.symbol,
        "timeframe": wanted.timeframe,
        "rank": RANK[wanted.state] if wanted.state is not None and not of_archived else None,
        "archived": of_archived or None,
        "patterns": [f"%{_escaped(word)}%" for word in (wanted.words or "").split()] or None,
        "after_key": after.key if after is not None else None,
        "after_name": after.name if after is not None else None,
    }
    return {name: value for name, value in given.items() if value is not None}


@cache
def _page_statement(asked: frozenset[str], order: FleetOrder) -> Select[Any]:
    """One kind of page, its limit spelled out too; counting needs fewer joins than sorting, so it is done beside it."""
    limit = bindparam("limit", type_=Integer, literal_execute=True)
    listed = _busy_then_quiet(asked, limit) if order == FleetOrder() else _listed(asked, order)
    page = listed.limit(limit).subquery("page")
    total = _fleet(func.count(), archived="archived" in asked).where(*_conditions(asked)).scalar_subquery()
    one_row = select(spelled(1)).subquery("one_row")
    place = one_row.outerjoin(page, true()).outerjoin(Bot, Bot.id == page.c.id)
    cards = _with_evidence(_cards(place)).add_columns(total.label("total"), page.c.sort_key)
    return cards.order_by(_directed(page.c.sort_key, order), page.c.name)


def _listed(asked: frozenset[str], order: FleetOrder) -> Select[Any]:
    key = _sort_key(order)
    fleet = _fleet(Bot.id, Bot.name, key.label("sort_key"), archived="archived" in asked)
    listed = fleet.where(*_conditions(asked))
    if "after_key" in asked:
        listed = listed.where(_beyond(key, descending=order.descending))
    return listed.order_by(_directed(key, order), Bot.name)


def _busy_then_quiet(asked: frozenset[str], limit: ColumnElement[int]) -> Select[Any]:
    """The fleet by activity, the bots at rest read only where those at work or in error do not fill the page."""
    order = FleetOrder()
    at_work = (Bot.id.in_(_busy_ids()), _state_rank() <= spelled(RANK[LAST_BUSY]))
    busy = _listed(asked, order).where(*at_work).limit(limit).cte("busy")
    has_room = select(func.count()).select_from(busy).scalar_subquery() < limit
    quiet = (
        _listed(asked, order).where(has_room, _state_rank() > spelled(RANK[LAST_BUSY])).limit(limit).subquery("quiet")
    )
    both = union_all(select(busy), select(quiet)).subquery("both")
    return select(both).order_by(both.c.sort_key, both.c.name)


def _busy_ids() -> CompoundSelect[Any]:
    """Bots of any state up to `LAST_BUSY`, each found by a partial index."""
    return union(
        select(BotJob.bot_id).where(IS_ACTIVE),
        select(Bot.id).where(Bot.killed_at.is_not(None)),
        select(BotProgress.bot_id).where(_FAILS_AGAIN),
    )


def _directed(key: ColumnElement[Any], order: FleetOrder) -> ColumnElement[Any]:
    return key.desc() if order.descending else key.asc()


def _conditions(asked: frozenset[str]) -> list[ColumnElement[bool]]:
    spoken = func.concat_ws(" ", Bot.name, Bot.symbol, Bot.archetype)
    known = {
        "stage": Bot.stage == bindparam("stage", type_=Text),
        "symbol": Bot.symbol == bindparam("symbol", type_=Text),
        "timeframe": Bot.timeframe == bindparam("timeframe", type_=Text),
        "rank": _state_rank() == bindparam("rank", type_=Integer),
        "patterns": spoken.ilike(all_(bindparam("patterns", type_=ARRAY(Text)))),
    }
    return [condition for name, condition in known.items() if name in asked]


def _escaped(word: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", word)


def _sort_key(order: FleetOrder) -> ColumnElement[Any]:
    last = literal_column(f"'{'-' if order.descending else ''}infinity'", DOUBLE_PRECISION)
    if order.sort in _COLUMN_OF:
        figure = BotMetricsRollup.__table__.c[_COLUMN_OF[order.sort]]
        return func.coalesce(cast(figure, DOUBLE_PRECISION), last)
    words: dict[str, Any] = {
        "activity": _state_rank(),
        "name": Bot.name,
        "symbol": Bot.symbol,
        "stage": _stage_rank(),
    }
    key: ColumnElement[Any] = words[order.sort]
    return key


def _beyond(key: ColumnElement[Any], *, descending: bool) -> ColumnElement[bool]:
    after_key, after_name = bindparam("after_key", type_=key.type), bindparam("after_name", type_=Text)
    further = key < after_key if descending else key > after_key
    return or_(further, and_(key == after_key, Bot.name > after_name))


def _cards(place: FromClause | type[Bot] = Bot) -> Select[Any]:
    record, rollup = BotEvidence, BotMetricsRollup
    generation = select(func.max(BotGeneration.generation_number)).where(BotGeneration.bot_id == Bot.id)
    job = _best_job()
    statement = (
        select(
            *(getattr(Bot, name) for name in SHOWN_OF_BOT),
            _book().label("book"),
            MetricsBaseline.reset_at.label("since"),
            generation.scalar_subquery().label("generation"),
            BotProgress.backtests_completed,
            BotProgress.backtest_failures_in_row,
            BotProgress.last_session_bars_left,
            BotProgress.confidence_pct,
            BotProgress.uniqueness_pct,
            *(c.label(f"job_{c.name}") for c in job.c),
            record.bars_kind.label("record_kind"),
            record.days.label("record_days"),
            record.first_on.label("record_first_on"),
            record.last_on.label("record_last_on"),
            record.__table__.c.sharpe.label("record_sharpe"),
            record.log_e,
            record.proven,
            record.proven_since,
            rollup.session_id,
            rollup.sessions,
            rollup.data_source,
            rollup.generation_number,
            rollup.in_sample,
            rollup.bust_at,
            rollup.sparkline_usd,
            rollup.computed_at,
            *read_figures(rollup.__table__),
        )
        .select_from(place)
        .outerjoin(BotProgress, BotProgress.bot_id == Bot.id)
        .outerjoin(job, true())
        .outerjoin(record, and_(record.bot_id == Bot.id, record.is_newest))
    )
    return _with_figures(statement)


def _with_evidence(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    counted, recent = BacktestSession, _recent_sessions()
    joined = statement.outerjoin(counted, counted.id == BotMetricsRollup.session_id).outerjoin(recent, true())
    record = BotEvidence.__table__.c
    figures = func.jsonb_build_array(*(record[name] for name in RecordFigures._fields))
    known = case((record.bot_id.is_not(None), figures)).label("record")
    return joined.add_columns(counted.losers, recent.c.recent, known)


def _best_job() -> Any:
    return (
        select(
            BotJob.id,
            BotJob.job_type,
            BotJob.status,
            BotJob.created_at,
            BotJob.started_at,
            BotJob.attempt,
            BotJob.iteration,
            BotJob.progress_pct,
            BotJob.dagster_run_id,
        )
        .where(BotJob.bot_id == Bot.id, IS_ACTIVE)
        .order_by(_job_rank())
        .limit(spelled(1))
        .lateral("job")
    )


def _recent_sessions() -> Any:
    """The figures of a LAB bot's latest completed sessions that may count, oldest first, for its gate.

    They ran since the reset, the newest generation, on bars that may pass a gate, and are distinct: of those with the
    same bars and orders the latest stands for all. Looked at are the latest `RECENT_READ`.
    """
    run, columns = BacktestSession, BacktestSession.__table__.c
    newest = select(func.max(BotGeneration.generation_number)).where(BotGeneration.bot_id == Bot.id).correlate(Bot)
    read = (
        select(run.id, *(columns[name] for name in _TOLD_OF_RECENT))
        .where(
            run.bot_id == Bot.id,
            _IN_LAB,
            run.status == spelled("COMPLETED"),
            run.created_at >= func.coalesce(MetricsBaseline.reset_at, literal_column("'-infinity'::timestamptz")),
        )
        .order_by(run.created_at.desc(), run.id.desc())
        .limit(spelled(RECENT_READ))
        .correlate(Bot, MetricsBaseline)
        .subquery("read")
    )
    content = (read.c.data_fingerprint, read.c.order_list_hash)
    counting = (
        select(read, func.row_number().over(partition_by=content, order_by=read.c.created_at.desc()).label("repeats"))
        .where(read.c.generation_number == newest.scalar_subquery(), _may_pass_a_gate(read.c.data_source))
        .correlate(Bot)
        .subquery("counting")
    )
    figures = func.jsonb_build_array(*(counting.c[name] for name in RecentSession._fields)).label("figures")
    latest = (
        select(counting.c.created_at, figures)
        .where(counting.c.repeats == spelled(1))
        .order_by(counting.c.created_at.desc())
        .limit(spelled(RECENT_SESSIONS))
        .subquery("latest")
    )
    collected = func.jsonb_agg(aggregate_order_by(latest.c.figures, latest.c.created_at)).label("recent")
    return select(collected).select_from(latest).correlate(Bot, MetricsBaseline).lateral("recent")


def _may_pass_a_gate(source: ColumnElement[str]) -> ColumnElement[bool]:
    """The rule of `trading.market.marks.may_pass_a_gate`, as a condition on a column."""
    return and_(source != spelled(SIMULATED), source.notlike(spelled(f"%{MARKS_SUFFIX}")))


_gated = maker_of(GatedRow)
_ASKED_FOR = Bot.id == any_(bindparam("bot_ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_CARDS_OF = _cards().where(_ASKED_FOR)
_GATED_CARDS_OF = _with_evidence(_cards()).where(_ASKED_FOR)
_EVERY_CARD = _cards().where(Bot.archived_at.is_(None))
