"""Figures since reset: computed from raw truth, thrown away and computed again at any time.

Belongs here: rebuilding and clearing `bot_metrics_rollups`, `bot_equity_curve` and the snapshots of what was shown.
Does not belong here: moving a baseline (`resets.py`), the check of what is shown (`health/invariants.py`).

What a figure is:

- BACKTEST: the latest completed session since the baseline (by `created_at`, then `id`), never a sum of sessions over
  the same history; `sessions` says how many there are. See `docs/adr/0006`.
- PAPER, SHADOW, CANARY, LIVE: the closed trades of `trade_logs` created since the baseline. Fills are the check, not
  the figure: a fill's commission counts when it is paid, a trade's when it closes, so they agree to the cent in
  realised P&L, and in net P&L whenever the position was flat at the baseline and is flat now.
- The equity curve follows the same rules from `equity_reset_at`, which a reset may spare.

A bot and book without anything since its baseline has no row: its figures are unknown, not zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from store.base import uuid_array
from store.figure_columns import COLUMNS
from store.rows import rows_of
from store.tables import BotPerformanceSnapshot
from trading.arrays import BoolArray
from trading.books import Book
from trading.days import on_day
from trading.figures.declared import exact, figures_of
from trading.figures.trade_record import TradeRecord, record_of
from trading.money import usd

SPARKLINE_POINTS = 32


class _StageTrades(NamedTuple):
    """The trades of one bot and stage book since its curve began, a column a list, in order of their end."""

    bot_id: UUID
    book: str
    symbol: str
    account_usd: Decimal
    reset_at: datetime | None
    equity_reset_at: datetime | None
    counted: list[bool]
    exit_us: list[int]
    net_micros: list[int]
    bars_held: list[int]


@dataclass(frozen=True, slots=True)
class _StageBook:
    """The figures of one bot and stage book, and the curve beside them; None where nothing counts since."""

    bot_id: UUID
    book: str
    since: datetime | None
    equity_since: datetime | None
    record: TradeRecord | None
    curve: TradeRecord


def rebuild(db: Session, bot_ids: Sequence[UUID] | None, *, now: datetime, equity_curves: bool = True) -> int:
    """Recompute the figures of some bots (None: all) from raw truth; return how many changed.

    Locks the bots' rows in id order, so no reset can slip between the reading of a baseline and the writing of a
    figure. A figure that did not change keeps its row and its `computed_at`; one that did leaves a snapshot. Calling it
    for one bot after another leads to the same rows as calling it for all.

    Args:
        db: Open transaction; commits with the session or reset that made the figures change.
        bot_ids: Which bots.
        now: Time of computation.
        equity_curves: Also recompute the equity curves.
    """
    locked = lock_bots(db, bot_ids)
    if not locked:
        return 0
    scope = {"bot_ids": uuid_array(locked), "now": now}
    changed: int = db.execute(_REBUILD_BACKTEST, scope | {"points": SPARKLINE_POINTS}).scalar_one()
    if equity_curves:
        db.execute(_REBUILD_BACKTEST_CURVES, scope)
    return changed + _rebuild_stage_books(db, scope, equity_curves=equity_curves)


def lock_bots(db: Session, bot_ids: Sequence[UUID] | None) -> list[UUID]:
    """Lock bots in id order (None: all) until the transaction ends, and return those that exist.

    Every transaction that touches figures or baselines of a bot takes this lock first; its sessions and jobs can still
    be inserted, and its attempts counted, meanwhile.
    """
    if bot_ids is None:
        return list(db.execute(_LOCK_ALL).scalars())
    return list(db.execute(_LOCK_SOME, {"bot_ids": uuid_array(bot_ids)}).scalars())


def clear(db: Session, bot_ids: Sequence[UUID], *, books: Sequence[Book], now: datetime, equity_curves: bool) -> int:
    """Remove the figures of some bots and books, leaving a snapshot of the nothing that is shown; return how many."""
    scope = {"bot_ids": uuid_array(bot_ids), "books": [book.value for book in books], "now": now}
    if equity_curves:
        db.execute(_CLEAR_CURVES, scope)
    cleared: int = db.execute(_CLEAR_FIGURES, scope).scalar_one()
    return cleared


def _rebuild_stage_books(db: Session, scope: dict[str, Any], *, equity_curves: bool) -> int:
    books = [_stage_book(row) for row in rows_of(db.execute(_STAGE_TRADES, scope), _StageTrades)]
    changed: int = 0
    for book in books:
        if book.record is not None:
            changed += db.execute(_SHOW_STAGE_FIGURE, _figure_row(book, book.record, scope["now"])).scalar_one()
        if equity_curves:
            db.execute(_SHOW_STAGE_CURVE, _curve_row(book, scope["now"]))
    figures = [(book.bot_id, book.book) for book in books if book.record is not None]
    curves = [(book.bot_id, book.book) for book in books]
    kept = _keys(figures, "figure") | _keys(curves, "curve")
    changed += db.execute(_DROP_STAGE_ROWS, scope | kept | {"equity_curves": equity_curves}).scalar_one()
    return changed


def _stage_book(row: _StageTrades) -> _StageBook:
    counted = np.array(row.counted, np.bool_)
    return _StageBook(
        bot_id=row.bot_id,
        book=row.book,
        since=row.reset_at,
        equity_since=row.equity_reset_at,
        record=_record(row, counted) if counted.any() else None,
        curve=_record(row, np.ones(len(counted), np.bool_)),
    )


def _record(row: _StageTrades, counted: BoolArray) -> TradeRecord:
    return record_of(
        row.symbol,
        exit_ns=np.array(row.exit_us, np.int64)[counted] * 1_000,
        net_micros=np.array(row.net_micros, np.int64)[counted],
        bars_held=np.array(row.bars_held, np.int64)[counted],
        account_micros=int(row.account_usd * 1_000_000),
    )


def _figure_row(book: _StageBook, record: TradeRecord, now: datetime) -> dict[str, Any]:
    places = np.arange(min(SPARKLINE_POINTS, len(record.equity_micros)))
    if len(record.equity_micros) > SPARKLINE_POINTS:
        places = places * (len(record.equity_micros) - 1) // (SPARKLINE_POINTS - 1)
    return exact(figures_of(record.performance, has_bars=False)) | {
        "bot_id": book.bot_id,
        "book": book.book,
        "since": book.since,
        "sparkline_usd": (record.equity_micros[places] / 1_000_000).tolist(),
        "now": now,
    }


def _curve_row(book: _StageBook, now: datetime) -> dict[str, Any]:
    return {
        "bot_id": book.bot_id,
        "book": book.book,
        "since": book.equity_since,
        "trading_on": [on_day(day) for day in book.curve.trading_day.tolist()],
        "equity_usd": [usd(micros) for micros in book.curve.equity_micros.tolist()],
        "now": now,
    }


def _keys(kept: Sequence[tuple[UUID, str]], name: str) -> dict[str, Any]:
    return {f"{name}_ids": [bot_id for bot_id, _ in kept], f"{name}_books": [book for _, book in kept]}


_LOCK_ALL = text("SELECT id FROM bots ORDER BY id FOR NO KEY UPDATE")
_LOCK_SOME = text("SELECT id FROM bots WHERE id = ANY(CAST(:bot_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")

_WHOSE = ("generation_number", "in_sample", "bust_at")
_SHOWN = ("since", "session_id", "sessions", "data_source", *_WHOSE, *COLUMNS, "sparkline_usd")
_SNAPSHOT = ", ".join(column for column in COLUMNS if column in BotPerformanceSnapshot.__table__.c)


def _each(columns: Sequence[str], written: str) -> str:
    return ", ".join(written.format(column) for column in columns)


_SHOW = f"""
        INSERT INTO bot_metrics_rollups AS old (bot_id, book, {", ".join(_SHOWN)}, computed_at)
        {{source}}
        ON CONFLICT (bot_id, book) DO UPDATE SET {_each((*_SHOWN, "computed_at"), "{0} = excluded.{0}")}
        WHERE ({_each(_SHOWN, "old.{}")}) IS DISTINCT FROM ({_each(_SHOWN, "excluded.{}")})
"""

_SNAP_WHAT_IS_GONE = """
        INSERT INTO bot_performance_snapshots (bot_id, book, taken_at, since, trades)
        SELECT gone.bot_id, gone.book, :now, base.reset_at, 0
        FROM gone LEFT JOIN metrics_baselines base ON base.bot_id = gone.bot_id AND base.book = gone.book
        RETURNING 1
"""

_REBUILD_BACKTEST = text(
    f"""
    WITH latest AS MATERIALIZED (
        SELECT bot.id AS bot_id, base.reset_at AS since, shown.id AS session_id, counted.sessions, shown.data_source,
               {_each(COLUMNS, "shown.{}")}, shown.generation_number, shown.bust_at, spark.sparkline_usd,
               COALESCE(behind.knows_until >= shown.equity_on[1], false) AS in_sample
        FROM unnest(CAST(:bot_ids AS uuid[])) AS bot(id)
        LEFT JOIN metrics_baselines base ON base.bot_id = bot.id AND base.book = 'BACKTEST'
        CROSS JOIN LATERAL (
            SELECT * FROM backtest_sessions one
            WHERE one.bot_id = bot.id AND one.status = 'COMPLETED'
              AND one.created_at >= COALESCE(base.reset_at, '-infinity')
            ORDER BY one.created_at DESC, one.id DESC LIMIT 1
        ) shown
        CROSS JOIN LATERAL (
            SELECT count(*) AS sessions FROM backtest_sessions one
            WHERE one.bot_id = bot.id AND one.status = 'COMPLETED'
              AND one.created_at >= COALESCE(base.reset_at, '-infinity')
        ) counted
        CROSS JOIN LATERAL (
            SELECT COALESCE(array_agg(day.equity::real ORDER BY day.place), '{{}}') AS sparkline_usd
            FROM (
                SELECT equity, place - 1 AS place, count(*) OVER () - 1 AS last
                FROM unnest(shown.equity_usd) WITH ORDINALITY AS one(equity, place)
            ) day
            WHERE day.last < :points OR
                ((day.place * (:points - 1) + day.last - 1) / day.last) * day.last / (:points - 1) = day.place
        ) spark
        JOIN bot_generations behind
            ON behind.bot_id = bot.id AND behind.generation_number = shown.generation_number
    ), changed AS (
        {_SHOW.format(source=f"SELECT bot_id, 'BACKTEST', {', '.join(_SHOWN)}, :now FROM latest")}
        RETURNING bot_id
    ), gone AS (
        DELETE FROM bot_metrics_rollups old
        WHERE old.book = 'BACKTEST' AND old.bot_id = ANY(CAST(:bot_ids AS uuid[]))
          AND NOT EXISTS (SELECT 1 FROM latest WHERE latest.bot_id = old.bot_id)
        RETURNING old.bot_id, old.book
    ), snapshots AS (
        INSERT INTO bot_performance_snapshots (
            bot_id, book, taken_at, since, session_id, generation_number, {_SNAPSHOT})
        SELECT bot_id, 'BACKTEST', :now, since, session_id, generation_number, {_SNAPSHOT}
        FROM latest JOIN changed USING (bot_id)
        RETURNING 1
    ), emptied AS (
        {_SNAP_WHAT_IS_GONE}
    )
    SELECT (SELECT count(*) FROM snapshots) + (SELECT count(*) FROM emptied)
    """  # noqa: S608
)

_REBUILD_BACKTEST_CURVES = text(
    """
    WITH latest AS MATERIALIZED (
        SELECT bot.id AS bot_id, base.equity_reset_at AS since, shown.id AS session_id, shown.equity_on,
               shown.equity_usd
        FROM unnest(CAST(:bot_ids AS uuid[])) AS bot(id)
        LEFT JOIN metrics_baselines base ON base.bot_id = bot.id AND base.book = 'BACKTEST'
        CROSS JOIN LATERAL (
            SELECT id, equity_on, equity_usd FROM backtest_sessions one
            WHERE one.bot_id = bot.id AND one.status = 'COMPLETED'
              AND one.created_at >= COALESCE(base.equity_reset_at, '-infinity')
            ORDER BY one.created_at DESC, one.id DESC LIMIT 1
        ) shown
    ), gone AS (
        DELETE FROM bot_equity_curve old
        WHERE old.book = 'BACKTEST' AND old.bot_id = ANY(CAST(:bot_ids AS uuid[]))
          AND NOT EXISTS (SELECT 1 FROM latest WHERE latest.bot_id = old.bot_id)
    )
    INSERT INTO bot_equity_curve AS old (bot_id, book, since, session_id, trading_on, equity_usd, computed_at)
    SELECT bot_id, 'BACKTEST', since, session_id, equity_on, equity_usd, :now FROM latest
    ON CONFLICT (bot_id, book) DO UPDATE SET
        since = excluded.since, session_id = excluded.session_id, trading_on = excluded.trading_on,
        equity_usd = excluded.equity_usd, computed_at = excluded.computed_at
    WHERE (old.since, old.session_id, old.trading_on, old.equity_usd)
        IS DISTINCT FROM (excluded.since, excluded.session_id, excluded.trading_on, excluded.equity_usd)
    """
)

_STAGE_TRADES = text(
    """
    SELECT trade.bot_id, trade.book, bot.symbol, bot.account_usd, base.reset_at, base.equity_reset_at,
           array_agg(trade.created_at >= COALESCE(base.reset_at, '-infinity') ORDER BY trade.exit_at, trade.id)
               AS counted,
           array_agg((extract(epoch FROM trade.exit_at) * 1000000)::bigint ORDER BY trade.exit_at, trade.id)
               AS exit_us,
           array_agg((trade.net_pnl_usd * 1000000)::bigint ORDER BY trade.exit_at, trade.id) AS net_micros,
           array_agg(trade.bars_held ORDER BY trade.exit_at, trade.id) AS bars_held
    FROM trade_logs trade
    JOIN bots bot ON bot.id = trade.bot_id
    LEFT JOIN metrics_baselines base ON base.bot_id = trade.bot_id AND base.book = trade.book
    WHERE trade.bot_id = ANY(CAST(:bot_ids AS uuid[])) AND trade.book <> 'BACKTEST'
      AND trade.created_at >= COALESCE(base.equity_reset_at, '-infinity')
    GROUP BY trade.bot_id, trade.book, bot.symbol, bot.account_usd, base.reset_at, base.equity_reset_at
    ORDER BY trade.bot_id, trade.book
    """
)

_STAGE_FIGURE = f"""
        VALUES (:bot_id, :book, :since, NULL, 0, NULL, NULL, false, NULL, {_each(COLUMNS, ":{}")},
                CAST(:sparkline_usd AS real[]), :now)
"""

_SHOW_STAGE_FIGURE = text(
    f"""
    WITH changed AS (
        {_SHOW.format(source=_STAGE_FIGURE)}
        RETURNING bot_id, book, since, {_SNAPSHOT}
    ), snapshots AS (
        INSERT INTO bot_performance_snapshots (bot_id, book, taken_at, since, {_SNAPSHOT})
        SELECT bot_id, book, :now, since, {_SNAPSHOT} FROM changed
        RETURNING 1
    )
    SELECT count(*) FROM snapshots
    """  # noqa: S608
)

_SHOW_STAGE_CURVE = text(
    """
    INSERT INTO bot_equity_curve AS old (bot_id, book, since, trading_on, equity_usd, computed_at)
    VALUES (:bot_id, :book, :since, CAST(:trading_on AS date[]), CAST(:equity_usd AS numeric(20, 6)[]), :now)
    ON CONFLICT (bot_id, book) DO UPDATE SET
        since = excluded.since, session_id = NULL, trading_on = excluded.trading_on,
        equity_usd = excluded.equity_usd, computed_at = excluded.computed_at
    WHERE (old.since, old.session_id, old.trading_on, old.equity_usd)
        IS DISTINCT FROM (excluded.since, excluded.session_id, excluded.trading_on, excluded.equity_usd)
    """
)

_DROP_STAGE_ROWS = text(
    f"""
    WITH curves AS (
        DELETE FROM bot_equity_curve old
        WHERE :equity_curves AND old.book <> 'BACKTEST' AND old.bot_id = ANY(CAST(:bot_ids AS uuid[]))
          AND NOT EXISTS (
              SELECT 1 FROM unnest(CAST(:curve_ids AS uuid[]), CAST(:curve_books AS text[])) AS kept(bot_id, book)
              WHERE kept.bot_id = old.bot_id AND kept.book = old.book)
    ), gone AS (
        DELETE FROM bot_metrics_rollups old
        WHERE old.book <> 'BACKTEST' AND old.bot_id = ANY(CAST(:bot_ids AS uuid[]))
          AND NOT EXISTS (
              SELECT 1 FROM unnest(CAST(:figure_ids AS uuid[]), CAST(:figure_books AS text[])) AS kept(bot_id, book)
              WHERE kept.bot_id = old.bot_id AND kept.book = old.book)
        RETURNING old.bot_id, old.book
    ), snapshots AS (
        {_SNAP_WHAT_IS_GONE}
    )
    SELECT count(*) FROM snapshots
    """  # noqa: S608
)

_CLEAR_FIGURES = text(
    f"""
    WITH gone AS (
        DELETE FROM bot_metrics_rollups old
        WHERE old.bot_id = ANY(CAST(:bot_ids AS uuid[])) AND old.book = ANY(CAST(:books AS text[]))
        RETURNING old.bot_id, old.book
    ), snapshots AS (
        {_SNAP_WHAT_IS_GONE}
    )
    SELECT count(*) FROM snapshots
    """  # noqa: S608
)

_CLEAR_CURVES = text(
    """
    DELETE FROM bot_equity_curve old
    WHERE old.bot_id = ANY(CAST(:bot_ids AS uuid[])) AND old.book = ANY(CAST(:books AS text[]))
    """
)
