"""Money: what an account pays and earns is whole micro-dollars in the engine and exact dollars at rest.

Belongs here: the unit, the way from it to dollars, how dollars are written for people. Does not belong here: what is
earned, and figures of performance such as a drawdown or an expectancy: they are floats, inside and at rest.
"""

from decimal import Decimal

MICROS_DIGITS = 6
MICROS_PER_USD = 10**MICROS_DIGITS


def usd(micros: int) -> Decimal:
    """Return micro-dollars as exact dollars."""
    return Decimal(int(micros)).scaleb(-MICROS_DIGITS)


def dollars(amount: float, *, places: int = 2) -> str:
    """Return an amount as people write it: the sign before the dollar, thousands apart, `-$1,234.50`."""
    return f"{'-' if round(amount, places) < 0 else ''}${abs(amount):,.{places}f}"
