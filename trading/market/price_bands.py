"""What a contract has cost: the band of its price by era, which tells another unit or scale from a price.

Belongs here: one band per root and era, in points. Does not belong here: units vendors quote in (`quotes.py`), jumps
between bars (`raw_bars.py`).

A band is wider than anything the contract has traded at in its era, to about half and to twice of it, as far as ten
times and a tenth of what it did trade at stay outside (the VIX future moves by more than that, crude and gas nearly).
It is no forecast: a price beyond it is imported by saying that it is one (`--quote points`).

Sources: lows and highs by five years of the hourly closes 1970 to 2022 and of the daily spot bars the project is tested
with (25 roots; `tests/unit/market/test_price_bands.py` checks every year of them against this table), and for
what those leave out the well-known extremes: crude at 9.75 (1986), 147.27 (2008) and -40.32 (20 April 2020, with the
months around it), gas at 15.78 (2005), heating oil at 5.86 (2022), soybeans at 12.90 (1973) and 17.94 (2012), wheat at
13.63 (2022), gold at 252.50 (1999), silver at 41.50 (1980, COMEX) and 3.51 (1993), platinum at 2,308 (2008), the S&P
future at 665.75 (2009) and 2,174 (2020), the VIX future at 85.90 (2020), Bitcoin at 3,110 (2018). The last
band of a root leaves room for more than twice as much as the contract has cost up to 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.market.instruments import ROOT_OF


@dataclass(frozen=True, slots=True)
class Band:
    """Lowest and highest price of a root from a month (YYYYMM) on, in points, until its next band."""

    since: int
    low: float
    high: float

    def holds(self, price: float) -> bool:
        """Return whether a price lies within the band."""
        return self.low <= price <= self.high


def _eras(*bands: tuple[int, float, float]) -> tuple[Band, ...]:
    return tuple(Band(*band) for band in bands)


_EURO = _eras((197001, 0.75, 1.75))
_STERLING = _eras((197001, 0.95, 2.70))
_KIWI = _eras((197001, 0.36, 1.20))
_GOLD = _eras(
    (197001, 26, 340),
    (197901, 110, 1_600),
    (198501, 140, 1_000),
    (200501, 220, 2_300),
    (201001, 500, 3_700),
    (202001, 720, 4_300),
    (202401, 990, 18_000),
)

BANDS: Mapping[str, tuple[Band, ...]] = MappingProxyType(
    {
        "ES": _eras(
            (198201, 50, 900),
            (199101, 160, 1_600),
            (199701, 310, 3_600),
            (201301, 720, 7_200),
            (202001, 1_100, 20_000),
        ),
        "NQ": _eras(
            (199601, 300, 4_000),
            (199901, 590, 9_200),
            (200201, 400, 7_100),
            (201301, 1_400, 18_000),
            (202001, 3_300, 61_000),
        ),
        "YM": _eras((199701, 3_300, 30_000), (201301, 6_900, 59_000), (202001, 8_800, 160_000)),
        "RTY": _eras((200101, 170, 1_900), (201301, 420, 3_900), (202001, 470, 8_600)),
        "EMD": _eras((199201, 72, 1_100), (200201, 170, 2_300), (201301, 500, 4_500), (202001, 550, 10_000)),
        "FESX": _eras((199801, 910, 10_000), (201301, 1_200, 21_000)),
        "VX": _eras((200401, 5.9, 81), (200704, 6.4, 130)),
        "BTC": _eras(
            (201712, 2_500, 27_000),
            (202001, 3_400, 36_000),
            (202101, 11_000, 130_000),
            (202401, 20_000, 320_000),
        ),
        "CL": _eras(
            (198301, 5, 81),
            (199901, 5.9, 100),
            (200501, 17, 270),
            (201001, 14, 220),
            (202003, -50, 100),
            (202007, 13, 220),
        ),
        "NG": _eras((199001, 0.55, 9), (200001, 1.7, 17), (201001, 0.83, 14), (202001, 0.99, 20)),
        "RB": _eras(
            (198401, 0.18, 2.5),
            (200501, 0.42, 7.2),
            (201001, 0.44, 7.2),
            (202001, 0.25, 3.3),
            (202101, 0.55, 10),
        ),
        "HO": _eras(
            (197901, 0.14, 2.2),
            (199901, 0.2, 2.6),
            (200501, 0.55, 8.1),
            (201001, 0.44, 6.8),
            (202001, 0.28, 4.5),
            (202101, 0.66, 12),
        ),
        "GC": _GOLD,
        "SI": _eras(
            (197001, 0.79, 12),
            (197901, 4.5, 55),
            (198301, 1.9, 28),
            (200401, 2.8, 43),
            (201001, 6.6, 93),
            (202001, 5.8, 63),
            (202401, 11, 100),
            (202507, 17, 250),
        ),
        "HG": _eras((197001, 0.22, 3.1), (200401, 0.53, 8.6), (201001, 0.99, 9), (202001, 0.99, 18)),
        "PL": _eras(
            (197001, 47, 570),
            (197801, 120, 1_700),
            (198501, 130, 1_300),
            (200001, 210, 1_800),
            (200501, 390, 4_500),
            (202001, 280, 5_100),
        ),
        "6A": _eras((197001, 0.42, 1.25)),
        "6B": _STERLING,
        "6C": _eras((197001, 0.50, 1.25)),
        "6E": _EURO,
        "6J": _eras(
            (197001, 0.0027, 0.0062),
            (198601, 0.0048, 0.0115),
            (199501, 0.0060, 0.0140),
            (201401, 0.0070, 0.0112),
            (202201, 0.0048, 0.0120),
        ),
        "6M": _eras((199501, 0.060, 0.175), (200901, 0.034, 0.095)),
        "6N": _KIWI,
        "6S": _eras((197001, 0.22, 0.90), (199001, 0.50, 1.80)),
        "ZT": _eras((199001, 92, 116)),
        "ZF": _eras((198801, 88, 134)),
        "ZN": _eras((198201, 65, 118), (199201, 90, 155)),
        "TN": _eras((201601, 90, 180)),
        "ZB": _eras((197701, 50, 130), (199501, 85, 210)),
        "UB": _eras((201001, 90, 260)),
        "ZC": _eras((197001, 0.59, 10), (200601, 1.1, 17), (201501, 1.4, 24)),
        "ZS": _eras((197001, 1.4, 23), (200401, 2.5, 46)),
        "ZW": _eras((197001, 0.84, 12), (200701, 1.8, 32)),
        "ZL": _eras((197001, 0.054, 0.61), (200701, 0.11, 2)),
        "ZM": _eras((197001, 48, 660), (200401, 72, 1_300)),
        "EURUSD": _EURO,
        "GBPUSD": _STERLING,
        "NZDUSD": _KIWI,
        "XAUUSD": _GOLD,
    }
)


def bands_of(symbol: str) -> tuple[Band, ...]:
    """Return the bands of a root, the oldest first; a micro has those of its root."""
    return BANDS[ROOT_OF.get(symbol, symbol)]


def eras_of(symbol: str, ts_event: IntArray) -> IntArray:
    """Return the place of each instant's band among `bands_of`; instants before the first band have the first.

    Args:
        symbol: A root of the instrument table.
        ts_event: UTC nanoseconds, shape (n,).
    """
    months = ts_event.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    starts = np.array([(band.since // 100 - 1970) * 12 + band.since % 100 - 1 for band in bands_of(symbol)])
    return np.maximum(np.searchsorted(starts, months, side="right") - 1, 0)


def band_at(symbol: str, ts_event: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and the highest price of a root at some instants, each of shape (n,)."""
    low, high = np.array([(band.low, band.high) for band in bands_of(symbol)]).T
    era = eras_of(symbol, ts_event)
    return low[era], high[era]


def may_trade_below_zero(symbol: str) -> bool:
    """Return whether a root has ever been worth less than nothing: crude oil, for three months of 2020."""
    return any(band.low < 0 for band in bands_of(symbol))
