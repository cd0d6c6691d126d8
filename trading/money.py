"""Amounts of money in words: one way for verdicts, charts and reports.

Belongs here: how dollars are written for people. Does not belong here: arithmetic, which is done in micro-dollars.
"""


def dollars(amount: float, *, places: int = 2) -> str:
    """Return an amount as people write it: the sign before the dollar, thousands apart, `-$1,234.50`."""
    return f"{'-' if round(amount, places) < 0 else ''}${abs(amount):,.{places}f}"
