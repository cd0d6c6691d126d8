"""`python -m bench.evidence`: how long the evidence of a fleet takes to advance by a day.

Bots of a seeded fleet get a record of so many made-up days, then one more day each, as a job that ends adds it: the
record is read, the stretch appended, evidence and figures written, two hundred bots a transaction, in two processes on
two slices of the fleet. Afterwards the fleet is judged as the sensor does. The bar is ten seconds for 10,000 bots on
two idle cores; the record is in `docs/proof/judgement.md`.

Belongs here: that figure. Does not belong here: whether evidence is right (`judgement.py`).
"""

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from services.backtests.records import RecordedStretch, RecordGrowth
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk
from services.market.tapes import TapeAtHand
from services.verification.discoveries import judge_fleet
from store.bots import registry
from store.bots.registry import BotAtWork
from store.database import transaction
from store.work.jobs import Claim
from tests.harness.known import known
from tests.harness.own_platform import private_platform
from trading.days import day_number
from trading.market.marks import BarsKind
from trading.verification.record import StretchOrigin, TradedDays

BEGINS_ON = date(2024, 1, 2)
AT_ONCE, PROCESSES = 200, 2
BARS = cast("TapeAtHand", SimpleNamespace(data_source="SIMULATED", bars=SimpleNamespace(fingerprint="made-up")))
NO_JOB = cast("Claim", SimpleNamespace(job_id=None))


def main() -> None:
    """Build the records, advance them by a day, judge them, and print how long each took."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--bots", type=int, default=2_000, help="2,000 if not given; the bar is for 10,000")
    asked.add_argument("--days", type=int, default=400, help="how long records are before, 400 if not given")
    chosen = asked.parse_args()
    with private_platform("pg-evidence") as platform:
        desk = platform.desk()
        seed_fleet(desk, size=chosen.bots)
        with transaction(desk.database) as db:
            bots = [known(registry.at_work(db, bot_id)) for bot_id in fleet_ids(desk)]
        grow(desk, bots, follows=None, first=day_number(BEGINS_ON), days=chosen.days)
        took = advance(desk, bots, after=chosen.days)
        print(f"{chosen.bots} records of {chosen.days} days advance by a day in {took:.2f} s on {PROCESSES} processes")
        each = took / chosen.bots
        print(f"that is {1e3 * PROCESSES * each:.2f} ms a bot and process, {1e4 * each:.1f} s for 10,000")
        began = time.perf_counter()
        judged = judge_fleet(desk)[BarsKind.SIMULATED]
        print(f"a judgement of {judged.records} records took {time.perf_counter() - began:.2f} s")
        desk.database.kw["bind"].dispose()


def advance(desk: Desk, bots: Sequence[BotAtWork], *, after: int) -> float:
    """Add a day to each record in two processes; return the seconds until both are through."""
    follows = BEGINS_ON + timedelta(days=after - 1)
    desk.database.kw["bind"].dispose()  # a connection is nobody's after a fork
    forked = multiprocessing.get_context("fork")
    more: dict[str, Any] = {"follows": follows, "first": day_number(follows) + 1, "days": 1}
    workers = [
        forked.Process(target=grow, args=(desk, bots[place::PROCESSES]), kwargs=more) for place in range(PROCESSES)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.perf_counter() - began
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a process failed: no figure")
    return took


def grow(desk: Desk, bots: Sequence[BotAtWork], *, follows: date | None, first: int, days: int) -> None:
    """Add made-up days to records as a job that ends does."""
    chance = np.random.default_rng(first)
    for start in range(0, len(bots), AT_ONCE):
        with transaction(desk.database) as db:
            for bot in bots[start : start + AT_ONCE]:
                stretches = tuple(_stretches(chance, first=first, days=days))
                growth = RecordGrowth(bot, BARS, BarsKind.SIMULATED, follows, stretches)
                growth.record(db, NO_JOB, now=datetime.now(UTC))


def _stretches(chance: np.random.Generator, *, first: int, days: int) -> Iterator[RecordedStretch]:
    pnl = (chance.normal(0.0, 300.0, days) * 1e6).astype(np.int64)
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    traded = TradedDays(
        day=np.arange(first, first + days),
        pnl_micros=pnl,
        trades=days,
        winners=len(won),
        losers=len(lost),
        bars_held=days,
        profit_micros=int(won.sum()),
        loss_micros=-int(lost.sum()),
    )
    yield RecordedStretch(traded, StretchOrigin.IN_FORCE, 1, "made-up")


if __name__ == "__main__":
    main()
