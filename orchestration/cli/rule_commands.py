"""Commands on a rule text, before any bot trades by it.

Belongs here: arguments, examples. Does not belong here: work (`rule_work`), and anything slow to import.
"""

from pathlib import Path
from typing import Annotated

import typer

from trading.errors import BadInput

app = typer.Typer(help="A rule text: check it before a bot trades by it.", no_args_is_help=True)


@app.callback()
def rule() -> None:
    """A rule text: check it before a bot trades by it."""


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="File with a rule text; its language is in the README.")],
    *,
    symbol: Annotated[str | None, typer.Option(help="Count its signals on this root's bars, e.g. MES.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Of those bars: 1m 5m 15m 1h 1d.")] = None,
    session_mode: Annotated[str, typer.Option(help="FULL_24x5, RTH_US or ETH.")] = "FULL_24x5",
) -> None:
    """Say whether a text is a rule, what its numbers are, how long its warm-up is, and how often it would signal.

    Needs no database and registers nothing. What is no rule is refused with line, column, what was expected and what to
    write instead: exit 2. Exit 0 where it is a rule, 1 where there are no bars to count signals on.

    Example: proving rule check pullback.rule --symbol MES --timeframe 1h
    """
    from orchestration.cli.rule_work import check as work

    if (symbol is None) != (timeframe is None):
        raise BadInput("a series is named by --symbol and --timeframe together")
    work(path, series=(symbol, timeframe) if symbol and timeframe else None, session_mode=session_mode)
