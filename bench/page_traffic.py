"""What happens to a board while it is looked at: jobs that begin and end, and other people's screens.

Belongs here: the API of a private platform, commits through the same statements as real work, sockets that listen.
Does not belong here: the browser (`watched_page.py`), figures (`page.py`).
"""

import asyncio
import gzip
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import psutil
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateways.settings import PROJECT_ROOT
from orchestration.platform.health import api_answers
from services.desk import Desk
from store.database import transaction
from store.work import jobs
from tests.harness.own_platform import Platform
from tests.harness.scene import plant_fleet
from trading.work.jobs import JobStatus, JobType
from trading.work.planner import Decision, Reason

NO_CAP = 1_000
RUNNING_WORDS = "Backtesting"
COMPRESSED = """
from api import live
live.COALESCE_SECONDS /= {times}
live.PULSE_SECONDS /= {times}
from api.__main__ import main
raise SystemExit(main())
"""


@dataclass(frozen=True, slots=True)
class Commit:
    """A change that is in the database, and how the badge it gives its bot begins; None where the badge goes."""

    bot_id: UUID
    badge: str | None
    before_ms: float
    at_ms: float


@dataclass(slots=True)
class Work:
    """Jobs of idle bots, each queued, claimed and closed by the statements of the queue; the caps stay out of it."""

    desk: Desk
    idle: list[UUID]
    run_id: str = field(default_factory=lambda: str(uuid4()))
    _at: int = 0

    def begin(self) -> tuple[jobs.Claim, Commit]:
        """Queue a backtest and claim it, one commit each; the second gives the badge of running work."""
        bot_id = self.idle[self._at % len(self.idle)]
        self._at += 1
        now = self.desk.clock()
        with transaction(self.desk.database) as db:
            wish = Decision(bot_id, Reason.BY_HAND, JobType.BACKTEST, attempt=self._at // len(self.idle) + 1)
            job_id = jobs.enqueue_by_hand(db, wish, now=now).id
        before_ms = _now_ms()
        with transaction(self.desk.database) as db:
            claim = jobs.claim(
                db, JobType.BACKTEST, run_id=self.run_id, cap=NO_CAP, now=self.desk.clock(), job_id=job_id
            )
        if claim is None:
            raise RuntimeError("the job could not be claimed")
        return claim, Commit(bot_id, RUNNING_WORDS, before_ms, _now_ms())

    def end(self, claim: jobs.Claim) -> Commit:
        """Close a job that no worker did as CANCELED."""
        before_ms = _now_ms()
        with transaction(self.desk.database) as db:
            now = self.desk.clock()
            if not jobs.close(db, claim.job_id, run_id=claim.run_id, status=JobStatus.CANCELED, now=now):
                raise RuntimeError("the job was not closed")
        return Commit(claim.bot_id, None, before_ms, _now_ms())

    def change(self, count: int, *, each_seconds: float, seed: int = 5) -> list[Commit]:
        """Begin and end work, one commit that changes a badge every so many seconds, give or take a half."""
        chance = random.Random(seed)
        commits = []
        for _ in range(count // 2):
            claim, commit = self.begin()
            commits.append(commit)
            time.sleep(each_seconds * chance.uniform(0.5, 1.5))
            commits.append(self.end(claim))
            time.sleep(each_seconds * chance.uniform(0.5, 1.5))
        return commits

    def keep_pace(self, count: int, *, since: float, seconds: float) -> None:
        """Go on until so many badges have changed since a moment of the monotonic clock, one every so many seconds."""
        while 2 * self._at < count:
            claim, _ = self.begin()
            self.end(claim)
            time.sleep(max(0.0, since + 2 * self._at * seconds - time.monotonic()))


def prepare_fleet(platform: Platform, desk: Desk, size: int) -> Work:
    """Write a fleet with figures and work at hand, and return work for those of its bots that have none."""
    with transaction(desk.database) as db:
        plant_fleet(db, size, now=desk.clock() - timedelta(seconds=1))
    with platform.owner().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        idle = connection.execute(
            text(
                "SELECT id FROM bots b WHERE stage = 'LAB'"
                " AND NOT EXISTS (SELECT 1 FROM bot_jobs j WHERE j.bot_id = b.id) ORDER BY id"
            )
        ).scalars()
        return Work(desk, list(idle))


@contextmanager
def own_api(platform: Platform, *, times: float = 1.0) -> Iterator[psutil.Process]:
    """Serve the platform's API in a process of its own.

    Args:
        platform: Its database is up; nothing else needs to be.
        times: How many times as fast the board's own clock runs: what waits 100 ms then waits so much less.
    """
    program = ["-m", "api"] if times == 1.0 else ["-c", COMPRESSED.format(times=times)]
    with platform.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *program], env=platform.environment(), cwd=PROJECT_ROOT, stdout=log, stderr=log
        )
    try:
        platform.until(lambda: api_answers(platform.settings), "the API to answer")
        platform.until(lambda: platform.call("GET", "/readyz")[0] in {200, 503}, "the API to say how it is")
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def other_screens(platform: Platform, count: int) -> Iterator[None]:
    """Keep so many further sockets on the board that take every message."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    epoch = _epoch(platform)
    listening = [asyncio.run_coroutine_threadsafe(_listen(platform, epoch), loop) for _ in range(count)]
    try:
        yield
    finally:
        for task in listening:
            task.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(platform: Platform, epoch: str) -> None:
    address = f"ws://127.0.0.1:{platform.settings.api_port}/ws/bots?epoch={epoch}&since=0"
    with suppress(ConnectionClosed):
        async with connect(address, compression=None, max_size=None) as socket:
            async for _ in socket:
                pass


def _epoch(platform: Platform) -> str:
    with urllib.request.urlopen(f"{platform.api}/api/board", timeout=30) as answer:
        epoch: str = json.loads(gzip.decompress(answer.read()))["epoch"]
        return epoch


def _now_ms() -> float:
    return 1_000 * time.time()
