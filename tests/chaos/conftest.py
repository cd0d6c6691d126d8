"""A real platform for chaos tests: supervisor, daemon, code server, API and PostgreSQL, private, with a small fleet.

`plan.py` says how much harm there is. CHAOS_RECORD names the Markdown file that the figures are written to, dated.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.bots.seed import fleet_ids, seed_fleet
from services.market.bars import simulate_market
from store.database import transaction
from tests.chaos.plan import BOTS, SEED, SYMBOLS, TICK_SECONDS
from tests.chaos.record import Round, write
from tests.harness.history import plant_history
from tests.harness.own_platform import Platform, private_platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A platform that runs, with a fleet, a simulated market and a past."""
    with private_platform("pg-chaos", tick_seconds=TICK_SECONDS) as private:
        desk = private.desk()
        simulate_market(desk.bars, SYMBOLS, seed=7, start_on=date(2024, 1, 2), years=1)
        seed_fleet(desk, size=BOTS, symbols=SYMBOLS, timeframes=("1h",))
        with transaction(desk.database) as db:
            plant_history(db, fleet_ids(desk)[:5], sessions_each=20)
        desk.database.kw["bind"].dispose()
        private.start()
        yield private


@pytest.fixture(scope="session")
def rounds_so_far() -> list[Round]:
    """What each round did and found."""
    return []


@pytest.fixture
def rounds(rounds_so_far: list[Round]) -> Iterator[list[Round]]:
    """The rounds so far; written down after each where CHAOS_RECORD says."""
    yield rounds_so_far
    if target := os.environ.get("CHAOS_RECORD"):
        write(Path(target), rounds_so_far, seed=SEED, bots=BOTS, at=datetime.now(UTC))
