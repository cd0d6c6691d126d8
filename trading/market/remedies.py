"""How a person mends a bar file that was refused: the one table from broken rule to remedy.

Belongs here: a remedy per rule. Does not belong here: the rules themselves (`raw_bars.py`,
`store/market/bar_files.py`).
"""

from collections.abc import Mapping
from types import MappingProxyType

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "must be a finite number": "leave the row out, or ask the provider for it again",
        "high must not be below": "look whether columns are swapped; a lone wrong row is left out or asked for again",
        "low must not be above": "look whether columns are swapped; a lone wrong row is left out or asked for again",
        "volume must be a whole number": "write contracts traded; 0 in every row where they are not known",
        "ts_event must lie between": "look whether seconds or milliseconds were taken for nanoseconds",
        "contract must be a month": "write year and month as six digits, or leave the column out",
        "ts_event must not repeat": "keep one row per symbol and time; several contracts need their names or months",
        "ts_event must be after": "sort the rows of each symbol by ts_event",
        "ts_event must be a full": "write when a bar opens, not when it closed or was recorded; or give --timeframe",
        "contract must not go back": "sort by ts_event and let each month end before the next one begins",
        "a trading day has one daily bar": "keep one row a trading day; bars shorter than a day need their --timeframe",
        "price must be above zero": "leave rows without trades out; a zero is no price",
        "high must be less than five times": "one of the two is no price of this bar: leave the row out",
        "close must not be five times": "bring every row to one scale; leave lone wrong prices out",
        "price is too large for its tick": "look whether symbol and scale fit; prices are in the instrument's unit",
        "price must be a multiple of the tick": "ask for traded prices, not mids, averages or adjusted ones",
        "must lie within": "name their unit with --quote, or say --quote points where the prices are right as they are",
        "a bar without volume or range": "leave rows out that stand for no trade",
        "price must be points and 32nds": "leave the row out, or say --quote points where fractions are decimal",
        "price must be cents": "leave the row out; every row of a file has one unit",
        "price must be ten": "leave the row out; every row of a file has one unit",
        "price must be millionths": "leave the row out; every row of a file has one unit",
        "must not be empty": "fill the cell or leave the row out",
        "must be a number": "write a plain decimal number without unit, with a point and no thousands separator; "
        "parts of Treasuries and grains as 110'165, 110-16+ or 450'2",
        "ts_event must be an ISO 8601 time": "write 2024-06-03T14:30:00Z or 2024-06-03T09:30:00-05:00",
        "ts_event has no time zone": "add the offset of the clock the times were taken from: Z, +00:00 or -05:00",
    }
)


def remedy(rule: str) -> str | None:
    """Return what mends a broken rule, or None for a rule of which nobody has written down how."""
    return next((mend for words, mend in REMEDIES.items() if words in rule), None)
