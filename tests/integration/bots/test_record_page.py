"""A bot's record is told as it stands: its days, its evidence and who traded them, in words and on the wire."""

import math
from uuid import UUID, uuid4

import numpy as np
import pytest
from fastapi.testclient import TestClient

from services.bots.records import bot_record
from services.desk import Desk
from services.improvement.iterations import run_improvement
from tests.harness.factories import make_bot
from tests.harness.known import known
from trading.errors import UnknownBots
from trading.verification.betting import log_e_values


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, id=UUID(int=1), archetype="trend_ema_cross").id


def test_a_record_is_told_day_by_day_with_its_evidence_and_who_traded_it(stocked_desk: Desk, bot_id: UUID) -> None:
    run_improvement(stocked_desk, bot_id, run_id="improves")
    record = bot_record(stocked_desk, bot_id)
    standing = known(record.standing)
    assert standing.days == len(record.trading_on) == sum(row.days for row in record.stretches)
    earned = np.diff(np.array(record.equity_usd, np.float64), prepend=record.account_usd)
    log_e = log_e_values(np.round(earned, 6))
    assert record.log10_e[-1] == pytest.approx(log_e[-1] / math.log(10.0))
    assert standing.e_value == pytest.approx(math.exp(log_e[-1]))
    assert [row.words for row in record.stretches] == ["what G1's search chose before"] * 4 + ["G1"]
    for row in record.stretches:
        place = slice(record.trading_on.index(row.first_on), record.trading_on.index(row.last_on) + 1)
        assert row.net_pnl_usd == pytest.approx(float(earned[place].sum()), abs=1e-6)
    assert f"{standing.days} days on SIMULATED bars to {record.trading_on[-1]}" in record.words
    assert record.words.endswith("not proven among all bots")


def test_without_a_record_it_says_what_begins_one(desk: Desk) -> None:
    with desk.database.begin() as db:
        bot_id = make_bot(db).id
    record = bot_record(desk, bot_id)
    assert (record.standing, record.trading_on, record.log10_e, record.stretches) == (None, (), (), ())
    assert record.words == "it has no record yet; its first improve iteration begins one"
    with pytest.raises(UnknownBots):
        bot_record(desk, uuid4())


def test_the_wire_has_it_too(desk: Desk, client: TestClient) -> None:
    with desk.database.begin() as db:
        bot_id = make_bot(db).id
    answer = client.get(f"/api/bots/{bot_id}/record")
    assert (answer.status_code, answer.json()["standing"], answer.json()["sharpe"]) == (200, None, None)
    assert client.get(f"/api/bots/{bot_id}").json()["bot"]["record"] is None
    assert client.get(f"/api/bots/{uuid4()}/record").status_code == 404
