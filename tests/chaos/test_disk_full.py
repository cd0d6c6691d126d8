"""A full disk under everything: nothing is corrupted, and work goes on once there is room (scorecard 10)."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from services.audit.chain import verify_chain
from services.bots.seed import seed_fleet
from services.market.bars import simulate_market
from tests.chaos.caught_up import caught_up
from tests.chaos.harms import reset_until_answered
from tests.chaos.ledger import broken, resets_by_reason
from tests.chaos.plan import SYMBOLS, TICK_SECONDS
from tests.harness.own_platform import Platform, private_platform
from trading.work.jobs import LEASE

DISK_MB = 900
FULL_SECONDS = 30
BLOCK = bytes(1_000_000)
BODY = {"scope": "ALL", "reasonCode": "DISK_FULL", "alsoResetEquityCurves": True, "dryRun": False}

pytestmark = [pytest.mark.scorecard(10), pytest.mark.timeout(600)]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, small enough to fill."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = Path(tempfile.mkdtemp(prefix="pg-disk-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("this machine does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cramped(small_disk: Path) -> Iterator[Platform]:
    with private_platform(
        "pg", folder=small_disk, embedded_dir=small_disk / "clusters", tick_seconds=TICK_SECONDS
    ) as private:
        desk = private.desk()
        simulate_market(desk.bars, SYMBOLS, seed=7, start_on=date(2024, 1, 2), years=1)
        seed_fleet(desk, size=40, symbols=SYMBOLS, timeframes=("1h",))
        desk.database.kw["bind"].dispose()
        private.start()
        yield private


def fill(folder: Path) -> Path:
    """Take the rest of a disk, and what is freed meanwhile, for a while."""
    ballast = folder / "ballast"
    until = time.monotonic() + FULL_SECONDS
    with ballast.open("ab", buffering=0) as handle:
        while time.monotonic() < until:
            try:
                handle.write(BLOCK)
            except OSError:
                time.sleep(0.2)
    assert shutil.disk_usage(folder).free < len(BLOCK)
    return ballast


def test_a_full_disk_corrupts_nothing_and_work_goes_on_with_room(cramped: Platform, small_disk: Path) -> None:
    reset_until_answered(cramped, "BEFORE_THE_DISK_IS_FULL")
    ballast = fill(small_disk)
    status, _, _ = cramped.call("POST", "/api/admin/reset-metrics", body=BODY, timeout_seconds=10)
    ballast.unlink()
    cramped.until(cramped.is_ready, "it to serve again")
    reset_until_answered(cramped, "AFTER_THE_DISK_WAS_FULL")
    cramped.until(lambda: caught_up(cramped), "it to catch up")
    with cramped.owner().connect() as connection:
        resets = resets_by_reason(connection)
        assert broken(connection, lease=LEASE) == {}
    assert resets["BEFORE_THE_DISK_IS_FULL"] == resets["AFTER_THE_DISK_WAS_FULL"] == 1
    assert resets.get("DISK_FULL", 0) == 1 if status == 200 else resets.get("DISK_FULL", 0) <= 1
    desk = cramped.desk()
    verdict = verify_chain(desk)
    desk.database.kw["bind"].dispose()
    assert verdict.is_whole, verdict.breaks
