"""The ledger's prices: exact for every instrument, ticks beside them, and rows from before told for what they are."""

import csv
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.app import create_app
from gateways.postgres import DatabaseUrls
from services.backtests.baselines import trade_columns
from services.backtests.tear_sheets import session_trades, tear_sheet
from services.desk import Desk, prepare_database
from store.backtests.sessions import copy_trades
from store.backtests.trades import TradeLog
from store.figures import rollups
from store.tables import BacktestSession
from tests.harness.client import Client
from tests.harness.factories import BIRTH, make_bot, make_fill, make_session, make_trade
from trading.backtests.engine import Account, Backtest, Exits, run_signals
from trading.market.bars import Bars, bars_from_columns
from trading.market.instruments import INSTRUMENTS, instrument
from trading.market.sessions import session_index
from trading.strategies.signals import Signals
from trading.strategies.tape import tape_of

ODD_TICKS = 13_421
FINE = ("6J", "ZT", "ZF", "ZN", "6E", "ES", "BTC", "XAUUSD")


def bars_of(symbol: str) -> Bars:
    hours = np.datetime64("2024-03-04T14:00", "ns").astype(np.int64) + np.arange(4) * 3_600_000_000_000
    flat = np.full(4, ODD_TICKS)
    volume, contract = np.full(4, 100), np.zeros(4)
    columns = np.stack([hours, flat, flat + 2, flat - 2, flat, volume, contract]).astype(np.int64)
    return bars_from_columns(columns, symbol=symbol, timeframe="1h", provider="T")


def bought_and_sold(bars: Bars) -> Backtest:
    tape, ones = tape_of(bars, session_index(bars, mode="FULL_24x5")), np.ones(1)
    account = Account(instrument(bars.symbol), 10**11, 1)
    return run_signals(tape, Signals(np.array([0, 1, 0, 0], np.int8), ones, ones), Exits(), account=account)


def plant(db: Session, symbol: str) -> BacktestSession:
    """Add a completed session of a new bot with the one trade of `bought_and_sold`, as a job would have written it."""
    bars = bars_of(symbol)
    bot = make_bot(db, symbol=symbol, name=f"Exact {symbol}")
    run = make_session(db, bot, created_at=BIRTH)
    backtest = bought_and_sold(bars)
    columns = trade_columns(backtest, SimpleNamespace(bars=bars), traded=instrument(symbol), contracts=1)  # type: ignore[arg-type]
    copy_trades(db, columns, session_id=run.id, bot_id=bot.id, contracts=1, created_at=BIRTH)
    return run


@pytest.mark.parametrize("symbol", INSTRUMENTS)
def test_the_price_of_a_trade_is_its_ticks_times_the_tick(symbol: str) -> None:
    bars = bars_of(symbol)
    backtest = bought_and_sold(bars)
    columns = trade_columns(backtest, SimpleNamespace(bars=bars), traded=instrument(symbol), contracts=1)  # type: ignore[arg-type]
    bought = ODD_TICKS + instrument(symbol).slippage_ticks
    assert columns["entry_ticks"].tolist() == [bought]
    assert columns["entry_micros"][0] == bought * instrument(symbol).tick_size * 1_000_000


@pytest.mark.parametrize("symbol", FINE)
def test_the_ledger_keeps_ticks_and_the_exact_price(desk: Desk, symbol: str) -> None:
    with desk.database.begin() as db:
        run_id = plant(db, symbol).id
    with desk.database() as db:
        stored = db.scalars(select(TradeLog).where(TradeLog.session_id == run_id)).one()
    tick = instrument(symbol).tick_size
    bought = ODD_TICKS + instrument(symbol).slippage_ticks
    assert (stored.entry_ticks, stored.tick_size, stored.entry_price) == (bought, tick, bought * tick)
    assert stored.exit_ticks is not None
    assert stored.exit_price == stored.exit_ticks * tick


def test_pages_files_and_api_show_a_price_with_the_decimals_of_its_instrument(desk: Desk) -> None:
    with desk.database.begin() as db:
        run = plant(db, "6J")
        run_id, bot_id = run.id, run.bot_id
        rollups.rebuild(db, [bot_id], now=BIRTH)
    client = Client(create_app(desk))
    assert '<td class="n">0.0067110</td>' in client.get(f"/api/sessions/{run_id}/report").text
    rows = list(csv.DictReader(StringIO(client.get(f"/api/sessions/{run_id}/trades.csv").text)))
    assert (rows[0]["entry_price"], rows[0]["entry_ticks"], rows[0]["tick_size"]) == ("0.006711", "13422", "0.0000005")
    page = client.get(f"/api/bots/{bot_id}/trades").json()
    assert page["priceDecimals"] == 7
    trade = page["data"][0]
    assert (trade["entryPrice"], trade["entryTicks"], trade["tickSize"]) == (0.006711, 13_422, 5e-7)


def test_the_database_refuses_a_price_that_is_not_its_ticks(desk: Desk) -> None:
    for wrong in ({"entry_price": Decimal("5000.25")}, {"entry_ticks": None}, {"tick_size": None}):
        with desk.database() as db, pytest.raises(IntegrityError, match="prices_are_ticks"):
            make_trade(db, make_bot(db), book="PAPER", exit_at=BIRTH, net_usd=10, **wrong)
    with desk.database() as db, pytest.raises(IntegrityError, match="prices_are_ticks"):
        make_fill(db, make_bot(db), book="PAPER", filled_at=BIRTH, price=Decimal("5000.1"))


OLD_TRADE = """
    INSERT INTO trade_logs (session_id, bot_id, book, seq, side, contracts, entry_at, exit_at, entry_price, exit_price,
        bars_held, gross_pnl_usd, commission_usd, slippage_usd, net_pnl_usd, mae_usd, mfe_usd, exit_reason, created_at)
    SELECT id, bot_id, 'BACKTEST', 1, 'LONG', 1, created_at, created_at, :price, :price, 1, 0, 0, 0, 0, 0, 0, 'TIME',
        created_at FROM backtest_sessions WHERE id = :session_id
"""
RECORDED = {"6J": "0.000000", "ZT": "398.732292", "ZF": "800.058168", "ES": "5000.250000"}
"""What the code before 0013 wrote: ticks times the whole micro-dollars of a tick (0, 3906, 7812, 250000)."""


@pytest.fixture
def old_sessions(desk: Desk, owner: Engine, urls: DatabaseUrls, migrate: Callable[[str], None]) -> dict[str, UUID]:
    """A session with one trade by instrument, as the code before migration 0013 left it, in a migrated database."""
    with desk.database.begin() as db:
        runs = {symbol: make_session(db, make_bot(db, symbol=symbol), created_at=BIRTH) for symbol in RECORDED}
        ids = {symbol: run.id for symbol, run in runs.items()}
    migrate("0012")
    with owner.begin() as connection:
        for symbol, price in RECORDED.items():
            connection.execute(text(OLD_TRADE), {"price": Decimal(price), "session_id": ids[symbol]})
    migrate("head")
    prepare_database(urls)
    return ids


def test_a_migration_leaves_old_prices_as_they_were_recorded(old_sessions: dict[str, UUID], owner: Engine) -> None:
    recorded = text("SELECT entry_price::text, entry_ticks, tick_size FROM trade_logs WHERE session_id = :id")
    with owner.connect() as connection:
        for symbol, session_id in old_sessions.items():
            assert connection.execute(recorded, {"id": session_id}).one() == (RECORDED[symbol], None, None)


def test_old_prices_are_told_as_what_they_meant_or_as_unknown(old_sessions: dict[str, UUID], desk: Desk) -> None:
    prices = {}
    for symbol, session_id in old_sessions.items():
        stored = session_trades(desk, session_id)
        assert stored is not None
        prices[symbol] = stored[1][0].entry_price
    ticks = {"ZT": 102_082, "ZF": 102_414}
    exact = {symbol: count * instrument(symbol).tick_size for symbol, count in ticks.items()}
    assert prices == {"6J": None, "ES": Decimal("5000.25"), **exact}
    page = Client(create_app(desk)).get(f"/api/sessions/{old_sessions['6J']}/report").text
    assert "Some prices were recorded with fewer decimals than their tick has" in page
    sheet = tear_sheet(desk, old_sessions["ZT"])
    assert sheet is not None
    assert not sheet.lacks_prices
