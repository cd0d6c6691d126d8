"""Commands on one bot: register it, show what it trades by, rename, copy, pause, archive it, edit its numbers.

Belongs here: arguments, examples. Does not belong here: work (`bot_work`), and anything slow to import.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

OPERATOR = "OPERATOR_DECISION"

app = typer.Typer(help="One bot: register it, show it, rename, copy, pause, archive, edit it.", no_args_is_help=True)


@app.command()
def add(
    *,
    symbol: Annotated[str, typer.Option(help="Contract root, e.g. MES.")],
    timeframe: Annotated[str, typer.Option(help="1m 5m 15m 1h 1d.")],
    rule: Annotated[Path | None, typer.Option(help="File with a rule text; its language is in the README.")] = None,
    archetype: Annotated[str | None, typer.Option(help="Instead of a rule: the name of an archetype.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name; made up if not given.")] = None,
    session_mode: Annotated[str, typer.Option(help="FULL_24x5, RTH_US or ETH.")] = "FULL_24x5",
    contracts: Annotated[int, typer.Option(help="Size of every position.", min=1, max=1_000)] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the bot it would be.")] = False,
) -> None:
    """Register a bot that trades by a rule text or by an archetype; it starts in LAB and goes before the seeded fleet.

    A rule that is no rule is refused with line, column and what was expected. A bot keeps its text: another text is
    another bot. Improvement moves the numbers that the text declares as parameters, and those of its exits.

    Example: proving bot add --rule pullback.rule --symbol MES --timeframe 1h --name "Pullback One"
    """
    from orchestration.cli.bot_work import add as work

    work(
        symbol=symbol,
        timeframe=timeframe,
        rule=rule,
        archetype=archetype,
        name=name,
        session_mode=session_mode,
        contracts=contracts,
        dry_run=dry_run,
    )


@app.command()
def show(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Show what a bot trades by: its rule text, and the numbers of its newest generation with their bounds.

    Example: proving bot show "Pullback One"
    """
    from orchestration.cli.bot_work import show as work

    work(bot)


Bot = Annotated[str, typer.Argument(help="Id or name of a bot.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in capitals; it stands in the audit chain.")]


@app.command()
def rename(
    bot: Bot,
    name: Annotated[str, typer.Argument(help="Its new name; no other bot, archived ones included, may have it.")],
    *,
    reason: Why = OPERATOR,
) -> None:
    """Give a bot another name; its id, its history and its key in Dagster stay.

    Example: proving bot rename "Pullback One" "Pullback on MES"
    """
    _act("RENAME", bot, reason=reason, name=name)


@app.command()
def copy(
    bot: Bot,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the copy; made from the bot's own if not given.")] = None,
    reason: Why = OPERATOR,
) -> None:
    """Register a new bot that trades by the numbers the bot has now; it starts in LAB and has no history.

    Example: proving bot copy "Pullback One" --name "Pullback Two"
    """
    _act("COPY", bot, reason=reason, name=name)


@app.command()
def pause(bot: Bot, *, reason: Why = OPERATOR) -> None:
    """Make autonomy leave a bot alone: its queued work is canceled, a job that runs finishes, nothing new is planned.

    Example: proving bot pause "Pullback One" --reason BAD_BARS
    """
    _act("PAUSE", bot, reason=reason)


@app.command()
def resume(bot: Bot, *, reason: Why = OPERATOR) -> None:
    """Let autonomy plan work for a paused bot again.

    Example: proving bot resume "Pullback One"
    """
    _act("RESUME", bot, reason=reason)


@app.command()
def archive(bot: Bot, *, reason: Why = OPERATOR) -> None:
    """Take a bot out of the fleet: it leaves the board and nothing is planned; its history stays, and its name is kept.

    Example: proving bot archive "Pullback One" --reason NO_EDGE
    """
    _act("ARCHIVE", bot, reason=reason)


@app.command()
def revive(bot: Bot, *, reason: Why = OPERATOR) -> None:
    """Put an archived bot back into the fleet.

    Example: proving bot revive "Pullback One"
    """
    _act("REVIVE", bot, reason=reason)


@app.command()
def edit(
    bot: Bot,
    numbers: Annotated[list[str], typer.Argument(help="NAME=VALUE, as many as are to change; `bot show` lists them.")],
    *,
    reason: Why = OPERATOR,
) -> None:
    """Change numbers of a bot: a new generation, whose baseline goes before the queue; the earlier ones stay.

    Example: proving bot edit "Pullback One" fast=15 stop_atr=2.5
    """
    _act("EDIT", bot, reason=reason, numbers=numbers)


def _act(act: str, bot: str, *, reason: str, name: str | None = None, numbers: Sequence[str] = ()) -> None:
    from orchestration.cli.bot_work import act as work

    work(act, bot, reason=reason, name=name, numbers=numbers)
