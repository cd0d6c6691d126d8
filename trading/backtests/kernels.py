"""The compiled event loop: signals become orders, fills, trades and a marked equity curve.

Belongs here: Numba, integer ticks and integer micro-dollars. The rules in words are in `engine.py`.
Does not belong here: signals (`trading/strategies`), validation, metrics.

The loop alternates between two inner loops: while flat it looks for the next signal, while in a position it looks for
the next exit. Both sides of the market share one code path: `lower` and `upper` are the prices at which the position
ends, whichever of them is the stop.

Most bars decide nothing. They are looked through `BLOCK` at a time in loops without a branch, which the compiler turns
into vector instructions; the first bar that could decide something is worked by `stepped`, like a bar in a live book.
A block costs as much as some eight bars one by one, so positions that end in their first bars never meet one.
"""

from typing import NamedTuple

import numpy as np

from trading.arrays import FloatArray, GateArray, IntArray, PriceArray, SideArray
from trading.compiling import BLOCK, compiled, inlined, span
from trading.strategies.kernels import FILL_NEXT, ROLL_NEXT, SESSION_LAST

Units = tuple[FloatArray, FloatArray]

HELD = 0
STOP = 1
TARGET = 2
TIME = 3
REVERSAL = 4
SESSION_CLOSE = 5
ROLL = 6
END_OF_DATA = 7
LATE_CLOSE = 8
MARGIN_CALL = 9
AT_OPEN = 1 << TIME | 1 << REVERSAL | 1 << LATE_CLOSE  # reasons whose exit fills at the open after the bar

ENTRY_BAR, EXIT_BAR, SIDE, ENTRY_TICKS, EXIT_TICKS, GROSS, COMMISSION, SLIPPAGE, NET, REASON, MAE, MFE = range(12)
LEDGER_COLUMNS = 12

OPEN, HIGH, LOW, CLOSE = range(4)

FAR = 1 << 60  # beyond every price, and a distance added to it still fits 64 bits
WHOLE_BLOCK = np.int32(BLOCK)  # as wide as a price: counters and prices share the lanes of one vector
FIRST_BARS, WORTH_A_BLOCK = 2, 8
PRICE_LOW, PRICE_HIGH = -(2**31), 2**31 - 1
WIDEST_UNIT_TICKS = 2.0**30


class Columns(NamedTuple):
    """What the loop walks along: raw prices in ticks, shape (4, n_bars), session facts and signals, shape (n_bars,)."""

    prices: PriceArray
    gate: GateArray
    side: SideArray


class Rules(NamedTuple):
    """Exits as multiples of the signal's units (0 = off), gate bits that force an exit, costs, ticks past a target."""

    stop: float
    target: float
    trailing: float
    break_even: float
    time_stop_bars: int
    close_mask: int
    slippage_ticks: int
    tick_micros: int
    commission_micros: int
    through_ticks: int


class Purse(NamedTuple):
    """What the account has, and what it must have to carry the position and to carry one contract, in micro-dollars.

    One that cannot come near its margin on these prices need not be watched.
    """

    account_micros: int
    margin_micros: int
    contract_margin_micros: int
    is_watched: bool


class Position(NamedTuple):
    """What does not move of an open position: its fill, where it is called, its moving stops in ticks (0 = none).

    Its target fills where price lies `through_ticks` beyond it.
    """

    side: int
    entry_bar: int
    entry_ticks: int
    called_ticks: int
    trailing_ticks: int
    break_even_ticks: int
    deadline: int
    through_ticks: int


class Bounds(NamedTuple):
    """What moves while a position is open: the prices that end it, and the extremes since entry, in ticks.

    The price that ends it at its target is the one that fills the target, not the one it fills at.
    """

    lower: int
    upper: int
    lowest: int
    highest: int


class Candle(NamedTuple):
    """One completed bar, in ticks."""

    open: int
    high: int
    low: int
    close: int


class Departure(NamedTuple):
    """How a position ended: the bar, the price before slippage, and the extremes it saw."""

    bar: int
    price_ticks: int
    reason: int
    lowest: int
    highest: int


@inlined
def ticks(prices: PriceArray, row: int, bar: int) -> int:
    """Return a price as a 64-bit integer: adding a zero is what widens it in compiled code."""
    return int(prices[row, bar]) + 0


@inlined
def whole_ticks(multiple: float, unit_ticks: float) -> int:
    """Return a distance in whole ticks, rounded half up, at least one; 0 if the rule is off."""
    return max(1, int(np.floor(multiple * unit_ticks + 0.5))) if multiple > 0.0 else 0


@inlined
def unit_at(units: FloatArray, bar: int) -> float:
    """Return the unit of a bar; an array of length one holds for every bar."""
    return float(units[bar] if len(units) > 1 else units[0])


@inlined
def silent_bars(gate: GateArray, side: SideArray, bar: int) -> int:
    """Return how many bars of a block pass before a signal that can fill."""
    # `&` and a minimum instead of `and` and a break: a branch would keep the loop from becoming vector instructions
    silent, k = WHOLE_BLOCK, np.int32(0)
    for i in span(bar, bar + BLOCK):
        speaks = (side[i] != 0) & (gate[i] & FILL_NEXT != 0)
        silent = min(silent, k if speaks else WHOLE_BLOCK)
        k = np.int32(k + 1)
    return int(silent)


@inlined
def next_signal(gate: GateArray, side: SideArray, bar: int, cash: int, equity: IntArray) -> int:
    """Mark a flat book until a signal that can fill, and return its bar; the number of bars if there is none.

    Whole blocks are marked: what lies behind the signal is marked again by the position it opens.
    """
    n = len(equity)
    while bar + BLOCK < n:
        for i in span(bar, bar + BLOCK):
            equity[i] = cash
        silent = silent_bars(gate, side, bar)
        bar += silent
        if silent < BLOCK:
            return bar
    for i in range(bar, n):
        equity[i] = cash
        if side[i] != 0 and gate[i] & FILL_NEXT and i + 1 < n:
            return i
    return n


@inlined
def room_ticks(spare_micros: int, tick_micros: int) -> int:
    """Return how far price must move against a position to use up what equity has above its margin, at least a tick."""
    return int(np.uint64(spare_micros) // np.uint64(tick_micros)) + 1 if spare_micros > 0 else 1


@inlined
def entered(
    side: int, bar: int, price: int, units: tuple[float, float], rules: Rules, room: int
) -> tuple[Position, Bounds]:
    """Return the position an entry fill opens, and where it ends; it is called `room` ticks against its fill."""
    stop_unit, target_unit = units
    stop, target = whole_ticks(rules.stop, stop_unit), whole_ticks(rules.target, target_unit)
    target += rules.through_ticks if target else 0
    below, above = (stop, target) if side > 0 else (target, stop)
    lower = price - below if below else -FAR
    upper = price + above if above else FAR
    called = price - side * room
    # whatever bound the stop is, price meets the nearer one first
    if side > 0:
        lower = max(lower, called)
    else:
        upper = min(upper, called)
    deadline = bar + rules.time_stop_bars - 1 if rules.time_stop_bars else FAR
    trailing = whole_ticks(rules.trailing, stop_unit)
    break_even = whole_ticks(rules.break_even, stop_unit)
    position = Position(side, bar, price, called, trailing, break_even, deadline, rules.through_ticks)
    return position, Bounds(lower, upper, price, price)


@inlined
def inside_exit(candle: Candle, position: Position, lower: int, upper: int) -> tuple[int, int]:
    """Return price and reason of a position that ends inside a bar."""
    # the stop is asked first: a bar does not tell in which order it touched both, and doubt goes against the position;
    # a bar that opens beyond a bound was never at it, and fills at its open
    if position.side > 0:
        stopped = MARGIN_CALL if lower == position.called_ticks else STOP
        target = upper - position.through_ticks
        return (min(candle.open, lower), stopped) if candle.low <= lower else (max(candle.open, target), TARGET)
    stopped = MARGIN_CALL if upper == position.called_ticks else STOP
    target = lower + position.through_ticks
    return (max(candle.open, upper), stopped) if candle.high >= upper else (min(candle.open, target), TARGET)


@inlined
def tightened(position: Position, bounds: Bounds) -> Bounds:
    """Return the bounds after a completed bar, moved towards the market or left alone."""
    lower, upper, lowest, highest = bounds
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
    return Bounds(lower, upper, lowest, highest)


@inlined
def exit_at_close(forced: int, turns: bool, is_due: bool) -> int:
    """Return the first reason that ends a position at a bar's close, or at the open after it."""
    if forced & (ROLL_NEXT | SESSION_LAST):
        return ROLL if forced & ROLL_NEXT else SESSION_CLOSE
    if turns:
        return REVERSAL
    return TIME if is_due else LATE_CLOSE


@inlined
def stepped(
    position: Position, bounds: Bounds, bar: int, candle: Candle, bits: int, turns: bool, close_mask: int
) -> tuple[int, int, Bounds]:
    """Work one completed bar through an open position: reason, price and bounds.

    `HELD` keeps it open with these bounds. The price of an exit inside the bar or at its close is before slippage; an
    exit that `fills_at_open` does so at the next one, which nobody knows yet: its price is the close before.
    """
    lower, upper, lowest, highest = bounds
    if candle.low <= lower or candle.high >= upper:
        price, reason = inside_exit(candle, position, lower, upper)
        # the rest of the bar's range may lie behind the exit, so only the price of the exit counts as seen
        return reason, price, Bounds(lower, upper, min(lowest, price), max(highest, price))
    seen = Bounds(lower, upper, min(lowest, candle.low), max(highest, candle.high))
    forced, is_due = bits & close_mask, bar >= position.deadline
    if forced or turns or is_due:
        return exit_at_close(forced, turns, is_due), candle.close, seen
    # the stops move for the next bar: whether extreme or retreat came first inside this one nobody knows
    return HELD, candle.close, tightened(position, seen)


@inlined
def fills_at_open(reason: int) -> bool:
    """Return whether an exit fills at the open after the bar that decided it."""
    return AT_OPEN >> reason & 1 != 0


@inlined
def quiet_bars(columns: Columns, bar: int, position: Position, bounds: Bounds, close_mask: int) -> int:
    """Return how many bars of a block pass before one that touches a bound, turns the position or forces it closed.

    The low alone would tell that the lower bound is touched. Reading the open along with it has the open at hand for
    the fill that follows: fetched on its own, once per trade, it would be waited for as long as the rest takes.
    """
    prices, gate, side = columns
    # a bound that is off lies farther out than 32 bits reach; the outermost price stands for it, where no bar trades
    lower, upper = np.int32(max(bounds.lower, PRICE_LOW)), np.int32(min(bounds.upper, PRICE_HIGH))
    opposite, closing = np.int8(-position.side), np.uint8(close_mask)
    quiet, k = WHOLE_BLOCK, np.int32(0)
    for i in span(bar, bar + BLOCK):
        touches = (min(prices[OPEN, i], prices[LOW, i]) <= lower) | (prices[HIGH, i] >= upper)
        turns = (side[i] == opposite) & (gate[i] & FILL_NEXT != 0)
        ends = touches | turns | (gate[i] & closing != 0)
        quiet = min(quiet, k if ends else WHOLE_BLOCK)
        k = np.int32(k + 1)
    return int(quiet)


@inlined
def widened(prices: PriceArray, bar: int, count: int, bounds: Bounds) -> Bounds:
    """Return the bounds with the extremes of the first `count` bars of a block."""
    lowest, highest = np.int32(PRICE_HIGH), np.int32(PRICE_LOW)
    wanted, k = np.int32(count), np.int32(0)
    for i in span(bar, bar + BLOCK):
        lowest = min(lowest, prices[LOW, i] if k < wanted else np.int32(PRICE_HIGH))
        highest = max(highest, prices[HIGH, i] if k < wanted else np.int32(PRICE_LOW))
        k = np.int32(k + 1)
    return Bounds(bounds.lower, bounds.upper, min(bounds.lowest, int(lowest)), max(bounds.highest, int(highest)))


@inlined
def passed(columns: Columns, bar: int, position: Position, bounds: Bounds, close_mask: int) -> tuple[int, Bounds]:
    """Pass over bars that cannot end a position whose stops stand still; return the next bar to work, and bounds."""
    final = len(columns.gate) - 1
    # the deadline's bar and the last one are left to be worked: each ends a position that nothing else has ended
    last = min(final, position.deadline)
    while bar + WORTH_A_BLOCK <= last and bar + BLOCK <= final:
        quiet = min(quiet_bars(columns, bar, position, bounds, close_mask), last - bar)
        bounds = widened(columns.prices, bar, quiet, bounds)
        bar += quiet
        if quiet < BLOCK:
            break
    return bar, bounds


@inlined
def held(columns: Columns, opening: tuple[Position, Bounds], close_mask: int) -> Departure:
    """Follow an open position until it ends."""
    prices, gate, side = columns
    position, bounds = opening
    # a stop that trails moves with every bar, so no bar may be passed over
    stands_still = position.trailing_ticks == 0 and position.break_even_ticks == 0
    final = len(gate) - 1
    i = position.entry_bar
    while i <= final:
        if stands_still and i >= position.entry_bar + FIRST_BARS:
            i, bounds = passed(columns, i, position, bounds, close_mask)
        candle = Candle(ticks(prices, OPEN, i), ticks(prices, HIGH, i), ticks(prices, LOW, i), ticks(prices, CLOSE, i))
        bits = gate[i]
        # a turn at the last bar would fill at an open that there is not
        turns = side[i] == -position.side and bits & FILL_NEXT != 0 and i < final
        reason, price, bounds = stepped(position, bounds, i, candle, bits, turns, close_mask)
        if reason != HELD and not fills_at_open(reason):
            return Departure(i, price, reason, bounds.lowest, bounds.highest)
        i += 1
        if reason != HELD and i <= final:
            price = ticks(prices, OPEN, i)
            return Departure(i, price, reason, min(bounds.lowest, price), max(bounds.highest, price))
    return Departure(final, ticks(prices, CLOSE, final), END_OF_DATA, bounds.lowest, bounds.highest)


@inlined
def marked(prices: PriceArray, position: Position, end_bar: int, base: int, slope: int, equity: IntArray) -> None:
    """Mark a position at the closes of its bars, `base` plus `slope` a tick; whole blocks, as in `next_signal`."""
    bar = position.entry_bar
    while bar + WORTH_A_BLOCK < min(end_bar, len(equity) - BLOCK + 1):
        for i in span(bar, bar + BLOCK):
            equity[i] = base + slope * ticks(prices, CLOSE, i)
        bar += BLOCK
    for i in span(bar, max(bar, end_bar)):
        equity[i] = base + slope * ticks(prices, CLOSE, i)


@inlined
def booked(ledger: IntArray, count: int, position: Position, departure: Departure, rules: Rules) -> int:
    """Write a closed trade into the ledger and return its net in micro-dollars."""
    side = position.side
    paid_ticks = 0 if departure.reason == TARGET else rules.slippage_ticks
    exit_ticks = departure.price_ticks - side * paid_ticks
    slippage = (rules.slippage_ticks + paid_ticks) * rules.tick_micros  # already within both fills, and so in the gain
    commission = 2 * rules.commission_micros
    gain = side * (exit_ticks - position.entry_ticks) * rules.tick_micros
    down = max(position.entry_ticks - min(departure.lowest, exit_ticks), 0)
    up = max(max(departure.highest, exit_ticks) - position.entry_ticks, 0)
    ledger[count, ENTRY_BAR] = position.entry_bar
    ledger[count, EXIT_BAR] = departure.bar
    ledger[count, SIDE] = side
    ledger[count, ENTRY_TICKS] = position.entry_ticks
    ledger[count, EXIT_TICKS] = exit_ticks
    ledger[count, GROSS] = gain + slippage
    ledger[count, COMMISSION] = commission
    ledger[count, SLIPPAGE] = slippage
    ledger[count, NET] = gain - commission
    ledger[count, REASON] = departure.reason
    ledger[count, MAE] = down if side > 0 else up
    ledger[count, MFE] = up if side > 0 else down
    return gain - commission


@inlined
def bust_bar(ledger: IntArray, count: int, is_bust: bool) -> int:
    """Return the bar of the last exit, after which a bust account has traded nothing; 0 without any, -1 if not bust."""
    if not is_bust:
        return -1
    return int(ledger[count - 1, EXIT_BAR]) if count else 0


@compiled
def simulate(
    prices: PriceArray,
    gate: GateArray,
    side: SideArray,
    units: Units,
    rules: Rules,
    purse: Purse,
    ledger: IntArray,
    equity: IntArray,
) -> tuple[int, int, int, int]:
    """Run a whole series.

    Returns:
        The number of trades, of bars with a position and of refused entries, and the bar in which the account went
        bust (-1: it did not).
    """
    stop_unit, target_unit = units
    columns = Columns(prices, gate, side)
    n = len(equity)
    cash = purse.account_micros
    count = 0
    bars_in_position = 0
    refused = 0
    signal_bar = next_signal(gate, side, 0, cash, equity)
    while signal_bar < n:
        room = FAR
        if purse.is_watched:
            if cash < purse.margin_micros:
                refused += 1
                signal_bar = next_signal(gate, side, signal_bar + 1, cash, equity)
                continue
            room = room_ticks(cash - rules.commission_micros - purse.margin_micros, rules.tick_micros)
        at_signal = unit_at(stop_unit, signal_bar), unit_at(target_unit, signal_bar)
        towards = int(side[signal_bar])
        fill = ticks(prices, OPEN, signal_bar + 1) + towards * rules.slippage_ticks
        opening = entered(towards, signal_bar + 1, fill, at_signal, rules, room)
        departure = held(columns, opening, rules.close_mask)
        position = opening[0]
        slope = towards * rules.tick_micros
        marked(prices, position, departure.bar, cash - rules.commission_micros - slope * fill, slope, equity)
        cash += booked(ledger, count, position, departure, rules)
        count += 1
        # who leaves at an open has not held that bar
        bars_in_position += departure.bar - position.entry_bar + (0 if fills_at_open(departure.reason) else 1)
        if departure.reason == REVERSAL:
            # the signal that turned the position opens the next one, at the same open
            signal_bar = departure.bar - 1
        else:
            signal_bar = next_signal(gate, side, departure.bar, cash, equity)
    is_bust = purse.is_watched and cash < purse.contract_margin_micros
    return count, bars_in_position, refused, bust_bar(ledger, count, is_bust)
