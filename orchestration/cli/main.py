"""The command line `proving`.

Belongs here: arguments, examples, exit codes. Does not belong here: work (`services`), and anything slow to import:
each command imports what it needs, so that `proving --help` answers at once.
"""

import errno
import os
import sys
from typing import Annotated

import typer

from gateways.private import PRIVATE_UMASK
from orchestration.cli.bar_commands import app as bars
from orchestration.cli.bot_commands import app as bot
from orchestration.cli.rule_commands import app as rule
from orchestration.cli.verify_commands import app as doubts
from trading.errors import BadInput, ProvingError

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXAMPLES = (
    ("make run", "start everything; the board is at port 5000"),
    ("proving status", "what runs, what is ready"),
    ('proving why "Amber Adder 0000"', "why this bot is where it is"),
    ("proving reset", "what a reset would touch; --execute does it"),
    ("proving bars import FILE", "bring real bars; --dry-run says which bots change to them"),
    ("proving proof", "run the proof pack and write it down"),
)
EPILOG = "\n\n".join(
    (
        "[bold]A first hour[/bold]",
        *(f"[cyan]{command:<30}[/cyan] {what}" for command, what in EXAMPLES),
        "Exit codes: 0 done, 1 it could not be done, 2 the input was wrong.",
    )
)

app = typer.Typer(
    name="proving",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(bars, name="bars")
app.add_typer(bot, name="bot")
app.add_typer(rule, name="rule")
app.add_typer(doubts)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"Proving Ground {version('proving-ground')}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Autonomous trading bots that must prove themselves before they may touch money."""


def main() -> None:
    """Run a command; what it writes is ours alone, and a failure on purpose is one sentence on standard error."""
    os.umask(PRIVATE_UMASK)
    try:
        app()
    except BadInput as wrong:
        _fail(str(wrong), EXIT_BAD_INPUT)
    except ProvingError as failure:
        _fail(str(failure), EXIT_FAILED)
    except OSError as failure:
        if failure.errno == errno.EPIPE:
            os._exit(EXIT_FAILED)
        reason = "the disk is full" if failure.errno == errno.ENOSPC else failure.strerror
        _fail(f"{reason}: {failure.filename}" if failure.filename else str(reason), EXIT_FAILED)


@app.command()
def up(
    *,
    seed: Annotated[bool, typer.Option(help="Give an empty database a fleet and simulated bars.")] = True,
) -> None:
    """Start everything and keep it alive; Ctrl-C stops it.

    PostgreSQL (embedded unless DATABASE_URL is set), migrations, a fleet if there is none, the Dagster code server, one
    daemon, the Dagster UI on port 3000 and the API with the board on port 5000. What dies starts again.

    Example: ENV=dev proving up
    """
    from orchestration.cli.terminal import load_settings, say
    from orchestration.platform.up import run_platform

    run_platform(load_settings(), say, seed=seed)


@app.command()
def status() -> None:
    """Show what runs and what is ready; exit 1 unless all of it is."""
    from orchestration.cli.terminal import load_settings, show_status

    if not show_status(load_settings()):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def discoveries() -> None:
    """List who is proven since when; on simulated markets also what was planted, found, missed and false.

    Bots cannot read what is planted; people can.

    Example: proving discoveries
    """
    from orchestration.cli.discovery_work import show

    show()


@app.command()
def seed(
    *,
    bots: Annotated[
        int | None, typer.Option(help="How many bots; FLEET_SIZE if not given.", min=1, max=100_000)
    ] = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Only if there is no bot yet.")] = False,
) -> None:
    """Register a fleet, and simulate a market for its symbols where no bars are.

    Bots that exist stay as they are; the same seed gives the same bars on the same day.

    Example: proving seed --bots 1000
    """
    from orchestration.cli.desk_work import seed as work

    work(bots, if_empty=if_empty)


@app.command()
def backtest(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Run one bot's baseline backtest now and show its figures; exit 1 if it failed, with the reason.

    Example: proving backtest "Amber Adder 0000"
    """
    from orchestration.cli.desk_work import backtest as work

    if not work(bot):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def why(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Explain one bot: what it does now, what the last ticks decided about it and why, what keeps it from promotion.

    Example: proving why "Amber Adder 0000"
    """
    from orchestration.cli.desk_work import why as work

    work(bot)


@app.command()
def evidence(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Show the record of a bot: days traded by genomes that were not chosen on them, and their worth as evidence.

    Example: proving evidence "Amber Adder 0000"
    """
    from orchestration.cli.desk_work import evidence as work

    work(bot)


@app.command("dead-letters")
def dead_letters() -> None:
    """List the work autonomy has given up after too many failures in a row, with the last error of each.

    Put it back with: proving requeue BOT
    """
    from orchestration.cli.desk_work import dead_letters as work

    work()


@app.command()
def requeue(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Forgive a bot its repeated failures, so that the next tick plans its work again; the audit chain says who did it.

    Example: proving requeue "Amber Adder 0000"
    """
    from orchestration.cli.desk_work import requeue as work

    work(bot)


@app.command()
def reset(
    *,
    scope: Annotated[str, typer.Option(help="ALL, BACKTEST_ONLY, PAPER_ONLY or LIVE_ONLY.")] = "ALL",
    reason: Annotated[str, typer.Option(help="Why, in capitals; it stands in the audit chain.")] = "OPERATOR_RESET",
    bot: Annotated[list[str] | None, typer.Option(help="Id or name; may be repeated. All bots if not given.")] = None,
    curves: Annotated[bool, typer.Option(help="Start equity curves again too.")] = True,
    execute: Annotated[
        bool, typer.Option("--execute", help="Do it. Without this, only show what it would touch.")
    ] = False,
) -> None:
    """Start the displayed figures again from now; what happened stays in the ledger.

    Shows what a reset would touch, and does it with --execute. Works with Dagster down; it rebuilds the figures later.

    Example: proving reset --scope BACKTEST_ONLY --reason NEW_COST_MODEL --execute
    """
    from orchestration.cli.desk_work import reset as work

    work(scope=scope, reason=reason, bots=bot, curves=curves, execute=execute)


@app.command("kill-switch")
def kill_switch(
    state: Annotated[str, typer.Argument(help="on, off, or status.")] = "status",
    *,
    reason: Annotated[str, typer.Option(help="Why, in capitals; it stands in the audit chain.")] = "OPERATOR_DECISION",
) -> None:
    """Stop autonomy from queueing and claiming work, or let it go on; jobs that run finish.

    Example: proving kill-switch on --reason BAD_FEED
    """
    from orchestration.cli.desk_work import kill_switch as work

    if state not in {"on", "off", "status"}:
        raise BadInput(f"say on, off or status, was {state!r}")
    if not work(state, reason=reason):
        raise typer.Exit(EXIT_FAILED)


@app.command("verify-audit")
def verify_audit() -> None:
    """Verify the whole audit chain beside its anchor outside the database; exit 1 if anything was tampered with.

    The verdict is remembered: the Health and Audit pages show it with its time until the next one.
    """
    from orchestration.cli.desk_work import verify_audit as work

    if not work():
        raise typer.Exit(EXIT_FAILED)


@app.command()
def proof(
    *,
    execute: Annotated[
        bool, typer.Option("--execute", help="Really reset all bots and watch what follows, not only the dry run.")
    ] = False,
) -> None:
    """Ask the running platform everything the operators' checklist asks, and write the answers down.

    The pack goes to .proving/proofs/proof-<time>.md. What can be wrong is judged: ✓ holds, ✗ does not, · is merely
    quoted. Exit 1 if anything does not hold.

    Example: proving proof --execute
    """
    from orchestration.cli.terminal import load_settings, write_proof

    if not write_proof(load_settings(), execute=execute):
        raise typer.Exit(EXIT_FAILED)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database, as the application role unless --owner is given; further arguments go to psql.

    Example: proving psql -c "SELECT job_type, status, count(*) FROM bot_jobs GROUP BY 1, 2"
    """
    from orchestration.cli.terminal import load_settings, open_psql

    open_psql(load_settings(), context.args)


def _fail(sentence: str, code: int) -> None:
    sys.stderr.write(f"proving: {sentence}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
