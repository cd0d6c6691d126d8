"""The work behind `proving discoveries`: who is proven, beside the truth about simulated markets.

Belongs here: tables. Does not belong here: what is counted (`services/bots/discoveries.py`).
"""

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from orchestration.cli.desk_work import opened_desk, print_wide
from orchestration.cli.terminal import console
from services.bots.discoveries import DiscoveriesView, MarketView, ProvenBot, discoveries
from trading.verification.market_verdicts import MarketVerdict
from trading.words import counted

RIGHT = {MarketVerdict.FOUND: "yes", MarketVerdict.FALSE: "FALSE"}


def show() -> None:
    """Show who is proven since when, and what became of what is planted."""
    with opened_desk() as desk:
        view = discoveries(desk)
    if view.truth is not None:
        console.print(_counts(view), markup=False, soft_wrap=True)
        print_wide(_markets(view.markets))
    if view.bots:
        print_wide(_bots(view.bots))
    else:
        console.print("no bot is proven yet")
    console.print(view.rule, markup=False, soft_wrap=True)


def _counts(view: DiscoveriesView) -> str:
    truth = view.truth
    if truth is None:
        return ""
    edges = f"found {truth.found_markets}, missed {truth.missed_markets}, awaited {truth.awaited_markets}"
    bots = f"of {counted(truth.proven_bots, 'proven bot')} {truth.false_bots:,} false"
    return f"planted {truth.planted_markets}, {edges}; {bots}"


def _markets(markets: Sequence[MarketView]) -> Table:
    table = Table("symbol", "planted", "oracle", "verdict", "found", "proven", "records", "bots")
    for market in markets:
        table.add_row(
            market.symbol,
            market.kind or "nothing",
            _number(market.oracle_sharpe),
            str(market.verdict),
            _second(market.found_at),
            *(f"{number:,}" for number in (market.proven, market.records, market.bots)),
        )
    return table


def _bots(bots: Sequence[ProvenBot]) -> Table:
    table = Table("proven since", "bot", "trades", "bars", "log e", "Sharpe", "days", "right")
    for bot in bots:
        table.add_row(
            _second(bot.proven_since),
            bot.name,
            f"{bot.symbol} {bot.timeframe} {bot.archetype}",
            bot.bars_kind,
            _number(bot.log_e),
            _number(bot.sharpe),
            f"{bot.days:,}",
            RIGHT[bot.verdict] if bot.verdict is not None else "unknown",
        )
    return table


def _number(figure: float | None) -> str:
    return "—" if figure is None else f"{figure:.1f}"


def _second(at: datetime | None) -> str:
    return "—" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
