"""The plot and the text of a walk-forward study.

Belongs here: drawing and telling what a study found. Does not belong here: finding it (`study.py`).
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date

from services.verification.study import AS_GIVEN, AT_MARKS, Strand, Study
from trading.figures.performance import Performance
from trading.money import MICROS_PER_USD, dollars

WIDTH, PANEL_HEIGHT, TOP, GAP = 1180, 250, 74, 46
LEFT, RIGHT = 88, 22
COLOURS = ("#5fa8f5", "#2dbd85", "#f0b90b", "#b794f6", "#34d1bf", "#f6465d", "#9fb0c3", "#e58fb1", "#c7a26b")
INK, LINE, TEXT, DIM = "#07090d", "#1a222d", "#dbe3ec", "#8a97a8"
CAPTIONS = {AS_GIVEN: "bars as given: straight lines between marks", AT_MARKS: "at the marks alone"}
FONT = "Inter, system-ui, sans-serif"
MONO = "'JetBrains Mono', ui-monospace, monospace"


def plot(study: Study) -> str:
    """Return the study as a self-contained SVG: one panel per symbol and reading, one line per family."""
    symbols = list(dict.fromkeys(strand.symbol for strand in study.strands))
    readings = list(dict.fromkeys(strand.reading for strand in study.strands))
    families = list(dict.fromkeys(strand.family for strand in study.strands))
    height = TOP + len(readings) * (PANEL_HEIGHT + GAP) + 24
    each = (WIDTH - LEFT - RIGHT - (len(symbols) - 1) * LEFT) / len(symbols)
    body = [
        _panel(study.of(symbol, reading), x=LEFT + column * (each + LEFT), y=TOP + row * (PANEL_HEIGHT + GAP), w=each)
        for row, reading in enumerate(readings)
        for column, symbol in enumerate(symbols)
        if study.of(symbol, reading)
    ]
    head = _words(LEFT, 28, f"Out-of-sample P&L, {study.timeframe} bars, chosen on the 365 days before", size=16)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-label="Walk-forward of every entry family, test parts joined">',
            f'<rect width="{WIDTH}" height="{height}" fill="{INK}"/>',
            head,
            *body,
            *_legend(families, y=height - 22),
            "</svg>\n",
        ]
    )


def text_block(study: Study, *, command: str) -> str:
    """Return the study as the page docs/walk-forward.md, with its caveat and every strand."""
    strands = study.strands
    seconds = sorted(strand.cpu_seconds for strand in strands)
    lines = [
        "# Twelve years, walked forward",
        "",
        f"`{command}` walks all nine entry families forward: {_spans(study)}. On each train part a search tries "
        f"{_range([strand.walked.walk.trials // len(strand.walked.walk.segments) for strand in strands])} genomes, the "
        "chosen one is run once on the 90 days that follow, and the test parts are joined. "
        f"One strand takes {seconds[len(seconds) // 2]:.1f} CPU-seconds (median of {len(seconds)}, "
        f"{sum(strand.walked.walk.trials for strand in strands):,} backtests in all). "
        "Every strand is shown; none was picked.",
        "",
        "![Out-of-sample P&L of every family](walk-forward.svg)",
        "",
        *_caveat(study),
        *_table(study),
    ]
    return "\n".join([*lines, ""])


def _caveat(study: Study) -> Iterator[str]:
    if not study.notes:
        return
    given, marks = (
        [strand.walked.joined for strand in study.strands if strand.reading == reading]
        for reading in (AS_GIVEN, AT_MARKS)
    )
    earning = sum(joined.net_pnl_micros > 0 for joined in marks)
    yield (
        f"**Read this before the plot.** {' '.join(f'{note}.' for note in study.notes)} The upper row is what an "
        f"honest walk-forward makes of such bars: out-of-sample Sharpe ratios of {_span_of(given)}. They are false. "
        "Between two marks the bar is a straight line, so a tight stop is never touched by a wick and fills at its own "
        "price, where nobody knows of a trade. The search finds that within one segment, and because the test parts "
        "are made the same way, no out-of-sample test can tell. (The gap families never trade there: a bar opens where "
        "the one before it closed.)"
    )
    yield ""
    yield (
        "The lower row runs the same search at the marks alone, where a stop fills at the first mark beyond it and an "
        f"order waits a whole bar for the next one: Sharpe ratios of {_span_of(marks)}, {earning} of {len(marks)} "
        "strands earn. The difference is the price of believing the bars. A walk-forward shows whether choosing paid "
        "on bars the search had not seen; it cannot show that the bars are true. The import says so, and so does every "
        "session that runs over them."
    )
    yield ""


def _span_of(records: Sequence[Performance]) -> str:
    known = [record.sharpe for record in records if record.sharpe is not None]
    return f"{min(known):.1f} to {max(known):.1f}"


def _table(study: Study) -> Iterator[str]:
    yield "| symbol | family | read | net P&L | Sharpe | max DD % | trades | segments that earn | overfit ratio |"
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|"
    for strand in study.strands:
        joined, walk = strand.walked.joined, strand.walked.walk
        net = dollars(joined.net_pnl_micros / MICROS_PER_USD, places=0)
        earning = sum(result.test.net_pnl_micros > 0 for result in walk.segments)
        yield (
            f"| {strand.symbol} | {strand.family} | {strand.reading} | {net} "
            f"| {_figure(joined.sharpe)} | {joined.max_drawdown_pct:.1f} | {joined.trades:,} "
            f"| {earning} of {len(walk.segments)} | {_figure(walk.overfit_ratio)} |"
        )


def _spans(study: Study) -> str:
    spans = []
    for symbol in dict.fromkeys(strand.symbol for strand in study.strands):
        strand = next(each for each in study.strands if each.symbol == symbol)
        on, _ = strand.curve
        spans.append(
            f"{symbol} over {strand.bars:,} {study.timeframe} bars, {len(strand.walked.walk.segments)} segments, "
            f"test parts from {on[0]:%Y-%m} to {on[-1]:%Y-%m}"
        )
    return "; ".join(spans)


def _panel(strands: Sequence[Strand], *, x: float, y: float, w: float) -> str:
    curves = [strand.curve for strand in strands]
    begins = [[usd - curve[1][0] for usd in curve[1]] for curve in curves]
    low, high = min(map(min, begins)), max(map(max, begins))
    step = _step(high - low)
    low = 0.0 if low > -step / 20 else math.floor(low / step) * step
    high = max(math.ceil(high / step) * step, low + step)
    first, last = curves[0][0][0].toordinal(), curves[0][0][-1].toordinal()

    def across(on: date) -> float:
        return x + (on.toordinal() - first) / (last - first) * w

    def down(usd: float) -> float:
        return y + (high - usd) / (high - low) * PANEL_HEIGHT

    parts = [_words(x, y - 12, f"{strands[0].symbol}  {CAPTIONS[strands[0].reading]}", size=13)]
    for number in range(round((high - low) / step) + 1):
        level = low + number * step
        stroke = "#2a3644" if level == 0 else LINE
        parts.append(f'<path d="M{x:.1f} {down(level):.1f}h{w:.1f}" stroke="{stroke}"/>')
        parts.append(_words(x - 8, down(level) + 4, dollars(level, places=0), size=11, anchor="end", dim=True))
    for year in range(curves[0][0][0].year + 1, curves[0][0][-1].year + 1):
        if (year - curves[0][0][0].year) % 2 == 0 or last - first < 2_600:
            at = across(date(year, 1, 1))
            parts.append(_words(at, y + PANEL_HEIGHT + 17, str(year), size=11, anchor="middle", dim=True))
    for (on, _), pnl, colour in zip(curves, begins, COLOURS, strict=False):
        points = " ".join(f"{across(day):.1f},{down(usd):.1f}" for day, usd in zip(on, pnl, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
    return "\n".join(parts)


def _legend(families: Sequence[str], *, y: float) -> Iterator[str]:
    x = float(LEFT)
    for family, colour in zip(families, COLOURS, strict=False):
        name = family.replace("_", " ").lower()
        yield f'<path d="M{x:.1f} {y - 4:.1f}h14" stroke="{colour}" stroke-width="2"/>'
        yield _words(x + 19, y, name, size=11, dim=True)
        x += 34 + 6.6 * len(name)


def _words(x: float, y: float, words: str, *, size: int, anchor: str = "start", dim: bool = False) -> str:
    fill, font = (DIM, MONO) if dim else (TEXT, FONT)
    safe = words.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-family="{font}" font-size="{size}" '
        f'text-anchor="{anchor}">{safe}</text>'
    )


def _step(span: float) -> float:
    rough = max(span, 1.0) / 4
    unit: float = 10.0 ** math.floor(math.log10(rough))
    return next(unit * times for times in (1, 2, 2.5, 5, 10) if unit * times >= rough)


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
