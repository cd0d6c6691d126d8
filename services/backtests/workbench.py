"""The workbench: a bot with its newest genome, its bars, and what runs genomes over them.

Belongs here: all that a backtest, an iteration and a verification need before they begin, put together once and in one
way. Does not belong here: what each of them does with it, which bars may be read (`market/tapes.py`).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from services.bots.styles import style_of
from services.desk import Desk
from services.market.tapes import BarSupply, TapeAtHand
from store.bots import registry
from store.bots.registry import BotAtWork
from store.database import transaction
from trading.backtests.engine import Account, Backtest, Strategy, margined, run_tape
from trading.backtests.parts import Part, PartBacktester, PartResult
from trading.errors import UnknownBots
from trading.market.instruments import instrument
from trading.money import MICROS_PER_USD
from trading.strategies.genome import Genome, Style, validated
from trading.strategies.tape import Tape


@dataclass(frozen=True)
class Workbench:
    """A bot with everything needed to run genomes of its style over its bars. Not for use by two threads.

    Attributes:
        bot: The bot.
        supply: The only way to its bars, on its own timeframe and on others.
        at_hand: Its bars on its own timeframe.
        strategy: Its style with its newest genome, validated, and the tolerance of the warm-up.
    """

    bot: BotAtWork
    supply: BarSupply
    at_hand: TapeAtHand
    strategy: Strategy

    @property
    def style(self) -> Style:
        """What the bot trades by."""
        return self.strategy.style

    @property
    def genome(self) -> Genome:
        """Its newest genome."""
        return self.strategy.genome

    @property
    def account(self) -> Account:
        """The account it trades."""
        return account_of(self.bot)

    @property
    def whole(self) -> Part:
        """All of its bars."""
        return Part(0, len(self.at_hand.tape))

    def before(self, sealed_from: int) -> "Workbench":
        """Return the same workbench with open days only: it holds no bar of a trading date from `sealed_from` on.

        Raises:
            NoMarketData: there are no bars before that day.
        """
        supply = self.supply.before(sealed_from)
        return replace(self, supply=supply, at_hand=supply.read(self.bot.timeframe))

    @cached_property
    def backtester(self) -> PartBacktester:
        """Runs genomes of its style over parts of its bars."""
        return self.backtester_on(self.at_hand.tape)

    def backtester_on(self, tape: Tape, *, account: Account | None = None) -> PartBacktester:
        """Return what runs genomes of its style over parts of any tape, for its account or another."""
        return PartBacktester(tape, self.style, account=account or self.account, tolerance=self.strategy.tolerance)

    def run(self, part: Part | None = None) -> PartResult:
        """Run its own genome over its bars, or some of them; valid until the backtester's next."""
        return self.backtester.run(self.genome, part or self.whole)

    def run_genome(self, genome: Genome) -> PartResult:
        """Run any genome of its style over all of its bars; valid until the backtester's next.

        Raises:
            BadGenome: it does not fill the style.
        """
        return self.backtester.run(genome, self.whole)

    def backtest(self) -> Backtest:
        """Run its own genome over all of its bars, as a session is."""
        return run_tape(self.at_hand.tape, self.strategy, account=self.account)


def open_workbench(desk: Desk, bot_id: UUID) -> Workbench:
    """Return the workbench of a bot.

    Raises:
        UnknownBots: there is no such bot.
        NoMarketData, BadBars: it has no usable bars.
        BadGenome: its newest genome does not fill its style.
    """
    bot = bot_at_work(desk, bot_id)
    supply = BarSupply(desk.bars, bot.symbol, bot.session_mode)
    at_hand, style = supply.read(bot.timeframe), style_of(bot)
    strategy = Strategy(style, validated(style, bot.genome), desk.settings.warm_up_tolerance)
    return Workbench(bot, supply, at_hand, strategy)


def bot_at_work(desk: Desk, bot_id: UUID) -> BotAtWork:
    """Return a bot with its newest genome.

    Raises:
        UnknownBots: there is no such bot.
    """
    with transaction(desk.database) as db:
        bot = registry.at_work(db, bot_id)
    if bot is None:
        raise UnknownBots([str(bot_id)])
    return bot


def account_of(bot: BotAtWork) -> Account:
    """Return the account a bot trades."""
    return margined(instrument(bot.symbol), int(bot.account_usd * MICROS_PER_USD), bot.contracts)
