"""The market simulator: one-minute bars that behave like a market and promise nothing.

Belongs here: sessions, volatility, regimes, volume and rolls of a made-up market. Does not belong here: storing them
(`services/market/bars.py`), longer bars (`aggregation.py`).

What it has: the real hours and holidays of the root's exchange; GARCH volatility clustering with an intraday U; a
Markov chain of range-bound, trending, loud and quiet regimes; jumps; gaps over night and at weekends; volume that
follows the time of day and the volatility; a roll every quarter on the second Thursday of the contract month, with the
price of carry as a visible jump; shared regimes and a shared factor through the equity indices. What it has not,
unless it is planted (`plants.py`): drift, or an edge that survives costs. Its bars are labelled SIMULATED and can
never pass a gate.

The same seed gives the same bytes on every machine: raw PCG64 integers are summed twelve 16-bit parts at a time
(Irwin-Hall) to normals, and everything after is plain IEEE arithmetic. A micro has the bars of its root. A longer
history begins with the bars of the shorter one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from trading.arrays import BoolArray, FloatArray, IntArray
from trading.days import day_number, on_day
from trading.errors import BadInput
from trading.market.bars import SIMULATED, Bars, bars_from_columns
from trading.market.instruments import ROOT_OF, instrument
from trading.market.plants import Plant
from trading.market.sessions import ETH, RTH_US, session_spans

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Character:
    """How one root behaves: price at the start, standard deviation of a day in basis points, contracts a minute."""

    price: float
    daily_bps: float
    contracts: int


CHARACTERS: Mapping[str, Character] = MappingProxyType(
    {
        "ES": Character(4_800, 95, 1_800),
        "NQ": Character(16_800, 125, 900),
        "YM": Character(37_600, 85, 300),
        "RTY": Character(2_020, 130, 350),
        "EMD": Character(2_780, 115, 30),
        "CL": Character(72, 210, 600),
        "NG": Character(2.6, 330, 300),
        "RB": Character(2.1, 220, 80),
        "HO": Character(2.5, 210, 80),
        "GC": Character(2_060, 85, 400),
        "SI": Character(23.8, 170, 150),
        "HG": Character(3.9, 130, 120),
        "PL": Character(990, 130, 40),
        "ZT": Character(102.9, 13, 400),
        "ZF": Character(108.7, 28, 700),
        "ZN": Character(112.9, 42, 1_100),
        "TN": Character(117.9, 52, 400),
        "ZB": Character(124.9, 75, 300),
        "UB": Character(133.5, 95, 200),
        "ZC": Character(4.7, 130, 200),
        "ZS": Character(12.9, 115, 150),
        "ZW": Character(6.2, 170, 100),
        "ZL": Character(0.48, 160, 90),
        "ZM": Character(386, 150, 80),
        "6A": Character(0.681, 62, 90),
        "6B": Character(1.273, 52, 90),
        "6C": Character(0.755, 38, 80),
        "6E": Character(1.105, 46, 180),
        "6J": Character(0.00709, 58, 150),
        "6M": Character(0.0588, 65, 50),
        "6N": Character(0.632, 65, 40),
        "6S": Character(1.19, 50, 30),
        "BTC": Character(42_500, 310, 12),
        "VX": Character(14.5, 480, 120),
        "FESX": Character(4_520, 100, 700),
        "EURUSD": Character(1.105, 46, 300),
        "GBPUSD": Character(1.273, 52, 200),
        "NZDUSD": Character(0.632, 65, 100),
        "XAUUSD": Character(2_060, 85, 200),
    }
)

INDEX_FAMILY = frozenset({"ES", "NQ", "YM", "RTY", "EMD"})
SHARED_WEIGHT, OWN_WEIGHT = 0.8, 0.6
LEAVE_PER_MINUTE = (1 / 240, 1 / 120, 1 / 45, 1 / 180)
"""Chance to leave each regime (range-bound, trending, spike, compression) per minute: they last 4, 2, 0.75 and 3 h."""

LOUDNESS_OF_A_DAY = 37.4
"""Root of the sum of squared loudness over an index day: 390 regular and 990 other minutes."""

JUMP_ODDS, JUMP_SIZE = 1 / 1_500, 5.0

_SHOCKS, _UPPER, _LOWER, _GAPS, _REGIMES, _JUMPS, _VOLUME, _CARRY = range(8)


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """A made-up market and the truth about it, which is for those who judge and never for those who trade.

    Attributes:
        bars: One-minute bars.
        side: Which way a planted edge pushed each minute: +1, −1 or 0, shape (n_bars,).
        trading_day: Trading date of each bar, days since 1970-01-01, shape (n_bars,).
    """

    bars: Bars
    side: IntArray
    trading_day: IntArray


def simulate(symbol: str, *, seed: int, start_on: date, years: float | None = None, end_on: date | None = None) -> Bars:
    """Return one-minute bars of a made-up market with nothing planted in it; see `simulate_planted`."""
    return simulate_planted(symbol, seed=seed, start_on=start_on, years=years, end_on=end_on).bars


def simulate_planted(
    symbol: str,
    *,
    seed: int,
    start_on: date,
    years: float | None = None,
    end_on: date | None = None,
    plant: Plant | None = None,
    regimes: bool = True,
) -> SimulatedMarket:
    """Return one-minute bars of a made-up market, from the trading day `start_on`, and which way an edge pushed them.

    Args:
        symbol: A root of the instrument table; a micro has the bars of its root.
        seed: Zero or more; another seed is another history.
        start_on: First trading date.
        years: How long, in years of 365.25 days; or
        end_on: the last trading date, included. Give one of the two.
        plant: The edge to plant; none if not given.
        regimes: Whether regimes trend and pull back. Without them and without a plant no move tells the next one.

    Raises:
        UnknownInstrument: no such root.
        BadInput: neither or both lengths, a negative seed, or a span without a session.
    """
    tick = float(instrument(symbol).tick_size)
    root = ROOT_OF.get(symbol, symbol)
    minutes = _minutes(root, start_on, _last_day(start_on, years, end_on))
    chance = _Chance(_checked_seed(seed), root)
    character = CHARACTERS[root]
    columns = np.zeros((7, len(minutes.ts_event)), np.int64)
    columns[0] = minutes.ts_event
    columns[6] = contract_months(minutes.trading_day)
    walk = _Walk(minutes, chance, character.daily_bps / 10_000, regimes, plant)
    columns[1:5], variance, side = walk.prices(columns[6], character.price / tick)
    columns[5] = _volume(minutes, chance, character, variance)
    bars = bars_from_columns(columns, symbol=symbol, timeframe="1m", provider=SIMULATED)
    return SimulatedMarket(bars, side, minutes.trading_day)


def contract_months(trading_day: IntArray) -> IntArray:
    """Return the quarterly contract (202403 …) of each day: the next one from the contract month's second Thursday."""
    days, place = np.unique(trading_day, return_inverse=True)
    return np.array([_quarterly(on_day(day)) for day in days], np.int64)[place]


def _quarterly(day: date) -> int:
    month = (day.month + 2) // 3 * 3
    first = date(day.year, month, 1)
    second_thursday = first + timedelta(days=(3 - first.weekday()) % 7 + 7)
    if day < second_thursday:
        return day.year * 100 + month
    return day.year * 100 + month + 3 if month < 12 else (day.year + 1) * 100 + 3


def _checked_seed(seed: int) -> int:
    if seed < 0:
        raise BadInput(f"a seed must be zero or more, was {seed}")
    return seed


def _last_day(start_on: date, years: float | None, end_on: date | None) -> date:
    if (years is None) == (end_on is None):
        raise BadInput("give either years or end_on")
    last = end_on or start_on + timedelta(days=round(365.25 * (years or 0)) - 1)
    if last < start_on:
        raise BadInput(f"the last day must not be before {start_on}, was {last}")
    return last


@dataclass(frozen=True, slots=True)
class _Minutes:
    """Every minute of the market's sessions: when, which day, how loud and how busy, and which open a session.

    `regular` counts the minutes since the regular session opened, −1 outside it.
    """

    ts_event: IntArray
    trading_day: IntArray
    regular: IntArray
    loudness: FloatArray
    busyness: FloatArray
    closed_hours: FloatArray


def _minutes(root: str, start_on: date, end_on: date) -> _Minutes:
    first, last = map(day_number, (start_on, end_on))
    spans = session_spans(root, mode=ETH, first_day=first, last_day=last)
    if len(spans) == 0:
        raise BadInput(f"there is no session of {root} from {start_on} to {end_on}")
    counts = (spans.close_ns - spans.open_ns) // MINUTE_NS
    session = np.repeat(np.arange(len(spans)), counts)
    place = np.arange(len(session)) - np.repeat(np.cumsum(counts) - counts, counts)
    ts_event = spans.open_ns[session] + place * MINUTE_NS
    trades = (ts_event < spans.pause_open_ns[session]) | (ts_event >= spans.pause_close_ns[session])
    ts_event, session = ts_event[trades], session[trades]
    regular, progress = _regular_hours(root, ts_event, first, last)
    loudness, busyness = _time_of_day(regular >= 0, progress)
    closed_ns = np.diff(ts_event, prepend=ts_event[0]) - MINUTE_NS
    closed_hours = np.maximum(closed_ns, 0) / 3.6e12
    return _Minutes(ts_event, spans.trading_day[session], regular, loudness, busyness, closed_hours)


def _regular_hours(root: str, ts_event: IntArray, first: int, last: int) -> tuple[IntArray, FloatArray]:
    """Return minutes since the regular session opened (−1 outside it) and which share of it has passed."""
    regular = session_spans(root, mode=RTH_US, first_day=first, last_day=last)
    at = np.maximum(np.searchsorted(regular.open_ns, ts_event, side="right") - 1, 0)
    inside = (ts_event >= regular.open_ns[at]) & (ts_event < regular.close_ns[at])
    since = ts_event - regular.open_ns[at]
    return np.where(inside, since // MINUTE_NS, -1), since / (regular.close_ns[at] - regular.open_ns[at])


def _time_of_day(inside: BoolArray, progress: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return volatility and volume by time of day: a U over the regular hours, quiet outside them."""
    u_shape = (2.0 * progress - 1.0) * (2.0 * progress - 1.0)
    return np.where(inside, 1.2 + 1.3 * u_shape, 0.55), np.where(inside, 0.6 + 1.2 * u_shape, 0.12)


class _Chance:
    """Independent streams of raw PCG64 numbers, one per purpose, so that a longer history keeps its beginning."""

    def __init__(self, seed: int, name: str) -> None:
        self._seed = seed
        self._name = name

    def _raw(self, stream: int, count: int) -> NDArray[np.uint64]:
        source = np.random.PCG64(np.random.SeedSequence([self._seed, *self._name.encode(), 256 + stream]))
        return np.asarray(source.random_raw(count), np.uint64)

    def normal(self, stream: int, count: int) -> FloatArray:
        """Return unit normals (Irwin-Hall of twelve), each within ±6."""
        parts = self._raw(stream, 3 * count).view(np.uint16).reshape(count, 12)
        sums: IntArray = parts.sum(axis=1, dtype=np.int64)
        return (sums - 393_210) / 65_536.0

    def shocks(self, count: int) -> FloatArray:
        """Return the unit normals that move the price; those of the index family share a factor."""
        own = self.normal(_SHOCKS, count)
        if self._name not in INDEX_FAMILY:
            return own
        return SHARED_WEIGHT * self.of_family().normal(_SHOCKS, count) + OWN_WEIGHT * own

    def of_family(self) -> "_Chance":
        """Return the streams the index family shares, or these where there is no family."""
        return _Chance(self._seed, "INDEX") if self._name in INDEX_FAMILY else self

    def uniform(self, stream: int, count: int) -> FloatArray:
        """Return uniform numbers in [0, 1)."""
        return (self._raw(stream, count) >> np.uint64(11)).astype(np.float64) * (1.0 / 2**53)


@dataclass(frozen=True, slots=True)
class _Walk:
    minutes: _Minutes
    chance: _Chance
    daily: float
    regimes: bool
    plant: Plant | None

    def prices(self, contract: IntArray, start_ticks: float) -> tuple[IntArray, FloatArray, IntArray]:
        """Return open, high, low and close in ticks, the variance of each minute, and which way an edge pushed it."""
        from trading.market.kernels import NOTHING, walk_prices, walk_regimes

        minutes, chance, plant = self.minutes, self.chance, self.plant
        count = len(minutes.ts_event)
        course = np.stack([np.empty(count, np.int64), np.empty(count, np.int64), minutes.regular])
        walk_regimes(chance.of_family().uniform(_REGIMES, count), np.array(LEAVE_PER_MINUTE), course[0], course[1])
        kind, lift = (NOTHING, 0.0) if plant is None else (plant.code, plant.lift)
        scale = minutes.loudness * (self.daily / LOUDNESS_OF_A_DAY)
        filled, variance = np.empty((5, count), np.int64), np.empty(count)
        push = (float(self.regimes), kind, lift)
        walk_prices(self._draws(contract), scale, course, start_ticks, push, filled, variance)
        return filled[:4], variance, filled[4]

    def _draws(self, contract: IntArray) -> FloatArray:
        chance, count = self.chance, len(contract)
        return np.stack(
            [
                chance.shocks(count) + _jumps(chance.uniform(_JUMPS, count)),
                chance.normal(_UPPER, count),
                chance.normal(_LOWER, count),
                _gaps(self.minutes, chance, self.daily) + _carry(chance, contract),
            ]
        )


def _jumps(dice: FloatArray) -> FloatArray:
    """Return rare shocks of 5 to 10 standard deviations, up and down alike, from uniform dice."""
    half = JUMP_ODDS / 2
    upward = np.where(dice < half, JUMP_SIZE * (1.0 + dice / half), 0.0)
    downward = (dice >= half) & (dice < JUMP_ODDS)
    return np.asarray(np.where(downward, -JUMP_SIZE * (1.0 + (dice - half) / half), upward), np.float64)


def _gaps(minutes: _Minutes, chance: _Chance, daily: float) -> FloatArray:
    """Return the relative move from the last close to each open: none inside a session."""
    reach = np.minimum(0.5 * np.sqrt(minutes.closed_hours / 24.0), 0.8)
    gaps: FloatArray = chance.normal(_GAPS, len(reach)) * (reach * daily)
    return gaps


def _carry(chance: _Chance, contract: IntArray) -> FloatArray:
    """Return the relative jump at each roll, from −0.1 % to +0.4 %: the next contract's price of carry."""
    rolls = np.flatnonzero(np.diff(contract)) + 1
    jumps = np.zeros(len(contract))
    jumps[rolls] = 0.005 * (chance.uniform(_CARRY, len(rolls)) - 0.2)
    return jumps


def _volume(minutes: _Minutes, chance: _Chance, character: Character, variance: FloatArray) -> IntArray:
    noise = 1.0 + 0.3 * chance.normal(_VOLUME, len(variance))
    moved = 0.6 + 0.5 * np.abs(chance.shocks(len(variance)))
    busy = minutes.busyness * (0.3 + 0.7 * np.sqrt(variance)) * noise * noise * moved
    return np.maximum(np.floor(character.contracts * busy), 1.0).astype(np.int64)
