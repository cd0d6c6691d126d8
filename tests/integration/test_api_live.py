"""The live board over real sockets and a real LISTEN: what commits arrives, what is missed is noticed."""

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, text, update
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api import live
from api.app import create_app
from gateways.changes import Changed, parse
from gateways.settings import Settings
from services.desk import Desk
from store.tables import Bot, BotJob, BotMetricsRollup
from tests import factories
from tests.integration.conftest import FixedClock
from tests.integration.test_api import rollup, tick
from tests.serving import Served, serving, until

TOKEN = "a-token-only-this-test-suite-knows"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(env="test", proving_home=tmp_path / "home", admin_token=TOKEN)


@pytest.fixture
def server(desk: Desk) -> Iterator[Served]:
    app = create_app(desk)
    with serving(app) as served:
        until(lambda: snapshot_or_none(served), "the board to be read")
        yield served


def snapshot_or_none(served: Served) -> dict[str, Any] | None:
    answer = httpx.get(f"{served.http}/api/board")
    return answer.json() if answer.status_code == 200 else None


def snapshot(served: Served) -> dict[str, Any]:
    found = snapshot_or_none(served)
    assert found is not None
    return found


@contextmanager
def listening(served: Served, *, epoch: str, since: int, **more: Any) -> Iterator[ClientConnection]:
    with connect(f"{served.ws}/ws/bots?epoch={epoch}&since={since}", **more) as socket:
        yield socket


def next_of(socket: ClientConnection, kind: str, *, seconds: float = 10.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=max(0.01, deadline - time.monotonic())))
        if message["type"] == kind:
            return message


def as_bots(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    columns = message["rows"]
    ids = b64decode(columns["id"])
    bot_ids = [str(UUID(bytes=ids[first : first + 16])) for first in range(0, len(ids), 16)]
    cells = {name: cells_of(column) for name, column in columns.items() if name != "id"}
    return {bot_id: {name: column[at] for name, column in cells.items()} for at, bot_id in enumerate(bot_ids)}


def cells_of(column: Any) -> list[Any]:
    return column if isinstance(column, list) else [column["words"][at] for at in column["at"]]


def test_a_snapshot_holds_the_fleet_and_is_gzipped(desk: Desk, server: Served) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session, name="Cobalt Otter")
        session.add(rollup(bot.id))
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    answer = httpx.get(f"{server.http}/api/board")
    assert answer.headers["content-encoding"] == "gzip"
    shown = as_bots(answer.json())[str(bot.id)]
    assert (shown["name"], shown["netPnl"], shown["source"]) == ("Cobalt Otter", 125.5, "SIMULATED")
    assert shown["botNow"] == "NEEDS_BACKTEST"
    assert answer.json()["live"] is True


def test_equity_lines_are_asked_for_bot_by_bot(desk: Desk, server: Served) -> None:
    with desk.sessions.begin() as session:
        bots = [factories.make_bot(session, name=f"Otter {number}") for number in range(3)]
        session.add_all([rollup(bots[0].id, sparkline_usd=[1.0, 2.0, 3.0]), rollup(bots[1].id)])
    until(lambda: len(as_bots(snapshot(server))) == 3, "the bots to arrive")
    assert all("spark" not in bot for bot in as_bots(snapshot(server)).values())
    asked = ",".join(str(bot_id) for bot_id in (bots[0].id, bots[2].id, UUID(int=9)))
    answer = httpx.get(f"{server.http}/api/board/sparks", params={"bots": asked})
    assert answer.json() == {"sparks": {str(bots[0].id): "0iz", str(bots[2].id): ""}}
    for bad in ("", "x", f"{bots[0].id},", ",".join([str(bots[0].id)] * 201)):
        assert httpx.get(f"{server.http}/api/board/sparks", params={"bots": bad}).status_code == 422


def test_every_kind_of_change_arrives_numbered_without_gaps(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
        bot_id = bot.id
    until(lambda: str(bot_id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        numbers, states = [], []

        def change(work: Callable[[Any], object]) -> dict[str, Any]:
            with desk.sessions.begin() as session:
                work(session)
            message = next_of(socket, "rows")
            numbers.append(message["seq"])
            return as_bots(message)[str(bot_id)]

        def start_job(session: Any) -> None:
            values = {"status": "RUNNING", "started_at": clock.now, "heartbeat_at": clock.now, "dagster_run_id": "r"}
            session.execute(update(BotJob).where(BotJob.bot_id == bot_id).values(**values))

        states.append(change(lambda session: factories.make_job(session, session.get(Bot, bot_id), attempt=2)))
        states.append(change(start_job))
        states.append(change(lambda session: session.add(rollup(bot_id))))
        assert change(lambda s: s.execute(update(Bot).values(stage="PAPER")))["stage"] == "PAPER"
    assert [state["botNow"]["state"] for state in states] == ["BACKTEST_QUEUED", "BACKTEST_RUNNING", "BACKTEST_RUNNING"]
    assert states[0]["botNow"]["badge"] == {"text": "Backtest queued • x2", "tone": "purple"}
    assert states[2]["netPnl"] == 125.5
    assert numbers == list(range(start["seq"] + 1, start["seq"] + 5))


def test_a_heartbeat_alone_sends_nothing(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
        factories.make_job(session, bot, status="RUNNING", created_at=clock.now)
    until(
        lambda: "activeJob" in as_bots(snapshot(server)).get(str(bot.id), {"botNow": ""})["botNow"], "the job to arrive"
    )
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.sessions.begin() as session:
            session.execute(update(BotJob).values(heartbeat_at=clock.now + timedelta(seconds=5)))
        with desk.sessions.begin() as session:
            session.execute(update(BotJob).values(progress_pct=50.0))
        assert as_bots(next_of(socket, "rows"))[str(bot.id)]["progressPct"] == 50
    assert snapshot(server)["seq"] == start["seq"] + 1


def test_what_was_missed_is_replayed_and_the_unknown_is_a_resync(desk: Desk, server: Served) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    for symbol in ("MNQ", "MCL"):
        with desk.sessions.begin() as session:
            session.execute(update(Bot).values(symbol=symbol))
        until(lambda wanted=symbol: as_bots(snapshot(server))[str(bot.id)]["symbol"] == wanted, symbol)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        replayed = [next_of(socket, "rows") for _ in range(2)]
    assert [as_bots(message)[str(bot.id)]["symbol"] for message in replayed] == ["MNQ", "MCL"]
    for epoch, since in ((start["epoch"], start["seq"] + 99), ("0" * 16, 0)):
        with listening(server, epoch=epoch, since=since) as socket:
            assert json.loads(socket.recv(timeout=5))["type"] == "resync"


def test_archived_bots_leave_the_board(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.sessions.begin() as session:
            session.execute(update(Bot).values(archived_at=clock.now))
        assert next_of(socket, "rows")["gone"] == [str(bot.id)]


def test_a_tick_tells_its_time(desk: Desk, server: Served, clock: FixedClock) -> None:
    start = snapshot(server)
    assert start["lastTickAt"] is None
    tick(desk)
    until(lambda: snapshot(server)["lastTickAt"] == clock.now.isoformat(), "the tick to arrive")


def test_a_change_of_the_whole_fleet_is_one_new_epoch(desk: Desk, server: Served) -> None:
    with desk.sessions.begin() as session:
        factories.make_bots(session, 2_300)
    until(lambda: len(as_bots(snapshot(server))) == 2_300, "the fleet to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.sessions.begin() as session:
            session.execute(update(Bot).values(symbol="MNQ"))
        assert next_of(socket, "resync")["epoch"] != start["epoch"]
    assert {bot["symbol"] for bot in as_bots(snapshot(server)).values()} == {"MNQ"}


def test_a_lost_listener_is_told_and_healed_with_a_new_epoch(desk: Desk, server: Served, owner: Engine) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with owner.begin() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'proving-listen'")
            )
            connection.execute(text("UPDATE bots SET symbol = 'MGC'"))
        assert next_of(socket, "away")["live"] is False
        healed = next_of(socket, "resync")
    assert (healed["live"], healed["epoch"] != start["epoch"]) == (True, True)
    assert as_bots(snapshot(server))[str(bot.id)]["symbol"] == "MGC"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_socket_from_another_origin_is_refused(server: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus), listening(server, epoch="0" * 16, since=0, origin=origin):
        pass


def test_a_socket_from_the_page_itself_is_taken(server: Served) -> None:
    with listening(server, epoch="0" * 16, since=0, origin=server.http) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "resync"


@pytest.mark.parametrize("query", ["", "?epoch=zz&since=0", "?epoch=0000000000000000&since=-1", "?epoch=%00&since=0"])
def test_a_socket_with_a_bad_place_is_refused(server: Served, query: str) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(f"{server.ws}/ws/bots{query}") as socket:
        socket.recv(timeout=5)


def test_a_client_that_cannot_keep_up_is_marked_and_others_are_not() -> None:
    slow, quick = live.Client(), live.Client()
    for number in range(live.QUEUE_MESSAGES + 1):
        for client in (slow, quick):
            client.offer(b"%d" % number)
        quick.queue.get_nowait()
    assert slow.behind.is_set()
    assert not quick.behind.is_set()


def test_many_clients_hear_the_same_message(desk: Desk, server: Served) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    heard: list[str] = []

    def listen(ready: threading.Barrier) -> None:
        with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
            ready.wait(10)
            heard.append(json.dumps(next_of(socket, "rows")))

    ready = threading.Barrier(13)
    clients = [threading.Thread(target=listen, args=(ready,)) for _ in range(12)]
    for client in clients:
        client.start()
    ready.wait(10)
    with desk.sessions.begin() as session:
        session.execute(update(Bot).values(symbol="MNQ"))
    for client in clients:
        client.join(15)
    assert len(heard) == 12
    assert len(set(heard)) == 1


def test_notifications_stay_under_the_limit_of_a_payload(desk: Desk, owner: Engine) -> None:
    driver = owner.raw_connection().driver_connection
    assert driver is not None
    driver.autocommit = True
    driver.execute("LISTEN proving_changes")
    with desk.sessions.begin() as session:
        ids = factories.make_bots(session, 1_500)
    payloads = [notice.payload for notice in driver.notifies(timeout=0.5)]
    driver.close()
    assert max(len(payload) for payload in payloads) < 8_000
    assert {bot_id for payload in payloads for bot_id in parse(payload).bot_ids} == set(ids)


def test_a_payload_that_cannot_be_read_means_everything_changed() -> None:
    bot_id = UUID(int=7)
    assert parse(f"bots:{bot_id}") == Changed(bot_ids=frozenset({bot_id}))
    assert parse("tick") == Changed(tick=True)
    for payload in ("resync", "", "bots:", "bots:nonsense", "unheard of"):
        assert parse(payload) == Changed(everything=True)


def test_rollups_that_vanish_blank_the_figures(desk: Desk, server: Served, owner: Engine) -> None:
    with desk.sessions.begin() as session:
        bot = factories.make_bot(session)
        session.add(rollup(bot.id))
    until(lambda: as_bots(snapshot(server)).get(str(bot.id), {}).get("netPnl") == 125.5, "the figures to arrive")
    with desk.sessions.begin() as session:
        session.query(BotMetricsRollup).delete()
    until(lambda: as_bots(snapshot(server))[str(bot.id)]["netPnl"] is None, "the figures to vanish")
