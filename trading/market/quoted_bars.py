"""Which form the prices of a file are quoted in, and its bars in points.

Belongs here: telling the form from the closes, turning a file's prices into points. Does not belong here: the forms
themselves (`quotes.py`), the tick grid (`raw_bars.py`).

Prices written in parts (110'165, 110-16+, 450'2) are in the form of their root that counts parts, and in no other. Else
a form fits where more than half of the closes lie within the band of their era and on the tick grid. Prices in points
are taken as they are. Where one other form fits, the bars are read in it and the import says so. Where several would
mean different money, the file is refused until a person declares the form.
"""

from dataclasses import replace

import numpy as np

from trading.arrays import BoolArray, FloatArray
from trading.errors import BadBars
from trading.market.instruments import Instrument
from trading.market.price_bands import band_at
from trading.market.quotes import CLOSE, POINTS, Quote, inverse, quotes_of
from trading.market.raw_bars import OFF_GRID_TICKS, Faults, RawBars


def quote_of(raw: RawBars, traded: Instrument) -> Quote:
    """Return the form the rows of one root are written in: points, unless the closes say something else.

    Raises:
        BadBars: several forms would fit, a person has to say which; or the root has none for prices in parts.
    """
    if _are_in_parts(raw):
        return _form_of_parts(raw, traded)
    points, *others = quotes_of(traded.symbol)
    fitting = [] if _fits(points, raw, traded) else [quote for quote in others if _fits(quote, raw, traded)]
    if not fitting:
        return points
    fitted = {quote.points_of(raw.prices[3], float(traded.tick_size)).tobytes(): quote for quote in reversed(fitting)}
    forms = [quote.words for quote in fitted.values()]
    if _share_in_band(raw.prices[3], raw, traded) > 0.5 and _may_be_rounded(raw.prices[3], traded):
        forms.append("points, rounded")
    if _share_in_band(inverse(raw.prices[3]), raw, traded) > 0.5:
        forms.append("units of the other currency to the dollar")
    if len(forms) > 1:
        alternatives = " or ".join(forms)
        raise BadBars(f"{raw.file}: prices of {traded.symbol} may be {alternatives}; say which with --quote")
    return fitting[0]


def _are_in_parts(raw: RawBars) -> bool:
    return raw.part_digits is not None and bool(raw.part_digits.any())


def _form_of_parts(raw: RawBars, traded: Instrument) -> Quote:
    for quote in quotes_of(traded.symbol):
        if quote.parts:
            return quote
    raise BadBars(
        f"{raw.file}: prices of {traded.symbol} are not quoted in parts such as 110'16; write decimal numbers"
    )


def quote_note(root: str, quote: Quote) -> str | None:
    """Return what an import says of prices that were not in points, or None."""
    return None if quote == POINTS else f"{root}: prices are {quote.words}, counted in points; --quote says otherwise"


def in_points(raw: RawBars, traded: Instrument, quote: Quote, faults: Faults) -> RawBars:
    """Return rows with their prices in points, recording those that are not written in the form.

    Raises:
        BadBars: prices are written in parts, and the form has none.
    """
    if _are_in_parts(raw) and not quote.parts:
        raise BadBars(f"{raw.file}: prices of {traded.symbol} are written in parts and no {quote.words}; drop --quote")
    prices = quote.points_of(raw.prices, float(traded.tick_size))
    wrong = np.isnan(prices) | _wrongly_written(raw, quote)
    unread = wrong.any(axis=0)
    if unread.any():
        worst = np.take_along_axis(raw.prices, wrong.argmax(axis=0)[None], axis=0)[0]
        faults.add(raw.row[unread], f"price must be {quote.words}", worst[unread])
        prices = np.where(np.isnan(prices), raw.prices, prices)
    return replace(raw, prices=prices)


def _wrongly_written(raw: RawBars, quote: Quote) -> BoolArray:
    """Return which prices have parts of too few digits, or decimals beside prices in parts, shape (4, n)."""
    if raw.part_digits is None or not _are_in_parts(raw):
        return np.zeros(raw.prices.shape, np.bool_)
    in_parts, is_whole = raw.part_digits > 0, raw.prices == np.floor(raw.prices)
    wrong: BoolArray = np.where(in_parts, raw.part_digits < quote.digits, ~is_whole)
    return wrong


def _fits(quote: Quote, raw: RawBars, traded: Instrument) -> bool:
    closes = quote.points_of(raw.prices[3], float(traded.tick_size))
    ticks = closes / float(traded.tick_size)
    on_grid = np.abs(ticks - np.rint(ticks)) <= OFF_GRID_TICKS
    return _share_in_band(np.where(on_grid, closes, np.nan), raw, traded) > 0.5


def _share_in_band(closes: FloatArray, raw: RawBars, traded: Instrument) -> float:
    low, high = band_at(traded.symbol, raw.ts_event)
    return float(np.mean((closes >= low) & (closes <= high)))


def _may_be_rounded(closes: FloatArray, traded: Instrument) -> bool:
    """Return whether all closes are what points on the tick grid look like with two to four decimals."""
    tick = float(traded.tick_size)
    off_grid = np.abs(closes - np.rint(closes / tick) * tick)
    for step in (0.01, 0.001, 0.0001):
        is_written = np.abs(closes / step - np.rint(closes / step)) < CLOSE
        if step < tick and np.all(is_written & (off_grid <= step / 2 + 1e-9)):
            return True
    return False
