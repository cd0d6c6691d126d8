"""What a verification works on: a bot, its newest genome, its bars, and a runner over them.

Belongs here: opening the subject, the seed, figures as they are stored. Does not belong here: the checks themselves.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np

from services.backtests.baselines import account_of, bot_at_work
from services.bots.styles import style_of
from services.desk import Desk
from services.market.tapes import TapeAtHand, tape_for
from store.bots.registry import BotAtWork
from trading.arrays import IntArray
from trading.backtests.engine import Account
from trading.backtests.parts import Part, PartRun, PartRunner
from trading.figures.performance import Performance
from trading.money import usd
from trading.strategies.genome import Genome, Style, validated
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.tape import Tape
from trading.verification.verdicts import Kind, Verdict

EPOCH = date(1970, 1, 1)
CURVE_POINTS = 240


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        verdict: How it came out.
        figures: As JSON knows them: no NaN, null where unknown.
        for_gates: Columns of the stored run that gates read.
        judged: Columns of the stored run that differ from the subject's, where a stored session was judged and not the
            newest genome on the newest bars.
    """

    verdict: Verdict
    figures: Mapping[str, Any]
    for_gates: Mapping[str, float | None] = field(default_factory=dict)
    judged: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A bot with everything needed to run it over its own bars. For one thread and one check after another."""

    bot: BotAtWork
    at_hand: TapeAtHand
    style: Style
    genome: Genome
    tolerance: float = WARM_UP_TOLERANCE

    @cached_property
    def runner(self) -> PartRunner:
        """Runs genomes of the bot's style over parts of its bars."""
        return self.runner_on(self.at_hand.tape, account=self.account)

    def runner_on(self, tape: Tape, *, account: Account) -> PartRunner:
        """Return what runs genomes of the bot's style over parts of any tape, for any account."""
        return PartRunner(tape, self.style, account=account, tolerance=self.tolerance)

    @property
    def account(self) -> Account:
        """The account the bot trades."""
        return account_of(self.bot)

    @property
    def whole(self) -> Part:
        """All of its bars."""
        return Part(0, len(self.at_hand.tape))

    def seed(self, kind: Kind) -> int:
        """Return the seed of a check: the same for the same bot and kind, so that a run can be repeated."""
        digest = hashlib.sha256(f"{self.bot.id}/{kind}".encode()).digest()
        return int.from_bytes(digest[:6], "big")

    def run(self, part: Part | None = None) -> PartRun:
        """Run the bot's own genome over its bars, or some of them; valid until the next run."""
        return self.runner.run(self.genome, part or self.whole)


def open_subject(desk: Desk, bot_id: UUID) -> Subject:
    """Return a bot ready to be verified.

    Raises:
        UnknownBots: there is no such bot.
        NoMarketData, BadBars: it has no usable bars.
    """
    bot = bot_at_work(desk, bot_id)
    at_hand = tape_for(desk, symbol=bot.symbol, timeframe=bot.timeframe, session_mode=bot.session_mode)
    style = style_of(bot)
    return Subject(bot, at_hand, style, validated(style, bot.genome), desk.settings.warm_up_tolerance)


def figures_of(performance: Performance) -> dict[str, Any]:
    """Return a performance as JSON keeps it: dollars, null where unknown."""
    return {
        "net_pnl_usd": float(usd(performance.net_pnl_micros)),
        "trades": performance.trades,
        "win_pct": performance.win_pct,
        "profit_factor": performance.profit_factor,
        "expectancy_usd": performance.expectancy_usd,
        "max_drawdown_usd": performance.max_drawdown_usd,
        "max_drawdown_pct": performance.max_drawdown_pct,
        "sharpe": performance.sharpe,
        "exposure_pct": performance.exposure_pct,
    }


def curve_of(equity_micros: IntArray, trading_day: IntArray, *, points: int = CURVE_POINTS) -> dict[str, Any]:
    """Return the closes of evenly spread trading days, the first and the last among them, as JSON keeps them."""
    closes = np.append(np.flatnonzero(np.diff(trading_day)), len(trading_day) - 1)
    kept = closes[np.unique(np.linspace(0, len(closes) - 1, points).astype(np.int64))]
    return {
        "on": [on_day(trading_day[bar]).isoformat() for bar in kept],
        "equity_usd": [float(usd(equity_micros[bar])) for bar in kept],
    }


def on_day(day: int) -> date:
    """Return a trading day counted from 1970-01-01 as a date."""
    return EPOCH + timedelta(days=int(day))


def quantiles_of(values: Sequence[float]) -> dict[str, float]:
    """Return the quantiles people read, linearly interpolated."""
    levels = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    return {name: float(np.quantile(values, level)) for name, level in levels.items()}
