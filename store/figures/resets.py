"""Statements of a reset: what stands, what would vanish from sight, and the new baselines.

Belongs here: reading and writing baselines, reset fields, reset events and rebuild requests, always for many bots at
once. Does not belong here: where the new baseline lies (`trading.figures.baselines`), the figures (`rollups.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from store.base import uuid_array
from store.rows import rows_of
from store.tables import Bot, BotJob, RebuildRequest
from trading.books import Book
from trading.work.jobs import ITERATIONS, JobStatus


class Target(NamedTuple):
    """A bot as it stands before its reset."""

    id: UUID
    name: str
    stage: str
    metrics_reset_at: datetime | None


class Baselines(NamedTuple):
    """The baselines one bot has: by book, in ISO 8601 and UTC, and the latest of them."""

    bot_id: UUID
    by_book: dict[str, str]
    latest: datetime


class Recorded(NamedTuple):
    """What one bot and book have recorded since their baseline; `newest` may also be the start of running work."""

    bot_id: UUID
    book: str
    sessions: int
    trades: int
    fills: int
    newest: datetime


class Waiting(NamedTuple):
    """An improve or evolve job that is QUEUED."""

    id: UUID
    bot_id: UUID
    job_type: str


def targets(db: Session, bot_ids: Sequence[UUID] | None, *, lock: bool) -> list[Target]:
    """Return the named bots (None: all, archived and killed ones too) in id order, locked in that order if asked.

    The lock stops other resets and every writer of figures; sessions and jobs can still be inserted.
    """
    named = select(Bot.id, Bot.name, Bot.stage, Bot.metrics_reset_at).order_by(Bot.id)
    if bot_ids is not None:
        named = named.where(Bot.id == text("ANY(CAST(:bot_ids AS uuid[]))"))
    if lock:
        named = named.with_for_update(key_share=True)
    return rows_of(db.execute(named, {"bot_ids": uuid_array(bot_ids or ())}), Target)


def baselines(db: Session, bot_ids: Sequence[UUID], books: Sequence[Book]) -> dict[UUID, Baselines]:
    """Return what stands of these books, by bot; bots without a baseline are left out."""
    standings = rows_of(db.execute(_BASELINES, _scope(bot_ids, books)), Baselines)
    return {standing.bot_id: standing for standing in standings}


def recorded(db: Session, bot_ids: Sequence[UUID], books: Sequence[Book]) -> list[Recorded]:
    """Return what counts now and would not count after a reset of these books, and the newest of it."""
    scope = _scope(bot_ids, books)
    statements = [_TRADES, _FILLS]
    if Book.BACKTEST in books:
        statements += [_SESSIONS, _RUNNING]
    return [row for statement in statements for row in rows_of(db.execute(statement, scope), Recorded)]


def waiting_iterations(db: Session, bot_ids: Sequence[UUID], *, lock: bool) -> list[Waiting]:
    """Return the QUEUED improve and evolve jobs of these bots in id order, kept from being claimed if asked."""
    waiting = (
        select(BotJob.id, BotJob.bot_id, BotJob.job_type)
        .where(
            BotJob.bot_id == text("ANY(CAST(:bot_ids AS uuid[]))"),
            BotJob.status == JobStatus.QUEUED,
            BotJob.job_type.in_(ITERATIONS),
        )
        .order_by(BotJob.id)
    )
    kept = waiting.with_for_update() if lock else waiting
    return rows_of(db.execute(kept, {"bot_ids": uuid_array(bot_ids)}), Waiting)


def write_reset(db: Session, reset_at: Mapping[UUID, datetime], reset: Mapping[str, Any]) -> None:
    """Move the baselines of bots whose rows are locked, and write one METRICS_RESET event per bot.

    Args:
        db: Open transaction.
        reset_at: The new baseline of each bot.
        reset: `books`, `scope`, `reason_code`, `actor`, `request_id`, `equity_curves`, `canceled` (ids of jobs), `now`.
    """
    times = "{" + ",".join(moment.isoformat() for moment in reset_at.values()) + "}"
    named = {"bot_ids": uuid_array(list(reset_at)), "canceled": uuid_array(reset["canceled"])}
    scope = {**reset, **named, "times": times}
    db.execute(_NOTE_ON_BOTS, scope)
    db.execute(_ADD_EVENTS, scope)
    db.execute(_MOVE_BASELINES, scope)


def restart_progress(db: Session, bot_ids: Sequence[UUID]) -> None:
    """Count backtests, and what improve and evolve wait for, from zero again; lifetime iterations stay.

    A backtest that waits in the queue is the bot's first attempt then.
    """
    db.execute(_RESTART_PROGRESS, {"bot_ids": uuid_array(bot_ids)})


def request_rebuild(
    db: Session, bot_ids: Sequence[UUID], *, request_id: str, equity_curves: bool, now: datetime
) -> int:
    """Write the wish that Dagster recompute these bots' figures; return its id."""
    return db.execute(
        insert(RebuildRequest)
        .values(request_id=request_id, bot_ids=list(bot_ids), also_equity_curves=equity_curves, created_at=now)
        .returning(RebuildRequest.id)
    ).scalar_one()


def _scope(bot_ids: Sequence[UUID], books: Sequence[Book]) -> dict[str, Any]:
    return {"bot_ids": uuid_array(bot_ids), "books": [book.value for book in books]}


_BASELINES = text(
    """
    SELECT bot_id, json_object_agg(book, reset_at ORDER BY book) AS by_book, max(reset_at) AS latest
    FROM metrics_baselines
    WHERE bot_id = ANY(CAST(:bot_ids AS uuid[])) AND book = ANY(CAST(:books AS text[]))
    GROUP BY bot_id ORDER BY bot_id
    """
)

_SESSIONS = text(
    """
    SELECT one.bot_id, 'BACKTEST' AS book, count(*) AS sessions, sum(one.trades) AS trades, 0 AS fills,
           max(one.created_at) AS newest
    FROM unnest(CAST(:bot_ids AS uuid[])) AS bot(id)
    LEFT JOIN metrics_baselines base ON base.bot_id = bot.id AND base.book = 'BACKTEST'
    JOIN backtest_sessions one ON one.bot_id = bot.id AND one.created_at >= COALESCE(base.reset_at, '-infinity')
    GROUP BY one.bot_id
    """
)

_RUNNING = text(
    """
    SELECT bot_id, 'BACKTEST' AS book, 0 AS sessions, 0 AS trades, 0 AS fills, max(started_at) AS newest
    FROM bot_jobs
    WHERE status = 'RUNNING' AND bot_id = ANY(CAST(:bot_ids AS uuid[]))
    GROUP BY bot_id
    """
)

_TRADES = text(
    """
    SELECT one.bot_id, one.book, 0 AS sessions, count(*) AS trades, 0 AS fills, max(one.created_at) AS newest
    FROM unnest(CAST(:bot_ids AS uuid[])) AS bot(id)
    JOIN trade_logs one ON one.bot_id = bot.id AND one.book <> 'BACKTEST' AND one.book = ANY(CAST(:books AS text[]))
    LEFT JOIN metrics_baselines base ON base.bot_id = one.bot_id AND base.book = one.book
    WHERE one.created_at >= COALESCE(base.reset_at, '-infinity')
    GROUP BY one.bot_id, one.book
    """
)

_FILLS = text(
    """
    SELECT one.bot_id, one.book, 0 AS sessions, 0 AS trades, count(*) AS fills, max(one.created_at) AS newest
    FROM unnest(CAST(:bot_ids AS uuid[])) AS bot(id)
    JOIN execution_fills one ON one.bot_id = bot.id AND one.book = ANY(CAST(:books AS text[]))
    LEFT JOIN metrics_baselines base ON base.bot_id = one.bot_id AND base.book = one.book
    WHERE one.created_at >= COALESCE(base.reset_at, '-infinity')
    GROUP BY one.bot_id, one.book
    """
)

_NOTE_ON_BOTS = text(
    """
    UPDATE bots SET metrics_reset_at = new.reset_at, metrics_reset_reason_code = :reason_code,
        metrics_reset_by = :actor, metrics_reset_scope = :scope
    FROM unnest(CAST(:bot_ids AS uuid[]), CAST(:times AS timestamptz[])) AS new(bot_id, reset_at)
    WHERE bots.id = new.bot_id
    """
)

_ADD_EVENTS = text(
    """
    INSERT INTO bot_metrics_events (bot_id, event_type, reason_code, actor, payload_json, created_at)
    SELECT new.bot_id, 'METRICS_RESET', :reason_code, :actor,
        jsonb_build_object(
            'scope', CAST(:scope AS text), 'books', to_jsonb(CAST(:books AS text[])), 'resetAt', new.reset_at,
            'previousBaselines', none_yet.by_book || COALESCE(previous.by_book, '{}'),
            'alsoResetEquityCurves', CAST(:equity_curves AS boolean), 'requestId', CAST(:request_id AS text),
            'canceledJobs', COALESCE(canceled.job_ids, '[]')),
        :now
    FROM unnest(CAST(:bot_ids AS uuid[]), CAST(:times AS timestamptz[])) AS new(bot_id, reset_at)
    CROSS JOIN (SELECT jsonb_object_agg(name, NULL) AS by_book FROM unnest(CAST(:books AS text[])) AS name) none_yet
    LEFT JOIN (
        SELECT bot_id, jsonb_object_agg(book, reset_at) AS by_book FROM metrics_baselines
        WHERE bot_id = ANY(CAST(:bot_ids AS uuid[])) AND book = ANY(CAST(:books AS text[]))
        GROUP BY bot_id
    ) previous ON previous.bot_id = new.bot_id
    LEFT JOIN (
        SELECT bot_id, jsonb_agg(id ORDER BY job_type) AS job_ids FROM bot_jobs
        WHERE id = ANY(CAST(:canceled AS uuid[]))
        GROUP BY bot_id
    ) canceled ON canceled.bot_id = new.bot_id
    ORDER BY new.bot_id
    """
)

_MOVE_BASELINES = text(
    """
    INSERT INTO metrics_baselines AS old (
        bot_id, book, reset_at, equity_reset_at, scope, reason_code, actor, request_id)
    SELECT new.bot_id, book.name, new.reset_at, CASE WHEN :equity_curves THEN new.reset_at END, :scope, :reason_code,
        :actor, :request_id
    FROM unnest(CAST(:bot_ids AS uuid[]), CAST(:times AS timestamptz[])) AS new(bot_id, reset_at)
    CROSS JOIN unnest(CAST(:books AS text[])) AS book(name)
    ON CONFLICT (bot_id, book) DO UPDATE SET
        reset_at = excluded.reset_at, equity_reset_at = COALESCE(excluded.equity_reset_at, old.equity_reset_at),
        scope = excluded.scope, reason_code = excluded.reason_code, actor = excluded.actor,
        request_id = excluded.request_id
    """
)

_RESTART_PROGRESS = text(
    """
    WITH waiting AS (
        UPDATE bot_jobs SET attempt = 1, reclaims = 0
        WHERE status = 'QUEUED' AND job_type = 'BACKTEST' AND bot_id = ANY(CAST(:bot_ids AS uuid[]))
        RETURNING bot_id
    )
    UPDATE bot_progress SET
        backtest_attempts = CASE WHEN bot_id IN (SELECT bot_id FROM waiting) THEN 1 ELSE 0 END,
        backtests_completed = 0, backtest_failures_in_row = 0, last_backtest_at = NULL,
        last_session_trades = 0, last_session_generation = NULL, last_session_fingerprint = NULL,
        last_session_bars_left = NULL,
        improves_since_evolve = 0, improve_failures_in_row = 0, last_improve_at = NULL,
        evolve_failures_in_row = 0, last_evolve_at = NULL
    WHERE bot_id = ANY(CAST(:bot_ids AS uuid[]))
    """
)
