"""The work behind the commands that doubt: opening the desk, progress bars, tables.

Belongs here: one command's way from words to use case and back. Does not belong here: checks, rules, figures.
"""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from orchestration.desk_work import find_bot, opened_desk, print_wide, progress_bars, told_where_it_runs
from orchestration.terminal import console, load_settings
from services.under_way import LongWork
from store.under_way import WorkKind
from trading.backtest.verdicts import Grade, Kind
from trading.errors import Refused

if TYPE_CHECKING:
    from services.verification import Verification

WIDE = 140
COLOURS = {Grade.PASSED: "green", Grade.FAILED: "red", Grade.UNKNOWN: "yellow", Grade.INFORMATIVE: "cyan"}
SUITES: dict[str, tuple[Kind, ...]] = {
    "walk-forward": (Kind.WALK_FORWARD,),
    "sensitivity": (Kind.SENSITIVITY,),
    "grid": (Kind.GRID,),
    "monte-carlo": (Kind.MONTE_CARLO_TRADES, Kind.MONTE_CARLO_BARS),
    "stress": (Kind.STRESS,),
    "matrix": (Kind.MATRIX,),
    "sharpe": (Kind.SHARPE,),
    "pbo": (Kind.PBO,),
    "all": tuple(Kind),
}


def verify_bot(bot: str, suite: str) -> bool:
    """Run a suite on a bot, show each verdict with its limits, and return whether any of its checks could be made."""
    made = False
    for done in _verified(bot, SUITES[suite]):
        _show(done)
        made = True
    return made


def check_bot(bot: str, kind: str) -> bool:
    """Run one detector on a bot, show what it found, and return whether it found nothing."""
    passed = True
    for done in _verified(bot, (Kind(kind),)):
        _show(done)
        for found in [*done.figures.get("leaks", ()), *done.figures.get("drifts", ())]:
            console.print(f"  {found}", markup=False)
        passed = done.grade is Grade.PASSED
    return passed


def study(symbols: Sequence[str], *, timeframe: str, svg: Path | None, markdown: Path | None) -> None:
    """Walk every family forward, show the figures, and write plot and text where asked to."""
    from services.walk_forward_plot import plot, text_block
    from services.walk_forward_study import walk_forward_study
    from store.bars import BarStore

    work = LongWork(kind=WorkKind.VERIFICATION, title=f"Walk-forward study of {', '.join(symbols)}")
    with progress_bars(transient=True) as bar, told_where_it_runs(work, bar) as tell:
        found = walk_forward_study(BarStore(load_settings().bars_dir), symbols, timeframe=timeframe, progress=tell)
    table = Table("symbol", "family", "read", "net P&L $", "Sharpe", "max DD %", "trades", "consistency", "CPU-s")
    for strand in found.strands:
        joined = strand.walked.joined
        sharpe = "—" if joined.sharpe is None else f"{joined.sharpe:.2f}"
        figures = (
            f"{joined.net_pnl_micros / 1e6:,.0f}",
            sharpe,
            f"{joined.max_drawdown_pct:.1f}",
            f"{joined.trades:,}",
        )
        last = (f"{strand.walked.walk.consistency:.2f}", f"{strand.cpu_seconds:.1f}")
        table.add_row(strand.symbol, strand.family, strand.reading, *figures, *last)
    print_wide(table, width=WIDE)
    for note in found.notes:
        console.print(f"[yellow]![/yellow] {note}")
    command = f"proving walk-forward {' '.join(symbols)}"
    for path, content in ((svg, plot(found)), (markdown, text_block(found, command=command))):
        if path is not None:
            path.write_text(content, "utf-8")
            console.print(f"Written to {path}")


def _verified(bot: str, kinds: Sequence[Kind]) -> Iterator["Verification"]:
    """Yield one stored run after another; a check that cannot be made in a suite of many is told and left out."""
    from services.verification import verify

    with opened_desk() as desk:
        bot_id, run_id = find_bot(desk, bot), f"cli-{secrets.token_hex(6)}"
        for kind in kinds:
            try:
                with progress_bars(transient=True) as tell:
                    done = verify(desk, bot_id, kind, run_id=run_id, progress=tell)
            except Refused as refusal:
                if len(kinds) == 1:
                    raise
                console.print(f"[yellow]{kind}[/yellow] not made: {refusal}")
                continue
            yield done


def _show(done: "Verification") -> None:
    colour = COLOURS[done.grade]
    console.print(f"[{colour}]{done.grade:<11}[/{colour}] [bold]{done.kind}[/bold]  {done.data_source}")
    console.print(f"  {done.reason}", markup=False)
    console.print(f"  [dim]shows {done.limits.can_show}[/dim]")
    console.print(f"  [dim]cannot show {done.limits.cannot_show}[/dim]")
