"""Prices written in points and parts: 110'165, 110-16+ and 450'2.

Belongs here: reading such cells of a CSV file as the number their quote form is told in (110.165, 450.2). Does not
belong here: which form that is, and whether the root has one (`trading/market/quoted_bars.py`).
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from trading.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

DIGITS = "_digits"

_IN_PARTS = re.compile(r"(\d{1,6})['-](\d{1,3})(\+?)")


def with_prices_in_parts(table: "pa.Table", names: tuple[str, ...]) -> "pa.Table":
    """Return the table with prices in parts read, and for each price column one of the digits its parts have.

    A table whose prices are all decimal numbers comes back as it is. A `+` is half of the last part: 16+ is 16.5.
    """
    import pyarrow as pa

    if not any(table.column(name).null_count for name in names):
        return table
    for name in names:
        prices = np.array(table.column(name).to_numpy(), np.float64)
        digits = np.zeros(len(prices), np.int64)
        _read_parts(table.column(f"{name}_text"), prices, digits)
        column = pa.array(prices, mask=np.isnan(prices))
        table = table.set_column(table.column_names.index(name), name, column)
        table = table.append_column(f"{name}{DIGITS}", pa.array(digits))
    return table


def _read_parts(texts: Any, prices: FloatArray, digits: IntArray) -> None:
    for row in np.flatnonzero(np.isnan(prices)).tolist():
        written = _IN_PARTS.fullmatch(texts[row].as_py() or "")
        if written:
            points, parts, half = written.groups()
            prices[row] = float(f"{points}.{parts}{'5' if half else ''}")
            digits[row] = len(parts)
