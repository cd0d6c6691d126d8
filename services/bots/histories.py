"""What is left of a bot's bars after its warm-up: whether it can trade at all on what there is.

Belongs here: one read-only answer, asked before a bot is registered and whenever one is shown. Does not belong here:
how long a warm-up is (`trading.strategies`), which bars serve a bot (`store.market.bars`).
"""

from services.bots.styles import style_of
from services.desk import Desk
from store.bots.registry import BotAtWork
from trading.errors import Unavailable
from trading.strategies.genome import Genome, Style, validated
from trading.strategies.memory import History
from trading.strategies.styles import warm_up_bars


def history_of(desk: Desk, *, symbol: str, timeframe: str, wanted: tuple[Style, Genome]) -> History | None:
    """Return the bars a bot would trade on and its warm-up, counted in them; None where the bar store is away.

    Args:
        desk: The desk.
        symbol: Contract root.
        timeframe: Of the bars.
        wanted: The style and the genome that fills it.
    """
    style, genome = wanted
    try:
        series = desk.bars.best(symbol, timeframe)
    except Unavailable:
        return None
    warm_up = warm_up_bars(style, validated(style, genome), tolerance=desk.settings.warm_up_tolerance)
    return History(0 if series is None else series.bars, warm_up)


def history_of_bot(desk: Desk, bot: BotAtWork | None) -> History | None:
    """Return the same of a registered bot and its newest genome."""
    if bot is None:
        return None
    return history_of(desk, symbol=bot.symbol, timeframe=bot.timeframe, wanted=(style_of(bot), bot.genome))
