"""The compiled event loop: signals become orders, fills, trades and a marked equity curve.

Belongs here: Numba, integer ticks and integer micro-dollars. The rules in words are in `engine.py`.
Does not belong here: signals (`trading/strategies`), validation, metrics.

The loop alternates between two inner loops: while flat it looks for the next signal, while in a position it looks for
the next exit. Both sides of the market share one code path: `lower` and `upper` are the prices at which the position
ends, whichever of them is the stop.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from trading.strategies.kernels import FILL_NEXT, ROLL_NEXT, SESSION_LAST

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STOP = 1
TARGET = 2
TIME = 3
REVERSAL = 4
SESSION_CLOSE = 5
ROLL = 6
END_OF_DATA = 7

ENTRY_BAR, EXIT_BAR, SIDE, ENTRY_TICKS, EXIT_TICKS, GROSS, COMMISSION, SLIPPAGE, NET, REASON, MAE, MFE = range(12)
LEDGER_ROWS = 12

FAR = 1 << 60

compiled = njit(cache=True, nogil=True, error_model="numpy")


class Market(NamedTuple):
    """Raw prices in ticks and the gate byte, shape (n_bars,)."""

    open_ticks: Ints
    high_ticks: Ints
    low_ticks: Ints
    close_ticks: Ints
    gate: NDArray[np.uint8]


class Wishes(NamedTuple):
    """Signals at each close and the units of their exits; a unit array of length one holds for every bar."""

    side: NDArray[np.int8]
    stop_unit_ticks: Floats
    target_unit_ticks: Floats


class Exits(NamedTuple):
    """Exit rules as multiples of the signal's units, 0 = off; `close_mask` holds the gate bits that force an exit."""

    stop: float
    target: float
    trailing: float
    break_even: float
    time_stop_bars: int
    close_mask: int


class Costs(NamedTuple):
    """Slippage per side in ticks; the rest in micro-dollars for the whole position."""

    slippage_ticks: int
    tick_micros: int
    commission_micros: int


class Position(NamedTuple):
    """An open position: fixed facts, exit prices in ticks, and distances of the moving stops (0 = none)."""

    side: int
    entry_bar: int
    entry_ticks: int
    lower: int
    upper: int
    trailing_ticks: int
    break_even_ticks: int
    deadline: int


class Departure(NamedTuple):
    """How a position ended: the bar, the price before slippage, and the extremes it saw."""

    bar: int
    price_ticks: int
    reason: int
    lowest: int
    highest: int


@compiled
def whole_ticks(multiple: float, unit_ticks: float) -> int:
    """Return a distance in whole ticks, rounded half up, at least one; 0 if the rule is off."""
    return max(1, int(np.floor(multiple * unit_ticks + 0.5))) if multiple > 0.0 else 0


@compiled
def unit_at(units: Floats, bar: int) -> float:
    """Return the unit of a bar; an array of length one holds for every bar."""
    return float(units[bar] if len(units) > 1 else units[0])


@compiled
def next_signal(market: Market, wishes: Wishes, bar: int, cash: int, equity: Ints) -> int:
    """Mark a flat book until a signal that can fill, and return its bar; the number of bars if there is none."""
    n = len(equity)
    for i in range(bar, n):
        equity[i] = cash
        if wishes.side[i] != 0 and market.gate[i] & FILL_NEXT and i + 1 < n:
            return i
    return n


@compiled
def opened(market: Market, wishes: Wishes, exits: Exits, slippage_ticks: int, signal_bar: int) -> Position:
    """Return the position a signal opens at the next bar's open."""
    side = int(wishes.side[signal_bar])
    bar = signal_bar + 1
    price = int(market.open_ticks[bar]) + side * slippage_ticks
    unit = unit_at(wishes.stop_unit_ticks, signal_bar)
    stop = whole_ticks(exits.stop, unit)
    target = whole_ticks(exits.target, unit_at(wishes.target_unit_ticks, signal_bar))
    below, above = (stop, target) if side > 0 else (target, stop)
    lower = price - below if below else -FAR
    upper = price + above if above else FAR
    deadline = bar + exits.time_stop_bars - 1 if exits.time_stop_bars else FAR
    trailing = whole_ticks(exits.trailing, unit)
    break_even = whole_ticks(exits.break_even, unit)
    return Position(side, bar, price, lower, upper, trailing, break_even, deadline)


@compiled
def long_exit(market: Market, bar: int, stop: int, target: int) -> tuple[int, int]:
    """Return price and reason of a long position that ends inside a bar."""
    if market.low_ticks[bar] <= stop:
        return min(market.open_ticks[bar], stop), STOP
    return max(market.open_ticks[bar], target), TARGET


@compiled
def short_exit(market: Market, bar: int, stop: int, target: int) -> tuple[int, int]:
    """Return price and reason of a short position that ends inside a bar."""
    if market.high_ticks[bar] >= stop:
        return max(market.open_ticks[bar], stop), STOP
    return min(market.open_ticks[bar], target), TARGET


@compiled
def close_reason(gate: int, close_mask: int) -> int:
    """Return why a position ends at a close the gate forbids to hold over."""
    if gate & ROLL_NEXT:
        return ROLL
    return SESSION_CLOSE if gate & close_mask & SESSION_LAST else 0


@compiled
def tightened(position: Position, lowest: int, highest: int, bounds: tuple[int, int]) -> tuple[int, int]:
    """Return the exit prices after a completed bar, moved towards the market or left alone."""
    lower, upper = bounds
    if position.side > 0:
        if position.trailing_ticks:
            lower = max(lower, highest - position.trailing_ticks)
        if position.break_even_ticks and highest - position.entry_ticks >= position.break_even_ticks:
            lower = max(lower, position.entry_ticks)
    else:
        if position.trailing_ticks:
            upper = min(upper, lowest + position.trailing_ticks)
        if position.break_even_ticks and position.entry_ticks - lowest >= position.break_even_ticks:
            upper = min(upper, position.entry_ticks)
    return lower, upper


@compiled
def held(market: Market, wishes: Wishes, position: Position, marks: tuple[int, int, int], equity: Ints) -> Departure:
    """Mark an open position until it ends."""
    cash, tick_micros, close_mask = marks
    slope = position.side * tick_micros
    base = cash - slope * position.entry_ticks
    lower, upper = position.lower, position.upper
    moving = position.trailing_ticks > 0 or position.break_even_ticks > 0
    lowest = highest = position.entry_ticks
    n = len(equity)
    for i in range(position.entry_bar, n):
        if market.low_ticks[i] <= lower or market.high_ticks[i] >= upper:
            side_exit = long_exit(market, i, lower, upper) if position.side > 0 else short_exit(market, i, upper, lower)
            return Departure(i, side_exit[0], side_exit[1], min(lowest, side_exit[0]), max(highest, side_exit[0]))
        lowest = min(lowest, market.low_ticks[i])
        highest = max(highest, market.high_ticks[i])
        close = market.close_ticks[i]
        gate = market.gate[i]
        if gate & close_mask:
            return Departure(i, close, close_reason(gate, close_mask), lowest, highest)
        equity[i] = base + slope * close
        turned = wishes.side[i] == -position.side and gate & FILL_NEXT
        if (turned or i >= position.deadline) and i + 1 < n:
            price = market.open_ticks[i + 1]
            reason = REVERSAL if turned else TIME
            return Departure(i + 1, price, reason, min(lowest, price), max(highest, price))
        if moving:
            lower, upper = tightened(position, lowest, highest, (lower, upper))
    return Departure(n - 1, market.close_ticks[n - 1], END_OF_DATA, lowest, highest)


@compiled
def booked(ledger: Ints, count: int, position: Position, departure: Departure, costs: Costs) -> int:
    """Write a closed trade into the ledger and return its net in micro-dollars."""
    side = position.side
    paid_ticks = 0 if departure.reason == TARGET else costs.slippage_ticks
    exit_ticks = departure.price_ticks - side * paid_ticks
    slippage = (costs.slippage_ticks + paid_ticks) * costs.tick_micros
    commission = 2 * costs.commission_micros
    gain = side * (exit_ticks - position.entry_ticks) * costs.tick_micros
    down = max(position.entry_ticks - min(departure.lowest, exit_ticks), 0)
    up = max(max(departure.highest, exit_ticks) - position.entry_ticks, 0)
    ledger[ENTRY_BAR, count] = position.entry_bar
    ledger[EXIT_BAR, count] = departure.bar
    ledger[SIDE, count] = side
    ledger[ENTRY_TICKS, count] = position.entry_ticks
    ledger[EXIT_TICKS, count] = exit_ticks
    ledger[GROSS, count] = gain + slippage
    ledger[COMMISSION, count] = commission
    ledger[SLIPPAGE, count] = slippage
    ledger[NET, count] = gain - commission
    ledger[REASON, count] = departure.reason
    ledger[MAE, count] = down if side > 0 else up
    ledger[MFE, count] = up if side > 0 else down
    return gain - commission


@compiled
def simulate(
    market: Market, wishes: Wishes, exits: Exits, costs: Costs, account_micros: int, ledger: Ints, equity: Ints
) -> tuple[int, int]:
    """Run a whole series; return the number of trades and of bars with a position."""
    n = len(equity)
    cash = account_micros
    count = 0
    bars_in_position = 0
    signal_bar = next_signal(market, wishes, 0, cash, equity)
    while signal_bar < n:
        position = opened(market, wishes, exits, costs.slippage_ticks, signal_bar)
        marks = (cash - costs.commission_micros, costs.tick_micros, exits.close_mask)
        departure = held(market, wishes, position, marks, equity)
        cash += booked(ledger, count, position, departure, costs)
        count += 1
        at_open = departure.reason == REVERSAL or departure.reason == TIME
        bars_in_position += departure.bar - position.entry_bar + (0 if at_open else 1)
        if departure.reason == REVERSAL:
            signal_bar = departure.bar - 1
        else:
            signal_bar = next_signal(market, wishes, departure.bar, cash, equity)
    return count, bars_in_position
