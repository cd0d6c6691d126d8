"""One bot as one compact row of the board.

Belongs here: columns and encoding of a row. Does not belong here: what a bot does now (`trading.activity`), transport.

A row is an array in the order of `COLUMNS`, without elapsed time, so that a bot's row only changes when the bot does;
the browser counts from `startedAt`.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cards import BotCard
from trading.activity import BotNow

COLUMNS = [
    "id",
    "name",
    "stage",
    "symbol",
    "timeframe",
    "archetype",
    "generation",
    "botNow",
    "book",
    "since",
    "netPnl",
    "trades",
    "winPct",
    "maxDrawdown",
    "maxDrawdownPct",
    "profitFactor",
    "sharpe",
    "source",
    "spark",
    "lockedUntil",
    "promotion",
    "progressPct",
    "runId",
]
SPARK_POINTS = 32
SPARK_LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode_row(card: BotCard) -> bytes:
    """Return a bot's row as JSON."""
    figures = card.metrics
    row = [
        str(card.id),
        card.name,
        card.stage,
        card.symbol,
        card.timeframe,
        card.archetype,
        card.generation,
        now_cell(card.bot_now),
        figures.book,
        _moment(figures.since),
        _rounded(figures.net_pnl, 2),
        figures.trades,
        _rounded(figures.win_pct, 1),
        _rounded(figures.max_drawdown, 2),
        _rounded(figures.max_drawdown_pct, 2),
        _rounded(figures.profit_factor, 2),
        _rounded(figures.sharpe, 2),
        figures.data_source,
        spark_text(card.sparkline),
        _moment(card.stage_locked_until),
        card.promotion_mode,
        _rounded(card.progress_pct, 0),
        card.dagster_run_id,
    ]
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()


def now_cell(now: BotNow) -> Any:
    """Return botNow as the board takes it; a state without a job and a reason is just its name."""
    job = now.active_job
    if job is None or now.badge is None:
        return {"state": now.state, "reason": now.reason} if now.reason else now.state
    return {
        "state": now.state,
        "badge": {"text": now.badge.text, "tone": now.badge.tone},
        "activeJob": {
            "id": str(job.id),
            "type": job.type,
            "status": job.status,
            "createdAt": _moment(job.created_at),
            "startedAt": _moment(job.started_at),
            "attempt": job.attempt,
            "iteration": job.iteration,
        },
    }


def spark_text(equity_usd: Sequence[float]) -> str:
    """Return an equity curve as one level 0-z per point, scaled to its own range; empty under two points."""
    if len(equity_usd) < 2:
        return ""
    thinned = _thin(equity_usd)
    low, high = min(thinned), max(thinned)
    step = (len(SPARK_LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(SPARK_LEVELS[round((value - low) * step)] for value in thinned)


def _thin(values: Sequence[float]) -> list[float]:
    if len(values) <= SPARK_POINTS:
        return list(values)
    last = len(values) - 1
    return [values[round(point * last / (SPARK_POINTS - 1))] for point in range(SPARK_POINTS)]


def _rounded(value: float | Decimal | None, places: int) -> float | None:
    return None if value is None else round(float(value), places)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
