"""Trading dates as numbers: days since 1970-01-01, as the arrays of bars and records hold them.

Belongs here: the way there and back. Does not belong here: which days are traded (`market/sessions.py`).
"""

from datetime import date, timedelta

EPOCH = date(1970, 1, 1)


def on_day(day: int) -> date:
    """Return a trading day counted from 1970-01-01 as a date."""
    return EPOCH + timedelta(days=int(day))


def day_number(on: date) -> int:
    """Return a date as the days since 1970-01-01."""
    return (on - EPOCH).days
