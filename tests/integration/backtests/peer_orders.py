"""What a peer trades on given bars, printed as JSON. Runs in the peer's own environment and imports none of our code.

    python -P peer_orders.py PEER SCENARIO BARS.npz

Prints [[entry bar, exit bar, side, entry price, exit price, net in dollars], ...] of closed trades in order of entry;
for nautilus [[bar, side, contracts, price, commission in dollars], ...] of fills. Prices are in points, a point is
$50. Averages are summed on a quarter-point grid, so they and every comparison of them are exact.
"""

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
Rows = list[list[float]]

FAST, SLOW = 20, 50
POINT_USD, TICK, FEE_USD = 50.0, 0.25, 2.5
STOP_TICKS, TARGET_TICKS = 20, 40


def wanted_sides(close: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return +1 where the fast average crosses above the slow one, -1 where below."""
    total = np.cumsum(np.insert(close, 0, 0.0))
    fast, slow = ((total[period:] - total[:-period]) / period for period in (FAST, SLOW))
    spread = fast[SLOW - FAST :] - slow
    side = np.zeros(len(close), int)
    side[SLOW:] = ((spread[1:] > 0) & (spread[:-1] <= 0)).astype(int) - ((spread[1:] < 0) & (spread[:-1] >= 0))
    return side


def backtesting(bars: Columns, scenario: str) -> Rows:
    """Slippage is folded into a commission of $15 a side; exit prices are set around the fill nobody knows yet.

    A signal towards the open position is left out: exclusive orders would close and open it again.
    """
    import pandas as pd
    from backtesting import Backtest, Strategy

    frame = pd.DataFrame(
        {name.title(): bars[name] for name in ("open", "high", "low", "close")}, index=pd.to_datetime(bars["ts"])
    )
    side = wanted_sides(bars["close"])

    class Crossover(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            bar = len(self.data) - 1
            held = self.position.is_long - self.position.is_short
            if not side[bar] or side[bar] == held or bar + 1 >= len(side):
                return
            fill, levels = bars["open"][bar + 1], {}
            if scenario == "stop_target":
                stop, target = fill - side[bar] * STOP_TICKS * TICK, fill + side[bar] * TARGET_TICKS * TICK
                levels = {"sl": stop, "tp": target}
            (self.buy if side[bar] > 0 else self.sell)(size=1, **levels)

    costs = (15 / POINT_USD, 0.0)
    test = Backtest(frame, Crossover, cash=1e9, commission=costs, exclusive_orders=True, finalize_trades=True)
    trades = test.run()["_trades"].sort_values("EntryBar")
    rows = zip(
        trades["EntryBar"], trades["ExitBar"], trades["Size"], trades["EntryPrice"], trades["ExitPrice"], strict=True
    )
    net = trades["PnL"] * POINT_USD
    return [[*map(float, row), float(usd)] for row, usd in zip(rows, net, strict=True)]


def vectorbt(bars: Columns, scenario: str) -> Rows:
    """One run with both sides, costs as fractions of each fill's own price."""
    import pandas as pd
    import vectorbt as peer

    side = np.append(0, wanted_sides(bars["close"])[:-1])
    opened = pd.Series(bars["open"])
    fill = opened + side * TICK
    portfolio = peer.Portfolio.from_signals(
        pd.Series(bars["close"]),
        entries=pd.Series(side > 0),
        short_entries=pd.Series(side < 0),
        price=opened,
        size=1.0,
        fees=FEE_USD / (POINT_USD * fill),
        slippage=TICK / opened,
        init_cash=1e9,
        freq="1min",
    )
    closed = portfolio.trades.records
    closed = closed[closed["status"] == 1]
    columns = (closed[name] for name in ("entry_idx", "exit_idx", "direction", "entry_price", "exit_price", "pnl"))
    return [
        [entry, exit_, 1 - 2 * direction, bought, sold, pnl * POINT_USD]
        for entry, exit_, direction, bought, sold, pnl in zip(*columns, strict=True)
    ]


def raptorbt(bars: Columns, scenario: str) -> Rows:
    """Two runs, one per side, without costs: its costs are fractions of a price that varies."""
    import raptorbt as peer

    side = wanted_sides(bars["close"])
    rows = []
    for direction in (1, -1):
        config = peer.BacktestConfig(initial_capital=1e9, fees=0.0, slippage=0.0, fill_timing="next_bar_open")
        columns = (bars[name] for name in ("ts", "open", "high", "low", "close", "volume"))
        entries, exits = side == direction, side == -direction
        result = peer.run_single_backtest(
            *columns, entries=entries, exits=exits, direction=direction, weight=1.0, symbol="ES", config=config
        )
        for trade in result.trades():
            usd = trade.pnl / trade.size * POINT_USD
            rows.append([trade.entry_idx, trade.exit_idx, direction, trade.entry_price, trade.exit_price, usd])
    return sorted(rows)


def nautilus(bars: Columns, scenario: str) -> Rows:
    """Fills of market orders against one quote per bar whose bid and ask are the bar's open; it would add to a side."""
    from decimal import Decimal

    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.backtest.models import PerContractFeeModel
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.data import QuoteTick
    from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import FuturesContract
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.trading.strategy import Strategy

    contract = FuturesContract(
        instrument_id=InstrumentId(Symbol("ESZ9"), Venue("GLBX")),
        raw_symbol=Symbol("ESZ9"),
        asset_class=AssetClass.INDEX,
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.25"),
        multiplier=Quantity.from_int(int(POINT_USD)),
        lot_size=Quantity.from_int(1),
        underlying="ES",
        activation_ns=0,
        expiration_ns=2 * 10**18,
        ts_event=0,
        ts_init=0,
    )
    side, moments = wanted_sides(bars["close"]), bars["ts"].astype(int)
    fills: Rows = []

    class Crossover(Strategy):
        def on_start(self) -> None:
            self.bar = -1
            self.subscribe_quote_ticks(contract.id)

        def on_quote_tick(self, quote: Any) -> None:
            self.bar += 1
            wanted = side[self.bar - 1] if self.bar else 0
            if wanted and wanted != (fills[-1][1] if fills else 0):
                contracts = Quantity.from_int(2 if fills else 1)
                towards = OrderSide.BUY if wanted > 0 else OrderSide.SELL
                self.submit_order(self.order_factory.market(contract.id, towards, contracts))

        def on_order_filled(self, event: Any) -> None:
            towards = 1 if event.order_side == OrderSide.BUY else -1
            paid = event.commission.as_double()
            fills.append([self.bar, towards, event.last_qty.as_double(), event.last_px.as_double(), paid])

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("GLBX"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1e9, USD)],
        base_currency=USD,
        default_leverage=Decimal(1),
        fee_model=PerContractFeeModel(Money(FEE_USD, USD)),
    )
    engine.add_instrument(contract)
    size = Quantity.from_int(1_000)
    prices = [Price(float(price), 2) for price in bars["open"]]
    quotes = zip(prices, moments.tolist(), strict=True)
    engine.add_data([QuoteTick(contract.id, price, price, size, size, moment, moment) for price, moment in quotes])
    engine.add_strategy(Crossover())
    engine.run()
    engine.dispose()
    return fills


PEERS = {"backtesting": backtesting, "vectorbt": vectorbt, "raptorbt": raptorbt, "nautilus": nautilus}


def main(peer: str, scenario: str, path: str) -> None:
    """Print the peer's trades."""
    with np.load(path) as stored:
        bars = {name: np.ascontiguousarray(stored[name]) for name in stored.files}
    sys.stdout.write(json.dumps([[float(value) for value in row] for row in PEERS[peer](bars, scenario)]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
