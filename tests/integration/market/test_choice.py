"""Which series serve which bots: an import that is too short moves nobody, and people choose, withdraw and restore."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.app import create_app
from orchestration.cli import bar_work, main
from services.audit.chain import verify_chain
from services.backtests.baselines import run_baseline
from services.backtests.tear_sheets import tear_sheet
from services.desk import Desk
from services.market.acts import act_on_bars
from services.market.bars import import_bars, simulate_market
from services.market.choice import (
    BarAct,
    BarWish,
    choose_bars,
    left_aside,
    moves,
    series_traded,
    series_views,
    stood_already,
)
from services.market.owed_acts import record_owed
from services.work.autonomy import run_autonomy_tick
from store.audit import chain
from store.market.bars import BarStore, Catalog, Rehearsal
from store.tables import AuditEvent, AutonomyBotDecision, BacktestSession
from tests.harness.actors import AMY, user
from tests.harness.client import ADMIN, Client
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot
from trading.errors import BadInput, UnknownSeries
from trading.market.bars import SIMULATED
from trading.market.choice import Ground

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
WISH = BarWish(act=BarAct.PREFER, symbol="MES", timeframe="1h", provider="ACME", actor=AMY, reason_code="OWN_FEED")


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """A month of SIMULATED bars of MES."""
    made = BarStore(tmp_path / "home" / "bars")
    simulate_market(made, ["MES"], seed=7, start_on=date(2024, 1, 2), years=1 / 12)
    return made


@pytest.fixture
def short_file(tmp_path: Path) -> Path:
    """Five days of hourly ES bars."""
    path = tmp_path / "acme.csv"
    at = datetime(2024, 6, 3, 14, tzinfo=UTC)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ts_event", "symbol", "open", "high", "low", "close", "volume"])
        for day in range(5):
            for hour in range(6):
                price = 5_300 + day + hour
                ts_event = (at + timedelta(days=day, hours=hour)).isoformat()
                rows.writerow([ts_event, "ES", price, price + 2, price - 2, price + 1, 100])
    return path


def provider_of(store: BarStore) -> str:
    best = store.best("MES", "1h")
    assert best is not None
    return best.provider


def chosen(store: BarStore, act: BarAct, **over: Any) -> tuple[Catalog, Catalog]:
    before, after, _ = choose_bars(store, replace(WISH, act=act, **over), now=NOW)
    return before, after


def test_a_short_import_moves_no_bot_until_a_person_prefers_it(store: BarStore, short_file: Path) -> None:
    before = store.catalog()
    import_bars(store, short_file)
    assert provider_of(store) == SIMULATED
    assert {move.symbol for move in moves(before, store.catalog(), None)} == {"ES"}
    (move,) = moves(*chosen(store, BarAct.PREFER, provider="acme"), {("MES", "1h"): 60})
    assert (move.symbol, move.timeframe, move.bots, move.ground) == ("MES", "1h", 60, Ground.PREFERRED)
    assert move.before is not None
    assert move.after is not None
    assert (move.before.provider, move.after.provider) == (SIMULATED, "acme")
    traded = series_traded(store, "MES", "1h")
    assert traded is not None
    assert traded.words == "a person chose it: cli:amy, OWN_FEED, 2026-03-02 15:00 UTC"
    chosen(store, BarAct.FOLLOW_RULE, provider="acme")
    assert provider_of(store) == SIMULATED


def test_a_rehearsal_says_what_an_import_would_do_and_stores_nothing(store: BarStore, short_file: Path) -> None:
    chosen(store, BarAct.WITHDRAW, provider=SIMULATED, timeframe="all")
    rehearsal = Rehearsal(store)
    report = import_bars(rehearsal, short_file)
    assert store.catalog() == rehearsal.before
    real = import_bars(store, short_file)
    assert [row.fingerprint for row in report.series] == [row.fingerprint for row in real.series]
    assert report.notes == real.notes
    rehearsed = moves(rehearsal.before, rehearsal.after, None)
    done = moves(rehearsal.before, store.catalog(), None)
    assert [(series.symbol, series.timeframe) for series in rehearsed] == [
        (series.symbol, series.timeframe) for series in done
    ]
    assert ("MES", "1h") in {(series.symbol, series.timeframe) for series in done}


def test_a_withdrawn_series_is_traded_by_nobody_keeps_its_files_and_comes_back(store: BarStore) -> None:
    stored = store.best("MES", "1h")
    assert stored is not None
    chosen(store, BarAct.WITHDRAW, provider=SIMULATED)
    assert store.best("MES", "1h") is None
    simulate_market(store, ["MGC"], seed=7, start_on=date(2024, 1, 2), years=0.02)
    kept = store.load_by_fingerprint("MES", "1h", stored.fingerprint)
    assert kept is not None
    assert len(kept) == stored.bars
    chosen(store, BarAct.RESTORE, provider=SIMULATED)
    assert store.best("MES", "1h") == stored
    assert store.verify(stored)


def test_withdrawing_a_preferred_series_forgets_the_preference(store: BarStore, short_file: Path) -> None:
    import_bars(store, short_file, provider="ACME")
    chosen(store, BarAct.PREFER)
    chosen(store, BarAct.WITHDRAW)
    chosen(store, BarAct.RESTORE)
    assert provider_of(store) == SIMULATED
    assert store.catalog().preferred == {}


def test_doing_again_what_is_done_says_since_when_and_changes_nothing(store: BarStore, short_file: Path) -> None:
    import_bars(store, short_file, provider="ACME")
    later = NOW + timedelta(days=1)
    for act, words in (
        (BarAct.PREFER, "preferred already: cli:amy, OWN_FEED, 2026-03-02 15:00 UTC"),
        (BarAct.WITHDRAW, "withdrawn already since 2026-03-02 15:00 UTC"),
    ):
        wish = replace(WISH, act=act)
        before, after, (row,) = choose_bars(store, wish, now=NOW)
        assert stood_already(before, wish, row) is None
        before, again, (row,) = choose_bars(store, replace(wish, actor=user("bob")), now=later)
        assert stood_already(before, wish, row) == words
        assert replace(again, owed=after.owed) == after
        assert store.catalog() == again
    (view,) = (row for row in series_views(store.catalog(), None) if row.withdrawn)
    assert view.words == "withdrawn since 2026-03-02 15:00 UTC"
    chosen(store, BarAct.RESTORE)
    assert store.catalog().series["MES", "1h", "ACME"].withdrawn_at is None


def test_a_catalog_from_before_it_kept_when_a_series_was_withdrawn_is_read(store: BarStore, tmp_path: Path) -> None:
    chosen(store, BarAct.WITHDRAW, provider=SIMULATED)
    path = tmp_path / "home" / "bars" / "catalog.json"
    catalog = json.loads(path.read_text())
    for row in catalog["series"] + catalog["withdrawn"]:
        del row["withdrawn_at"]
    path.write_text(json.dumps(catalog))
    wish = replace(WISH, act=BarAct.WITHDRAW, provider=SIMULATED)
    before, _, (row,) = choose_bars(store, wish, now=NOW)
    assert stood_already(before, wish, row) == "withdrawn already"


def test_series_left_aside_are_told_with_the_command_that_chooses_them(store: BarStore, short_file: Path) -> None:
    report = import_bars(store, short_file, provider="ACME")
    assert left_aside(store.catalog(), report.series) == [
        "MES 1h, 1d: bots trade SIMULATED, because the real bars there are cover less than 455 days and 250 bars; "
        "to let them trade ACME all the same: proving bars prefer MES all ACME"
    ]
    chosen(store, BarAct.PREFER)
    (hint,) = left_aside(store.catalog(), report.series)
    assert hint.endswith("proving bars prefer MES 1d ACME")
    chosen(store, BarAct.PREFER, timeframe="all")
    assert left_aside(store.catalog(), report.series) == []


@pytest.mark.parametrize(
    ("act", "over", "error", "says"),
    [
        (BarAct.PREFER, {"provider": "ACNE"}, UnknownSeries, "no series MES 1h ACNE; did you mean 'ACME'"),
        (BarAct.WITHDRAW, {"symbol": "MESS"}, UnknownSeries, "did you mean 'MES'"),
        (BarAct.RESTORE, {}, UnknownSeries, "no withdrawn series MES 1h ACME"),
        (BarAct.PREFER, {"provider": "all"}, BadInput, "name its provider"),
        (BarAct.PREFER, {"reason_code": "because"}, BadInput, "reasonCode must match"),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_changes(
    store: BarStore, short_file: Path, act: BarAct, over: dict[str, str], error: type[Exception], says: str
) -> None:
    import_bars(store, short_file, provider="ACME")
    before = store.catalog()
    with pytest.raises(error, match=says):
        chosen(store, act, **over)
    assert store.catalog() == before


def test_a_series_imported_again_is_not_replaced_by_the_withdrawn_one(store: BarStore, short_file: Path) -> None:
    import_bars(store, short_file, provider="ACME")
    chosen(store, BarAct.WITHDRAW)
    import_bars(store, short_file, provider="ACME")
    with pytest.raises(BadInput, match="MES 1h ACME was imported again since it was withdrawn"):
        chosen(store, BarAct.RESTORE)
    chosen(store, BarAct.WITHDRAW)
    assert len([row for row in store.catalog().withdrawn if row.symbol == "MES" and row.timeframe == "1h"]) == 1


@pytest.fixture
def stocked(desk: Desk, store: BarStore) -> Desk:
    return replace(desk, bars=store)


def test_bots_follow_the_choice_and_sessions_keep_their_bars(
    stocked: Desk, short_file: Path, clock: FixedClock
) -> None:
    with stocked.database.begin() as db:
        bot_id = make_bot(db, symbol="MES").id
    run_baseline(stocked, bot_id, run_id="by-hand")
    import_bars(stocked.bars, short_file, provider="ACME")
    clock.advance(minutes=60 * 24 * 365)
    assert newest_reason(stocked) != "NEWER_BARS"
    chosen(stocked.bars, BarAct.WITHDRAW, provider=SIMULATED)
    assert newest_reason(stocked) == "NEWER_BARS"
    with stocked.database() as db:
        sheet = tear_sheet(stocked, db.scalars(select(BacktestSession.id)).one())
    assert sheet is not None
    assert sheet.regimes.unknown is None


def newest_reason(desk: Desk) -> str:
    tick = run_autonomy_tick(desk)
    with desk.database.begin() as db:
        decided = select(AutonomyBotDecision.reason_code).where(AutonomyBotDecision.run_id == tick.run_id)
        return db.scalars(decided).one()


def test_an_act_on_series_is_a_link_of_the_chain(stocked: Desk) -> None:
    wish = replace(WISH, act=BarAct.WITHDRAW, provider=SIMULATED)
    _, _, named = choose_bars(stocked.bars, wish, now=NOW)
    assert [record_owed(stocked), record_owed(stocked)] == [1, 0]
    with stocked.database() as db:
        event = db.scalars(select(AuditEvent)).one()
        assert (event.action, event.actor, event.subject) == ("BARS_WITHDRAWN", "cli:amy", "MES 1h SIMULATED")
        assert event.payload["reasonCode"] == "OWN_FEED"
        assert event.payload["fingerprints"] == {"MES 1h SIMULATED": named[0].fingerprint}
    assert verify_chain(stocked).is_whole


def test_an_act_whose_process_died_before_its_event_is_told_once(
    stocked: Desk, short_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_bars(stocked.bars, short_file, provider="ACME")
    with monkeypatch.context() as dying:
        dying.setattr(chain, "append", died)
        with pytest.raises(Died):
            act_on_bars(stocked, WISH)
    assert provider_of(stocked.bars) == "ACME"
    assert actions(stocked) == []
    with monkeypatch.context() as dying:
        dying.setattr(BarStore, "change", died)
        with pytest.raises(Died):
            record_owed(stocked)
    assert actions(stocked) == ["BARS_PREFERRED"]
    assert len(stocked.bars.catalog().owed) == 1
    receipt = act_on_bars(stocked, replace(WISH, act=BarAct.FOLLOW_RULE))
    assert actions(stocked) == ["BARS_PREFERRED", "BARS_CHOSEN_BY_RULE"]
    assert receipt.audit_seq == 2
    assert stocked.bars.catalog().owed == ()
    assert verify_chain(stocked).is_whole


class Died(Exception):
    pass


def died(*_: object, **__: object) -> None:
    raise Died


def actions(desk: Desk) -> list[str]:
    with desk.database() as db:
        return list(db.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)))


@pytest.fixture
def client(stocked: Desk) -> Client:
    return Client(create_app(stocked))


def test_the_api_says_which_series_serve_which_bots_and_why(stocked: Desk, client: Client, short_file: Path) -> None:
    with stocked.database.begin() as db:
        bot_id, *_ = (make_bot(db, symbol="MES").id for _ in range(3))
    import_bars(stocked.bars, short_file, provider="ACME")
    listed = [
        (row["provider"], row["bots"], row["ground"], row["words"])
        for row in client.get("/api/bars").json()["data"]
        if (row["symbol"], row["timeframe"]) == ("MES", "1h")
    ]
    assert listed == [
        (SIMULATED, 3, "REAL_TOO_SHORT", "the real bars there are cover less than 455 days and 250 bars"),
        ("ACME", 0, None, "not traded; SIMULATED is"),
    ]
    bars = client.get(f"/api/bots/{bot_id}/life").json()["bars"]
    assert (bars["provider"], bars["ground"]) == (SIMULATED, "REAL_TOO_SHORT")


def test_the_api_acts_on_series_once_for_one_key_and_says_which_bots_move(
    stocked: Desk, client: Client, short_file: Path
) -> None:
    with stocked.database.begin() as db:
        make_bot(db, symbol="MES")
    import_bars(stocked.bars, short_file, provider="ACME")
    body = {"symbol": "MES", "timeframe": "1h", "provider": "ACME", "reasonCode": "OWN_FEED"}
    once = ADMIN | {"Idempotency-Key": "prefer-acme-once"}
    first, again = (client.post("/api/admin/bars/prefer", json=body, headers=once) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    move = {"symbol": "MES", "timeframe": "1h", "before": SIMULATED, "after": "ACME", "bots": 1}
    assert first.json()["moves"] == [move | {"words": "a person chose it"}]
    assert (first.json()["act"], first.json()["series"]) == ("PREFER", ["MES 1h ACME"])
    assert provider_of(stocked.bars) == "ACME"
    with stocked.database() as db:
        event = db.get_one(AuditEvent, first.json()["auditSeq"])
        assert (event.action, event.actor, event.payload["requestId"]) == (
            "BARS_PREFERRED",
            "admin",
            first.json()["traceId"],
        )
    assert client.post("/api/admin/bars/withdraw", json=body, headers=ADMIN).json()["moves"][0]["after"] == SIMULATED
    again = client.post("/api/admin/bars/withdraw", json=body, headers=ADMIN)
    (already,) = again.json()["already"]
    assert (again.status_code, again.json()["moves"]) == (200, [])
    assert already.startswith("MES 1h ACME: withdrawn already since ")
    assert client.post("/api/admin/bars/restore", json=body, headers=ADMIN).json()["moves"] == []
    assert client.post("/api/admin/bars/follow-rule", json=body, headers=ADMIN).status_code == 200
    assert verify_chain(stocked).is_whole


@pytest.mark.parametrize(
    ("act", "over", "status", "code"),
    [
        ("prefer", {"provider": "ACNE"}, 422, "UNKNOWN_SERIES"),
        ("restore", {}, 422, "UNKNOWN_SERIES"),
        ("prefer", {"symbol": "all", "timeframe": "all", "provider": "all"}, 422, "BAD_INPUT"),
        ("withdraw", {"reasonCode": "because"}, 422, "BAD_INPUT"),
        ("withdraw", {"provider": ""}, 422, "BAD_INPUT"),
        ("burn", {}, 422, "BAD_INPUT"),
    ],
)
def test_the_api_refuses_acts_on_series_with_a_problem_and_changes_nothing(
    stocked: Desk, client: Client, short_file: Path, act: str, over: dict[str, str], status: int, code: str
) -> None:
    import_bars(stocked.bars, short_file, provider="ACME")
    before = stocked.bars.catalog()
    body = {"symbol": "MES", "timeframe": "1h", "provider": "ACME", "reasonCode": "OWN_FEED"} | over
    answer = client.post(f"/api/admin/bars/{act}", json=body, headers=ADMIN)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert client.post(f"/api/admin/bars/{act}", json=body).status_code == 401
    assert stocked.bars.catalog() == before


def test_the_commands_work_without_a_database_and_say_that_nothing_is_recorded(
    store: BarStore, short_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(bar_work, "desk_where_it_runs", lambda **_: None)

    def proving(*words: str) -> str:
        done = CliRunner().invoke(main.app, list(words), catch_exceptions=False)
        assert done.exit_code == 0
        return " ".join(done.output.split())

    dry = proving("bars", "import", str(short_file), "--provider", "ACME", "--dry-run")
    assert "dry run: nothing was stored" in dry
    assert "not in the audit chain" not in dry
    assert {row.provider for row in store.series()} == {SIMULATED}
    printed = proving("bars", "import", str(short_file), "--provider", "ACME")
    assert "to let them trade ACME all the same: proving bars prefer MES all ACME" in printed
    printed = proving("bars", "prefer", "MES", "1h", "ACME", "--reason", "OWN_FEED")
    assert "MES 1h ACME: preferred, however long it is" in printed
    assert "not in the audit chain: no database runs; the platform records it when it runs" in printed
    assert provider_of(store) == "ACME"
    printed = proving("bars", "prefer", "MES", "1h", "ACME")
    assert "MES 1h ACME: preferred already: cli:" in printed
    proving("bars", "withdraw", "all", "all", "ACME")
    assert "MES 1h ACME: withdrawn already since 2" in proving("bars", "withdraw", "MES", "1h", "ACME")
    assert provider_of(store) == SIMULATED
    assert "withdrawn" in proving("bars", "list")
    proving("bars", "restore", "all", "all", "ACME")
    assert {row.provider for row in store.series()} == {SIMULATED, "ACME"}
