"""Bar series and session indexes for tests: by hand, or random and seeded."""

from dataclasses import replace

import numpy as np

from trading.arrays import BoolArray, IntArray
from trading.market.bars import Bars, bars_from_columns
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import archetype
from trading.strategies.genome import Genome, schema, validated
from trading.strategies.tape import Tape, tape_of

MINUTE_NS = 60_000_000_000


def made_bars(
    rows: IntArray | list[tuple[int, int, int, int]],
    *,
    volume: IntArray | list[int] | None = None,
    contract: IntArray | list[int] | None = None,
    symbol: str = "MES",
) -> Bars:
    """Return bars from (open, high, low, close) rows in ticks, one hour apart."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    n_bars = columns.shape[1]
    return Bars(
        symbol=symbol,
        timeframe="1h",
        provider="TEST",
        ts_event=np.arange(n_bars, dtype=np.int64) * 3_600_000_000_000,
        open_ticks=columns[0].copy(),
        high_ticks=columns[1].copy(),
        low_ticks=columns[2].copy(),
        close_ticks=columns[3].copy(),
        volume=np.zeros(n_bars, np.int64) if volume is None else np.array(volume, np.int64),
        contract=np.zeros(n_bars, np.int64) if contract is None else np.array(contract, np.int64),
        fingerprint="",
    )


def flat_sessions(n_bars: int) -> SessionIndex:
    """Return one endless session, always open."""
    return made_sessions([0] * n_bars, [True] * n_bars, [False] * n_bars)


def made_sessions(
    trading_day: IntArray | list[int], is_open: BoolArray | list[bool], is_last: BoolArray | list[bool]
) -> SessionIndex:
    """Return a session index from plain lists."""
    columns = np.array(trading_day, np.int64), np.array(is_open, np.bool_), np.array(is_last, np.bool_)
    return SessionIndex("CUSTOM", *columns)


def between_marks(bars: Bars) -> Bars:
    """Return bars as somebody makes them who has marks only: straight lines from close to close, by the name MARKS."""
    opened = np.append(bars.close_ticks[:1], bars.close_ticks[:-1])
    return replace(
        bars,
        open_ticks=opened,
        high_ticks=np.maximum(opened, bars.close_ticks),
        low_ticks=np.minimum(opened, bars.close_ticks),
        provider="MARKS",
        fingerprint="",
    )


def random_bars(rng: np.random.Generator, n_bars: int) -> Bars:
    """Return a random walk with gaps, flat bars, spikes, rolls (half the time) and volume (mostly)."""
    step = int(rng.integers(1, 12))
    gaps = rng.integers(-step, step + 1, n_bars) * (rng.random(n_bars) < 0.3)
    gaps = gaps + rng.integers(-9 * step, 9 * step + 1, n_bars) * (rng.random(n_bars) < 0.06)
    body = rng.integers(-step, step + 1, n_bars) * (rng.random(n_bars) < 0.95)
    contract = np.zeros(n_bars, np.int64)
    if rng.random() < 0.5:
        contract = np.cumsum(rng.random(n_bars) < 0.01)
        gaps = gaps + 40 * step * np.diff(contract, prepend=0) * rng.choice((-1, 1))
    start = int(rng.integers(-200, 5_000))
    opened = start + np.cumsum(gaps) + np.concatenate(([0], np.cumsum(body)[:-1]))
    close = opened + body
    spike = np.where(rng.random(n_bars) < 0.03, 6 * step, 1)
    high = np.maximum(opened, close) + rng.integers(0, step + 1, n_bars) * spike
    low = np.minimum(opened, close) - rng.integers(0, step + 1, n_bars) * spike
    volume = rng.integers(0, 900, n_bars) * int(rng.random() < 0.8)
    return made_bars(np.stack([opened, high, low, close], axis=1), volume=volume, contract=contract)


def random_sessions(rng: np.random.Generator, n_bars: int, *, longest: int = 60) -> SessionIndex:
    """Return sessions of random length, some with closed hours at both ends, some without their last bar."""
    length = int(rng.integers(4, longest))
    day = np.arange(n_bars) // length
    hour = np.arange(n_bars) % length
    closed = int(rng.integers(0, 2)) * (length // 5)
    is_open = (hour >= closed) & (hour < length - closed)
    is_last = is_open & (hour == length - closed - 1) & (rng.random(n_bars) < 0.8)
    return made_sessions(day, is_open, is_last)


def random_genome(rng: np.random.Generator, archetype_name: str, *, longest_bars: int = 12) -> Genome:
    """Return a valid random genome whose averages forget soon enough for short histories."""
    numbers = {}
    for name, row in schema(archetype_name).items():
        high = min(row.high, longest_bars) if name.endswith(("_period", "_bars", "_slow", "_fast")) else row.high
        numbers[name] = row.low + (high - row.low) * rng.random() ** 2
        if row.low == 0 and rng.random() < 0.3:
            numbers[name] = 0
    if "ema_fast" in numbers:
        numbers["ema_fast"], numbers["ema_slow"] = 2 + int(rng.integers(0, 4)), 6 + int(rng.integers(0, 7))
    if archetype(archetype_name).family in ("MEAN_REVERSION", "REVERSAL"):
        numbers["rsi_extreme"] = float(rng.integers(25, 49))
    return validated(archetype_name, numbers)


def endless(open_: IntArray, high: IntArray, low: IntArray, close: IntArray, *, day_bars: int = 1_380) -> Tape:
    """Return a tape of minutes that are all in session."""
    n = len(close)
    ts = np.int64(1_700_000_000) * 1_000_000_000 + np.arange(n) * MINUTE_NS
    rows = [ts, open_, high, low, close, np.full(n, 100), np.zeros(n)]
    bars = bars_from_columns(
        np.stack([np.asarray(row, np.int64) for row in rows]), symbol="ES", timeframe="1m", provider="cme"
    )
    return tape_of(bars, made_sessions(np.arange(n) // day_bars, np.ones(n, np.bool_), np.zeros(n, np.bool_)))


def then_alike(seed: int, n: int = 2_000, at: int = 400) -> Tape:
    """Return a market that walks, and whose bars are all alike from one bar on."""
    rng = np.random.default_rng(seed)
    close = 20_000 + np.cumsum(rng.integers(-6, 7, n))
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(open_, close) + rng.integers(0, 5, n)
    low = np.minimum(open_, close) - rng.integers(0, 5, n)
    close[at:] = open_[at:] = close[at]
    high[at:], low[at:] = close[at] + 1, close[at] - 1
    return endless(open_, high, low, close)
