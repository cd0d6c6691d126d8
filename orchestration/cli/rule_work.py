"""The work behind the commands on a rule text: a file read, its numbers and warm-up told, its signals counted.

Belongs here: one command's way from words to answer, and how a style's numbers are laid out for every command. Does not
belong here: what a rule may be (`trading.strategies.rules`).
"""

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from orchestration.cli.terminal import console, load_settings
from trading.errors import BadInput, RuleSyntaxError
from trading.strategies.genome import Number, Style, default_genome, schema
from trading.strategies.rules import rule_text
from trading.strategies.styles import warm_up_bars


def check(path: Path, *, series: tuple[str, str] | None, session_mode: str) -> None:
    """Say what a file's rule is; a series is a symbol and a timeframe."""
    style, tolerance = rule_text(rule_in(path)), load_settings().warm_up_tolerance
    genome = default_genome(style)
    warm_up = warm_up_bars(style, genome, tolerance=tolerance)
    console.print(f"[green]✓[/green] {path} is a rule, {style.fingerprint[:12]}", soft_wrap=True)
    console.print(number_table(genome, style, title="numbers of generation 1"))
    console.print(f"warm-up: no signal counts before bar {warm_up:,} of a history")
    if series is not None:
        _tell_signals(style, series, mode=session_mode, tolerance=tolerance)


def rule_in(path: Path) -> str:
    """Return the rule text of a file.

    Raises:
        BadInput: no such file, not UTF-8, or no rule: then the line is shown with its place marked.
    """
    try:
        text = path.read_text("utf-8")
        rule_text(text)
    except OSError as failure:
        raise BadInput(f"{path} cannot be read: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} must be UTF-8 text") from None
    except RuleSyntaxError as wrong:
        raise BadInput(f"{path}, {wrong}\n{_pointed_at(text, wrong)}") from None
    return text


def number_table(genome: Mapping[str, Number], style: Style, *, title: str) -> Table:
    """Return the numbers of a genome with the bounds, step and unit of each."""
    table = Table("number", "is", "from", "to", "step", "unit", title=title, title_justify="left")
    for name, row in schema(style).items():
        table.add_row(name, *(f"{value:g}" for value in (genome[name], row.low, row.high, row.step)), row.unit)
    return table


def _tell_signals(style: Style, series: tuple[str, str], *, mode: str, tolerance: float) -> None:
    from services.backtests.signal_counts import signal_count
    from store.market.bars import BarStore

    symbol, timeframe = series
    count = signal_count(
        BarStore(load_settings().bars_dir), style, symbol=symbol, timeframe=timeframe, mode=mode, tolerance=tolerance
    )
    where = f"{count.series.symbol} {count.series.timeframe} of {count.series.provider}"
    console.print(f"{where}: {count.history.words}", markup=False, soft_wrap=True)
    console.print(f"signals: {count.buys:,} to buy, {count.sells:,} to sell")
    for note in count.notes:
        console.print(f"  {note}", markup=False, soft_wrap=True)


def _pointed_at(text: str, wrong: RuleSyntaxError) -> str:
    lines = text.split("\n")
    line = lines[wrong.line - 1] if wrong.line <= len(lines) else ""
    return f"  {line}\n  {' ' * (wrong.column - 1)}^"
