"""What the board says about itself: its columns and the words of its filter.

Belongs here: a sentence for each, shown as tooltip and in the help. Does not belong here: what badges mean
(`static/js/about.js`), how a filter is read (`trading/bots/filter.py`).
"""

from trading.figures.declared import FIGURES, word_of
from trading.words import camel


def _figure(name: str, style: str) -> tuple[str, str, str, str]:
    figure = FIGURES[name]
    return camel(word_of(name)), style, figure.label, figure.about


COLUMNS: tuple[tuple[str | None, str, str, str], ...] = (
    ("name", "bot", "Bot", "Its name, then symbol, timeframe and style. A click shows it, a second opens its page."),
    ("stage", "stage", "Stage", "How far it has proven itself: LAB, PAPER, SHADOW, CANARY, LIVE."),
    ("activity", "activity", "Activity", "What it does now: a filled badge runs, a dashed one waits for its turn."),
    _figure("net_pnl_micros", "net"),
    _figure("win_pct", "win"),
    _figure("trades", "trades"),
    _figure("max_drawdown_usd", "fall"),
    _figure("profit_factor", "factor"),
    _figure("sharpe", "sharpe"),
    (
        *("evidence", "proof", "Evidence"),
        "The e-value of its record: what bets on its days would have made of 1. PROVEN: among all bots, 10 % false.",
    ),
    ("unseenSharpe", "oos", "OOS Sharpe", "Sharpe of its record: days that no genome trading them was chosen on."),
    (
        *("confidence", "sure", "Conf %"),
        "How far the newest generation is to be trusted: luck, number of trades and consistency taken together.",
    ),
    ("uniqueness", "unique", "Uniq %", "How far the newest generation stands from its nearest sibling in the fleet."),
    (None, "equity", "Equity", "The account since the reset, every line to its own scale."),
    ("source", "source", "Source", "Where the bars came from. SIMULATED ones open no gate."),
    ("generation", "gen", "Gen", "The newest genome: G1 is the one it was registered with."),
)
"""Key to sort by, class, heading, meaning; the cells of a row are made from these heads."""

FILTER_WORDS = (
    ("amber mes", "Every word must occur in name, symbol, style or source, or be the timeframe, stage or G number."),
    ("tf:5m,15m", "Field and words: any of them. Fields are name symbol tf style stage state source."),
    ("source:real", "source:simulated, source:real for any provider, or a part of the provider's name."),
    ("state:queued", "A part of the state: backtest, improving, evolving, running, queued, needs, idle, error."),
    ("state:archived", "The bots that have left the fleet, and they alone; the switch Archived does the same."),
    ("net>0 dd<20", "Figures, as the board rounds them: net $, win %, trades, dd %, pf, sharpe, conf %, uniq %, gen."),
    ("e>20 oos>1", "Figures of its record: the e-value, and the Sharpe ratio out of sample."),
    ("gen:3 trades>=50", "Relations are : > >= < <=. A figure that is unknown meets none."),
    ("-stage:lab", "A minus turns a term round."),
)
"""An example of the filter's language, and what it means."""
