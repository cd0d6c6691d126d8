"""The charts of a tear sheet as numbers: points, ticks and labels inside a box, for any template to draw.

Belongs here: geometry. Does not belong here: colours and markup (`api/pages`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from trading.money import PRINTED, dollars

WIDE, NARROW = 1_200.0, 400.0
MARGIN_RIGHT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_LEFT = 76.0, 22.0, 10.0, 8.0
DATE_ROOM = 120.0


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line over dates.

    Attributes:
        width, height: Of the box; the plot ends at `right` and `bottom`.
        line: `x,y x,y ...`, oldest first.
        area: The same, closed down (or up) to `base`.
        base: Height of the level the line is measured against.
        last: Height of the last value, and `last_label` what it is.
        across, down: Ticks of the axes.
    """

    width: float
    height: float
    right: float
    bottom: float
    line: str
    area: str
    base: float
    last: float
    last_label: str
    across: tuple[AxisLabel, ...]
    down: tuple[AxisLabel, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One trade of a scatter."""

    x: float
    y: float
    won: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """Trades by how far they went against (across) and in favour (up), with the diagonal where both are equal."""

    width: float
    height: float
    right: float
    bottom: float
    dots: tuple[Dot, ...]
    diagonal: tuple[float, float]
    across: tuple[AxisLabel, ...]
    down: tuple[AxisLabel, ...]


def line_chart(
    on: Sequence[date],
    values: Sequence[float],
    *,
    base: float,
    box: tuple[float, float],
    unit: str,
    ends_at_base: bool = False,
) -> LineChart | None:
    """Lay a series out; None with fewer than two values.

    Args:
        on: Dates, ascending.
        values: One per date, finite.
        base: The level the area hangs from; always in sight.
        box: Width and height.
        unit: `$` or `%`.
        ends_at_base: The base is the top of the chart, as for drawdowns.
    """
    if len(values) < 2:
        return None
    low, high, step = _bounds(min(*values, base), base if ends_at_base else max(*values, base))
    width, height = box
    right, bottom = width - MARGIN_RIGHT, height - MARGIN_BOTTOM
    first, span = on[0].toordinal(), max(on[-1].toordinal() - on[0].toordinal(), 1)

    def x(day: date) -> float:
        return (day.toordinal() - first) / span * right

    def y(value: float) -> float:
        return MARGIN_TOP + (high - value) / (high - low) * (bottom - MARGIN_TOP)

    line = " ".join(f"{x(day):.1f},{y(value):.1f}" for day, value in zip(on, values, strict=True))
    levels = [low + step * number for number in range(round((high - low) / step) + 1)]
    return LineChart(
        width=width,
        height=height,
        right=right,
        bottom=bottom,
        line=line,
        area=f"0,{y(base):.1f} {line} {right:.1f},{y(base):.1f}",
        base=y(base),
        last=y(values[-1]),
        last_label=_label(values[-1], unit),
        across=tuple(AxisLabel(x(day), label) for day, label in _dates(on[0], on[-1], most=int(right / DATE_ROOM))),
        down=tuple(AxisLabel(y(level), _label(level, unit)) for level in levels),
    )


def scatter(against: Sequence[float], favour: Sequence[float], won: Sequence[bool], *, height: float) -> Scatter | None:
    """Lay trades out by adverse and favourable excursion in dollars, both at least 0; None without trades."""
    if not against:
        return None
    width = WIDE / 2
    _, across, across_step = _bounds(0.0, max(against))
    _, up, up_step = _bounds(0.0, max(favour))
    right, bottom = width - MARGIN_RIGHT, height - MARGIN_BOTTOM

    def x(value: float) -> float:
        return MARGIN_LEFT + value / across * (right - MARGIN_LEFT)

    def y(value: float) -> float:
        return MARGIN_TOP + (up - value) / up * (bottom - MARGIN_TOP)

    reach = min(across, up)
    dots = (
        Dot(x(adverse), y(favourable), won=won_it)
        for adverse, favourable, won_it in zip(against, favour, won, strict=True)
    )
    return Scatter(
        width=width,
        height=height,
        right=right,
        bottom=bottom,
        dots=tuple(dots),
        diagonal=(x(reach), y(reach)),
        across=tuple(AxisLabel(x(level), _label(level, "$")) for level in _levels(across, across_step)),
        down=tuple(AxisLabel(y(level), _label(level, "$")) for level in _levels(up, up_step)),
    )


def _levels(high: float, step: float) -> Iterator[float]:
    return (step * number for number in range(round(high / step) + 1))


def _bounds(low: float, high: float) -> tuple[float, float, float]:
    """Return round bounds around two values and the step between the ticks."""
    rough = max(high - low, 1e-9) / 4
    unit: float = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= rough * 0.999)
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return bottom, max(top, bottom + step), step


def _dates(first: date, last: date, *, most: int) -> Iterator[tuple[date, str]]:
    """Yield at most so many firsts of months: every month, quarter, half year, year or several years."""
    months = (last.year - first.year) * 12 + last.month - first.month
    every = next((each for each in (1, 3, 6, 12, 24, 36, 60) if months / each <= most), 120)
    for number in range(first.year * 12 + first.month, last.year * 12 + last.month):
        year, month = divmod(number, 12)
        if number % every == 0:
            on = date(year, month + 1, 1)
            yield on, f"{on:%Y}" if every >= 12 else f"{on:%b %Y}"


def _label(value: float, unit: str) -> str:
    if unit == "%":
        return f"{'−' if value < -1e-9 else ''}{round(abs(value), 2):g} %"
    return dollars(value, places=0, signs=PRINTED)
