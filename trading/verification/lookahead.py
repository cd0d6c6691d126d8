"""The look-ahead detector: change the future and see whether the past moves.

Belongs here: alternative futures, and the comparison of decisions made before them.
Does not belong here: strategies; anything that maps bars to one decision (or a row of them) per bar can be tried.

It can show that a procedure cheats. Silence shows only that it did not on these bars and cuts, and a procedure that
was *chosen* with knowledge of the future looks clean: that is what held-out data is for.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from trading.arrays import AnyArray, IntArray
from trading.errors import BadInput
from trading.market.bars import Bars

Decide = Callable[[Bars], AnyArray]


@dataclass(frozen=True, slots=True)
class Leak:
    """A decision that moved when only later bars changed.

    Attributes:
        cut_bar: The last bar that was left alone.
        bar: The earliest decision that moved; `bar <= cut_bar`.
        future: Which alternative future moved it.
    """

    cut_bar: int
    bar: int
    future: str


def leaks(bars: Bars, decide: Decide, *, cuts: int = 16) -> tuple[Leak, ...]:
    """Return the decisions that knew the future, at most one per cut and alternative future.

    Args:
        bars: A series of at least two bars.
        decide: From bars to decisions: shape (n_bars,) or (n_bars, anything); row i is what was decided or known at
            the close of bar i: signals, positions, marked equity. NaN equals NaN. It is called once per future.
        cuts: How many bars, spread evenly over the series, are tried as the present.

    Raises:
        BadInput: fewer than two bars, or not one row per bar.
    """
    if len(bars) < 2:
        raise BadInput(f"looking ahead needs at least two bars, had {len(bars)}")
    original = _decisions(bars, decide)
    present = np.unique(np.linspace(0, len(bars) - 2, cuts, dtype=np.int64)).tolist()
    knowing = []
    for cut_bar in present:
        for name, future in FUTURES.items():
            moved = _first_difference(original, _decisions(future(bars, cut_bar), decide), cut_bar)
            if moved is not None:
                knowing.append(Leak(cut_bar, moved, name))
    return tuple(knowing)


def mirrored_future(bars: Bars, cut_bar: int) -> Bars:
    """Return the series with every later price reflected at the close of `cut_bar`: rises become falls."""
    return _future(bars, cut_bar, factor=-1)


def wilder_future(bars: Bars, cut_bar: int) -> Bars:
    """Return the series with every later move from the close of `cut_bar` tripled and one more contract traded."""
    return _future(bars, cut_bar, factor=3)


FUTURES: dict[str, Callable[[Bars, int], Bars]] = {"mirrored": mirrored_future, "wilder": wilder_future}


def _future(bars: Bars, cut_bar: int, *, factor: int) -> Bars:
    pivot = int(bars.close_ticks[cut_bar])
    after = slice(cut_bar + 1, None)

    def moved(prices: IntArray) -> IntArray:
        changed = prices.astype(np.int64)
        changed[after] = pivot + factor * (changed[after] - pivot)
        return changed

    highs, lows = moved(bars.high_ticks), moved(bars.low_ticks)
    volume = bars.volume.astype(np.int64)
    volume[after] += int(bars.has_volume and factor > 0)
    return replace(
        bars,
        open_ticks=moved(bars.open_ticks),
        high_ticks=np.maximum(highs, lows),
        low_ticks=np.minimum(highs, lows),
        close_ticks=moved(bars.close_ticks),
        volume=volume,
        fingerprint="",
    )


def _decisions(bars: Bars, decide: Decide) -> AnyArray:
    rows = np.array(decide(bars))
    if rows.ndim == 0 or len(rows) != len(bars):
        raise BadInput(f"a procedure must return one decision per bar ({len(bars)}), returned shape {rows.shape}")
    return rows.reshape(len(bars), -1)


def _first_difference(original: AnyArray, changed: AnyArray, cut_bar: int) -> int | None:
    before, after = original[: cut_bar + 1], changed[: cut_bar + 1]
    both_unknown = (before != before) & (after != after)
    differs = ((before != after) & ~both_unknown).any(axis=1)
    return int(np.argmax(differs)) if differs.any() else None
