"""Bars as a file gives them, and every rule they must keep before they become a series.

Belongs here: the rules a row must keep, the timeframe of a file, the step from decimal prices to ticks. Does not
belong here: opening files (`store/market/bar_files.py`), joining contracts (`contracts.py`), gaps (reported, not
refused).

A price off the tick grid is an error while most rows of its series keep the grid. Where most rows leave it, the file
was recorded on another grid (marks, mids, scaled prices) and the series is moved to the nearest tick, which is counted
and told; unless the tick is then coarser than the bars are high.
"""

from dataclasses import dataclass, field

import numpy as np

from trading.arrays import AnyArray, BoolArray, FloatArray, IntArray
from trading.errors import BadBars
from trading.market.bars import TIMEFRAME_SECONDS, timeframe_ns
from trading.market.instruments import Instrument
from trading.market.price_bands import band_at, bands_of, eras_of, may_trade_below_zero
from trading.market.quotes import looks_like
from trading.market.remedies import remedy
from trading.market.sessions import trading_days, utc_instant
from trading.words import counted

FIRST_YEAR, LAST_YEAR = 1970, 2100
LISTED_ROWS = 3
OFF_GRID_TICKS = 0.01
LARGEST_TICKS = 2**40
LARGEST_VOLUME = 2**53
JUMP = 5.0
FILLER, APART = 0.2, 4.0

_YEAR_NS = 365 * 86_400_000_000_000


@dataclass(slots=True)
class Faults:
    """Rows that break a rule: each rule is told once, with its rows counted, what they had, and how to mend it."""

    file: str
    _broken: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, rows: IntArray, rule: str, was: AnyArray | None = None) -> None:
        """Record that rows (numbers as in the file, from 1) break a rule; a row keeps the first rule it broke."""
        for place, row in enumerate(rows.tolist()):
            value = "" if was is None else str(was[place])
            self._broken.setdefault(row, (rule, value))

    def refuse(self) -> None:
        """Raise if any row broke a rule.

        Raises:
            BadBars: names the file, how many rows are bad, and every rule once, the one broken first at the front.
        """
        if not self._broken:
            return
        by_rule: dict[str, list[tuple[int, str]]] = {}
        for row, (rule, value) in sorted(self._broken.items()):
            by_rule.setdefault(rule, []).append((row, value))
        lines = [_fault_line(rule, broken) for rule, broken in by_rule.items()]
        raise BadBars(f"{self.file}: {counted(len(self._broken), 'bad row')}, nothing imported\n" + "\n".join(lines))


def _fault_line(rule: str, broken: list[tuple[int, str]]) -> str:
    listed = broken[:LISTED_ROWS]
    more = len(broken) - len(listed)
    rows = ", ".join(str(row) for row, _ in listed) + (f" and {more:,} more" if more else "")
    values = ", ".join(dict.fromkeys(value for _, value in listed if value))
    was = f", was {values}" if values else ""
    mend = remedy(rule)
    return f"{'row' if len(broken) == 1 else 'rows'} {rows}: {rule}{was}" + (f"; mend: {mend}" if mend else "")


@dataclass(frozen=True, slots=True)
class RawBars:
    """The rows of a bar file, in file order. Arrays have shape (n_rows,).

    Attributes:
        file: Name for messages.
        row: Row number in the file; 1 is the first row after the header.
        ts_event: UTC nanoseconds.
        symbol: Index into `symbols`.
        symbols: The distinct names.
        prices: Open, high, low, close, shape (4, n_rows).
        volume: As the file has it.
        contract: Contract month YYYYMM, or None where the file has no such column.
        part_digits: How many digits the parts of each price are written with (110'165: three, a decimal number: 0),
            shape (4, n_rows); None where no price is written in parts.
    """

    file: str
    row: IntArray
    ts_event: IntArray
    symbol: IntArray
    symbols: tuple[str, ...]
    prices: FloatArray
    volume: FloatArray
    contract: IntArray | None
    part_digits: IntArray | None = None

    def __len__(self) -> int:
        return len(self.row)

    def rows_where(self, kept: BoolArray) -> "RawBars":
        """Return some of the rows, in the same order."""
        contract = None if self.contract is None else self.contract[kept]
        return RawBars(
            file=self.file,
            row=self.row[kept],
            ts_event=self.ts_event[kept],
            symbol=self.symbol[kept],
            symbols=self.symbols,
            prices=self.prices[:, kept],
            volume=self.volume[kept],
            contract=contract,
            part_digits=None if self.part_digits is None else self.part_digits[:, kept],
        )


def check_values(raw: RawBars, faults: Faults) -> None:
    """Record rows whose own values break a rule: not finite, not consistent, out of range."""
    open_, high, low, close = raw.prices
    for name, price in zip(("open", "high", "low", "close"), raw.prices, strict=True):
        _fault(raw, faults, ~np.isfinite(price), f"{name} must be a finite number", price)
    _fault(raw, faults, high < np.maximum(open_, close), "high must not be below open or close", high)
    _fault(raw, faults, low > np.minimum(open_, close), "low must not be above open or close", low)
    whole = (raw.volume >= 0) & (raw.volume < LARGEST_VOLUME) & (raw.volume == np.floor(raw.volume))
    _fault(raw, faults, ~whole, "volume must be a whole number of contracts, zero or more", raw.volume)
    first_ns, last_ns = ((year - 1970) * _YEAR_NS for year in (FIRST_YEAR, LAST_YEAR))
    in_range = (raw.ts_event >= first_ns) & (raw.ts_event < last_ns)
    _fault(raw, faults, ~in_range, f"ts_event must lie between {FIRST_YEAR} and {LAST_YEAR}", raw.ts_event)
    if raw.contract is not None:
        _fault(raw, faults, ~_is_month(raw.contract), "contract must be a month such as 202406", raw.contract)


def check_order(raw: RawBars, timeframe: str, faults: Faults) -> None:
    """Record rows of one symbol that are out of order, repeated, off the clock, or go back to an earlier contract."""
    step = np.diff(raw.ts_event, prepend=raw.ts_event[0] - 1)
    _fault(raw, faults, step == 0, "ts_event must not repeat", raw.ts_event, instants=True)
    _fault(raw, faults, step < 0, "ts_event must be after the row before", raw.ts_event, instants=True)
    if timeframe != "1d":
        off_clock = raw.ts_event % timeframe_ns(timeframe) != 0
        _fault(raw, faults, off_clock, f"ts_event must be a full {timeframe}", raw.ts_event, instants=True)
    if raw.contract is not None:
        back = np.diff(raw.contract, prepend=raw.contract[0]) < 0
        _fault(raw, faults, back, "contract must not go back to an earlier month", raw.contract)


def check_days(raw: RawBars, root: str, faults: Faults) -> None:
    """Record daily rows of one symbol that share their trading day with the row before."""
    repeated = np.diff(trading_days(root, raw.ts_event), prepend=-1) == 0
    _fault(raw, faults, repeated, "a trading day has one daily bar", raw.ts_event, instants=True)


def check_prices(raw: RawBars, instrument: Instrument, faults: Faults, *, beyond_band: bool = False) -> None:
    """Record rows of one contract whose price cannot be.

    A price is above zero, except where its band goes below it (crude oil in the spring of 2020); it is less than five
    times the bar before, or the low of its own bar; it is within the band of its era; and a bar without volume whose
    four prices are one stands near the bars around it.

    Args:
        raw: The rows, in points.
        instrument: What they are prices of.
        faults: Where to record.
        beyond_band: Whether a person says that prices outside the bands are right.
    """
    _, high, low, close = raw.prices
    lowest, highest = band_at(instrument.symbol, raw.ts_event)
    above_zero = np.full(len(raw), not may_trade_below_zero(instrument.symbol)) if beyond_band else lowest >= 0
    worthless = above_zero & (low <= 0)
    outside = (low < lowest) | (high > highest) if not beyond_band else np.zeros(len(raw), np.bool_)
    _fault(raw, faults, worthless, "price must be above zero", low)
    _fault_outside(raw, instrument, outside, faults)
    _fault(raw, faults, _fillers(raw), "a bar without volume or range must be near the bars around it", close)
    too_high = above_zero & (high >= JUMP * np.abs(low))
    _fault(raw, faults, too_high, "high must be less than five times the low", high)
    after_wrong = np.append(False, (worthless | outside)[:-1])
    jumps = above_zero & _jumps(close) & ~_rolls(raw) & ~after_wrong
    _fault(raw, faults, jumps, "close must not be five times or a fifth of the bar before", close)


def _fault_outside(raw: RawBars, instrument: Instrument, outside: BoolArray, faults: Faults) -> None:
    """Record rows outside the band of their era, each era with what its prices look like."""
    bands, eras = bands_of(instrument.symbol), eras_of(instrument.symbol, raw.ts_event)
    for era in np.unique(eras[outside]).tolist():
        band, rows = bands[era], outside & (eras == era)
        looks = looks_like(instrument.symbol, float(np.median(raw.prices[3][rows])), band)
        rule = f"{instrument.symbol} must lie within {band.low:g} and {band.high:g} since {band.since}"
        _fault(raw, faults, rows, f"{rule} ({looks})" if looks else rule, raw.prices[3])


def _fillers(raw: RawBars) -> BoolArray:
    """Return which bars stand in for none: no volume, one price, and far from what stands before and after.

    Zeros do so with any volume. In a file without volume only they count, for there a settlement is such a bar too.
    Several in a row are judged as one. Far is more than a fifth of the level around it, and than four times what those
    bars are apart.
    """
    _, high, low, close = raw.prices
    hollow = (high == low) & ((close == 0) | (raw.volume == 0) & raw.volume.any())
    starts = np.flatnonzero(np.diff(close, prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(close))
    before = close[np.maximum(starts - 1, 0)]
    after = close[np.minimum(ends, len(close) - 1)]
    before, after = np.where(starts == 0, after, before), np.where(ends == len(close), before, after)
    reach = np.maximum(FILLER * np.maximum(np.abs(before), np.abs(after)), APART * np.abs(after - before))
    far = np.minimum(np.abs(close[starts] - before), np.abs(close[starts] - after)) > reach
    stands_for_none: BoolArray = hollow & np.repeat(far, ends - starts)
    return stands_for_none


def timeframe_of(raw: RawBars) -> str:
    """Return the timeframe most rows are apart.

    Raises:
        BadBars: too few rows to tell, or the usual spacing is no timeframe.
    """
    order = np.argsort(raw.symbol, kind="stable")
    same = np.diff(raw.symbol[order]) == 0
    spacing_ns = np.diff(raw.ts_event[order])[same]
    if len(spacing_ns) == 0:
        raise BadBars(f"{raw.file}: one bar per symbol does not tell the timeframe; name it")
    spacings, counts = np.unique(spacing_ns, return_counts=True)
    usual_seconds = int(spacings[np.argmax(counts)]) / 1_000_000_000
    for timeframe, seconds in TIMEFRAME_SECONDS.items():
        if seconds == usual_seconds:
            return timeframe
    known = ", ".join(TIMEFRAME_SECONDS)
    raise BadBars(f"{raw.file}: rows must be {known} apart, most were {usual_seconds:g} s; name the timeframe")


@dataclass(frozen=True, slots=True)
class Ticks:
    """Prices on the tick grid: open, high, low, close, shape (4, n_rows), and how many rows had to be moved."""

    prices: IntArray
    moved_rows: int


def to_ticks(raw: RawBars, instrument: Instrument, faults: Faults) -> Ticks:
    """Return the prices of one symbol in ticks, recording rows off the grid as the module's first page says.

    Raises:
        BadBars: most rows leave the grid and the tick is coarser than the bars are high.
    """
    exact = raw.prices / float(instrument.tick_size)
    too_large = np.asarray(np.any(np.abs(exact) > LARGEST_TICKS, axis=0), np.bool_)
    _fault(raw, faults, too_large, "price is too large for its tick", raw.prices[1])
    nearest = np.rint(np.clip(exact, -LARGEST_TICKS, LARGEST_TICKS))
    off_grid = np.asarray(np.any(np.abs(exact - nearest) > OFF_GRID_TICKS, axis=0), np.bool_)
    ticks = nearest.astype(np.int64)
    if 2 * int(off_grid.sum()) <= len(raw):
        rule = f"price must be a multiple of the tick {instrument.tick_size}"
        worst = np.take_along_axis(raw.prices, np.abs(exact - nearest).argmax(axis=0)[None], axis=0)[0]
        _fault(raw, faults, off_grid, rule, worst)
        return Ticks(ticks, 0)
    if np.median(ticks[1] - ticks[2]) < 1:
        raise BadBars(
            f"{raw.file}: row {raw.row[np.argmax(off_grid)]}: most prices of {instrument.symbol} are off the tick "
            f"{instrument.tick_size} and closer together than it; is it another symbol or scale?"
        )
    return Ticks(ticks, int(off_grid.sum()))


def _fault(
    raw: RawBars, faults: Faults, broken: BoolArray, rule: str, was: AnyArray, *, instants: bool = False
) -> None:
    if broken.any():
        values = was[broken]
        texts = np.array([utc_instant(int(ns)).isoformat() for ns in values]) if instants else values
        faults.add(raw.row[broken], rule, texts)


def _is_month(contract: IntArray) -> BoolArray:
    year, month = contract // 100, contract % 100
    return (year >= FIRST_YEAR) & (year < LAST_YEAR) & (month >= 1) & (month <= 12)


def _jumps(close: FloatArray) -> BoolArray:
    before = np.concatenate((close[:1], close[:-1]))
    jumps: BoolArray = (close >= JUMP * before) | (close * JUMP <= before)
    return jumps


def _rolls(raw: RawBars) -> BoolArray:
    if raw.contract is None:
        return np.zeros(len(raw), np.bool_)
    rolls: BoolArray = np.diff(raw.contract, prepend=raw.contract[0]) != 0
    return rolls
