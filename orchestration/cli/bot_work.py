"""The work behind the commands on one bot: a bot registered, its numbers shown.

Belongs here: one command's way from words to use case and back. Does not belong here: what a rule or a bot may be.
"""

from collections.abc import Sequence
from pathlib import Path

from orchestration.cli.caller import actor, request_id
from orchestration.cli.desk_work import find_bot, opened_desk
from orchestration.cli.rule_work import number_table, rule_in
from orchestration.cli.terminal import console
from services.backtests.workbench import bot_at_work
from services.bots.histories import history_of, history_of_bot
from services.bots.registration import BotRequest, register_bot, short_id, style_wanted, would_register
from services.bots.styles import style_of
from store.bots.registry import BotAtWork
from trading.errors import BadInput
from trading.strategies.memory import History

DONE = {
    "RENAME": "so it is named now",
    "COPY": "copied under this name; the next tick plans its first baseline",
    "PAUSE": "paused; autonomy leaves it alone until it is resumed",
    "RESUME": "resumed; the next tick plans its work",
    "ARCHIVE": "archived; it has left the board and keeps its history and its name",
    "REVIVE": "revived; it is back on the board",
    "EDIT": "edited; its new generation is backtested before the queue",
}


def add(
    *,
    symbol: str,
    timeframe: str,
    rule: Path | None,
    archetype: str | None,
    name: str | None,
    session_mode: str,
    contracts: int,
    dry_run: bool,
) -> None:
    """Register a bot, or say which it would be, and show it; a bad rule is refused before the database is opened."""
    text = None if rule is None else rule_in(rule)
    request = BotRequest(
        symbol=symbol,
        timeframe=timeframe,
        actor=actor(),
        archetype=archetype,
        rule=text,
        name=name,
        session_mode=session_mode,
        contracts=contracts,
    )
    with opened_desk() as desk:
        registered = would_register(desk, request) if dry_run else register_bot(desk, request)
        style = style_wanted(archetype_name=archetype, text=text)
        history = history_of(
            desk,
            symbol=registered.symbol,
            timeframe=registered.timeframe,
            wanted=(style, registered.genome),
        )
    console.print(
        f"[bold]{registered.name}[/bold]  {registered.symbol} {registered.timeframe} · {registered.archetype}"
    )
    if registered.rule_fingerprint is not None:
        console.print(f"rule {registered.rule_fingerprint}", soft_wrap=True)
        console.print((text or "").strip(), markup=False, highlight=False, soft_wrap=True, style="dim")
    console.print(number_table(registered.genome, style, title="generation 1"))
    _tell_history(history)
    outcome = "dry run: nothing was registered" if dry_run else "registered; the next tick plans its first baseline"
    console.print(outcome)
    if not registered.has_bars:
        console.print(f"There are no {timeframe} bars of {symbol} yet; import some: proving bars import FILE")


def show(bot: str) -> None:
    """Show what a bot trades by."""
    with opened_desk() as desk:
        at_work = bot_at_work(desk, find_bot(desk, bot, archived_too=True))
        history = history_of_bot(desk, at_work)
    _tell(at_work)
    _tell_history(history)


def act(act: str, bot: str, *, reason: str, name: str | None, numbers: Sequence[str]) -> None:
    """Do one act to one bot and say what came of it."""
    from services.bots.acts import Act, ActWish, act_on_bot

    changes = _assignments(numbers)
    with opened_desk() as desk:
        wish = ActWish(
            act=Act(act),
            bot_id=find_bot(desk, bot, archived_too=True),
            reason_code=reason,
            actor=actor(),
            request_id=request_id(),
            name=name,
            numbers=changes,
        )
        receipt = act_on_bot(desk, wish)
        as_it_is_now = bot_at_work(desk, receipt.copy_id or receipt.bot_id)
    if not receipt.changed:
        console.print(f"{receipt.name}: it stood that way already, nothing changed", markup=False)
        return
    canceled = f"; canceled: {', '.join(receipt.canceled)}" if receipt.canceled else ""
    words = f"{receipt.name}: {DONE[receipt.act]}{canceled}; audit event {receipt.audit_seq}"
    console.print(words, markup=False, soft_wrap=True)
    if receipt.act in (Act.COPY, Act.EDIT):
        _tell(as_it_is_now)


def _assignments(words: Sequence[str]) -> dict[str, float]:
    """Return NAME=VALUE words as numbers by name.

    Raises:
        BadInput: a word that is none, or a name twice.
    """
    numbers: dict[str, float] = {}
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        try:
            number = float(value)
        except ValueError:
            raise BadInput(f"a change is NAME=VALUE with a number, was {word!r}") from None
        if name in numbers:
            raise BadInput(f"{name} is given twice")
        numbers[name] = number
    return numbers


def _tell(bot: BotAtWork) -> None:
    console.print(f"[bold]{bot.name}[/bold]  {bot.symbol} {bot.timeframe} · {bot.archetype}  {short_id(bot.id)}")
    if bot.rule_text is not None:
        console.print(f"rule {bot.rule_fingerprint}", soft_wrap=True)
        console.print(bot.rule_text.strip(), markup=False, highlight=False, soft_wrap=True, style="dim")
    console.print(number_table(bot.genome, style_of(bot), title=f"generation {bot.generation}"))


def _tell_history(history: History | None) -> None:
    if history is not None:
        console.print(f"history: {history.words}", soft_wrap=True)
