"""Tear sheets: every figure is one of the stored rows, a strict browser policy holds, and nothing invented is shown."""

import csv
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from api.app import create_app
from services.backtests.baselines import run_baseline
from services.backtests.tear_sheets import tear_sheet
from services.desk import Desk
from store.backtests.trades import TradeLog
from store.market.bars import BarStore
from store.tables import BacktestSession
from tests.harness.client import Client
from tests.harness.factories import BIRTH, make_bot, make_session
from tests.harness.known import known
from tests.harness.sheets import Sheet
from tests.oracle.series import between_marks
from trading.figures.performance import drawdown_pct
from trading.market.regimes import Regime


@pytest.fixture
def client(stocked_desk: Desk) -> Client:
    return Client(create_app(stocked_desk))


@pytest.fixture
def run(stocked_desk: Desk) -> BacktestSession:
    """A real session of a real run over simulated bars."""
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, name="Plotted Plover", archetype="mean_reversion").id
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    with stocked_desk.database() as db:
        return db.scalars(select(BacktestSession).where(BacktestSession.bot_id == bot_id)).one()


def test_the_sheet_shows_the_stored_figures_and_says_simulated(client: Client, run: BacktestSession) -> None:
    answer = client.get(f"/api/sessions/{run.id}/report")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    sheet = Sheet(answer.text)
    assert sheet.open == []
    assert "SIMULATED" in sheet.words
    net = known(run.net_pnl_usd)
    sign = "−" if net < 0 else "+"
    for figure in (
        f"{sign}${abs(net):,.2f}",
        f"{known(run.figures.sharpe):.2f}".replace("-", "−"),
        f"{run.trades:,}",
        run.data_fingerprint,
        run.order_list_hash,
        str(run.id),
        "Plotted Plover",
    ):
        assert figure in sheet.words, figure
    assert all(any(note in words for words in sheet.words) for note in run.notes)


def test_a_strict_browser_policy_finds_nothing_to_refuse(client: Client, run: BacktestSession) -> None:
    sheet = Sheet(client.get(f"/api/sessions/{run.id}/report").text)
    assert not {"script", "style", "iframe", "img", "object"} & set(sheet.tags)
    assert not [name for name, _ in sheet.attributes if name == "style" or name.startswith("on")]
    away = [
        value
        for name, value in sheet.attributes
        if name in ("href", "src") and "//" in value.removeprefix("http://test")
    ]
    assert away == []
    styles = [value for name, value in sheet.attributes if name == "href" and value.endswith(".css")]
    assert styles
    assert all(client.get(path).status_code == 200 for path in styles)


def test_tables_add_up_to_the_session(stocked_desk: Desk, run: BacktestSession) -> None:
    sheet = tear_sheet(stocked_desk, run.id)
    assert sheet is not None
    assert sum((year.total_usd for year in sheet.years), Decimal(0)) == run.net_pnl_usd == sheet.costs.net_usd
    for split in (sheet.exits, sheet.sides, sheet.regimes.rows):
        assert sum(row.trades for row in split) == run.trades
        assert sum((row.net_usd for row in split), Decimal(0)) == run.net_pnl_usd
        assert sum(row.winners for row in split) == run.winners
    assert {row.name for row in sheet.regimes.rows} <= {*Regime, "UNKNOWN"}
    assert len(sheet.regimes.rows) > 2
    assert [trade.seq for trade in sheet.trades] == sorted((trade.seq for trade in sheet.trades), reverse=True)
    with stocked_desk.database() as db:
        by_reason = select(TradeLog.exit_reason, func.sum(TradeLog.net_pnl_usd)).where(TradeLog.session_id == run.id)
        rows = db.execute(by_reason.group_by(TradeLog.exit_reason)).all()
        recount = {row[0]: row[1] for row in rows}
    assert {row.name: row.net_usd for row in sheet.exits} == recount


def test_the_file_holds_every_trade_exactly(client: Client, stocked_desk: Desk, run: BacktestSession) -> None:
    answer = client.get(f"/api/sessions/{run.id}/trades.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"trades-{run.id}.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [int(row["seq"]) for row in rows] == list(range(1, run.trades + 1))
    assert sum(Decimal(row["net_pnl_usd"]) for row in rows) == run.net_pnl_usd
    assert not any("E" in row["net_pnl_usd"] for row in rows)


@pytest.mark.parametrize("path", ["report", "trades.csv"])
def test_an_unknown_session_is_a_problem(client: Client, path: str) -> None:
    answer = client.get(f"/api/sessions/{uuid4()}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "NOT_FOUND"
    assert client.get(f"/api/sessions/nonsense/{path}").status_code == 422


def test_sessions_that_failed_or_never_traded_have_a_sheet_too(client: Client, stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        bot = make_bot(db, name="<b>Bold</b>".replace("<", "").replace(">", "").replace("/", " "))
        failed = make_session(db, bot, created_at=BIRTH, status="FAILED", error="BAD_BARS: <script>planted</script>")
        quiet = make_session(db, bot, created_at=BIRTH + timedelta(hours=1), trade_pnl_usd=())
        scratched = make_session(db, bot, created_at=BIRTH + timedelta(hours=2), trade_pnl_usd=("0",))
        ids = [failed.id, quiet.id, scratched.id]
    pages = [client.get(f"/api/sessions/{session_id}/report") for session_id in ids]
    assert [page.status_code for page in pages] == [200] * 3
    assert "<script>planted" not in pages[0].text
    assert "&lt;script&gt;planted" in pages[0].text
    assert "Equity" not in Sheet(pages[0].text).words
    assert "—" in Sheet(pages[1].text).words
    assert "None" not in re.sub(r"None\.", "", " ".join(Sheet(pages[1].text).words))


def test_the_regime_split_is_unknown_when_the_bars_are_gone(
    stocked_desk: Desk, run: BacktestSession, tmp_path: Path
) -> None:
    sheet = tear_sheet(replace(stocked_desk, bars=BarStore(tmp_path / "empty")), run.id)
    assert sheet is not None
    assert sheet.regimes.rows == ()
    assert "no longer" in (sheet.regimes.unknown or "")


def test_bars_of_marks_are_found_again_by_their_fingerprint(stocked_desk: Desk, tmp_path: Path) -> None:
    desk = replace(stocked_desk, bars=BarStore(tmp_path / "marks"))
    desk.bars.write(between_marks(stocked_desk.bars.load("MES", "1h")), source="planted")
    with desk.database.begin() as db:
        bot_id = make_bot(db, name="Marked Marten", archetype="mean_reversion").id
    run_baseline(desk, bot_id, run_id="run-1")
    with desk.database() as db:
        run = db.scalars(select(BacktestSession).where(BacktestSession.bot_id == bot_id)).one()
    sheet = tear_sheet(desk, run.id)
    assert sheet is not None
    assert run.data_source == "MARKS-MARKS"
    assert sheet.regimes.unknown is None
    assert sum(row.trades for row in sheet.regimes.rows) == run.trades > 0


def test_nothing_is_returned_for_an_unknown_session(stocked_desk: Desk) -> None:
    assert tear_sheet(stocked_desk, UUID(int=5)) is None


def test_drawdowns_are_taken_from_their_own_peak() -> None:
    assert drawdown_pct([100.0, 120.0, 90.0, 130.0, 65.0]) == [0.0, 0.0, -25.0, 0.0, -50.0]
