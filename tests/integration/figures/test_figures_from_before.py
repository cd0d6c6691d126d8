"""A figure that comes later is known of what was recorded before it: the migration gives what the code gives."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import ProgrammingError

from gateways.postgres import DatabaseUrls
from services.desk import Desk, prepare_database
from store.database import transaction
from store.figures import rollups
from store.health.invariants import shown_differences
from store.tables import BacktestSession, BotMetricsRollup
from tests.harness.clocks import FixedClock
from tests.harness.factories import make_bot, make_session, make_trade
from trading.figures.performance import calmar_ratio

DAILY_USD = [37, -12.5, 81.25, -140, 9.99] * 5


def test_old_sessions_and_figures_have_the_calmar_ratio_that_the_code_gives(
    desk: Desk, clock: FixedClock, owner: Engine, urls: DatabaseUrls, migrate: Callable[[str], None]
) -> None:
    with transaction(desk.database) as db:
        long, short, paper = make_bot(db), make_bot(db), make_bot(db, stage="PAPER")
        make_session(db, long, created_at=clock(), trade_pnl_usd=[str(usd) for usd in DAILY_USD])
        make_session(db, short, created_at=clock())
        for number, usd in enumerate(DAILY_USD):
            make_trade(db, paper, book="PAPER", exit_at=clock() + timedelta(days=number), net_usd=str(usd))
        rollups.rebuild(db, None, now=clock())
    traded = stored(owner)[paper.id]
    migrate("0017")
    migrate("head")
    prepare_database(urls)
    with owner.connect() as connection:
        run = connection.execute(select(BacktestSession.__table__).where(BacktestSession.bot_id == long.id)).one()
        with pytest.raises(ProgrammingError, match="raw truth is append-only"):
            connection.execute(text("UPDATE backtest_sessions SET calmar = 1"))
    by_the_code = calmar_ratio(
        gain_micros=int(sum(map(Decimal, map(str, DAILY_USD))) * 1_000_000),
        days=len(DAILY_USD),
        account_micros=50_000 * 1_000_000,
        max_drawdown_pct=run.max_drawdown_pct,
    )
    assert run.calmar == by_the_code
    assert stored(owner) == {long.id: by_the_code, short.id: None, paper.id: traded}
    assert traded is not None
    with transaction(desk.database) as db:
        assert shown_differences(db) == (2, [])


def stored(owner: Engine) -> dict[object, float | None]:
    with owner.connect() as connection:
        rows = connection.execute(select(BotMetricsRollup.__table__))
        return {row.bot_id: row.calmar for row in rows}
