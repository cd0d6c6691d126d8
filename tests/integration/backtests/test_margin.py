"""What margin did to a session is stored with it and said where the session is shown."""

import csv
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import select

from api.app import create_app
from services.backtests.baselines import run_baseline
from services.desk import Desk
from store.tables import BacktestSession
from tests.harness.client import Client
from tests.harness.factories import BIRTH, make_bot, make_session
from tests.harness.sheets import Sheet
from trading.market.instruments import instrument
from trading.words import margin_in_words

MARGIN_USD = instrument("MES").day_margin_usd


@pytest.fixture
def client(stocked_desk: Desk) -> Client:
    return Client(create_app(stocked_desk))


def session_of(desk: Desk, account_usd: int) -> tuple[BacktestSession, dict[str, Any]]:
    """Return the session of a bot with so much money over simulated bars, and what Dagster records of it."""
    with desk.database.begin() as db:
        bot_id = make_bot(db, archetype="mean_reversion", account_usd=Decimal(account_usd)).id
    done = run_baseline(desk, bot_id, run_id="run-1")
    with desk.database() as db:
        run = db.scalars(select(BacktestSession).where(BacktestSession.bot_id == bot_id)).one()
    return run, dict(done.figures)


def test_a_bust_session_says_when_and_how_much_it_refused(client: Client, stocked_desk: Desk) -> None:
    run, recorded = session_of(stocked_desk, MARGIN_USD + 50)
    assert run.bust_at is not None
    assert run.refused_entries is not None
    assert run.refused_entries > 0
    assert run.equity_usd[-1] < MARGIN_USD
    assert run.costs["day_margin_usd"] == MARGIN_USD
    assert recorded["refused_entries"] == run.refused_entries
    assert recorded["bust_at"] == run.bust_at.isoformat()
    words = margin_in_words(run.refused_entries, run.bust_at)
    assert words in Sheet(client.get(f"/api/sessions/{run.id}/report").text).words
    answer = client.get(f"/api/bots/{run.bot_id}/sessions").json()["data"][0]
    assert (answer["marginWords"], answer["refusedEntries"]) == (words, run.refused_entries)
    assert datetime.fromisoformat(answer["bustAt"]) == run.bust_at
    trades = list(csv.DictReader(StringIO(client.get(f"/api/sessions/{run.id}/trades.csv").text)))
    assert datetime.fromisoformat(trades[-1]["exit_at"]) == run.bust_at


def test_a_session_that_could_carry_everything_says_nothing_of_it(client: Client, stocked_desk: Desk) -> None:
    run, recorded = session_of(stocked_desk, 500_000)
    assert (run.refused_entries, run.bust_at) == (0, None)
    assert (recorded["refused_entries"], recorded["bust_at"]) == (0, None)
    assert client.get(f"/api/bots/{run.bot_id}/sessions").json()["data"][0]["marginWords"] is None
    sheet = Sheet(client.get(f"/api/sessions/{run.id}/report").text)
    assert f"${MARGIN_USD:,} a contract, every entry carried" in sheet.words


def test_a_session_from_before_margin_claims_nothing(client: Client, stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        run_id = make_session(db, make_bot(db), created_at=BIRTH).id
    answer = client.get(f"/api/sessions/{run_id}/report")
    assert answer.status_code == 200
    assert not any("margin" in words.lower() for words in Sheet(answer.text).words)
