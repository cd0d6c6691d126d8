"""One peer, one scenario, timed inside the peer's own environment: started by `engine.py`, imports none of our code.

    python peers.py PEER SCENARIO BARS.npz ROUNDS

Prints one JSON line: trades, and the least CPU and wall seconds of a round after one warm-up round. A round is what
`engine.py` times of ours: from prices to signals, trades, equity per bar and metrics. What depends on the bars alone is
made before the clock starts, in the peer's own types. Where there are several ways to the same figure the cheapest we
found is taken, and where a peer would have to copy its trades into Python objects to show them, or has no measure of
the name (exposure, mean length of a trade), it is not asked to: the figures favour the peers.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]
Round = Callable[[], int | None]
"""Runs once and returns the number of trades."""

FAST, SLOW = 20, 50
POINT_USD, FEE_USD, TICK, CASH_USD = 50.0, 2.5, 0.25, 1e9


def averages(close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the two simple averages, NaN during warm-up."""
    total = np.cumsum(np.insert(close, 0, 0.0))
    fast, slow = np.full(len(close), np.nan), np.full(len(close), np.nan)
    for period, average in ((FAST, fast), (SLOW, slow)):
        average[period - 1 :] = (total[period:] - total[:-period]) / period
    return fast, slow


def crossings(fast: FloatArray, slow: FloatArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where the fast average crosses above and below the slow one."""
    above, below = fast > slow, fast < slow
    up, down = np.zeros(len(fast), bool), np.zeros(len(fast), bool)
    up[SLOW:] = above[SLOW:] & ~above[SLOW - 1 : -1]
    down[SLOW:] = below[SLOW:] & ~below[SLOW - 1 : -1]
    return up, down


def raptorbt(bars: Columns, scenario: str) -> Round:
    """Two single-direction runs: the engine holds one side."""
    import raptorbt as peer

    price = float(bars["close"].mean())
    config = {"fees": FEE_USD / (POINT_USD * price), "slippage": TICK / price, "fill_timing": "next_bar_open"}

    def run() -> int:
        close = bars["close"]
        up, down = crossings(peer.sma(close, FAST), peer.sma(close, SLOW))
        trades = 0
        for direction, entries, exits in ((1, up, down), (-1, down, up)):
            settings = peer.BacktestConfig(initial_capital=CASH_USD, **config)
            if scenario == "stop_target":
                settings.set_fixed_stop(20 * TICK / price)
                settings.set_fixed_target(40 * TICK / price)
            columns = (bars[name] for name in ("ts", "open", "high", "low", "close", "volume"))
            result = peer.run_single_backtest(
                *columns, entries=entries, exits=exits, direction=direction, weight=1.0, symbol="ES", config=settings
            )
            trades += result.metrics.total_trades
        return trades

    return run


def vectorbt(bars: Columns, scenario: str) -> Round:
    """One run with both sides; the ratios are of daily closes and the drawdown of every bar, as ours are."""
    import pandas as pd
    import vectorbt as peer

    close, opened = pd.Series(bars["close"]), pd.Series(bars["open"])
    settings = {"fixed_fees": FEE_USD / POINT_USD, "slippage": TICK / close, "size": 1.0, "init_cash": CASH_USD}
    if scenario == "stop_target":
        settings |= {"high": pd.Series(bars["high"]), "low": pd.Series(bars["low"])}
        settings |= {"sl_stop": 20 * TICK / close, "tp_stop": 40 * TICK / close}
    last_of_day = np.flatnonzero(np.append(np.diff(bars["day"]) != 0, True))

    def run() -> int | None:
        fast, slow = averages(bars["close"])
        up, down = (pd.Series(np.append(False, side[:-1])) for side in crossings(fast, slow))
        portfolio = peer.Portfolio.from_signals(
            close, entries=up, short_entries=down, open=opened, price=opened, freq="1min", **settings
        )
        value, trades = portfolio.value().to_numpy(), portfolio.trades
        pnl = np.diff(value[last_of_day], prepend=CASH_USD)
        daily = pd.Series(pnl / CASH_USD).vbt.returns(freq="1D")
        fall = 1.0 - (value / np.maximum.accumulate(value)).min()
        for measure in (daily.sharpe_ratio, daily.sortino_ratio, portfolio.total_profit):
            measure()
        for measure in (trades.win_rate, trades.profit_factor, trades.expectancy):
            measure()
        return len(trades.records_arr) if fall >= 0.0 else None

    return run


def backtesting(bars: Columns, scenario: str) -> Round:
    """Slippage is folded into the commission."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    index = pd.to_datetime(bars["ts"])
    frame = pd.DataFrame({name.title(): bars[name] for name in ("open", "high", "low", "close")}, index=index)

    class Crossover(Strategy):
        def init(self) -> None:
            fast, slow = averages(bars["close"])
            up, down = crossings(fast, slow)
            self.side = self.I(lambda: up.astype(float) - down, plot=False)

        def next(self) -> None:
            side = self.side[-1]
            if not side:
                return
            price = self.data.Close[-1]
            levels = {}
            if scenario == "stop_target":
                levels = {"sl": price - side * 20 * TICK, "tp": price + side * 40 * TICK}
            (self.buy if side > 0 else self.sell)(size=1, **levels)

    def run() -> int:
        costs = (15 / POINT_USD, 0.0)
        test = Backtest(frame, Crossover, cash=CASH_USD, commission=costs, exclusive_orders=True, finalize_trades=True)
        return int(test.run()["# Trades"])

    return run


PEERS = {"raptorbt": raptorbt, "vectorbt": vectorbt, "backtesting": backtesting}


def main(peer: str, scenario: str, path: str, rounds: str) -> None:
    """Time one peer and print the JSON line."""
    with np.load(path) as stored:
        bars = {name: np.ascontiguousarray(stored[name]) for name in stored.files}
    run = PEERS[peer](bars, scenario)
    trades, best_cpu, best_wall = run(), np.inf, np.inf
    for _ in range(int(rounds)):
        cpu, wall = time.process_time(), time.perf_counter()
        trades = run()
        best_cpu = min(best_cpu, time.process_time() - cpu)
        best_wall = min(best_wall, time.perf_counter() - wall)
    print(json.dumps({"trades": trades, "cpu_s": best_cpu, "wall_s": best_wall}))


if __name__ == "__main__":
    main(*sys.argv[1:])
