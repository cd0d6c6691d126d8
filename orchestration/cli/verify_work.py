"""The work behind the commands that doubt: opening the desk, progress bars, tables.

Belongs here: one command's way from words to use case and back. Does not belong here: checks, rules, figures.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from orchestration.cli.caller import request_id
from orchestration.cli.desk_work import find_bot, opened_desk, print_wide, progress_bars, shown_where_it_runs
from orchestration.cli.terminal import console, load_settings
from services.work.under_way import LongWork
from store.work.under_way import WorkKind
from trading.errors import BadInput, ProvingError, Refused
from trading.verification.verdicts import Grade, Kind
from trading.words import counted

if TYPE_CHECKING:
    from services.verification.verifications import Verification

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
    outcomes = []
    for kind, outcome in _outcomes(bot, SUITES[suite]):
        _show_lack(kind, outcome) if isinstance(outcome, ProvingError) else _show(outcome)
        outcomes.append(outcome)
    made = sum(not isinstance(outcome, ProvingError) for outcome in outcomes)
    if made < len(outcomes):
        console.print(f"{made} of {counted(len(outcomes), 'check')} made")
    return made > 0


def check_bot(bot: str, kind: str) -> bool:
    """Run one detector on a bot, show what it found, and return whether it found nothing.

    Raises:
        BadInput, Refused: the check cannot be made.
    """
    ((_, outcome),) = _outcomes(bot, (Kind(kind),))
    if isinstance(outcome, ProvingError):
        raise outcome
    _show(outcome)
    for moved in [*outcome.figures.get("leaks", ()), *outcome.figures.get("drifts", ())]:
        console.print(f"  {moved}", markup=False)
    return outcome.grade is Grade.PASSED


def study(symbols: Sequence[str], *, timeframe: str, svg: Path | None, markdown: Path | None) -> None:
    """Walk every family forward, show the figures, and write plot and text where asked to."""
    from services.verification.plot import plot, text_block
    from services.verification.study import walk_forward_study
    from store.market.bars import BarStore

    work = LongWork(kind=WorkKind.VERIFICATION, title=f"Walk-forward study of {', '.join(symbols)}")
    with progress_bars(transient=True) as bar, shown_where_it_runs(work, bar) as tell:
        walked = walk_forward_study(BarStore(load_settings().bars_dir), symbols, timeframe=timeframe, progress=tell)
    table = Table("symbol", "family", "read", "net P&L $", "Sharpe", "max DD %", "trades", "consistency", "CPU-s")
    for strand in walked.strands:
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
    for note in walked.notes:
        console.print(f"[yellow]![/yellow] {note}")
    command = f"proving walk-forward {' '.join(symbols)}"
    for path, content in ((svg, plot(walked)), (markdown, text_block(walked, command=command))):
        if path is not None:
            path.write_text(content, "utf-8")
            console.print(f"Written to {path}")


def _outcomes(bot: str, kinds: Sequence[Kind]) -> "Iterator[tuple[Kind, Verification | BadInput | Refused]]":
    """Say which bot it is, then yield of each check the stored run, or why it cannot be made; the others are made.

    Raises:
        UnknownBots: there is no such bot.
    """
    from services.backtests.workbench import bot_at_work
    from services.verification.verifications import verify

    with opened_desk() as desk:
        bot_id, run_id = find_bot(desk, bot), request_id()
        at_work = bot_at_work(desk, bot_id)
        console.print(f"{at_work.name}, generation {at_work.generation}", markup=False, highlight=False)
        for kind in kinds:
            try:
                with progress_bars(transient=True) as tell:
                    outcome: Verification | BadInput | Refused = verify(
                        desk, bot_id, kind, run_id=run_id, progress=tell
                    )
            except (BadInput, Refused) as lack:
                outcome = lack
            yield kind, outcome


def _show_lack(kind: Kind, lack: ProvingError) -> None:
    console.print(f"[yellow]CANNOT BE MADE[/yellow] [bold]{kind}[/bold]")
    console.print(f"  {lack}", markup=False)


def _show(done: "Verification") -> None:
    colour = COLOURS[done.grade]
    console.print(f"[{colour}]{done.grade:<11}[/{colour}] [bold]{done.kind}[/bold]  {done.data_source}")
    console.print(f"  {done.reason}", markup=False)
    console.print(f"  [dim]shows {done.limits.can_show}[/dim]")
    console.print(f"  [dim]cannot show {done.limits.cannot_show}[/dim]")
