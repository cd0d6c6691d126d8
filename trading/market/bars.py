"""A bar series as the engine sees it: integer ticks, UTC nanoseconds, oldest first.

Belongs here: the `Bars` value, timeframes, and the rules a series must satisfy.
Does not belong here: files, databases, calendars (`sessions.py`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.errors import BadBars, UnknownTimeframe

TIMEFRAME_SECONDS: Mapping[str, int] = MappingProxyType({"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "1d": 86_400})

SIMULATED = "SIMULATED"

COLUMNS = ("ts_event", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume", "contract")


def timeframe_ns(timeframe: str) -> int:
    """Return the length of one bar in nanoseconds.

    Raises:
        UnknownTimeframe: not one of 1m, 5m, 15m, 1h, 1d.
    """
    try:
        return TIMEFRAME_SECONDS[timeframe] * 1_000_000_000
    except KeyError:
        raise UnknownTimeframe(f"timeframe must be one of {', '.join(TIMEFRAME_SECONDS)}, was {timeframe!r}") from None


@dataclass(frozen=True, slots=True)
class Bars:
    """One symbol's bars on one timeframe. All arrays have shape (n_bars,), oldest first.

    Attributes:
        symbol: Contract root the bars are traded as, e.g. `MES`.
        timeframe: One of `TIMEFRAME_SECONDS`.
        provider: Where the bars come from; `SIMULATED` for the market simulator.
        ts_event: Bar open, UTC nanoseconds since 1970, strictly increasing.
        open_ticks, high_ticks, low_ticks, close_ticks: Prices in ticks; may be negative (CL, April 2020).
        volume: Contracts traded; all zero means unknown.
        contract: Contract month such as 202406, constant where the series has only one; a change marks a roll.
        fingerprint: SHA-256 (hex) over the columns above: equal fingerprints mean equal bars.
    """

    symbol: str
    timeframe: str
    provider: str
    ts_event: IntArray
    open_ticks: IntArray
    high_ticks: IntArray
    low_ticks: IntArray
    close_ticks: IntArray
    volume: IntArray
    contract: IntArray
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ts_event)

    @property
    def has_volume(self) -> bool:
        """Whether the series knows its volume; conditions on volume are off where it does not."""
        return bool(self.volume.any())

    @property
    def is_simulated(self) -> bool:
        """Whether the market simulator made these bars."""
        return self.provider == SIMULATED


def bars_from_columns(
    columns: IntArray, *, symbol: str, timeframe: str, provider: str, fingerprint: str | None = None
) -> Bars:
    """Return bars over columns that already exist; nothing is copied.

    Args:
        columns: Shape (7, n_bars) in the order of `COLUMNS`, each row contiguous.
        symbol: Contract root.
        timeframe: One of `TIMEFRAME_SECONDS`.
        provider: Where the bars come from.
        fingerprint: Taken on trust when given, computed when not.
    """
    by_name = dict(zip(COLUMNS, columns, strict=True))
    seal = fingerprint or fingerprint_of(columns)
    return Bars(symbol=symbol, timeframe=timeframe, provider=provider, fingerprint=seal, **by_name)


def columns_of(bars: Bars) -> IntArray:
    """Return the columns as one array, shape (7, n_bars), in the order of `COLUMNS`."""
    return np.stack([getattr(bars, name) for name in COLUMNS])


def fingerprint_of(columns: IntArray) -> str:
    """Return the SHA-256 (hex) over columns of shape (7, n_bars), little-endian 64-bit integers column by column."""
    return hashlib.sha256(np.ascontiguousarray(columns, "<i8").tobytes()).hexdigest()


def require_valid(bars: Bars) -> None:
    """Refuse a series that breaks a rule, naming the first offending bar.

    Raises:
        BadBars: empty, columns of unequal length, time not strictly increasing, or open/close outside high/low.
    """
    columns = (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks, bars.volume, bars.contract)
    if len(bars) == 0:
        raise BadBars("a series needs at least one bar, was empty")
    if any(len(column) != len(bars) for column in columns):
        raise BadBars("all columns must have one value per bar")
    _refuse_first(np.diff(bars.ts_event, prepend=bars.ts_event[0] - 1) <= 0, "time must increase")
    body_high = np.maximum(bars.open_ticks, bars.close_ticks)
    body_low = np.minimum(bars.open_ticks, bars.close_ticks)
    _refuse_first(bars.high_ticks < body_high, "high must not be below open or close")
    _refuse_first(bars.low_ticks > body_low, "low must not be above open or close")
    _refuse_first(bars.volume < 0, "volume must not be negative")


def _refuse_first(broken: BoolArray, rule: str) -> None:
    if broken.any():
        raise BadBars(f"bar {int(np.argmax(broken))}: {rule}")
