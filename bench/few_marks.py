"""`python -m bench.few_marks`: what the loop takes for improvement on a random walk, by how many prices its bars show.

The hours of NQ's sessions are filled with a random walk of so many even steps an hour; one bot of every archetype has a
baseline and improve iterations over them by the product's own code. There is nothing to find. Bars of sixty prices show
nothing; bars of four let stops fill at prices between them, and searches find that. The record is in
`docs/proof/real-bars.md`; the rule that follows is in `trading/market/marks.py`.

Belongs here: such walks and what the loop makes of them. Does not belong here: markets with an edge (`discovery.py`).
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.made_markets import TIMEFRAME, desk_of_its_own
from bench.real_bars import account, work
from services.bots.seed import seed_fleet
from store.market.bars import BarStore
from trading.market.aggregation import aggregate
from trading.market.bars import Bars, bars_from_columns, columns_of
from trading.market.marks import data_source
from trading.market.simulator import simulate
from trading.strategies.archetypes import ARCHETYPES

SYMBOL, START_ON, YEARS = "NQ", date(2022, 1, 3), 1.25
START_TICKS = 28_000
STEP_TICKS = 70.0
"""Standard deviation of an hour, about that of NQ at 7,000 points."""


def main() -> None:
    """Play each number of prices and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--prices", type=int, nargs="+", default=(4, 60), help="an hour: 4 and 60 if not given")
    asked.add_argument("--iterations", type=int, default=3)
    asked.add_argument("--seed", type=int, default=1)
    chosen = asked.parse_args()
    for prices in chosen.prices:
        bars = walk(prices, seed=chosen.seed)
        print(f"{prices} prices an hour, taken for {data_source(bars)}", flush=True)
        for line in played(bars, chosen.iterations):
            print(f"  {line}", flush=True)


def walk(prices: int, *, seed: int) -> Bars:
    """Return hours of a driftless random walk, each opening where the last one closed and made of so many prices."""
    hours = aggregate(simulate(SYMBOL, seed=seed, start_on=START_ON, years=YEARS), TIMEFRAME)
    steps = np.random.default_rng(seed).normal(0.0, STEP_TICKS / prices**0.5, len(hours) * prices)
    path = START_TICKS + np.cumsum(steps).round().astype(np.int64).reshape(len(hours), prices)
    opened = np.append(path[0, 0], path[:-1, -1])
    walked = replace(
        hours,
        open_ticks=opened,
        high_ticks=np.maximum(opened, path.max(axis=1)),
        low_ticks=np.minimum(opened, path.min(axis=1)),
        close_ticks=np.ascontiguousarray(path[:, -1]),
    )
    return bars_from_columns(columns_of(walked), symbol=SYMBOL, timeframe=TIMEFRAME, provider=f"WALK{prices}")


def played(bars: Bars, iterations: int) -> Iterator[str]:
    """Give a bot of every archetype its work over these bars alone, and yield what came of it."""
    with desk_of_its_own() as plain, TemporaryDirectory(prefix="pg-walk-") as folder:
        desk = replace(plain, bars=BarStore(Path(folder)))
        desk.bars.write(bars, source="bench")
        seed_fleet(desk, size=len(ARCHETYPES), symbols=(SYMBOL,), timeframes=(TIMEFRAME,))
        work(desk, iterations)
        yield from account(desk)


if __name__ == "__main__":
    main()
