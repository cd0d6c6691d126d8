"""`python -m bench.real_bars`: what the platform's own loop accepts and proves on real bars.

The files come in through `proving bars import`; a fleet of every archetype registers on their symbols; each bot has a
baseline and improve iterations by the product's own code; then all records are judged, as the sensor does. Nothing is
chosen afterwards: every bot counts. The record is in `docs/proof/real-bars.md`.

Belongs here: the loop over real bars and its account. Does not belong here: markets whose truth is known
(`discovery.py`), the study of one entry family on all of a history (`docs/walk-forward.md`).
"""

import argparse
import os
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from services.backtests.baselines import run_baseline
from services.bots.fleet import FleetQuery, bots_page
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.improvement.iterations import run_improvement
from services.verification.discoveries import judge_fleet
from store.database import transaction
from store.improvement.looks import SealedLook
from store.tables import BotEvidence, ImproveIteration
from tests.harness.own_platform import private_platform
from trading.market.marks import BarsKind
from trading.strategies.archetypes import ARCHETYPES

FILES = ("bars_1h/cme_1h_ohlc_from_15m_2018-2019.parquet",)
ITERATIONS = 4
NOT_TRADED = {"VX"}


def main() -> None:
    """Run the loop over the files and print what became of the bots."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("files", nargs="*", default=FILES, help="files of hourly bars below the data folder")
    asked.add_argument("--bots", type=int, help="how many; one of every archetype on every symbol if not given")
    asked.add_argument("--iterations", type=int, default=ITERATIONS)
    asked.add_argument("--data", type=Path, default=Path(os.environ.get("PROVING_DATA", "../shared/data")))
    chosen = asked.parse_args()
    missing = [name for name in chosen.files if not (chosen.data / name).is_file()]
    if missing:
        sys.exit(f"NOT RUN: no real bars at {chosen.data / missing[0]}; --data or PROVING_DATA names another folder")
    with private_platform("pg-real") as platform:
        for name in chosen.files:
            platform.command("bars", "import", str(chosen.data / name))
        desk = platform.desk()
        symbols = sorted({row.symbol for row in desk.bars.series() if row.timeframe == "1h"} - NOT_TRADED)
        bots = chosen.bots or len(symbols) * len(ARCHETYPES)
        seed_fleet(desk, size=bots, symbols=symbols, timeframes=("1h",))
        print(f"{bots} bots on {', '.join(symbols)}, {chosen.iterations} iterations each", flush=True)
        work(desk, chosen.iterations)
        for line in account(desk):
            print(line)
        desk.database.kw["bind"].dispose()


def work(desk: Desk, iterations: int) -> None:
    """Give every bot its baseline and its iterations, then judge the fleet."""
    for done, bot_id in enumerate(fleet_ids(desk), start=1):
        run_baseline(desk, bot_id, run_id=f"baseline-{bot_id}")
        for number in range(iterations):
            run_improvement(desk, bot_id, run_id=f"improve-{number}-{bot_id}")
        if done % 20 == 0:
            print(f"  {done} bots done", flush=True)
    judge_fleet(desk)


def account(desk: Desk) -> Iterator[str]:
    """Yield what the loop accepted, what looks came to, and what the records are worth."""
    with transaction(desk.database) as db:
        outcomes = Counter(db.scalars(select(ImproveIteration.reason_code)))
        looks = Counter(db.scalars(select(SealedLook.passed)))
        rows = db.scalars(select(BotEvidence))
        records = [(row.bars_kind, row.days, row.figures.sharpe, row.log_e, row.proven) for row in rows]
    by_outcome = ", ".join(f"{count} {word}" for word, count in outcomes.most_common())
    yield f"iterations: {sum(outcomes.values())}; {by_outcome}"
    yield f"looks: {looks[True] + looks[False]} taken, {looks[True]} won"
    for kind in BarsKind:
        own = [row for row in records if row[0] == kind]
        sharpes = [sharpe for _, _, sharpe, _, _ in own if sharpe is not None]
        if sharpes:
            yield (
                f"{kind}: {len(own)} records of {min(row[1] for row in own)} to {max(row[1] for row in own)} days, "
                f"Sharpe ratio {min(sharpes):.2f} to {max(sharpes):.2f}, median {statistics.median(sharpes):.2f}, "
                f"largest log e-value {max(row[3] for row in own):.2f}, {sum(row[4] for row in own)} proven"
            )
    pages = bots_page(desk, FleetQuery(limit=500)).bots
    yield f"bots whose gate out of LAB is open: {sum(card.stage_gate.allowed for card in pages)} of {len(pages)}"


if __name__ == "__main__":
    main()
