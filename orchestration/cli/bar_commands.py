"""Commands on market data: bring bars in or simulate some, see which serve which bots, choose and withdraw series.

Belongs here: arguments, examples. Does not belong here: work (`bar_work`), and anything slow to import.
"""

from pathlib import Path
from typing import Annotated

import typer

OPERATOR = "OPERATOR_DECISION"

app = typer.Typer(help="Market data: bring bars in, see and choose what bots trade on.", no_args_is_help=True)

Symbol = Annotated[str, typer.Argument(help="Contract root, e.g. MES, or all.")]
Timeframe = Annotated[str, typer.Argument(help="1m 5m 15m 1h 1d, or all.")]
Provider = Annotated[str, typer.Argument(help="Whose bars, as `bars list` names them, or all.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in capitals; it stands in the audit chain.")]


@app.command("import")
def bars_import(
    path: Annotated[Path, typer.Argument(help="Parquet or CSV: ts_event, symbol, open, high, low, close, volume.")],
    *,
    provider: Annotated[str | None, typer.Option(help="Name of the source; the file's name if not given.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="1m 5m 15m 1h 1d; told from the rows if not given.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this root; may be repeated.")] = None,
    quote: Annotated[
        str | None,
        typer.Option(help="points cents eighths 32nds tenths ten-thousandths millionths; told if not given."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file and say which bots would change to what; store nothing.")
    ] = False,
) -> None:
    """Check a file of bars and store it: all of it, or nothing.

    Bad rows are refused: each broken rule once, with its rows, what they had and how to mend it. A root also serves its
    micro: NQ bars are stored as NQ and MNQ. Bots change to real bars that cover enough, from their next baseline on;
    shorter ones wait for `bars prefer`. The audit chain says who brought what, by fingerprint.

    Prices in cents, 32nds and the like are told by the band a contract has traded in, and said; a price outside every
    band is refused with what it looks like, unless --quote points says that it is right.

    Example: proving bars import cme_1h.parquet --symbol NQ --symbol GC --dry-run
    """
    from orchestration.cli.bar_work import import_file

    import_file(path, provider=provider, timeframe=timeframe, symbols=symbol, quote=quote, dry_run=dry_run)


@app.command()
def simulate(
    symbols: Annotated[list[str], typer.Argument(help="Contract roots without simulated bars, e.g. MES.")],
    *,
    plant: Annotated[
        str | None, typer.Option(help="Hide an edge in each: KIND:SHARPE of one who knows it, before costs.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="SIMULATOR_SEED if not given.", min=0, max=2**63 - 1)] = None,
    years: Annotated[float | None, typer.Option(help="SIMULATOR_YEARS if not given.", min=0.02, max=20)] = None,
) -> None:
    """Simulate a market that ends today for symbols that have none yet, and store its bars, labelled SIMULATED.

    Kinds of edges: MOMENTUM, REVERSION, OPENING_RANGE, SESSION_DRIFT, GAP, of a Sharpe ratio up to 20. What is planted
    is written down where no bot can read it. Without --plant nothing is. Bars that are there stay: records of bots
    were made on them.

    Example: proving bars simulate ES NQ --plant MOMENTUM:8
    """
    from orchestration.cli.bar_work import simulate_symbols

    simulate_symbols(symbols, plant=plant, seed=seed, years=years)


@app.command("list")
def bars_list() -> None:
    """List every series with its provider and span, which bots trade it, and why it is or is not the one."""
    from orchestration.cli.bar_work import list_series

    list_series()


@app.command()
def prefer(
    symbol: Symbol,
    timeframe: Timeframe,
    provider: Provider,
    *,
    by_rule: Annotated[bool, typer.Option("--by-rule", help="Prefer it no more: the rule chooses again.")] = False,
    reason: Why = OPERATOR,
) -> None:
    """Let bots of a symbol and timeframe trade one series, however long it is, from their next baseline on.

    Undone by preferring another one, or with --by-rule.

    Example: proving bars prefer MES 1h ACME --reason OWN_FEED
    """
    _choose("FOLLOW_RULE" if by_rule else "PREFER", (symbol, timeframe, provider), reason=reason)


@app.command()
def withdraw(symbol: Symbol, timeframe: Timeframe, provider: Provider, *, reason: Why = OPERATOR) -> None:
    """Take series out of the choice: no bot trades them; their files stay for the sessions that ran over them.

    Undone by: proving bars restore

    Example: proving bars withdraw all all ACME --reason WRONG_PRICES
    """
    _choose("WITHDRAW", (symbol, timeframe, provider), reason=reason)


@app.command()
def restore(symbol: Symbol, timeframe: Timeframe, provider: Provider, *, reason: Why = OPERATOR) -> None:
    """Put withdrawn series back into the choice.

    Example: proving bars restore MES 1h ACME
    """
    _choose("RESTORE", (symbol, timeframe, provider), reason=reason)


def _choose(act: str, series: tuple[str, str, str], *, reason: str) -> None:
    from orchestration.cli.bar_work import choose

    choose(act, series, reason=reason)
