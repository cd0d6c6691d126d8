"""The work behind the commands on one bot: a file of rules read, a bot registered, its numbers shown.

Belongs here: one command's way from words to use case and back. Does not belong here: what a rule or a bot may be.
"""

import getpass
from pathlib import Path

from rich.table import Table

from orchestration.desk_work import find_bot, opened_desk
from orchestration.terminal import console
from services.backtests import bot_at_work, style_of
from services.registration import BotRequest, register_bot
from store.bots import BotAtWork
from trading.errors import BadInput, RuleSyntaxError
from trading.strategies.genome import Style, schema
from trading.strategies.rules import rule_text


def add(
    *,
    symbol: str,
    timeframe: str,
    rule: Path | None,
    archetype: str | None,
    name: str | None,
    session_mode: str,
    contracts: int,
) -> None:
    """Register a bot and show it; a bad rule is refused before the database is opened."""
    text = None if rule is None else rule_in(rule)
    request = BotRequest(
        symbol=symbol,
        timeframe=timeframe,
        actor=f"cli:{getpass.getuser()}",
        archetype=archetype,
        rule=text,
        name=name,
        session_mode=session_mode,
        contracts=contracts,
    )
    with opened_desk() as desk:
        registered = register_bot(desk, request)
        bot = bot_at_work(desk, registered.id)
    _tell(bot)
    if not registered.has_bars:
        console.print(f"There are no {timeframe} bars of {symbol} yet; import some: proving bars import FILE")


def show(bot: str) -> None:
    """Show what a bot trades by."""
    with opened_desk() as desk:
        _tell(bot_at_work(desk, find_bot(desk, bot)))


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
        raise BadInput(f"{path}, {wrong}\n{_marked(text, wrong)}") from None
    return text


def _marked(text: str, wrong: RuleSyntaxError) -> str:
    lines = text.split("\n")
    line = lines[wrong.line - 1] if wrong.line <= len(lines) else ""
    return f"  {line}\n  {' ' * (wrong.column - 1)}^"


def _tell(bot: BotAtWork) -> None:
    style = style_of(bot)
    console.print(f"[bold]{bot.name}[/bold]  {bot.symbol} {bot.timeframe} · {bot.archetype}  {bot.id}")
    if bot.rule_text is not None:
        console.print(f"rule {bot.rule_fingerprint}", soft_wrap=True)
        console.print(bot.rule_text.strip(), markup=False, highlight=False, soft_wrap=True, style="dim")
    console.print(_numbers(bot, style))


def _numbers(bot: BotAtWork, style: Style) -> Table:
    table = Table(
        "number", "is", "from", "to", "step", "unit", title=f"generation {bot.generation}", title_justify="left"
    )
    for name, row in schema(style).items():
        table.add_row(name, *(f"{value:g}" for value in (bot.genome[name], row.low, row.high, row.step)), row.unit)
    return table
