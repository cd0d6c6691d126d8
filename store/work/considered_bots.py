"""The fleet as the planner of the tick sees it.

Belongs here: reading every candidate in two set-based statements. Does not belong here: the plan
(`trading.work.planner`), what it decided (`autonomy.py`).

Ten thousand rows a tick: the statement gives each value under the name and in the form the planner wants, so that
nothing is left to do per bot but to look up its bars and its work.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, func, select
from sqlalchemy.orm import Session

from store.tables import IS_ACTIVE, Bot, BotGeneration, BotJob, BotProgress
from trading.work.jobs import JobType
from trading.work.planner import ConsideredBot

SeriesOf = Mapping[tuple[str, str], tuple[str, datetime, datetime]]
NOTHING: frozenset[JobType] = frozenset()
NO_BARS = (None, None, None)

_COUNTS = (
    *(BotProgress.backtests_completed, BotProgress.backtest_attempts, BotProgress.backtest_failures_in_row),
    *(BotProgress.last_session_trades, BotProgress.improve_iterations, BotProgress.improve_failures_in_row),
    *(BotProgress.improves_since_evolve, BotProgress.evolve_iterations, BotProgress.evolve_failures_in_row),
)
_MOMENTS = (
    *(BotProgress.last_backtest_at, BotProgress.last_improve_at, BotProgress.last_evolve_at),
    *(BotProgress.last_session_generation, BotProgress.last_session_fingerprint, BotProgress.evidence_waits_until),
)
_NEWEST = (
    select(
        BotGeneration.bot_id,
        func.max(BotGeneration.generation_number).label("generation"),
        func.max(BotGeneration.created_at).label("generation_since"),
        func.max(BotGeneration.generation_number).filter(BotGeneration.origin == "EDIT").label("newest_edited"),
    )
    .group_by(BotGeneration.bot_id)
    .subquery()
)
_SEEN = (
    Bot.id.label("bot_id"),
    Bot.symbol,
    Bot.stage,
    Bot.created_at,
    Bot.killed_at.is_not(None).label("killed"),
    Bot.archived_at.is_not(None).label("archived"),
    Bot.paused_at.is_not(None).label("paused"),
    Bot.added_by.is_not(None).label("own"),
    func.coalesce(_NEWEST.c.newest_edited == _NEWEST.c.generation, false()).label("edited"),
    _NEWEST.c.generation,
    _NEWEST.c.generation_since,
    *(func.coalesce(count, 0).label(count.key) for count in _COUNTS),
    *_MOMENTS,
)
_FLEET = (
    select(Bot.timeframe, *_SEEN)
    .join(_NEWEST, _NEWEST.c.bot_id == Bot.id)
    .outerjoin(BotProgress, BotProgress.bot_id == Bot.id)
)
_NAMES = _FLEET.selected_columns.keys()[1:]


def read(db: Session, series: SeriesOf) -> Iterator[ConsideredBot]:
    """Yield every bot as the planner sees it.

    Args:
        db: Open transaction.
        series: Fingerprint, arrival and last opening of the best bars per (symbol, timeframe).
    """
    active = _active_types(db)
    for timeframe, *row in db.connection().execute(_FLEET):
        seen = dict(zip(_NAMES, row, strict=True))
        fingerprint, since, last_at = series.get((seen["symbol"], timeframe), NO_BARS)
        yield ConsideredBot(
            active=active.get(seen["bot_id"], NOTHING),
            bars_fingerprint=fingerprint,
            bars_since=since,
            bars_last_at=last_at,
            **seen,
        )


def _active_types(db: Session) -> Mapping[UUID, frozenset[JobType]]:
    """Return the types of each bot's waiting and running jobs.

    Apart from the fleet, because the queue's size changes faster than the planner's statistics of it.
    """
    types = func.array_agg(BotJob.job_type)
    rows = db.execute(select(BotJob.bot_id, types).where(IS_ACTIVE).group_by(BotJob.bot_id))
    return {bot_id: frozenset(JobType(kind) for kind in kinds) for bot_id, kinds in rows}
