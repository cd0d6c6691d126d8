"""What is left of a bot's bars after its warm-up, wherever a person may meet it."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.app import create_app
from orchestration.cli import bot_work, desk_work, main
from services.backtests.baselines import run_baseline
from services.bots.fleet import bots_by_ids
from services.bots.histories import history_of, history_of_bot
from services.desk import Desk
from services.figures.resets import reset_metrics
from store.bots import registry
from store.market.bars import BarStore
from store.tables import BotProgress
from tests.harness.client import Client
from tests.harness.commands import let_commands_find
from tests.harness.factories import make_bot, reset_request
from trading.market.bars import bars_from_columns, columns_of
from trading.strategies.genome import default_genome
from trading.strategies.memory import History

NAME = "Short Stork"


@pytest.fixture
def short_desk(stocked_desk: Desk, tmp_path: Path) -> Desk:
    """The desk with 150 hours of MES: fewer than an average true range of 14 takes."""
    hours = stocked_desk.bars.load("MES", "1h")
    store = BarStore(tmp_path / "short")
    few = bars_from_columns(columns_of(hours)[:, :150], symbol="MES", timeframe="1h", provider="CME")
    store.write(few, source="planted")
    return replace(stocked_desk, bars=store)


def test_is_what_the_warm_up_takes_from_the_bars_there_are(stocked_desk: Desk) -> None:
    series = stocked_desk.bars.best("MES", "1h")
    assert series is not None
    wanted = ("momentum_surge", default_genome("momentum_surge"))
    history = history_of(stocked_desk, symbol="MES", timeframe="1h", wanted=wanted)
    assert history == History(series.bars, 179)
    assert history.left_bars == series.bars - 179
    fine = replace(stocked_desk, settings=stocked_desk.settings.model_copy(update={"warm_up_tolerance": 1e-9}))
    assert history_of(fine, symbol="MES", timeframe="1h", wanted=wanted) == History(series.bars, 335)
    assert history_of(stocked_desk, symbol="ZN", timeframe="1h", wanted=wanted) == History(0, 179)
    assert history_of_bot(stocked_desk, None) is None


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (History(0, 179), "no bars yet; its warm-up takes 179"),
        (History(179, 179), "179 bars, none left after a warm-up of 179: it cannot trade yet"),
        (History(5_000, 1_421), "5,000 bars, 3,579 left after a warm-up of 1,421"),
    ],
)
def test_is_told_in_words(history: History, words: str) -> None:
    assert history.words == words


def test_a_bot_whose_warm_up_takes_all_says_so_on_the_board_on_its_page_and_when_asked_why(
    short_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_commands_find(short_desk, monkeypatch, bot_work, desk_work)
    none_left = "150 bars, none left after a warm-up of 179: it cannot trade yet"
    asked = ("--archetype", "momentum_surge", "--symbol", "MES", "--timeframe", "1h", "--name", NAME)
    assert none_left in CliRunner().invoke(main.app, ["bot", "add", *asked]).output
    with short_desk.database() as db:
        (bot_id,) = registry.bot_ids(db)
    assert run_baseline(short_desk, bot_id, run_id="run-1").figures["trades"] == 0
    (card,) = bots_by_ids(short_desk, [bot_id])
    assert (card.bot_now.state, card.bot_now.reason) == ("IDLE", "NO_BARS_AFTER_WARM_UP")
    assert none_left in CliRunner().invoke(main.app, ["why", NAME]).output
    client = Client(create_app(short_desk))
    for path in ("", "/life"):
        answer = client.get(f"/api/bots/{bot_id}{path}").json()["history"]
        assert answer == {"bars": 150, "warmUpBars": 179, "leftBars": 0, "words": none_left}
    reset_metrics(short_desk, reset_request(bot_ids=[bot_id]))
    (card,) = bots_by_ids(short_desk, [bot_id])
    assert card.bot_now.reason is None


def test_a_session_leaves_behind_what_its_warm_up_left(stocked_desk: Desk) -> None:
    with stocked_desk.database.begin() as db:
        bot_id = make_bot(db, archetype="momentum_surge").id
    bars = run_baseline(stocked_desk, bot_id, run_id="run-1").figures["bars"]
    with stocked_desk.database() as db:
        assert db.scalars(select(BotProgress.last_session_bars_left)).one() == bars - 179
    (card,) = bots_by_ids(stocked_desk, [bot_id])
    assert card.bot_now.reason is None


def test_is_unknown_where_the_bar_store_cannot_be_read(stocked_desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text("{", "utf-8")
    away = replace(stocked_desk, bars=BarStore(tmp_path))
    wanted = ("momentum_surge", default_genome("momentum_surge"))
    assert history_of(away, symbol="MES", timeframe="1h", wanted=wanted) is None
