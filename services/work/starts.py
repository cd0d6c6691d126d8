"""How runs start, as the newest tick saw it: for pages, the command line and the badge on top of every page.

Belongs here: writing it into a tick's summary and reading it back. Does not belong here: the rule
(`trading.work.starts`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from services.desk import Desk
from store.database import reading
from store.work import autonomy_ticks
from trading.work.starts import Pace, Starts, allowance, in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class StartsView:
    """How runs start, as a tick saw it, the pace it keeps, and both in words.

    Attributes:
        runs_allowed: How many new runs it asked for at most; None where only the caps say.
        next_at: When the next run is asked for after a failed start; None where nothing has failed.
    """

    pace: Pace
    words: str
    runs_allowed: int | None
    starting: int
    starting_since: datetime | None
    last_took_seconds: float | None
    failed_in_row: int
    last_failed_at: datetime | None
    next_at: datetime | None


_TOLD = TypeAdapter(StartsView)


def summary_of(starts: Starts, *, now: datetime) -> dict[str, Any]:
    """Return what a tick remembers of the starts: what it saw, the pace it keeps, and both in words."""
    allowed = allowance(starts, now=now)
    view = StartsView(
        pace=allowed.pace,
        words=in_words(starts, now=now),
        runs_allowed=allowed.runs,
        starting=starts.starting,
        starting_since=starts.starting_since,
        last_took_seconds=starts.last_took.total_seconds() if starts.last_took is not None else None,
        failed_in_row=starts.failed_in_row,
        last_failed_at=starts.last_failed_at,
        next_at=allowed.next_at,
    )
    summary: dict[str, Any] = _TOLD.dump_python(view, mode="json")
    return summary


def starts_view(desk: Desk) -> StartsView | None:
    """Return what the newest tick remembered of the starts, None before the first that did.

    Raises:
        Unavailable: the database is away.
    """
    with reading(desk.database) as db:
        last = autonomy_ticks.newest(db)
    remembered = last.summary.get("starts") if last is not None else None
    return _TOLD.validate_python(remembered) if remembered is not None else None
