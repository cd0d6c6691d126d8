"""Bots as the board takes them: one row of cells per bot, sent column by column.

Belongs here: columns and encoding of rows. Does not belong here: what a bot does now (`trading.work.badges`),
transport.

A row has no elapsed time in it, so that it only changes when the bot does; the browser counts from `startedAt`. Sent
are columns, not rows: ids as one base64 text of 16 bytes each, cells that repeat as a list of distinct words and a
place in it per row, caveats as one text of digits, the rest as plain lists. What repeats then costs next to nothing
once gzipped. A snapshot leaves out the equity lines; the browser asks for those of the rows it shows.
"""

import json
import math
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.bots.cards import BotCard, RecordStanding
from trading.bots.filter import Filterable
from trading.figures.declared import FIGURES, MICROS, Figures, word_of
from trading.money import usd_float
from trading.words import camel
from trading.work.badges import BotNow

IN_SAMPLE, BUST, OF_OLDER = 1, 2, 4
SPARK_POINTS = 32
LEAST_LOG10_E = -9.0  # as good as nothing; whoever lost all has none
SPARK_LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz"


class BoardRow(NamedTuple):
    """The cells of one bot in the order of the columns; `bot_now` is JSON, moments are ISO 8601.

    `caveats` is a digit that adds up what its figures are: 1 in sample, 2 of an account that went bust, 4 of another
    generation than the newest.
    """

    id: UUID
    name: str
    stage: str
    symbol: str
    timeframe: str
    archetype: str
    generation: int | None
    bot_now: str
    book: str
    since: str | None
    net_pnl: float | None
    trades: int | None
    win_pct: float | None
    max_drawdown_usd: float | None
    max_drawdown_pct: float | None
    profit_factor: float | None
    sharpe: float | None
    log10_e: float | None
    proven: bool
    unseen_sharpe: float | None
    confidence_pct: float | None
    uniqueness_pct: float | None
    source: str | None
    caveats: int
    locked_until: str | None
    promotion: str
    progress_pct: float | None
    run_id: str | None
    spark: str


def board_row(card: BotCard) -> BoardRow:
    """Return a bot's row."""
    figures = card.metrics
    return BoardRow(
        id=card.id,
        name=card.name,
        stage=card.stage,
        symbol=card.symbol,
        timeframe=card.timeframe,
        archetype=card.archetype,
        generation=card.generation,
        bot_now=_json(now_cell(card.bot_now)),
        book=figures.book,
        since=_moment(figures.since),
        **_cells(card.metrics.figures),
        **_record_cells(card.record),
        confidence_pct=_rounded(card.confidence_pct, 0),
        uniqueness_pct=_rounded(card.uniqueness_pct, 0),
        source=figures.data_source,
        caveats=_caveats(card),
        locked_until=_moment(card.stage_locked_until),
        promotion=card.promotion_mode,
        progress_pct=_rounded(card.progress_pct, 0),
        run_id=card.dagster_run_id,
        spark=spark_text(card.sparkline),
    )


def filterable(card: BotCard) -> Filterable:
    """Return what a filter looks at of a bot: its row, as the board shows it."""
    row, now = board_row(card), card.bot_now
    words = {
        "name": row.name,
        "symbol": row.symbol,
        "timeframe": row.timeframe,
        "style": row.archetype,
        "stage": row.stage,
        "state": now.state,
        "source": row.source or "",
    }
    figures = {
        "gen": row.generation,
        "net": row.net_pnl,
        "win": row.win_pct,
        "trades": row.trades,
        "dd": row.max_drawdown_pct,
        "pf": row.profit_factor,
        "sharpe": row.sharpe,
        "e": None if row.log10_e is None else 10.0**row.log10_e,
        "oos": row.unseen_sharpe,
        "conf": row.confidence_pct,
        "uniq": row.uniqueness_pct,
    }
    return Filterable(words={name: word.lower() for name, word in words.items()}, figures=figures)


def encode_rows(rows: Collection[BoardRow], *, sparks: bool) -> bytes:
    """Return rows as the JSON of one object, a member per column, with or without the equity lines."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(BoardRow._fields)
    members = [
        f"{_json(camel(name))}:{_ENCODED.get(name, _json)(cells)}"
        for name, cells in zip(BoardRow._fields, columns, strict=True)
        if sparks or name != "spark"
    ]
    return ("{" + ",".join(members) + "}").encode()


def now_cell(now: BotNow) -> Any:
    """Return botNow as the board takes it; a state without a job and a reason is just its name."""
    job = now.active_job
    if job is None or now.badge is None:
        return {"state": now.state, "reason": now.reason} if now.reason else now.state
    return {
        "state": now.state,
        "badge": {"text": now.badge.text, "tone": now.badge.tone},
        "activeJob": {
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


def _caveats(card: BotCard) -> int:
    figures = card.metrics
    is_of_older = figures.generation is not None and figures.generation != card.generation
    return IN_SAMPLE * figures.in_sample + BUST * (figures.bust_at is not None) + OF_OLDER * is_of_older


def _digits(cells: Collection[int]) -> str:
    return f'"{"".join(map(str, cells))}"'


def _cells(figures: Figures) -> dict[str, Any]:
    """Return the figures the board has a column for, rounded as it writes them."""
    return {
        word: _cell(figures[place], places, is_micros=is_micros) for word, place, places, is_micros in _BOARD_FIGURES
    }


def _record_cells(record: RecordStanding | None) -> dict[str, Any]:
    """Return what the board shows of a record: one decimal of the e-value's logarithm and of the Sharpe ratio."""
    if record is None:
        return {"log10_e": None, "proven": False, "unseen_sharpe": None}
    log10_e = round(max(LEAST_LOG10_E, record.log_e / math.log(10.0)), 1)
    return {"log10_e": log10_e, "proven": record.proven, "unseen_sharpe": _rounded(record.sharpe, 1)}


def _cell(value: float | None, places: int, *, is_micros: bool) -> float | None:
    if value is None or places == 0:
        return value
    return round(usd_float(int(value)) if is_micros else value, places)


def _json(cells: Any) -> str:
    return json.dumps(cells, separators=(",", ":"), ensure_ascii=False)


def _ids(cells: Collection[UUID]) -> str:
    return _json(b64encode(b"".join(bot_id.bytes for bot_id in cells)).decode())


def _repeating(cells: Collection[str | bool | None], spoken: Callable[[Any], str] = _json) -> str:
    place = {word: number for number, word in enumerate(dict.fromkeys(cells))}
    words = ",".join(spoken(word) for word in place)
    return f'{{"words":[{words}],"at":{_json([place[word] for word in cells])}}}'


def _repeating_json(cells: Collection[str]) -> str:
    return _repeating(cells, spoken=str)


_BOARD_FIGURES = tuple(
    (word_of(name), place, figure.form.places, name.endswith(MICROS))
    for place, (name, figure) in enumerate(FIGURES.items())
    if word_of(name) in BoardRow._fields
)
_REPEATS = (
    *("stage", "symbol", "timeframe", "archetype", "book", "since", "source", "locked_until", "promotion", "run_id"),
    "proven",
)
_ENCODED: dict[str, Callable[[Any], str]] = {
    "id": _ids,
    "bot_now": _repeating_json,
    "caveats": _digits,
    **dict.fromkeys(_REPEATS, _repeating),
}


def _rounded(value: float | None, places: int) -> float | None:
    return None if value is None else round(value, places)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
