"""Entry rules as a person would check them on paper: one bar at a time, every window recomputed from scratch."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.harness.known import known
from trading.market.bars import Bars
from trading.market.sessions import SessionIndex

NOTHING, BUY, SELL = 0, 1, -1

Genome = Mapping[str, Any]
"""Numbers by name, whole ones and others alike."""
Rule = Callable[[int], int]
"""The side a strategy wants at a bar."""
Opening = tuple[int, int, int]
"""The gap, today's open, bars since the open."""


class Chart:
    """Lists of prices without roll gaps, and where each bar stands in its session."""

    def __init__(self, bars: Bars, sessions: SessionIndex) -> None:
        """Shift every contract so that it opens where the one before closed."""
        self.n = len(bars)
        raw = [
            [int(v) for v in column] for column in (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)
        ]
        contract = [int(v) for v in bars.contract]
        shift, shifts = 0, []
        for i in range(self.n):
            if i and contract[i] != contract[i - 1]:
                shift += raw[0][i] - raw[3][i - 1]
            shifts.append(shift)
        self.open, self.high, self.low, self.close = (
            [value - by for value, by in zip(column, shifts, strict=True)] for column in raw
        )
        self.volume = [int(v) for v in bars.volume]
        self.knows_volume = any(self.volume)
        self.day = [int(v) for v in sessions.trading_day]
        self.is_open = [bool(v) for v in sessions.is_open]
        self.session_begins = [self._begins(i) for i in range(self.n)]

    def _begins(self, i: int) -> bool:
        if i == 0 or not self.is_open[i]:
            return False
        return not any(self.is_open[j] and self.day[j] == self.day[i] for j in range(max(0, i - 200), i))

    def session_bars(self, i: int) -> list[int]:
        """Return the in-session bars of today up to i, oldest first; none where today's beginning is not shown."""
        begin = next((j for j in range(i, -1, -1) if self.session_begins[j]), None)
        if begin is None or not self.is_open[i]:
            return []
        return [j for j in range(begin, i + 1) if self.is_open[j]]

    def true_range(self, i: int) -> int:
        """Return the range of bar i including the way from the previous close."""
        before = self.close[i - 1]
        return max(self.high[i], before) - min(self.low[i], before)


def wilder(values: Sequence[float], period: int) -> list[float | None]:
    """Return Wilder's average of a list, None until `period` values are there."""
    out: list[float | None] = [None] * len(values)
    for i in range(period - 1, len(values)):
        before = out[i - 1]
        if i == period - 1 or before is None:
            out[i] = sum(values[:period]) / period
        else:
            out[i] = (before * (period - 1) + values[i]) / period
    return out


def exponential(values: Sequence[float], period: int) -> list[float | None]:
    """Return the exponential average, None until `period` values are there."""
    out: list[float | None] = [None] * len(values)
    for i in range(period - 1, len(values)):
        before = out[i - 1]
        if i == period - 1 or before is None:
            out[i] = sum(values[:period]) / period
        else:
            out[i] = before + (values[i] - before) * (2.0 / (period + 1))
    return out


def average_true_range(chart: Chart, period: int) -> list[float | None]:
    """Return the average true range per bar; the first bar has no previous close."""
    return [None, *wilder([chart.true_range(i) for i in range(1, chart.n)], period)]


def strengths(chart: Chart, period: int) -> list[tuple[float, float] | None]:
    """Return (share of rises, share of falls) in percent per bar, 50/50 where nothing ever moved."""
    moves = [chart.close[i] - chart.close[i - 1] for i in range(1, chart.n)]
    ups = [None, *wilder([max(move, 0) / 1 for move in moves], period)]
    downs = [None, *wilder([max(-move, 0) / 1 for move in moves], period)]
    out: list[tuple[float, float] | None] = []
    for up, down in zip(ups, downs, strict=True):
        if up is None or down is None:
            out.append(None)
        else:
            out.append((100 * up / (up + down), 100 * down / (up + down)) if up + down > 1e-14 else (50.0, 50.0))
    return out


def vwap(chart: Chart, i: int) -> float | None:
    """Return the session's volume-weighted typical price at bar i, None where unknown."""
    bars = chart.session_bars(i)
    weights = {j: chart.volume[j] if chart.knows_volume else 1 for j in bars}
    traded = sum(weights.values())
    if not traded:
        return None
    return sum((chart.high[j] + chart.low[j] + chart.close[j]) * weights[j] for j in bars) / (3 * traded)


def loud(chart: Chart, i: int, genome: Genome) -> bool:
    """Return whether the volume condition holds or is switched off."""
    ratio, window = genome["volume_ratio"], genome["volume_bars"]
    if not chart.knows_volume or ratio == 0:
        return True
    return bool(i >= window - 1 and chart.volume[i] >= ratio * (sum(chart.volume[i - window + 1 : i + 1]) / window))


def breakout(chart: Chart, genome: Genome) -> Rule:
    """Buy a close above the highest high of the bars before."""
    window = genome["range_bars"]

    def at(i: int) -> int:
        if i < window or not loud(chart, i, genome):
            return NOTHING
        if chart.close[i] > max(chart.high[i - window : i]):
            return BUY
        return SELL if chart.close[i] < min(chart.low[i - window : i]) else NOTHING

    return at


def mean_reversion(chart: Chart, genome: Genome) -> Rule:
    """Buy a market of falls that is far below its session average."""
    atr, shares = average_true_range(chart, genome["atr_period"]), strengths(chart, genome["rsi_period"])

    def at(i: int) -> int:
        fair, share = vwap(chart, i), shares[i]
        if fair is None or atr[i] is None or share is None:
            return NOTHING
        far = genome["vwap_distance_atr"] * atr[i]
        if share[0] <= genome["rsi_extreme"] and fair - chart.close[i] >= far:
            return BUY
        return SELL if share[1] <= genome["rsi_extreme"] and chart.close[i] - fair >= far else NOTHING

    return at


def vwap_touch(chart: Chart, genome: Genome) -> Rule:
    """Buy a close above the session average after a close just below it, in the same session."""
    atr = average_true_range(chart, genome["atr_period"])

    def at(i: int) -> int:
        if i == 0 or chart.session_begins[i] or atr[i - 1] is None:
            return NOTHING
        then, now = vwap(chart, i - 1), vwap(chart, i)
        if then is None or now is None or abs(chart.close[i - 1] - then) > genome["touch_atr"] * atr[i - 1]:
            return NOTHING
        if chart.close[i - 1] <= then and chart.close[i] > now:
            return BUY
        return SELL if chart.close[i - 1] >= then and chart.close[i] < now else NOTHING

    return at


def trend(chart: Chart, genome: Genome) -> Rule:
    """Buy where the fast average is above the slow one and momentum is up, if that was not so a bar ago."""
    atr = average_true_range(chart, genome["atr_period"])
    fast, slow = exponential(chart.close, genome["ema_fast"]), exponential(chart.close, genome["ema_slow"])
    back = genome["momentum_bars"]

    def state(i: int) -> int:
        quick, steady = fast[i], slow[i]
        if i < back or atr[i] is None or quick is None or steady is None:
            return NOTHING
        move, enough = chart.close[i] - chart.close[i - back], genome["momentum_atr"] * atr[i]
        if quick > steady and move > enough:
            return BUY
        return SELL if quick < steady and -move > enough else NOTHING

    return lambda i: state(i) if i and state(i) != state(i - 1) else NOTHING


def opening_gap(chart: Chart, i: int) -> Opening | None:
    """Return (gap, today's open, bars since the open) or None where either session is not known."""
    today = chart.session_bars(i) or []
    if not today:
        return None
    before = [j for j in range(today[0]) if chart.is_open[j]]
    if not before:
        return None
    opened = chart.open[today[0]]
    return opened - chart.close[before[-1]], opened, len(today) - 1


def fill_level_distance(chart: Chart, genome: Genome, i: int, side: int) -> float:
    """Return how far the close is from the level that fills the wanted part of the gap."""
    gap, opened, _ = known(opening_gap(chart, i))
    return side * (opened - float(genome["fill_fraction"]) * gap - chart.close[i])


def against_gap(chart: Chart, genome: Genome, wanted: Callable[[int, int, Opening], bool]) -> Rule:
    """Trade against a gap that is large enough and not yet filled, where `wanted` says so."""
    atr = average_true_range(chart, genome["atr_period"])

    def at(i: int) -> int:
        facts = opening_gap(chart, i)
        if facts is None or atr[i] is None or facts[0] == 0 or abs(facts[0]) < genome["gap_min_atr"] * atr[i]:
            return NOTHING
        side = BUY if facts[0] < 0 else SELL
        return side if wanted(i, side, facts) and fill_level_distance(chart, genome, i, side) > 0 else NOTHING

    return at


def gap_fade(chart: Chart, genome: Genome) -> Rule:
    """Trade against the gap on the session's first bar."""
    return against_gap(chart, genome, lambda i, side, facts: facts[2] == 0)


def gap_fill(chart: Chart, genome: Genome) -> Rule:
    """Trade against the gap where the young session first closes beyond its open towards the old close."""

    def crossed(i: int, side: int, facts: Opening) -> bool:
        _, opened, since = facts
        now = side * (chart.close[i] - opened)
        before = 0 if since == 0 else side * (chart.close[i - 1] - opened)
        return since < genome["entry_window_bars"] and now > 0 >= before

    return against_gap(chart, genome, crossed)


def reversal(chart: Chart, genome: Genome) -> Rule:
    """Buy a market of falls on a bar that makes the low of its window."""
    shares, window = strengths(chart, genome["rsi_period"]), genome["extreme_bars"]

    def at(i: int) -> int:
        share = shares[i]
        if i < window - 1 or share is None:
            return NOTHING
        span = slice(i - window + 1, i + 1)
        if share[0] <= genome["rsi_extreme"] and chart.low[i] == min(chart.low[span]):
            return BUY
        at_top = chart.high[i] == max(chart.high[span])
        return SELL if share[1] <= genome["rsi_extreme"] and at_top else NOTHING

    return at


def range_scalp(chart: Chart, genome: Genome) -> Rule:
    """Buy the lower zone of a tight range."""
    atr, window = average_true_range(chart, genome["atr_period"]), genome["range_bars"]

    def at(i: int) -> int:
        if i < window - 1 or atr[i] is None:
            return NOTHING
        top, bottom = max(chart.high[i - window + 1 : i + 1]), min(chart.low[i - window + 1 : i + 1])
        width = top - bottom
        if not 0 < width <= genome["range_atr"] * atr[i]:
            return NOTHING
        if chart.close[i] - bottom <= genome["zone_fraction"] * width:
            return BUY
        return SELL if top - chart.close[i] <= genome["zone_fraction"] * width else NOTHING

    return at


def momentum_surge(chart: Chart, genome: Genome) -> Rule:
    """Buy a large loud rise."""
    atr, back = average_true_range(chart, genome["atr_period"]), genome["momentum_bars"]

    def at(i: int) -> int:
        if i < back or atr[i] is None or not loud(chart, i, genome):
            return NOTHING
        move, enough = chart.close[i] - chart.close[i - back], genome["momentum_atr"] * atr[i]
        if move >= enough:
            return BUY
        return SELL if -move >= enough else NOTHING

    return at


RULES: dict[str, Callable[[Chart, Genome], Rule]] = {
    "BREAKOUT": breakout,
    "MEAN_REVERSION": mean_reversion,
    "VWAP_TOUCH": vwap_touch,
    "TREND_CONTINUATION": trend,
    "GAP_FADE": gap_fade,
    "GAP_FILL": gap_fill,
    "REVERSAL": reversal,
    "RANGE_SCALP": range_scalp,
    "MOMENTUM_SURGE": momentum_surge,
}


def warm_up(family: str, genome: Genome) -> int:
    """Return the first bar whose averages owe one in ten thousand to a beginning twenty times off."""

    def forgets(period: int, weight: float) -> int:
        return period + math.ceil(math.log(20 / 1e-4) / -math.log(1 - weight))

    waits = [forgets(genome["atr_period"], 1 / genome["atr_period"])]
    if "rsi_period" in genome:
        waits.append(forgets(genome["rsi_period"], 1 / genome["rsi_period"]))
    if family == "TREND_CONTINUATION":
        waits.append(forgets(genome["ema_slow"], 2 / (genome["ema_slow"] + 1)))
    waits += [genome[name] + 1 for name in genome if name.endswith("_bars") and name in WINDOWS]
    return max(waits)


WINDOWS = ("range_bars", "volume_bars", "extreme_bars", "momentum_bars")


def wanted_sides(
    bars: Bars, sessions: SessionIndex, family: str, genome: Genome
) -> tuple[list[int], list[float | None], list[float | None]]:
    """Return (side per bar, stop unit per bar, target unit per bar)."""
    chart = Chart(bars, sessions)
    atr = average_true_range(chart, genome["atr_period"])
    rule, first = RULES[family](chart, genome), warm_up(family, genome)
    sides, targets = [NOTHING] * chart.n, list(atr)
    for i in range(first, chart.n):
        if chart.is_open[i] and (atr[i] or 0) > 0:
            sides[i] = rule(i)
            if sides[i] and family.startswith("GAP"):
                targets[i] = fill_level_distance(chart, genome, i, sides[i])
    return sides, atr, targets
