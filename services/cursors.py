"""Places in a list that is ordered by a moment and an id: what a page hands back to be continued.

Belongs here: writing and reading such a place as opaque text. Does not belong here: lists ordered by figures
(`bots/fleet.py`), statements.
"""

import base64
from datetime import datetime
from uuid import UUID

from trading.errors import BadInput

SHOWN = 40


def write_cursor(at: datetime, row_id: UUID) -> str:
    """Return a place as text for an address."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the place a text means.

    Raises:
        BadInput: the text was not written by `write_cursor`.
    """
    try:
        spoken = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        at, _, row_id = spoken.partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone")
        return moment, UUID(row_id)
    except ValueError as wrong:
        raise BadInput(f"the cursor was not made by this list, was {cursor[:SHOWN]!r}") from wrong
