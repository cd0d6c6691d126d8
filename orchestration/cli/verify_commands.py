"""Commands that doubt: verify a bot, check it for cheats, walk a history forward.

Belongs here: arguments, examples, exit codes. Does not belong here: work (`verify_work`), and anything
slow to import.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILED = 1
BOT = typer.Argument(help="Id or name of a bot.")

app = typer.Typer()
check = typer.Typer(help="Detectors of cheats: exit 1 where one is found.", no_args_is_help=True)
app.add_typer(check, name="check")


class Suite(StrEnum):
    """What to verify."""

    WALK_FORWARD = "walk-forward"
    SENSITIVITY = "sensitivity"
    GRID = "grid"
    MONTE_CARLO = "monte-carlo"
    STRESS = "stress"
    MATRIX = "matrix"
    SHARPE = "sharpe"
    PBO = "pbo"
    ALL = "all"


@check.command("lookahead")
def lookahead(bot: Annotated[str, BOT]) -> None:
    """Change the future at sixteen bars and see whether a decision of the bot before them moves.

    Watches signals, the units of stop and target, and marked equity. The result is stored; exit 1 if something moved.

    Example: proving check lookahead "Amber Adder 0000"
    """
    from orchestration.cli.verify_work import check_bot

    if not check_bot(bot, "LOOK_AHEAD"):
        raise typer.Exit(EXIT_FAILED)


@check.command("warmup")
def warmup(bot: Annotated[str, BOT]) -> None:
    """Begin the history later at twelve days and see whether a decision after the warm-up moves.

    Signals must be the same, units within the tolerance of the warm-up (WARM_UP_TOLERANCE). The result is stored; exit
    1 if something moved.

    Example: proving check warmup "Amber Adder 0000"
    """
    from orchestration.cli.verify_work import check_bot

    if not check_bot(bot, "WARM_UP"):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def verify(
    bot: Annotated[str, BOT],
    *,
    suite: Annotated[Suite, typer.Option(help="Which checks.")] = Suite.ALL,
) -> None:
    """Verify a bot's newest generation; each check is stored with what it can and cannot show.

    Every check that can be made is made; one that cannot says CANNOT BE MADE and why, and stores nothing. FAILED is an
    answer, not an error: exit 0 where at least one check was made, 1 where none could be, 2 for no such bot or suite.

    Example: proving verify "Amber Adder 0000" --suite walk-forward
    """
    from orchestration.cli.verify_work import verify_bot

    if not verify_bot(bot, suite.value):
        raise typer.Exit(EXIT_FAILED)


@app.command("walk-forward")
def walk_forward(
    symbols: Annotated[list[str], typer.Argument(help="Contract roots with imported bars.")],
    *,
    timeframe: Annotated[str, typer.Option(help="1m 5m 15m 1h 1d.")] = "1h",
    svg: Annotated[Path | None, typer.Option(help="Write the plot there.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the text there.")] = None,
) -> None:
    """Walk every entry family forward over the bars of some symbols; needs no bot and no database.

    Bars made from marks are walked twice, as they are and at the marks alone, because lines between marks flatter.

    Example: proving walk-forward YM RTY --svg docs/walk-forward.svg
    """
    from orchestration.cli.verify_work import study

    study(symbols, timeframe=timeframe, svg=svg, markdown=markdown)
