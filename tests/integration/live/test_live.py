"""The live board over real sockets and a real LISTEN: what commits arrives, what is missed is noticed."""

import json
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, insert, text, update
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from api.app import create_app
from api.live import topics
from gateways.changes import Changed, parse
from services.control.kill_switch import SwitchWish, switch_now, throw_switch
from services.desk import Desk
from store.tables import Bot, BotJob, BotMetricsRollup, SystemSetting
from tests.harness import factories
from tests.harness.actors import person, user
from tests.harness.clocks import FixedClock
from tests.harness.patience import until
from tests.harness.serving import Served, serving

PATIENCE_SECONDS = 120.0  # a message that does not come by then never comes
MESSAGES = 400


@pytest.fixture
def server(desk: Desk) -> Iterator[Served]:
    app = create_app(desk)
    with serving(app) as served:
        until(lambda: snapshot_or_none(served), "the board to be read")
        yield served


def standing(desk: Desk, served: Served, count: int) -> list[UUID]:
    """Make some bots and wait until the board has them."""
    with desk.database.begin() as db:
        ids = [factories.make_bot(db, name=f"Otter {number}").id for number in range(count)]
    until(lambda: {str(bot_id) for bot_id in ids} <= as_bots(snapshot(served)).keys(), "the bots to arrive")
    return ids


def snapshot_or_none(served: Served) -> dict[str, Any] | None:
    answer = httpx.get(f"{served.http}/api/board")
    return answer.json() if answer.status_code == 200 else None


def snapshot(served: Served) -> dict[str, Any]:
    snapshot = snapshot_or_none(served)
    assert snapshot is not None
    return snapshot


@contextmanager
def listening(served: Served, *, epoch: str, since: int, **more: Any) -> Iterator[ClientConnection]:
    with connect(f"{served.ws}/ws/bots?epoch={epoch}&since={since}", **more) as socket:
        yield socket


@contextmanager
def following(served: Served, topic: str, **more: Any) -> Iterator[ClientConnection]:
    with connect(f"{served.ws}/ws/bots?topic={topic}", **more) as socket:
        yield socket


def next_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    for _ in range(MESSAGES):
        message: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
        if message["type"] == kind:
            return message
    raise AssertionError(f"no {kind} among {MESSAGES} messages")


def as_bots(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    columns = message["rows"]
    ids = b64decode(columns["id"])
    bot_ids = [str(UUID(bytes=ids[first : first + 16])) for first in range(0, len(ids), 16)]
    cells = {name: cells_of(column) for name, column in columns.items() if name != "id"}
    return {bot_id: {name: column[at] for name, column in cells.items()} for at, bot_id in enumerate(bot_ids)}


def cells_of(column: Any) -> list[Any]:
    return [column["words"][at] for at in column["at"]] if isinstance(column, dict) else list(column)


def test_a_snapshot_holds_the_fleet_and_is_gzipped(desk: Desk, server: Served) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db, name="Cobalt Otter")
        db.add(factories.rollup(bot.id))
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    answer = httpx.get(f"{server.http}/api/board")
    assert answer.headers["content-encoding"] == "gzip"
    card = as_bots(answer.json())[str(bot.id)]
    assert (card["name"], card["netPnl"], card["source"]) == ("Cobalt Otter", 125.5, "SIMULATED")
    assert card["botNow"] == "NEEDS_BACKTEST"
    assert answer.json()["live"] is True


def test_equity_lines_are_asked_for_bot_by_bot(desk: Desk, server: Served) -> None:
    with desk.database.begin() as db:
        bots = [factories.make_bot(db, name=f"Otter {number}") for number in range(3)]
        db.add_all([factories.rollup(bots[0].id, sparkline_usd=[1.0, 2.0, 3.0]), factories.rollup(bots[1].id)])
    until(lambda: len(as_bots(snapshot(server))) == 3, "the bots to arrive")
    assert all("spark" not in bot for bot in as_bots(snapshot(server)).values())
    asked = ",".join(str(bot_id) for bot_id in (bots[0].id, bots[2].id, UUID(int=9)))
    answer = httpx.get(f"{server.http}/api/board/sparks", params={"bots": asked})
    assert answer.json() == {"sparks": {str(bots[0].id): "0iz", str(bots[2].id): ""}}
    with desk.database.begin() as db:
        db.execute(update(Bot).where(Bot.id == bots[0].id).values(archived_at=desk.clock()))
    until(lambda: str(bots[0].id) not in as_bots(snapshot(server)), "the archived bot to leave")
    assert httpx.get(f"{server.http}/api/board/sparks", params={"bots": asked}).json() == answer.json()
    for bad in ("", "x", f"{bots[0].id},", ",".join([str(bots[0].id)] * 201)):
        assert httpx.get(f"{server.http}/api/board/sparks", params={"bots": bad}).status_code == 422


def test_every_kind_of_change_arrives_numbered_without_gaps(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        bot_id = bot.id
    until(lambda: str(bot_id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        numbers, states = [], []

        def change(work: Callable[[Any], object]) -> dict[str, Any]:
            with desk.database.begin() as db:
                work(db)
            message = next_of(socket, "rows")
            numbers.append(message["seq"])
            return as_bots(message)[str(bot_id)]

        def start_job(db: Any) -> None:
            values = {"status": "RUNNING", "started_at": clock.now, "heartbeat_at": clock.now, "dagster_run_id": "r"}
            db.execute(update(BotJob).where(BotJob.bot_id == bot_id).values(**values))

        states.append(change(lambda db: factories.make_job(db, db.get(Bot, bot_id), attempt=2)))
        states.append(change(start_job))
        states.append(change(lambda db: db.add(factories.rollup(bot_id))))
        assert change(lambda s: s.execute(update(Bot).values(stage="PAPER")))["stage"] == "PAPER"
    assert [state["botNow"]["state"] for state in states] == ["BACKTEST_QUEUED", "BACKTEST_RUNNING", "BACKTEST_RUNNING"]
    assert states[0]["botNow"]["badge"] == {"text": "Backtest queued • x2", "tone": "purple"}
    assert states[2]["netPnl"] == 125.5
    assert numbers == list(range(start["seq"] + 1, start["seq"] + 5))


def test_a_heartbeat_alone_sends_nothing(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        factories.make_job(db, bot, status="RUNNING", created_at=clock.now)
    until(
        lambda: "activeJob" in as_bots(snapshot(server)).get(str(bot.id), {"botNow": ""})["botNow"], "the job to arrive"
    )
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.database.begin() as db:
            db.execute(update(BotJob).values(heartbeat_at=clock.now + timedelta(seconds=5)))
        with desk.database.begin() as db:
            db.execute(update(BotJob).values(progress_pct=50.0))
        assert as_bots(next_of(socket, "rows"))[str(bot.id)]["progressPct"] == 50
    assert snapshot(server)["seq"] == start["seq"] + 1


def shows(server: Served, bot_id: UUID, symbol: str) -> bool:
    return bool(as_bots(snapshot(server))[str(bot_id)]["symbol"] == symbol)


def test_what_was_missed_is_replayed_and_the_unknown_is_a_resync(desk: Desk, server: Served) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    for symbol in ("MNQ", "MCL"):
        with desk.database.begin() as db:
            db.execute(update(Bot).values(symbol=symbol))
        until(partial(shows, server, bot.id, symbol), symbol)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        replayed = [next_of(socket, "rows") for _ in range(2)]
    assert [as_bots(message)[str(bot.id)]["symbol"] for message in replayed] == ["MNQ", "MCL"]
    for epoch, since in ((start["epoch"], start["seq"] + 99), ("0" * 16, 0)):
        with listening(server, epoch=epoch, since=since) as socket:
            assert json.loads(socket.recv(timeout=PATIENCE_SECONDS))["type"] == "resync"


def test_archived_bots_leave_the_board(desk: Desk, server: Served, clock: FixedClock) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.database.begin() as db:
            db.execute(update(Bot).values(archived_at=clock.now))
        assert next_of(socket, "rows")["gone"] == [str(bot.id)]


def test_a_tick_tells_its_time(desk: Desk, server: Served, clock: FixedClock) -> None:
    start = snapshot(server)
    assert start["lastTickAt"] is None
    factories.tick(desk)
    until(lambda: snapshot(server)["lastTickAt"] == clock.now.isoformat(), "the tick to arrive")


def test_the_age_at_which_autonomy_is_silent_is_told_everywhere_a_tick_is(desk: Desk, server: Served) -> None:
    allowed = 3 * desk.settings.tick_seconds + 60
    (bot_id,) = standing(desk, server, 1)
    start = snapshot(server)
    limits = [start["tickLimitSeconds"]]
    for topic in (f"board&epoch={start['epoch']}&since={start['seq']}", "pulse", f"bot:{bot_id}"):
        with following(server, topic) as socket:
            limits.append(next_of(socket, "pulse")["tickLimitSeconds"])
    assert limits == [allowed] * 4


def test_a_change_of_the_whole_fleet_is_one_new_epoch(desk: Desk, server: Served) -> None:
    with desk.database.begin() as db:
        factories.make_bots(db, 2_300)
    until(lambda: len(as_bots(snapshot(server))) == 2_300, "the fleet to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        with desk.database.begin() as db:
            db.execute(update(Bot).values(symbol="MNQ"))
        assert next_of(socket, "resync")["epoch"] != start["epoch"]
    assert {bot["symbol"] for bot in as_bots(snapshot(server)).values()} == {"MNQ"}


def lose_listener_and_change(owner: Engine) -> None:
    """End the connection that listens, and change a bot before it listens again."""
    with owner.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'proving-listen'")
        )
        connection.execute(text("UPDATE bots SET symbol = 'MGC'"))


def test_a_lost_listener_is_told_and_healed_with_a_new_epoch(desk: Desk, server: Served, owner: Engine) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
        lose_listener_and_change(owner)
        assert next_of(socket, "away")["live"] is False
        healed = next_of(socket, "resync")
    assert (healed["live"], healed["epoch"] != start["epoch"]) == (True, True)
    assert as_bots(snapshot(server))[str(bot.id)]["symbol"] == "MGC"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_socket_from_another_origin_is_refused(server: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus), listening(server, epoch="0" * 16, since=0, origin=origin):
        pass


def test_a_socket_to_a_host_that_is_not_ours_is_refused_even_from_its_own_page(server: Served) -> None:
    where, evil = f"{server.ws}/ws/bots?topic=pulse", Origin("http://evil.example")
    refused = pytest.raises(InvalidStatus, match="403")
    with refused, connect(where, origin=evil, additional_headers={"Host": "evil.example"}):
        pass


def test_a_socket_from_the_page_itself_is_taken(server: Served) -> None:
    with listening(server, epoch="0" * 16, since=0, origin=server.http) as socket:
        assert json.loads(socket.recv(timeout=PATIENCE_SECONDS))["type"] == "resync"


@pytest.mark.parametrize("query", ["", "?epoch=zz&since=0", "?epoch=0000000000000000&since=-1", "?epoch=%00&since=0"])
def test_a_socket_with_a_bad_place_is_refused(server: Served, query: str) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(f"{server.ws}/ws/bots{query}") as socket:
        socket.recv(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("fills", "no such topic"),
        ("", "no such topic"),
        ("bot", "no such topic"),
        ("bot:", "no such topic"),
        ("bot:%00", "no such topic"),
        (f"bot:{UUID(int=9)}", "no such bot on the board"),
        ("board", "the board is followed from an epoch and a seq"),
    ],
)
def test_a_socket_is_told_why_its_topic_is_refused(server: Served, topic: str, reason: str) -> None:
    with following(server, topic) as socket, pytest.raises(ConnectionClosed) as refusal:
        socket.recv(timeout=PATIENCE_SECONDS)
    assert refusal.value.rcvd is not None
    assert (refusal.value.rcvd.code, refusal.value.rcvd.reason) == (1008, reason)


def test_a_page_of_one_bot_hears_its_row_and_no_other(desk: Desk, server: Served, clock: FixedClock) -> None:
    own, other = standing(desk, server, 2)
    with following(server, f"bot:{own}") as socket:
        first = next_of(socket, "bot")
        assert as_bots(first) == {str(own): as_bots(first)[str(own)] | {"name": "Otter 0", "botNow": "NEEDS_BACKTEST"}}
        assert next_of(socket, "pulse")["lastTickAt"] is None
        start = snapshot(server)
        for symbol in ("MNQ", "MCL"):
            with desk.database.begin() as db:
                db.execute(update(Bot).where(Bot.id == other).values(symbol=symbol))
            until(partial(shows, server, other, symbol), symbol)
        with desk.database.begin() as db:
            factories.make_job(db, db.get_one(Bot, own), created_at=clock.now)
        second = next_of(socket, "bot")
        assert as_bots(second)[str(own)]["botNow"]["state"] == "BACKTEST_QUEUED"
        assert (list(as_bots(second)), second["seq"]) == ([str(own)], start["seq"] + 3)
        factories.tick(desk)
        until(lambda: next_of(socket, "pulse")["lastTickAt"] == clock.now.isoformat(), "the tick")


def test_a_page_of_one_bot_is_sent_the_row_again_after_the_listener_was_away(
    desk: Desk, server: Served, owner: Engine
) -> None:
    (bot_id,) = standing(desk, server, 1)
    with following(server, f"bot:{bot_id}") as socket:
        start = next_of(socket, "bot")
        lose_listener_and_change(owner)
        assert next_of(socket, "away")["live"] is False
        healed = next_of(socket, "bot")
    assert (healed["live"], healed["epoch"] != start["epoch"]) == (True, True)
    assert as_bots(healed)[str(bot_id)]["symbol"] == "MGC"


def test_a_page_of_a_bot_that_is_archived_is_closed_with_the_reason(
    desk: Desk, server: Served, clock: FixedClock
) -> None:
    gone, stays = standing(desk, server, 2)
    with following(server, f"bot:{gone}") as socket, following(server, f"bot:{stays}") as other:
        next_of(socket, "pulse")
        with desk.database.begin() as db:
            db.execute(update(Bot).where(Bot.id == gone).values(archived_at=clock.now))
        with pytest.raises(ConnectionClosed) as closing:
            next_of(socket, "bot")
        assert closing.value.rcvd is not None
        assert (closing.value.rcvd.code, closing.value.rcvd.reason) == (1008, "no such bot on the board")
        with desk.database.begin() as db:
            db.execute(update(Bot).where(Bot.id == stays).values(symbol="MNQ"))
        until(lambda: as_bots(next_of(other, "bot"))[str(stays)]["symbol"] == "MNQ", "the change")


def test_the_kill_switch_is_pushed_into_every_topic_and_stands_in_the_snapshot(
    desk: Desk, server: Served, clock: FixedClock
) -> None:
    (bot_id,) = standing(desk, server, 1)
    start = snapshot(server)
    assert start["killSwitch"] == dict.fromkeys(("reasonCode", "since", "actor")) | {"engaged": False, "tier": "NORMAL"}
    with (
        listening(server, epoch=start["epoch"], since=start["seq"]) as board,
        following(server, f"bot:{bot_id}") as bot,
        following(server, "pulse") as pulse,
    ):
        for socket in (board, bot, pulse):
            assert next_of(socket, "pulse")["killSwitch"]["engaged"] is False
        throw_switch(desk, SwitchWish(True, "BAD_FEED", user("ann"), "trace"))
        engaged = {"engaged": True, "tier": "SOFT", "reasonCode": "BAD_FEED"}
        engaged |= {"since": clock.now.isoformat(), "actor": "cli:ann"}
        for socket in (board, bot, pulse):
            assert next_turn(socket, engaged=True) == engaged
        with following(server, f"bot:{bot_id}") as late:
            assert next_of(late, "bot")["killSwitch"] == engaged
        assert snapshot(server)["killSwitch"] == engaged
        throw_switch(desk, SwitchWish(False, "FEED_MENDED", user("ann"), "trace"))
        for socket in (board, bot, pulse):
            assert next_turn(socket, engaged=False)["reasonCode"] == "FEED_MENDED"


def next_turn(socket: ClientConnection, *, engaged: bool) -> dict[str, Any]:
    """The switch in the next pulse that has it turned; pulses by the clock may come before."""
    for _ in range(MESSAGES):
        switch: dict[str, Any] = next_of(socket, "pulse")["killSwitch"]
        if switch["engaged"] is engaged:
            return switch
    raise AssertionError("the switch was not pushed")


def test_a_switch_thrown_to_and_fro_ends_where_the_database_has_it(
    desk: Desk, server: Served, clock: FixedClock
) -> None:
    with following(server, "pulse") as socket:
        next_of(socket, "pulse")
        throwers = [
            threading.Thread(
                target=throw_switch, args=(desk, SwitchWish(number % 2 == 0, f"RACE_{number}", person("amy"), "trace"))
            )
            for number in range(8)
        ]
        for thrower in throwers:
            thrower.start()
        for thrower in throwers:
            thrower.join()
        stands = switch_now(desk)
        until(lambda: next_of(socket, "pulse")["killSwitch"]["reasonCode"] == stands.reason_code, "the last throw")
        heard = next_of(socket, "pulse")["killSwitch"]
    assert (heard["engaged"], heard["reasonCode"]) == (stands.is_engaged, stands.reason_code)


def test_other_settings_are_no_news(desk: Desk, owner: Engine) -> None:
    driver = owner.raw_connection().driver_connection
    assert driver is not None
    driver.autocommit = True
    driver.execute("LISTEN proving_changes")
    with desk.database.begin() as db:
        db.execute(insert(SystemSetting).values(key="another", value={}, updated_at=desk.clock(), updated_by="a"))
        db.execute(update(SystemSetting).values(updated_by="b"))
    throw_switch(desk, SwitchWish(True, "BAD_FEED", person("amy"), "trace"))
    payloads = payloads_of(owner, driver)
    driver.close()
    assert payloads == ["switch"]


def payloads_of(owner: Engine, listener: Any) -> list[str]:
    """What was notified up to now, in the order of the commits: up to a notice of our own."""
    with owner.begin() as connection:
        connection.execute(text("NOTIFY proving_changes, 'the end'"))
    heard: list[str] = []
    while "the end" not in heard:
        heard += [notice.payload for notice in listener.notifies(timeout=PATIENCE_SECONDS, stop_after=1)]
    return heard[: heard.index("the end")]


def test_a_client_that_cannot_keep_up_is_dismissed_and_others_are_not() -> None:
    audience = topics.Audience()
    slow, quick, elsewhere = (topics.Client(topic) for topic in (topics.BOARD, topics.BOARD, topics.PULSE))
    for client in (slow, quick, elsewhere):
        audience.add(client)
    for number in range(topics.QUEUE_MESSAGES + 1):
        audience.tell(topics.BOARD, b"%d" % number)
        quick.queue.get_nowait()
    assert slow.dismissed.is_set()
    assert slow.farewell == (1013, "reads too slowly")
    assert not quick.dismissed.is_set()
    assert elsewhere.queue.empty()


def test_a_socket_whose_queue_overflows_is_closed_to_try_again_later(
    desk: Desk, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "QUEUE_MESSAGES", 1)
    (bot_id,) = standing(desk, server, 1)
    with following(server, f"bot:{bot_id}") as socket, pytest.raises(ConnectionClosed) as closing:
        next_of(socket, "nothing is called this")
    assert closing.value.rcvd is not None
    assert (closing.value.rcvd.code, closing.value.rcvd.reason) == (1013, "reads too slowly")


def test_many_clients_hear_the_same_message(desk: Desk, server: Served) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
    until(lambda: str(bot.id) in as_bots(snapshot(server)), "the bot to arrive")
    start = snapshot(server)
    heard: list[str] = []

    def listen(ready: threading.Barrier) -> None:
        with listening(server, epoch=start["epoch"], since=start["seq"]) as socket:
            ready.wait()
            heard.append(json.dumps(next_of(socket, "rows")))

    ready = threading.Barrier(13)
    clients = [threading.Thread(target=listen, args=(ready,)) for _ in range(12)]
    for client in clients:
        client.start()
    ready.wait()
    with desk.database.begin() as db:
        db.execute(update(Bot).values(symbol="MNQ"))
    for client in clients:
        client.join()
    assert len(heard) == 12
    assert len(set(heard)) == 1


def test_notifications_stay_under_the_limit_of_a_payload(desk: Desk, owner: Engine) -> None:
    driver = owner.raw_connection().driver_connection
    assert driver is not None
    driver.autocommit = True
    driver.execute("LISTEN proving_changes")
    with desk.database.begin() as db:
        ids = factories.make_bots(db, 1_500)
    payloads = payloads_of(owner, driver)
    driver.close()
    assert max(len(payload) for payload in payloads) < 8_000
    assert {bot_id for payload in payloads for bot_id in parse(payload).bot_ids} == set(ids)


def test_a_payload_that_cannot_be_read_means_everything_changed() -> None:
    bot_id = UUID(int=7)
    assert parse(f"bots:{bot_id}") == Changed(bot_ids=frozenset({bot_id}))
    assert parse("tick") == Changed(tick=True)
    assert parse("switch") == Changed(switch=True)
    for payload in ("resync", "", "bots:", "bots:nonsense", "unheard of"):
        assert parse(payload) == Changed(everything=True)


def test_rollups_that_vanish_blank_the_figures(desk: Desk, server: Served, owner: Engine) -> None:
    with desk.database.begin() as db:
        bot = factories.make_bot(db)
        db.add(factories.rollup(bot.id))
    until(lambda: as_bots(snapshot(server)).get(str(bot.id), {}).get("netPnl") == 125.5, "the figures to arrive")
    with desk.database.begin() as db:
        db.query(BotMetricsRollup).delete()
    until(lambda: as_bots(snapshot(server))[str(bot.id)]["netPnl"] is None, "the figures to vanish")
