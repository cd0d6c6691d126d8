"""The fleet as the bots page shows it: pages of bots, their figures since reset, totals.

Belongs here: the statements behind `/api/bots` and the board; read-only. Does not belong here: what a state or a gate
means (`trading`), one bot in depth (`dossier.py`), writes.

States are filtered and sorted in SQL by their rank in `trading.activity.State`, the smallest that holds, so precedence
is written once. Figures come from the rollup of the bot's current book, and only while its `since` is that book's
baseline: a reset blanks them the moment it commits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, aggregate_order_by
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Session

from store.tables import BacktestSession, Bot, BotGeneration, BotJob, BotMetricsRollup, BotProgress, MetricsBaseline
from trading.activity import STATE_OF_JOB, State
from trading.autonomy import MAX_FAILURES_IN_ROW
from trading.lifecycle import RECENT_SESSIONS
from trading.market.bars import SIMULATED

AnyRow = Row[*tuple[Any, ...]]
STATES = tuple(State)
ROWS_AT_A_TIME = 1_000
RANK = {state: rank for rank, state in enumerate(STATES)}
IS_ACTIVE = BotJob.status.in_([literal_column("'QUEUED'"), literal_column("'RUNNING'")])
"""Spelled out, so that the planner can prove the partial indexes of active jobs."""

SORTS = ("activity", "name", "symbol", "stage", "netPnl", "winPct", "trades", "maxDrawdownPct", "sharpe")
SINGLE_STAGE = {stage: rank for rank, stage in enumerate(("LAB", "PAPER", "SHADOW", "CANARY", "LIVE"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFilter:
    """Which bots of the fleet; None means any. Archived bots never count."""

    stage: str | None = None
    symbol: str | None = None
    state: State | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bot stands in a sorted fleet: its sort key, and its name to break ties."""

    key: str | float
    name: str


@dataclass(frozen=True, slots=True)
class FleetOrder:
    """What the fleet is sorted by; unknown figures come last in either direction."""

    sort: str = "activity"
    descending: bool = False


def page_of_ids(
    session: Session, wanted: FleetFilter, order: FleetOrder, *, after: Place | None, limit: int
) -> tuple[list[tuple[UUID, Place]], int]:
    """Return up to `limit` bots in order, and how many the filter matches in all."""
    matching = (
        _fleet(Bot.id, Bot.name, _sort_key(order).label("key"))
        .where(*_conditions(wanted))
        .cte("matching")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    total = select(func.count()).select_from(matching).scalar_subquery()
    page = select(matching.c.id, matching.c.name, matching.c.key)
    if after is not None:
        page = page.where(_beyond(matching.c.key, matching.c.name, after, descending=order.descending))
    by_key = matching.c.key.desc() if order.descending else matching.c.key.asc()
    ordered = page.order_by(by_key, matching.c.name).limit(limit).subquery("page")
    rows = session.execute(select(total.label("total"), ordered).join_from(_one_row(), ordered, true(), isouter=True))
    listed = rows.all()
    found = [(row.id, Place(row.key, row.name)) for row in listed if row.id is not None]
    return found, listed[0].total


def read_bots(session: Session, bot_ids: Sequence[UUID]) -> dict[UUID, AnyRow]:
    """Return the row behind each bot's card, by id; ids that do not exist are left out."""
    return {row.id: row for row in session.execute(_cards().where(_is_one_of(bot_ids)))}


def read_bots_with_evidence(session: Session, bot_ids: Sequence[UUID]) -> dict[UUID, AnyRow]:
    """Return the row behind each bot's card and gate, by id; ids that do not exist are left out."""
    return {row.id: row for row in session.execute(_with_evidence(_cards()).where(_is_one_of(bot_ids)))}


def read_fleet(session: Session) -> Iterator[AnyRow]:
    """Yield the row behind every bot's card that is not archived, in no particular order, a thousand at a time."""
    everything = _cards().where(Bot.archived_at.is_(None)).execution_options(yield_per=ROWS_AT_A_TIME)
    yield from session.execute(everything)


def count_by_state(session: Session) -> list[tuple[str, State, int]]:
    """Return how many bots stand in each stage and state."""
    ranked = _fleet(Bot.stage, _state_rank().label("rank")).subquery()
    counted = select(ranked.c.stage, ranked.c.rank, func.count()).group_by(ranked.c.stage, ranked.c.rank)
    return [(stage, STATES[rank], count) for stage, rank, count in session.execute(counted)]


def sum_by_book(session: Session) -> list[AnyRow]:
    """Return per current book: bots, bots with figures, those of them SIMULATED, net P&L and trades (null: unknown)."""
    rollup = BotMetricsRollup
    summed = _fleet(
        _book().label("book"),
        func.count().label("bots"),
        func.count(rollup.net_pnl_usd).label("measured"),
        func.count(rollup.net_pnl_usd).filter(rollup.data_source == SIMULATED).label("simulated"),
        func.sum(rollup.net_pnl_usd).label("net_pnl"),
        func.sum(rollup.trades).filter(rollup.net_pnl_usd.is_not(None)).label("trades"),
    )
    return list(session.execute(summed.group_by(_book())))


def stage_locks(session: Session, *, now: datetime) -> AnyRow:
    """Return how many bots there are, how many are stage-locked or promoted by hand, and when the last lock ends."""
    locked = Bot.stage_locked_until > now
    return session.execute(
        select(
            func.count().label("bots"),
            func.count().filter(locked).label("locked"),
            func.count().filter(Bot.promotion_mode == "MANUAL").label("manual"),
            func.max(Bot.stage_locked_until).filter(locked).label("until"),
        ).where(Bot.archived_at.is_(None))
    ).one()


def _one_row() -> Subquery:
    return select(literal_column("1").label("one")).subquery("one_row")


def _fleet(*columns: Any) -> Select[Any]:
    """Bots that are not archived, joined with all a page may filter or sort by; unused joins cost nothing."""
    ranks = [(and_(BotJob.job_type == kind, BotJob.status == status), RANK[s]) for (kind, status), s in _JOB_STATES]
    best = (
        select(BotJob.bot_id, func.min(case(*ranks)).label("job_rank"))
        .where(IS_ACTIVE)
        .group_by(BotJob.bot_id)
        .subquery("best")
    )
    joined = select(*columns).select_from(Bot).outerjoin(BotProgress).outerjoin(best, best.c.bot_id == Bot.id)
    return _with_figures(joined).where(Bot.archived_at.is_(None))


_JOB_STATES = tuple(STATE_OF_JOB.items())


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
    return case((Bot.stage == literal_column("'LAB'"), literal_column("'BACKTEST'")), else_=Bot.stage)


def _state_rank() -> ColumnElement[int]:
    failing = or_(Bot.killed_at.is_not(None), BotProgress.backtest_failures_in_row >= MAX_FAILURES_IN_ROW)
    untested = and_(Bot.stage == "LAB", func.coalesce(BotProgress.backtests_completed, 0) == 0)
    return func.least(
        case((failing, RANK[State.ERROR])),
        column("job_rank"),
        case((untested, RANK[State.NEEDS_BACKTEST])),
        RANK[State.IDLE],
    )


def _conditions(wanted: FleetFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.stage is not None:
        conditions.append(Bot.stage == wanted.stage)
    if wanted.symbol is not None:
        conditions.append(Bot.symbol == wanted.symbol)
    if wanted.state is not None:
        conditions.append(_state_rank() == RANK[wanted.state])
    spoken = func.concat_ws(" ", Bot.name, Bot.symbol, Bot.archetype)
    conditions.extend(spoken.icontains(word, autoescape=True) for word in (wanted.words or "").split())
    return conditions


def _sort_key(order: FleetOrder) -> ColumnElement[Any]:
    last = float("-inf") if order.descending else float("inf")
    rollup = BotMetricsRollup
    figures = {
        "netPnl": rollup.net_pnl_usd,
        "winPct": rollup.win_pct,
        "trades": rollup.trades,
        "maxDrawdownPct": rollup.max_drawdown_pct,
        "sharpe": rollup.sharpe,
    }
    if order.sort in figures:
        return func.coalesce(cast(figures[order.sort], DOUBLE_PRECISION), last)
    words: dict[str, Any] = {
        "activity": _state_rank(),
        "name": Bot.name,
        "symbol": Bot.symbol,
        "stage": case(SINGLE_STAGE, value=Bot.stage),
    }
    key: ColumnElement[Any] = words[order.sort]
    return key


def _beyond(
    key: ColumnElement[Any], name: ColumnElement[str], after: Place, *, descending: bool
) -> ColumnElement[bool]:
    further = key < after.key if descending else key > after.key
    return or_(further, and_(key == after.key, name > after.name))


def _cards() -> Select[Any]:
    rollup = BotMetricsRollup
    generation = select(func.max(BotGeneration.generation_number)).where(BotGeneration.bot_id == Bot.id)
    job = _best_job()
    statement = (
        select(
            *Bot.__table__.columns,
            _book().label("book"),
            MetricsBaseline.reset_at.label("since"),
            generation.scalar_subquery().label("generation"),
            BotProgress.backtests_completed,
            BotProgress.backtest_failures_in_row,
            BotProgress.confidence_pct,
            BotProgress.uniqueness_pct,
            *(c.label(f"job_{c.name}") for c in job.c),
            *(c for c in rollup.__table__.columns if c.name not in {"bot_id", "book", "since"}),
        )
        .select_from(Bot)
        .outerjoin(BotProgress)
        .outerjoin(job, true())
    )
    return _with_figures(statement)


def _with_evidence(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    shown, recent = BacktestSession, _recent_sessions()
    joined = statement.outerjoin(shown, shown.id == BotMetricsRollup.session_id).outerjoin(recent, true())
    return joined.add_columns(shown.losers, recent.c.recent)


def _is_one_of(bot_ids: Sequence[UUID]) -> ColumnElement[bool]:
    return Bot.id == func.any(literal(list(bot_ids), ARRAY(PG_UUID(as_uuid=True))))


def _best_job() -> Any:
    ranks = [(and_(BotJob.job_type == kind, BotJob.status == status), RANK[s]) for (kind, status), s in _JOB_STATES]
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
        .order_by(case(*ranks))
        .limit(1)
        .lateral("job")
    )


def _recent_sessions() -> Any:
    """The figures of a LAB bot's latest completed sessions since reset, oldest first, for its gate."""
    run = BacktestSession
    latest = (
        select(
            run.created_at,
            func.jsonb_build_array(
                run.trades, run.win_pct, run.max_drawdown_pct, run.profit_factor, run.expectancy_usd, run.sharpe
            ).label("figures"),
        )
        .where(
            run.bot_id == Bot.id,
            Bot.stage == "LAB",
            run.status == "COMPLETED",
            run.created_at >= func.coalesce(MetricsBaseline.reset_at, literal_column("'-infinity'::timestamptz")),
        )
        .order_by(run.created_at.desc())
        .limit(RECENT_SESSIONS)
        .correlate(Bot, MetricsBaseline)
        .subquery("latest")
    )
    collected = func.jsonb_agg(aggregate_order_by(latest.c.figures, latest.c.created_at)).label("recent")
    return select(collected).select_from(latest).correlate(Bot, MetricsBaseline).lateral("recent")
