"""Money: what an account pays and earns is whole micro-dollars in the engine and exact dollars at rest.

Belongs here: the unit, the way from it to dollars, how dollars are written for people. Does not belong here: what is
earned, and figures of performance such as a drawdown or an expectancy: they are floats, inside and at rest.
"""

from decimal import Decimal
from typing import NamedTuple

MICROS_DIGITS = 6
MICROS_PER_USD: int = 10**MICROS_DIGITS


class Signs(NamedTuple):
    """What stands before an amount below nothing, and above it."""

    loss: str
    gain: str = ""


TYPED = Signs("-")
PRINTED = Signs("−")
PRINTED_BOTH = Signs("−", "+")


def usd(micros: int) -> Decimal:
    """Return micro-dollars as exact dollars."""
    return Decimal(int(micros)).scaleb(-MICROS_DIGITS)


def usd_float(micros: int) -> float:
    """Return micro-dollars as the float nearest to their dollars, as JSON tells them."""
    return micros / MICROS_PER_USD


def dollars(amount: Decimal | float, *, places: int = 2, signs: Signs = TYPED) -> str:
    """Return an amount as people write it: the sign before the dollar, thousands apart, `-$1,234.50`.

    What is rounded to nothing has no sign.
    """
    written = round(float(amount), places)
    sign = signs.loss if written < 0 else signs.gain if written > 0 else ""
    return f"{sign}${abs(amount):,.{places}f}"
