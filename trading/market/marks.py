"""Bars that were made from marks: a price at each full hour, joined by straight lines, with nothing in between.

Belongs here: telling such bars from traded ones, what is left of them without the lines, telling bars that hide what
price did over pauses. Does not belong here: refusing them; they are real prices, they only hide something.

A bar between two marks has no wicks: its high is its open or its close, and so is its low. Stops and targets are then
touched only on the line: a stop that the hour really touched and left again is never filled, and one that is filled is
filled at its own price although no trade is known there. A tight stop becomes a free option, and every figure of a
strategy with stops is flattered, beyond recognition where a search may choose the stop.

Of the series this was checked against, bars from a mark each have a share of 1.00, traded minutes 0.46 and less where
they are not thin, spot currencies under 0.04. Longer bars made of marks have wicks again and are no better: whoever
makes them hands the mark on.

Bars from a few marks each, as an hour from its four quarters, have some wicks. Among bars of an hour or more that span
four ticks, 0.27 to 0.40 of theirs have none in fifteen futures, of traded ones at most 0.053 in ten series.

Bars may also hide pauses alone: where the first bar after a weekend or break always opens at the close before, price
jumped and the bars do not say so. Of the same series four do at all of their pauses, others at half of them or less.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np

from trading.market.bars import SIMULATED, Bars, bars_from_columns, columns_of, timeframe_ns

MARKS_SHARE = 0.9
FEW_MARKS_SHARE = 0.2
SPANNED_TICKS = 4
LONG_BARS_SECONDS = 3_600
MINIMUM_BARS = 50
MARKS_SUFFIX = "-MARKS"
JOINED_SHARE = 0.9
MINIMUM_PAUSES = 20


class BarsKind(StrEnum):
    """Whether bars are traded ones, only marks, or made up; what was earned on one kind says nothing of another."""

    REAL = "REAL"
    MARKS = "MARKS"
    SIMULATED = "SIMULATED"


def wickless_share(bars: Bars, *, spanned_ticks: int = 1) -> float | None:
    """Return the share of bars whose high and low are their open and close, 0-1.

    Bars without any range say nothing about wicks and are left out.

    Args:
        bars: Any timeframe, oldest first.
        spanned_ticks: From low to high, at least 1; bars that span less are left out.

    Returns:
        The share; None with fewer than 50 bars that span as much.
    """
    ranged = bars.high_ticks - bars.low_ticks >= spanned_ticks
    if int(ranged.sum()) < MINIMUM_BARS:
        return None
    body_high = np.maximum(bars.open_ticks, bars.close_ticks)
    body_low = np.minimum(bars.open_ticks, bars.close_ticks)
    wickless = (bars.high_ticks == body_high) & (bars.low_ticks == body_low) & ranged
    return float(wickless.sum() / ranged.sum())


def marks_note(bars: Bars, *, of_marks: bool = False) -> str | None:
    """Return the sentence a series of marks carries into every session that runs over it, or None for traded bars.

    Args:
        bars: Any timeframe, oldest first.
        of_marks: They were aggregated from bars that were made from marks, which they need not show themselves.
    """
    share = wickless_share(bars)
    if share is not None and share >= MARKS_SHARE:
        wickless = f"{100.0 * share:.0f} % of the {bars.timeframe} bars have no wick"
        missing = f"{wickless}: they were made from marks, moves inside a bar"
    elif (few := _share_of_few_marks(bars)) is not None:
        wickless = f"{100.0 * few:.0f} % of the {bars.timeframe} bars that span {SPANNED_TICKS} ticks have no wick"
        missing = f"{wickless}: they were made from a few marks each, moves between them"
    elif of_marks:
        missing = f"the {bars.timeframe} bars consist of bars that were made from marks, moves between marks"
    else:
        return None
    return f"{bars.symbol}: {missing} are missing, and every result with a stop is flattered"


def _share_of_few_marks(bars: Bars) -> float | None:
    """Return the wickless share of long bars where it is that of bars made from a few marks each, else None."""
    if timeframe_ns(bars.timeframe) < LONG_BARS_SECONDS * 1_000_000_000:
        return None
    share = wickless_share(bars, spanned_ticks=SPANNED_TICKS)
    return share if share is not None and share >= FEW_MARKS_SHARE else None


def joined_share(bars: Bars) -> float | None:
    """Return the share of pauses, 0-1, after which a bar opens exactly where the bar before the pause closed.

    A pause is longer than a bar and has one contract on both sides: weekends, holidays, breaks, hours without trades.

    Args:
        bars: Any timeframe, oldest first.

    Returns:
        The share; None with fewer than 20 pauses.
    """
    is_pause = (np.diff(bars.ts_event) > timeframe_ns(bars.timeframe)) & (np.diff(bars.contract) == 0)
    pauses = int(is_pause.sum())
    if pauses < MINIMUM_PAUSES:
        return None
    joined = bars.open_ticks[1:] == bars.close_ticks[:-1]
    return float((joined & is_pause).sum() / pauses)


def joined_note(bars: Bars) -> str | None:
    """Return the sentence a series carries into every session where it hides what price did over its pauses."""
    share = joined_share(bars)
    if share is None or share < JOINED_SHARE:
        return None
    return (
        f"{bars.symbol}: {100.0 * share:.0f} % of the {bars.timeframe} bars after a pause open at the close before it: "
        "gaps over weekends and breaks are hidden, and every result that holds over them is flattered"
    )


def data_source(bars: Bars, *, of_marks: bool = False) -> str:
    """Return what a session over these bars names as its source: the provider, marked where the bars are only marks.

    Args:
        bars: Any timeframe, oldest first.
        of_marks: See `marks_note`.
    """
    return bars.provider if marks_note(bars, of_marks=of_marks) is None else bars.provider + MARKS_SUFFIX


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
