"""What the board says about itself: its columns and the words of its filter.

Belongs here: a sentence for each, shown as tooltip and in the help. Does not belong here: what badges mean
(`static/js/about.js`), how a filter is read (`trading/bots/filter.py`).
"""

COLUMNS = (
    ("name", "bot", "Bot", "Its name, then symbol, timeframe and style. A click shows it, a second opens its page."),
    ("stage", "stage", "Stage", "How far it has proven itself: LAB, PAPER, SHADOW, CANARY, LIVE."),
    ("activity", "activity", "Activity", "What it does now: a filled badge runs, a dashed one waits for its turn."),
    (
        "netPnl",
        "net",
        "Net P&L",
        "What it earned since the reset in its stage's book, after commission and slippage, in $.",
    ),
    ("winPct", "win", "Win %", "Share of its trades since the reset that earned."),
    ("trades", "trades", "Trades", "Closed trades since the reset."),
    (
        *("maxDrawdown", "fall", "Max DD"),
        "Deepest fall of the account since the reset, from a peak at bar closes, in $ and in % of that peak.",
    ),
    ("profitFactor", "factor", "Profit factor", "Gains over losses; unknown while nothing was lost."),
    ("sharpe", "sharpe", "Sharpe", "Mean over deviation of daily returns, annualised; unknown under 20 days."),
    (
        *("confidence", "sure", "Conf %"),
        "How far the newest generation is to be trusted: luck, number of trades and consistency taken together.",
    ),
    ("uniqueness", "unique", "Uniq %", "How far the newest generation stands from its nearest sibling in the fleet."),
    (None, "equity", "Equity", "The account since the reset, every line to its own scale."),
    ("source", "source", "Source", "Where the bars came from. SIMULATED ones open no gate."),
    ("generation", "gen", "Gen", "The newest genome: G1 is the one it was registered with."),
)
"""Key to sort by, class, heading, meaning."""

FILTER_WORDS = (
    ("amber mes", "Every word must occur in name, symbol, style or source, or be the timeframe, stage or G number."),
    ("tf:5m,15m", "Field and words: any of them. Fields are name symbol tf style stage state source."),
    ("source:real", "source:simulated, source:real for any provider, or a part of the provider's name."),
    ("state:queued", "A part of the state: backtest, improving, evolving, running, queued, needs, idle, error."),
    ("state:archived", "The bots that have left the fleet, and they alone; the switch Archived does the same."),
    ("net>0 dd<20", "Figures, as the board rounds them: net $, win %, trades, dd %, pf, sharpe, conf %, uniq %, gen."),
    ("gen:3 trades>=50", "Relations are : > >= < <=. A figure that is unknown meets none."),
    ("-stage:lab", "A minus turns a term round."),
)
"""An example of the filter's language, and what it means."""
