"""What a bot trades by.

Belongs here: the one answer to that. Does not belong here: what a style wants at each bar's close (`trading`).
"""

from store.bots.registry import BotAtWork
from trading.strategies.genome import Style
from trading.strategies.rules import rule_text


def style_of(bot: BotAtWork) -> Style:
    """Return what a bot trades by: its archetype, or the rule text it was registered with."""
    return bot.archetype if bot.rule_text is None else rule_text(bot.rule_text)
