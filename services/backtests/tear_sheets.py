"""The tear sheet of a session: everything that was stored about it, laid out to be read.

Belongs here: from a session's id to its sheet, read-only, in one transaction. Does not belong here: tables and geometry
(`services/tearsheet`), markup (`api/pages`), new figures: what the session's row says is shown as it stands.

The regime split needs the bars the session ran over. The bar store finds them by the session's fingerprint, withdrawn
ones too; where it has none of that content any more, the sheet says that they are gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np

from services.desk import Desk
from store.backtests.sessions import TRADE_FACTS as TRADE_FACTS
from store.backtests.trades import TradeRow, trades_of_session
from store.bots import registry
from store.database import transaction
from store.improvement import looks
from store.tables import BacktestSession
from store.verification import verifications
from trading.backtests.charts import NARROW, WIDE, LineChart, Scatter, line_chart, scatter
from trading.backtests.tear_sheet import Costs, Split, Year, costs, months, split
from trading.errors import BadBars, Unavailable
from trading.figures.performance import drawdown_pct
from trading.figures.sample import is_in_sample
from trading.market.bars import SIMULATED, Bars
from trading.market.instruments import instrument
from trading.market.regimes import REGIMES, regime_codes

SHOWN_TRADES = 250
SHOWN_DOTS = 1_200
BOXES = {"desk": ((WIDE, 300.0), (WIDE, 150.0)), "phone": ((NARROW, 240.0), (NARROW, 130.0))}
SCATTER_HEIGHT = 300.0

Trades = Sequence[TradeRow]


@dataclass(frozen=True, slots=True)
class RegimeSplit:
    """Trades by the regime their signal was given in, or the reason why that is unknown."""

    rows: tuple[Split, ...]
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """Equity and drawdown, laid out for one width."""

    equity: LineChart | None
    drawdown: LineChart | None


@dataclass(frozen=True, slots=True)
class TearSheet:
    """One session, ready to be drawn.

    Attributes:
        bot_name: Of the bot that ran.
        run: The session's row.
        knows_until: The last trading date its generation was chosen on; None for none.
        trades: The newest trades, newest first, at most 250 of `run.trades`.
        years, costs, exits, sides, regimes: Tables.
        curves: Equity and drawdown at the close of each trading day, drawn for a desk and for a phone; None for a
            session too short to draw.
        excursions: At most 1,200 trades, evenly spread; `dots` says how many.
    """

    bot_name: str
    run: BacktestSession
    knows_until: date | None
    trades: Trades
    years: tuple[Year, ...]
    costs: Costs
    exits: tuple[Split, ...]
    sides: tuple[Split, ...]
    regimes: RegimeSplit
    curves: Mapping[str, Curves]
    excursions: Scatter | None

    @property
    def price_decimals(self) -> int:
        """Decimals of a price of what it traded."""
        return instrument(self.run.symbol).price_decimals

    @property
    def lacks_prices(self) -> bool:
        """Whether prices are unknown: recorded before the ledger kept ticks, with fewer decimals than the tick has."""
        return any(trade.entry_price is None for trade in self.trades)

    @property
    def in_sample(self) -> bool:
        """Whether its figures cover days that its generation was chosen on."""
        return is_in_sample(self.run.equity_on[0] if self.run.equity_on else None, knows_until=self.knows_until)

    @property
    def is_simulated(self) -> bool:
        """Whether the market simulator made its bars."""
        return self.run.data_source == SIMULATED


def tear_sheet(desk: Desk, session_id: UUID) -> TearSheet | None:
    """Return the sheet of a session, completed or failed; None where there is no such session.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        run = verifications.session_by_id(db, session_id)
        if run is None:
            return None
        trades = trades_of_session(db, run.id, symbol=run.symbol)
        known = {row.generation_number: row.knows_until for row in looks.lineage_of(db, run.bot_id)}
        bot = registry.at_work(db, run.bot_id)
    return TearSheet(
        bot_name=bot.name if bot is not None else str(run.bot_id),
        run=run,
        knows_until=known.get(run.generation_number),
        trades=trades[::-1][:SHOWN_TRADES],
        years=months(run.equity_on, run.equity_usd, account_usd=run.account_usd),
        costs=costs(trades),
        exits=split(trades, [trade.exit_reason for trade in trades]),
        sides=split(trades, [trade.side for trade in trades]),
        regimes=_regimes(desk, run, trades),
        curves=_curves(run),
        excursions=_excursions(trades),
    )


def session_trades(desk: Desk, session_id: UUID) -> tuple[BacktestSession, Trades] | None:
    """Return a session and all of its trades in entry order; None where there is no such session.

    Raises:
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        run = verifications.session_by_id(db, session_id)
        return None if run is None else (run, trades_of_session(db, run.id, symbol=run.symbol))


def _curves(run: BacktestSession) -> Mapping[str, Curves]:
    on, equity = _with_account(run)
    falls = drawdown_pct(equity)
    return {
        name: Curves(
            line_chart(on, equity, base=equity[0], box=high, unit="$"),
            line_chart(on, falls, base=0.0, box=flat, unit="%", ends_at_base=True),
        )
        for name, (high, flat) in BOXES.items()
    }


def _with_account(run: BacktestSession) -> tuple[list[date], list[float]]:
    """Return the equity curve with the account as its first point, the day before the first trading day."""
    first = run.equity_on[0] - timedelta(days=1) if run.equity_on else date(1970, 1, 1)
    return [first, *run.equity_on], [float(usd) for usd in (run.account_usd, *run.equity_usd)]


def _excursions(trades: Trades) -> Scatter | None:
    stride = -(-len(trades) // SHOWN_DOTS) or 1
    kept = trades[::stride]
    against = [abs(float(trade.mae_usd)) for trade in kept]
    favour = [abs(float(trade.mfe_usd)) for trade in kept]
    return scatter(against, favour, [trade.net_pnl_usd > Decimal(0) for trade in kept], height=SCATTER_HEIGHT)


def _regimes(desk: Desk, run: BacktestSession, trades: Trades) -> RegimeSplit:
    bars = _bars_of(desk, run)
    if bars is None:
        return RegimeSplit((), "the bars of this session are no longer in the bar store")
    codes = regime_codes(bars)
    entries = np.array([_ns(trade.entry_at) for trade in trades], np.int64)
    signal_bars = np.searchsorted(bars.ts_event, entries) - 1
    names = [REGIMES[codes[bar]] or "UNKNOWN" for bar in signal_bars]
    return RegimeSplit(split(trades, names))


def _bars_of(desk: Desk, run: BacktestSession) -> Bars | None:
    """Return the bars a session ran over, known by their fingerprint: marks are named by more than their provider."""
    if run.data_fingerprint is None:
        return None
    try:
        return desk.bars.load_by_fingerprint(run.symbol, run.timeframe, run.data_fingerprint)
    except (BadBars, Unavailable):
        return None


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000
