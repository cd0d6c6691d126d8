"""The forms prices are quoted in, by root, and how a price is read in them.

Belongs here: the forms, and what a price out of place looks like. Does not belong here: which form a file uses
(`quoted_bars.py`), what a price can be (`price_bands.py`).

Sources of the forms: CME Group quotes grains and oilseeds in cents and quarters, vendors' screens in eighths (450'2 is
450 and 2/8 cents); Treasuries in points and 32nds with a third digit for halves, quarters or eighths of a 32nd (110'165
is 110 and 16.5/32, 110'162 is 16.25/32; some files write 110.1625). Metals, products and currencies come in cents or,
the yen above all, in ten-thousandths and millionths of a dollar. VIX futures counted ten to the point until 26 March
2007.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from trading.arrays import FloatArray
from trading.errors import BadBars
from trading.market.instruments import ROOT_OF, instrument
from trading.market.price_bands import Band

FACTORS = (100, 10, 1_000, 10_000, 1_000_000)
CLOSE = 1e-3
"""How far a written fraction may be from the one it stands for, in units of its last digit but one."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A form prices are written in.

    Attributes:
        name: What a person calls it by (`--quote`).
        told: What it is, for messages.
        per_point: Quoted units to the point.
        parts: What a written fraction counts: 32 for 32nds; 0 where fractions are decimal.
        digits: How many decimals hold those parts; one more may hold their own fraction.
    """

    name: str
    words: str
    per_point: float
    parts: int = 0
    digits: int = 0

    def points_of(self, prices: FloatArray, tick_size: float) -> FloatArray:
        """Return prices in points, in the shape given; not a number where a price cannot be read in this form."""
        if not self.parts:
            return prices / self.per_point
        whole = np.floor(prices + 1e-9)
        written = (prices - whole) * 10.0**self.digits
        step = tick_size * self.per_point * self.parts
        parts = np.ceil((written - CLOSE) / step) * step
        cut = np.floor(parts * 10.0 + CLOSE) / 10.0
        is_read = np.minimum(np.abs(written - parts), np.abs(written - cut)) < CLOSE
        return np.where(is_read & (parts < self.parts), whole + parts / self.parts, np.nan) / self.per_point


POINTS = Quote("points", "points", 1.0)
_32NDS = Quote("32nds", "points and 32nds (110.165 is 110 and 16.5/32)", 1.0, parts=32, digits=2)
_GRAIN = (
    Quote("cents", "cents a bushel", 100.0),
    Quote("eighths", "cents and eighths (450.2 is 450 and 2/8) a bushel", 100.0, parts=8, digits=1),
)
_CURRENCY = (
    Quote("cents", "cents", 100.0),
    Quote("ten-thousandths", "ten-thousandths of a dollar", 10_000.0),
    Quote("millionths", "millionths of a dollar", 1_000_000.0),
)
_CENTS = {"ZL": "a pound", "HG": "a pound", "SI": "an ounce", "RB": "a gallon", "HO": "a gallon"}

QUOTES: Mapping[str, tuple[Quote, ...]] = MappingProxyType(
    {root: (Quote("cents", f"cents {unit}", 100.0),) for root, unit in _CENTS.items()}
    | dict.fromkeys(("ZC", "ZS", "ZW"), _GRAIN)
    | dict.fromkeys(("6A", "6B", "6C", "6E", "6J", "6M", "6N", "6S"), _CURRENCY)
    | dict.fromkeys(("ZT", "ZF", "ZN", "TN", "ZB", "UB"), (_32NDS,))
    | {"VX": (Quote("tenths", "ten times the index, as until March 2007", 10.0),)}
)
"""The forms of each root beside points."""


def quotes_of(symbol: str) -> tuple[Quote, ...]:
    """Return the forms a root's prices come in, points first; a micro has those of its root."""
    return (POINTS, *QUOTES.get(ROOT_OF.get(symbol, symbol), ()))


def declared_quote(symbol: str, name: str) -> Quote:
    """Return the form of a root that a person named.

    Raises:
        BadBars: the root has no such form; those it has are named.
    """
    known = {quote.name: quote for quote in quotes_of(symbol)}
    if name not in known:
        raise BadBars(f"{symbol} is quoted in {', '.join(known)}, was {name}")
    return known[name]


def inverse(prices: FloatArray) -> FloatArray:
    """Return what a currency costs in the other one; not a number where a price is zero."""
    return np.divide(1.0, prices, out=np.full_like(prices, np.nan), where=prices != 0)


def looks_like(symbol: str, price: float, band: Band) -> str:
    """Return what a price outside its band looks like, or nothing."""
    for quote in quotes_of(symbol)[1:]:
        if band.holds(float(quote.points_of(np.array([price]), float(instrument(symbol).tick_size))[0])):
            return f"looks like {quote.words}"
    for factor in FACTORS:
        if band.holds(price / factor):
            return f"looks {factor:,} times too high"
        if band.holds(price * factor):
            return f"looks {factor:,} times too low"
    if band.holds(float(inverse(np.array([price]))[0])):
        return "looks like the other currency to the dollar"
    return ""
