"""Commands on one bot: register it, show what it trades by.

Belongs here: arguments, examples. Does not belong here: work (`orchestration.bot_work`), and anything slow to import.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="One bot: register it, show what it trades by.", no_args_is_help=True)


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
) -> None:
    """Register a bot that trades by a rule text or by an archetype; it starts in LAB and the next tick plans its work.

    A rule that is no rule is refused with line, column and what was expected. A bot keeps its text: another text is
    another bot. Improvement moves the numbers that the text declares as parameters, and those of its exits.

    Example: proving bot add --rule pullback.rule --symbol MES --timeframe 1h --name "Pullback One"
    """
    from orchestration.bot_work import add as work

    work(
        symbol=symbol,
        timeframe=timeframe,
        rule=rule,
        archetype=archetype,
        name=name,
        session_mode=session_mode,
        contracts=contracts,
    )


@app.command()
def show(bot: Annotated[str, typer.Argument(help="Id or name of a bot.")]) -> None:
    """Show what a bot trades by: its rule text, and the numbers of its newest generation with their bounds.

    Example: proving bot show "Pullback One"
    """
    from orchestration.bot_work import show as work

    work(bot)
