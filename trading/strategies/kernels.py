"""Compiled loops over bars: indicators, the tape's gate, and the entry rules of every family.

Belongs here: Numba, and nothing but loops over primitive arrays; callers validate and allocate.
Does not belong here: public documentation (`indicators.py`, `signals.py`), parameters (`genome.py`).

No `fastmath` and no parallel reduction: the same bytes on every machine. Price arrays are in ticks, oldest first. Sums
keep what rounding takes away in a second float: a last digit would decide whether a price is above its own average.
"""

import numpy as np

from trading.arrays import BoolArray, FloatArray, GateArray, IntArray, PriceArray, SideArray
from trading.compiling import compiled, inlined, span

IN_SESSION = 1
FILL_NEXT = 2
SESSION_LAST = 4
ROLL_NEXT = 8
SESSION_START = 16
SESSION_CUT = 32

SPLIT = 2.0**27 + 1.0  # parts the 53 bits of a float into halves whose products are exact
NOTHING = 1e-18


@inlined
def two_sum(left: float, right: float) -> tuple[float, float]:
    """Return the rounded sum of two numbers and what rounding took away, exactly (Knuth's TwoSum)."""
    total = left + right
    kept = total - left
    return total, (left - (total - kept)) + (right - kept)


@inlined
def two_product(left: float, right: float) -> tuple[float, float]:
    """Return the rounded product of two numbers and what rounding took away, exactly (Dekker's TwoProduct)."""
    product = left * right
    left_high = left * SPLIT - (left * SPLIT - left)
    right_high = right * SPLIT - (right * SPLIT - right)
    left_low, right_low = left - left_high, right - right_high
    rest = ((left_high * right_high - product) + left_high * right_low + left_low * right_high) + left_low * right_low
    return product, rest


@inlined
def quotient(total: float, rest: float, divisor: float) -> float:
    """Return `(total + rest) / divisor` as if rounded once; `rest` is what rounding took away from `total`."""
    rounded = total / divisor
    if rest == 0.0:
        return rounded
    product, lost = two_product(rounded, divisor)
    return rounded + ((total - product) - lost + rest) / divisor


@compiled
def sma(values: FloatArray, period: int, rests: FloatArray, out: FloatArray) -> None:
    """Write the simple average of the last `period` values; `rests` is working memory of the same shape.

    Sums are of whole windows, joined from blocks as in `highest`, and kept in two floats each: nothing that left a
    window has a trace in it, and values all alike have exactly themselves as their average.
    """
    n = len(values)
    out[: period - 1] = np.nan
    for start in range(0, n - period + 1, period):
        total, rest = 0.0, 0.0
        for j in range(start + period - 1, start - 1, -1):
            total, lost = two_sum(total, values[j])
            rest += lost
            if j + period - 1 < n:
                out[j + period - 1] = total
                rests[j + period - 1] = rest
        out[start + period - 1] = quotient(total, rest, period)
        total, rest = 0.0, 0.0
        for i in range(start + period, min(start + 2 * period - 1, n)):
            total, lost = two_sum(total, values[i])
            rest += lost
            joined, lost = two_sum(out[i], total)
            out[i] = quotient(joined, rests[i] + rest + lost, period)


@inlined
def smoothed(average: float, rest: float, value: float, weight: float) -> tuple[float, float]:
    """Return an exponential average, in two floats, one value later.

    The first alone would stop some last digits beside a value that stays, on the side it came from, and so decide
    comparisons with it. The second smooths what rounding took away; neither waits for the other. Beside zeros it would
    fade for ever; what is less than `NOTHING` has arrived.
    """
    if value == 0.0 and abs(average) < NOTHING:
        return 0.0, 0.0
    average, lost = two_sum(average, (value - average) * weight)
    return average, rest * (1.0 - weight) + lost


@compiled
def ema(values: FloatArray, period: int, out: FloatArray) -> None:
    """Write the exponential average, begun with the simple average of the first `period` values."""
    out[: period - 1] = np.nan
    if len(values) < period:
        return
    total, rest = 0.0, 0.0
    for i in range(period):
        total, lost = two_sum(total, values[i])
        rest += lost
    average, rest = quotient(total, rest, period), 0.0
    out[period - 1] = average
    weight = 2.0 / (period + 1)
    for i in range(period, len(values)):
        average, rest = smoothed(average, rest, values[i], weight)
        out[i] = average + rest


@compiled
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the range of a bar, widened to the previous close."""
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


@compiled
def atr(high: FloatArray, low: FloatArray, close: FloatArray, period: int, out: FloatArray) -> None:
    """Write Wilder's average true range."""
    out[:period] = np.nan
    if len(close) <= period:
        return
    total, rest = 0.0, 0.0
    for i in range(1, period + 1):
        total, lost = two_sum(total, true_range(high[i], low[i], close[i - 1]))
        rest += lost
    average, rest = quotient(total, rest, period), 0.0
    out[period] = average
    for i in range(period + 1, len(close)):
        average, rest = smoothed(average, rest, true_range(high[i], low[i], close[i - 1]), 1.0 / period)
        out[i] = average + rest


@compiled
def strength(values: FloatArray, period: int, flat_pct: float, up_pct: FloatArray, down_pct: FloatArray) -> None:
    """Write the share of rises (Wilder's RSI) and of falls in the average move, both 0-100.

    Sums stand for averages, and a bar without a move, which fades both alike, fades neither but a factor of both: so
    the shares stay exactly what they are until something moves, or until nothing is left to share.
    """
    up_pct[:period] = np.nan
    down_pct[:period] = np.nan
    gain, loss, faded = 0.0, 0.0, 1.0
    kept = (period - 1) / period
    for i in range(1, len(values)):
        change = values[i] - values[i - 1]
        fading = faded * kept if i > period else faded
        gain = gain * fading + change if change > 0.0 else gain * fading if change < 0.0 else gain
        loss = loss * fading - change if change < 0.0 else loss * fading if change > 0.0 else loss
        faded = fading if change == 0.0 else 1.0
        if i >= period:
            moves = gain + loss
            share = moves * faded > 1e-14 * period
            up_pct[i] = 100.0 * gain / moves if share else flat_pct
            down_pct[i] = 100.0 * loss / moves if share else flat_pct


@compiled
def highest(values: FloatArray, period: int, out: FloatArray) -> None:
    """Write the largest of the last `period` values; two passes over blocks of `period`, whatever the period."""
    n = len(values)
    out[: period - 1] = np.nan
    # every window is the tail of one block and the head of the next: tails are written first, then heads join them
    for start in range(0, n - period + 1, period):
        peak = values[start + period - 1]
        for j in range(start + period - 1, start - 1, -1):
            peak = max(peak, values[j])
            if j + period - 1 < n:
                out[j + period - 1] = peak
        peak = -np.inf
        for i in range(start + period, min(start + 2 * period - 1, n)):
            peak = max(peak, values[i])
            out[i] = max(out[i], peak)


@compiled
def lowest(values: FloatArray, period: int, out: FloatArray) -> None:
    """Write the smallest of the last `period` values; two passes over blocks of `period`, whatever the period."""
    n = len(values)
    out[: period - 1] = np.nan
    for start in range(0, n - period + 1, period):
        trough = values[start + period - 1]
        for j in range(start + period - 1, start - 1, -1):
            trough = min(trough, values[j])
            if j + period - 1 < n:
                out[j + period - 1] = trough
        trough = np.inf
        for i in range(start + period, min(start + 2 * period - 1, n)):
            trough = min(trough, values[i])
            out[i] = min(out[i], trough)


@compiled
def momentum(values: FloatArray, period: int, out: FloatArray) -> None:
    """Write the change over `period` bars."""
    out[:period] = np.nan
    for i in range(period, len(values)):
        out[i] = values[i] - values[i - period]


@compiled
def session_vwap(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, gate: GateArray, out: FloatArray
) -> None:
    """Write the volume-weighted typical price since the session began; NaN outside and before the first start."""
    anchored = False
    turnover, rest, traded = 0.0, 0.0, 0.0
    for i in range(len(close)):
        if gate[i] & SESSION_START:
            anchored = True
            turnover, rest, traded = 0.0, 0.0, 0.0
        if anchored and gate[i] & IN_SESSION:
            turnover, lost = two_sum(turnover, (high[i] + low[i] + close[i]) * volume[i])
            rest += lost
            traded += volume[i]
            # a typical price is a third of three prices; divided here once, it is not rounded at every bar
            out[i] = quotient(turnover, rest, 3.0 * traded) if traded > 0.0 else np.nan
        else:
            out[i] = np.nan


@compiled
def session_gap(
    open_: FloatArray, close: FloatArray, gate: GateArray, gap: FloatArray, opened: FloatArray, elapsed: FloatArray
) -> None:
    """Write the session's opening gap, its open, and the bars since that open."""
    previous_close = np.nan  # the first session has no gap, and no comparison with it holds
    current_gap = np.nan
    current_open = np.nan
    bars = np.nan
    for i in range(len(close)):
        if gate[i] & SESSION_START:
            current_open = open_[i]
            current_gap = current_open - previous_close
            bars = -1.0
        if gate[i] & IN_SESSION:
            bars += 1.0
            previous_close = close[i]
        gap[i] = current_gap
        opened[i] = current_open
        elapsed[i] = bars


@inlined
def mark_cuts(trading_day: IntArray, is_open: BoolArray, gate: GateArray) -> None:
    """Add `SESSION_CUT` to the last bar that a day has in session where that is not the session's last by the clock."""
    ahead = trading_day[-1] + 1  # the day of the next bar in session: as yet none
    for i in range(len(gate) - 1, -1, -1):
        if is_open[i]:
            if trading_day[i] != ahead and not gate[i] & SESSION_LAST and i + 1 < len(gate):
                gate[i] |= SESSION_CUT
            ahead = trading_day[i]


@compiled
def gate_of(trading_day: IntArray, is_open: BoolArray, is_last: BoolArray, contract: IntArray, gate: GateArray) -> int:
    """Write the gate byte of every bar and return the number of rolls."""
    n = len(gate)
    rolls = 0
    seen = False
    day = trading_day[0]
    for i in range(n):
        bits = SESSION_LAST if is_last[i] else 0
        if is_open[i]:
            bits |= IN_SESSION
            # a series may begin anywhere in a session, so its first bar starts none
            if i > 0 and (not seen or trading_day[i] != day):
                bits |= SESSION_START
            seen = True
            day = trading_day[i]
        # nothing fills across a roll: the next open is the price of another contract
        if i + 1 < n and contract[i + 1] != contract[i]:
            bits |= ROLL_NEXT
            rolls += 1
        elif i + 1 < n and is_open[i] and is_open[i + 1]:
            bits |= FILL_NEXT
        gate[i] = bits
    mark_cuts(trading_day, is_open, gate)
    return rolls


@compiled
def travel(prices: PriceArray) -> int:
    """Return twice the sum of all ranges plus the sum of all steps from a close to the next open, in ticks."""
    # widened before they are subtracted: the range of two 32-bit prices may need 33
    ticks = 2 * (np.int64(prices[1, 0]) - np.int64(prices[2, 0]))
    for i in span(1, prices.shape[1]):
        ticks += 2 * (np.int64(prices[1, i]) - np.int64(prices[2, i]))
        ticks += abs(np.int64(prices[0, i]) - np.int64(prices[3, i - np.uint64(1)]))
    return int(ticks)


@compiled
def forward_adjusted(prices: PriceArray, row: int, gate: GateArray, out: FloatArray) -> None:
    """Write one row of prices (open, high, low, close) from which the gap of every roll so far is taken out."""
    gap = 0
    for i in range(len(out)):
        if i > 0 and gate[i - 1] & ROLL_NEXT:
            gap += int(prices[0, i]) - int(prices[3, i - 1])
        out[i] = int(prices[row, i]) - gap


@compiled
def permit(gate: GateArray, atr_: FloatArray, warm_up_bars: int, side: SideArray) -> None:
    """Silence signals before the warm-up, outside the session, and where nothing moves."""
    side[: min(warm_up_bars, len(side))] = 0
    for i in range(warm_up_bars, len(side)):
        # asked for what must hold, not for its opposite: NaN fails it and is silenced too; so everywhere below
        if not (gate[i] & IN_SESSION and atr_[i] > 0.0):
            side[i] = 0


@compiled
def require_volume(volume: FloatArray, average: FloatArray, ratio: float, side: SideArray) -> None:
    """Silence signals on bars with less volume than `ratio` times the average."""
    for i in range(len(side)):
        if not volume[i] >= ratio * average[i]:
            side[i] = 0


@compiled
def breakout(close: FloatArray, ceiling: FloatArray, floor: FloatArray, side: SideArray) -> None:
    """Write a side where the close leaves the range of the bars before."""
    side[0] = 0
    for i in range(1, len(side)):
        side[i] = (close[i] > ceiling[i - 1]) - (close[i] < floor[i - 1])


@compiled
def mean_reversion(
    close: FloatArray,
    vwap: FloatArray,
    atr_: FloatArray,
    strengths: tuple[FloatArray, FloatArray],
    limits: tuple[float, float],
    side: SideArray,
) -> None:
    """Write a side against a one-sided market far from its session average."""
    up_pct, down_pct = strengths
    extreme, distance_atr = limits
    for i in range(len(side)):
        distance = distance_atr * atr_[i]
        below = up_pct[i] <= extreme and vwap[i] - close[i] >= distance
        above = down_pct[i] <= extreme and close[i] - vwap[i] >= distance
        side[i] = below - above


@compiled
def vwap_touch(
    close: FloatArray, vwap: FloatArray, atr_: FloatArray, gate: GateArray, touch_atr: float, side: SideArray
) -> None:
    """Write a side where a close near the session average is followed by one beyond it."""
    side[0] = 0
    for i in range(1, len(side)):
        was = close[i - 1] - vwap[i - 1]
        now = close[i] - vwap[i]
        # where a session starts its average does too, and the bar before was held against another one
        near = abs(was) <= touch_atr * atr_[i - 1] and not gate[i] & SESSION_START
        side[i] = (near and was <= 0.0 and now > 0.0) - (near and was >= 0.0 and now < 0.0)


@compiled
def trend(
    fast: FloatArray, slow: FloatArray, momentum_: FloatArray, atr_: FloatArray, momentum_atr: float, side: SideArray
) -> None:
    """Write a side where averages and momentum begin to agree."""
    before = 0
    for i in range(len(side)):
        surge = momentum_atr * atr_[i]
        up = fast[i] > slow[i] and momentum_[i] > surge
        down = fast[i] < slow[i] and -momentum_[i] > surge
        state = up - down
        side[i] = state if state != before else 0
        before = state


@compiled
def gap_fade(gap: FloatArray, elapsed: FloatArray, side: SideArray) -> None:
    """Write the side against the gap on the first bar of a session."""
    for i in range(len(side)):
        first = elapsed[i] == 0.0
        side[i] = (first and gap[i] < 0.0) - (first and gap[i] > 0.0)


@compiled
def gap_fill(
    close: FloatArray, gap: FloatArray, opened: FloatArray, elapsed: FloatArray, window_bars: int, side: SideArray
) -> None:
    """Write the side against the gap where a young session crosses its own open towards the old close."""
    side[0] = 0
    for i in range(1, len(side)):
        young = elapsed[i] < window_bars
        # the first bar of a session comes from its own open
        before = 0.0 if elapsed[i] == 0.0 else close[i - 1] - opened[i]
        now = close[i] - opened[i]
        up = young and gap[i] < 0.0 and now > 0.0 and before <= 0.0
        down = young and gap[i] > 0.0 and now < 0.0 and before >= 0.0
        side[i] = up - down


@compiled
def require_gap(
    close: FloatArray,
    gap: FloatArray,
    opened: FloatArray,
    atr_: FloatArray,
    limits: tuple[float, float],
    remaining: FloatArray,
    side: SideArray,
) -> None:
    """Silence small or already filled gaps; write what is left to the fill level in the direction of the trade."""
    gap_min_atr, fill_fraction = limits
    for i in range(len(side)):
        remaining[i] = side[i] * (opened[i] - fill_fraction * gap[i] - close[i])
        if not (abs(gap[i]) >= gap_min_atr * atr_[i] and remaining[i] > 0.0):
            side[i] = 0


@compiled
def reversal(
    prices: tuple[FloatArray, FloatArray],
    extremes: tuple[FloatArray, FloatArray],
    strengths: tuple[FloatArray, FloatArray],
    extreme: float,
    side: SideArray,
) -> None:
    """Write a side against a one-sided market at a new extreme."""
    high, low = prices
    ceiling, floor = extremes
    up_pct, down_pct = strengths
    for i in range(len(side)):
        below = up_pct[i] <= extreme and low[i] <= floor[i]
        above = down_pct[i] <= extreme and high[i] >= ceiling[i]
        side[i] = below - above


@compiled
def range_scalp(
    close: FloatArray,
    ceiling: FloatArray,
    floor: FloatArray,
    atr_: FloatArray,
    limits: tuple[float, float],
    side: SideArray,
) -> None:
    """Write a side at the edge of a tight range, towards its middle."""
    range_atr, zone_fraction = limits
    for i in range(len(side)):
        width = ceiling[i] - floor[i]
        zone = zone_fraction * width
        tight = 0.0 < width <= range_atr * atr_[i]
        side[i] = (tight and close[i] - floor[i] <= zone) - (tight and ceiling[i] - close[i] <= zone)


@compiled
def momentum_surge(momentum_: FloatArray, atr_: FloatArray, momentum_atr: float, side: SideArray) -> None:
    """Write the side of a large move."""
    for i in range(len(side)):
        surge = momentum_atr * atr_[i]
        side[i] = (momentum_[i] >= surge) - (-momentum_[i] >= surge)


@compiled
def first_without_unit(side: SideArray, unit: FloatArray, widest: float) -> int:
    """Return the first bar that signals without a unit above zero and up to `widest`; -1 if there is none."""
    for i in range(len(side)):
        if side[i] != 0 and not 0.0 < unit[i] <= widest:
            return i
    return -1


@inlined
def spread_steps(close: PriceArray, fast_bars: int, slow_bars: int, steps: IntArray) -> None:
    """Write by how much each close after the first `slow_bars` moves the spread of the sums, weighted with lengths."""
    newest, fast_oldest = np.uint64(slow_bars), np.uint64(slow_bars - fast_bars)
    for k in span(0, len(steps)):
        entering = (slow_bars - fast_bars) * np.int64(close[k + newest])
        steps[k] = entering - slow_bars * np.int64(close[k + fast_oldest]) + fast_bars * np.int64(close[k])


@inlined
def crossings(spreads: IntArray, side: SideArray) -> None:
    """Write a side where a spread leaves zero or changes its sign; `spreads` begins one bar before `side`."""
    for k in span(0, len(side)):
        before, now = spreads[k], spreads[k + np.uint64(1)]
        side[k] = ((now > 0) & (before <= 0)) - ((now < 0) & (before >= 0))


@compiled
def sma_cross(close: PriceArray, fast_bars: int, slow_bars: int, spreads: IntArray, side: SideArray) -> None:
    """Write a side where two simple averages of integer closes cross; exact, for benchmarks.

    The spread of the averages times both their lengths is an integer, and so is its step from bar to bar. `spreads`
    holds those of the bars worked at a time: steps and crossings are vectorised, only the sum runs bar by bar.
    """
    n = len(side)
    first = min(slow_bars, n)
    side[:first] = 0
    spread = 0
    for i in range(first):
        weight = slow_bars - fast_bars if i >= slow_bars - fast_bars else -fast_bars
        spread += weight * int(close[i])
    for start in range(first, n, len(spreads) - 1):
        count = min(len(spreads) - 1, n - start)
        spreads[0] = spread
        spread_steps(close[start - slow_bars : start + count], fast_bars, slow_bars, spreads[1 : count + 1])
        for k in span(1, count + 1):
            spread += spreads[k]
            spreads[k] = spread
        crossings(spreads[: count + 1], side[start : start + count])
