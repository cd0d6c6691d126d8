"""Bars that were made from marks: a price at each full hour, joined by straight lines, with nothing in between.

Belongs here: telling such bars from traded ones, and what is left of them without the lines. Does not belong here:
refusing them; they are real prices, they only hide what happened inside each bar.

A bar between two marks has no wicks: its high is its open or its close, and so is its low. Stops and targets are then
touched only on the line: a stop that the hour really touched and left again is never filled, and one that is filled is
filled at its own price although no trade is known there. A tight stop becomes a free option, and every figure of a
strategy with stops is flattered, beyond recognition where a search may choose the stop.

Of the series this was checked against, bars from marks have a share of 1.00, traded futures at most 0.41 (thin minutes
and thin hours), spot currencies under 0.04.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np

from trading.market.bars import SIMULATED, Bars, bars_from_columns, columns_of

MARKS_SHARE = 0.9
MINIMUM_BARS = 50
MARKS_SUFFIX = "-MARKS"


class BarsKind(StrEnum):
    """Whether bars are traded ones, only marks, or made up; what was earned on one kind says nothing of another."""

    REAL = "REAL"
    MARKS = "MARKS"
    SIMULATED = "SIMULATED"


def wickless_share(bars: Bars) -> float | None:
    """Return the share of bars whose high and low are their open and close, 0-1.

    Bars without any range say nothing about wicks and are left out.

    Args:
        bars: Any timeframe, oldest first.

    Returns:
        The share; None with fewer than 50 bars that have a range.
    """
    ranged = bars.high_ticks > bars.low_ticks
    if int(ranged.sum()) < MINIMUM_BARS:
        return None
    body_high = np.maximum(bars.open_ticks, bars.close_ticks)
    body_low = np.minimum(bars.open_ticks, bars.close_ticks)
    wickless = (bars.high_ticks == body_high) & (bars.low_ticks == body_low) & ranged
    return float(wickless.sum() / ranged.sum())


def marks_note(bars: Bars) -> str | None:
    """Return the sentence a series of marks carries into every session that runs over it, or None for traded bars."""
    share = wickless_share(bars)
    if share is None or share < MARKS_SHARE:
        return None
    return (
        f"{bars.symbol}: {100.0 * share:.0f} % of the {bars.timeframe} bars have no wick: they were made from marks, "
        "moves inside a bar are missing, and every result with a stop is flattered"
    )


def data_source(bars: Bars) -> str:
    """Return what a session over these bars names as its source: the provider, marked where the bars are only marks."""
    return bars.provider if marks_note(bars) is None else bars.provider + MARKS_SUFFIX


def kind_of(source: str) -> BarsKind:
    """Return the kind of the bars that a session names as its source."""
    if source == SIMULATED:
        return BarsKind.SIMULATED
    return BarsKind.MARKS if source.endswith(MARKS_SUFFIX) else BarsKind.REAL


def may_pass_a_gate(source: str) -> bool:
    """Return whether figures from a source may count for a promotion: neither simulated nor flattered by marks."""
    return kind_of(source) is BarsKind.REAL


def at_marks(bars: Bars) -> Bars:
    """Return the same marks without the lines between them: every bar is one point, its close.

    The engine then fills only at prices that stood: an order decided at one mark at the next one, a stop at the first
    mark beyond it. This is the honest way to test over marks, and a hard one: an order waits a whole bar.
    """
    points = replace(bars, open_ticks=bars.close_ticks, high_ticks=bars.close_ticks, low_ticks=bars.close_ticks)
    return bars_from_columns(columns_of(points), symbol=bars.symbol, timeframe=bars.timeframe, provider=bars.provider)
