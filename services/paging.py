"""Pages of a list: where one ends, and the place in it that a caller hands back to have the list continued.

Belongs here: cutting a page from rows, places as opaque text, places in lists ordered by a moment and an id. Does not
belong here: places in lists ordered by figures (`bots/fleet.py`), statements.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from trading.errors import BadInput

SHOWN = 40
Row = TypeVar("Row")


class BadCursor(BadInput):
    """The cursor was not made by this list, or belongs to another sort order."""

    code = "BAD_CURSOR"


def page_of(rows: Sequence[Row], limit: int) -> tuple[tuple[Row, ...], Row | None]:
    """Return a page and the row after which the next one starts, None where this is the last.

    Args:
        rows: As many as a page holds and one more, which tells that there is a next page.
        limit: How many a page holds.
    """
    page = tuple(rows[:limit])
    return page, page[-1] if len(rows) > limit else None


def write_cursor(place: str) -> str:
    """Return a place as opaque text for an address."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> str:
    """Return the place an opaque text means.

    Raises:
        BadCursor: the text was not written by `write_cursor`.
    """
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as wrong:
        raise foreign(cursor) from wrong


def write_moment(at: datetime, row_id: UUID) -> str:
    """Return the cursor of a row in a list ordered by a moment and an id."""
    return write_cursor(f"{at.isoformat()}|{row_id}")


def read_moment(cursor: str) -> tuple[datetime, UUID]:
    """Return the moment and the id a cursor means.

    Raises:
        BadCursor: the text was not written by `write_moment`.
    """
    at, _, row_id = read_cursor(cursor).partition("|")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment, UUID(row_id)
    except ValueError as wrong:
        raise foreign(cursor) from wrong


def foreign(cursor: str) -> BadCursor:
    """Return the refusal of a cursor that a list did not make."""
    return BadCursor(f"the cursor was not made by this list, was {cursor[:SHOWN]!r}")
