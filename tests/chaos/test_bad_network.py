"""A slow, resetting or black-hole network in front of the database (scorecard 9)."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.edge.middleware import OUTCOME_UNKNOWN, WRITE_DEADLINE_SECONDS
from gateways.cluster import rooms_left
from gateways.embedded import SOCKET_NAME, remove_embedded, start_embedded
from services.bots.seed import seed_fleet
from tests.chaos.bad_network import Mood, Proxy
from tests.harness.own_platform import Platform, private_platform

DATABASE_PATHS = ("/api/bots?limit=50", "/api/_proof/autonomy", "/api/_proof/jobs", "/readyz")
ANSWER_SECONDS = 2.0
CLIENT_SLACK_SECONDS = 0.5
BODY = {"scope": "ALL", "reasonCode": "CHAOS_NETWORK", "alsoResetEquityCurves": True, "dryRun": False}
RESETS = text("SELECT count(*) FROM audit_events WHERE action = 'METRICS_RESET'")

pytestmark = [pytest.mark.scorecard(9), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """A proxy in front of a server of its own; the server ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-far-", dir="/tmp"))
    rooms = folder.with_name(f"{folder.name}-rooms")
    server = start_embedded(folder / "d", rooms=rooms)
    in_front = Proxy(server.socket_dir / SOCKET_NAME)
    yield in_front
    in_front.close()
    server.stop()
    remove_embedded(folder / "d")
    for made in (folder, rooms):
        shutil.rmtree(made, ignore_errors=True)
    assert rooms_left(folder / "d") == []


@pytest.fixture(scope="module")
def far_platform(proxy: Proxy) -> Iterator[Platform]:
    """A platform whose database is on the far side of the proxy."""
    address = f"postgresql://postgres@127.0.0.1:{proxy.port}/proving"
    with private_platform("pg-net", database_url=address) as private:
        desk = private.desk()
        seed_fleet(desk, size=10, symbols=("MES",), timeframes=("1h",))
        desk.database.kw["bind"].dispose()
        private.start()
        yield private


@pytest.fixture
def network(proxy: Proxy) -> Iterator[Proxy]:
    yield proxy
    proxy.become(Mood.GOOD)


def all_answer(platform: Platform, status: int) -> bool:
    return all(platform.get(path, timeout_seconds=5)[0] == status for path in DATABASE_PATHS)


@pytest.mark.parametrize("mood", [Mood.BLACK_HOLE, Mood.RESET])
def test_it_refuses_in_time_while_the_database_is_out_of_reach_and_recovers(
    far_platform: Platform, network: Proxy, mood: Mood
) -> None:
    far_platform.until(lambda: all_answer(far_platform, 200), "it to serve")
    network.become(mood)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        for path in DATABASE_PATHS:
            status, body, took_ms = far_platform.get(path, timeout_seconds=10)
            assert (path, status) == (path, 503), body
            assert took_ms <= 1_000 * (ANSWER_SECONDS + CLIENT_SLACK_SECONDS), path
    network.become(Mood.GOOD)
    far_platform.until(lambda: all_answer(far_platform, 200), "it to recover")


@pytest.mark.parametrize("mood", [Mood.BLACK_HOLE, Mood.RESET])
def test_a_write_is_never_acknowledged_without_its_effect(far_platform: Platform, network: Proxy, mood: Mood) -> None:
    far_platform.until(lambda: all_answer(far_platform, 200), "it to serve")
    before = resets(far_platform)
    network.become(mood)
    status, body, _ = ask_reset(far_platform, timeout_seconds=4)
    assert status in (0, 503), body
    network.become(Mood.GOOD)
    far_platform.until(lambda: all_answer(far_platform, 200), "it to recover")
    assert resets(far_platform) in (before, before + 1)
    far_platform.until(
        lambda: ask_reset(far_platform, timeout_seconds=10, key=f"chaos-network-{mood.name}")[0] == 200,
        "a write after the recovery",
    )


def test_a_write_is_refused_in_time_too_and_says_that_its_effect_is_unknown(
    far_platform: Platform, network: Proxy
) -> None:
    far_platform.until(lambda: all_answer(far_platform, 200), "it to serve")
    before = resets(far_platform)
    network.become(Mood.BLACK_HOLE)
    late = 1.5 * WRITE_DEADLINE_SECONDS
    status, body, _ = ask_reset(far_platform, timeout_seconds=late, key="chaos-network-late")
    assert (status, body["code"]) == (503, OUTCOME_UNKNOWN), body
    network.become(Mood.GOOD)
    far_platform.until(lambda: all_answer(far_platform, 200), "it to recover")
    status, body, _ = ask_reset(far_platform, timeout_seconds=late, key="chaos-network-late")
    assert status == 200, body
    assert resets(far_platform) == before + 1


def test_a_slow_network_only_makes_it_slow(far_platform: Platform, network: Proxy) -> None:
    network.become(Mood.SLOW)
    for path in DATABASE_PATHS:
        status, body, took_ms = far_platform.get(path, timeout_seconds=10)
        assert status in (200, 503), body
        assert took_ms <= 1_000 * (ANSWER_SECONDS + CLIENT_SLACK_SECONDS)


def test_the_proxy_really_stops_what_it_says(proxy: Proxy, network: Proxy, far_platform: Platform) -> None:
    with far_platform.owner().connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    network.become(Mood.RESET)
    far_platform.owner().dispose()
    with pytest.raises(Exception, match=r"connection|closed|reset"), far_platform.owner().connect():
        pass


def resets(platform: Platform) -> int:
    with platform.owner().connect() as connection:
        return int(connection.execute(RESETS).scalar_one())


def ask_reset(platform: Platform, *, timeout_seconds: float, key: str = "chaos-network") -> tuple[int, Any, float]:
    headers = {"Idempotency-Key": key}
    return platform.call(
        "POST", "/api/admin/reset-metrics", body=BODY, headers=headers, timeout_seconds=timeout_seconds
    )
