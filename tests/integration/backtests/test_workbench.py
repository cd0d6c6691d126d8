"""The workbench: what a session, an iteration and a verification of one bot begin with is the same."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from services.backtests.baselines import run_baseline
from services.backtests.workbench import open_workbench
from services.desk import Desk
from services.market.tapes import BarSupply
from store.market.bars import BarStore
from store.tables import BacktestSession
from tests.harness.factories import make_bot
from trading.backtests.engine import order_list_hash
from trading.errors import NoMarketData, UnknownBots
from trading.market.sessions import session_index


@pytest.fixture
def bot_id(stocked_desk: Desk) -> UUID:
    with stocked_desk.database.begin() as db:
        return make_bot(db, archetype="trend_ema_cross", session_mode="RTH_US").id


def test_a_session_is_the_backtest_of_the_bench_and_the_run_of_its_runner(stocked_desk: Desk, bot_id: UUID) -> None:
    run_baseline(stocked_desk, bot_id, run_id="run-1")
    bench = open_workbench(stocked_desk, bot_id)
    with stocked_desk.database() as db:
        stored = db.scalars(select(BacktestSession)).one()
    assert stored.order_list_hash == order_list_hash(bench.backtest())
    assert bench.backtest().performance == bench.run().performance
    assert stored.trades == bench.run().performance.trades > 10


def test_the_supply_hands_out_any_timeframe_in_the_hours_of_the_bot(stocked_desk: Desk, bot_id: UUID) -> None:
    bench = open_workbench(stocked_desk, bot_id)
    assert bench.supply.read("1h") is bench.at_hand, "laid out once per process"
    hours, minutes = bench.at_hand, bench.supply.read("15m")
    assert (hours.bars.timeframe, minutes.bars.timeframe) == ("1h", "15m")
    for at_hand in (hours, minutes):
        assert at_hand.sessions.is_open.tolist() == session_index(at_hand.bars, mode="RTH_US").is_open.tolist()
        assert 0 < at_hand.sessions.is_open.sum() < len(at_hand.bars) == len(at_hand.tape)
    whole_day = BarSupply(stocked_desk.bars, "MES", "FULL_24x5").read("1h")
    assert whole_day.sessions.is_open.sum() > hours.sessions.is_open.sum()


def test_a_bot_without_bars_and_no_bot_have_no_workbench(stocked_desk: Desk, bot_id: UUID, tmp_path: Path) -> None:
    with pytest.raises(NoMarketData, match="no 1h bars for MES"):
        open_workbench(replace(stocked_desk, bars=BarStore(tmp_path)), bot_id)
    with pytest.raises(UnknownBots):
        open_workbench(stocked_desk, UUID(int=1))
