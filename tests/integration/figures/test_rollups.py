"""Figures since reset equal a recount of raw truth, however they came about."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text

from services.desk import Desk
from services.figures.resets import reset_metrics
from store.backtests.trades import ExecutionFill, TradeLog
from store.base import Base
from store.database import transaction
from store.figure_columns import COLUMNS
from store.figures import rollups
from store.tables import (
    BacktestSession,
    Bot,
    BotEquityCurve,
    BotGeneration,
    BotMetricsEvent,
    BotMetricsRollup,
    BotPerformanceSnapshot,
    MetricsBaseline,
)
from tests.harness.clocks import FixedClock
from tests.harness.factories import BIRTH, make_bot, make_fill, make_generation, make_session, make_trade, reset_request
from trading.figures.baselines import Scope
from trading.figures.sample import is_in_sample

STAGE_BOOKS = ("PAPER", "SHADOW", "CANARY", "LIVE")
WHOSE = ("generation_number", "in_sample", "bust_at")
FIGURES = ("session_id", "sessions", "data_source", *WHOSE, *COLUMNS, "sparkline_usd")
BARE = ("id", "computed_at", "taken_at")

Key = tuple[UUID, str]


def reset(desk: Desk, scope: str, bot_ids: list[UUID] | None, *, curves: bool = True) -> None:
    reset_metrics(
        desk,
        reset_request(scope=scope, bot_ids=bot_ids, also_reset_equity_curves=curves),
    )


def random_history(desk: Desk, clock: FixedClock, chance: Random, *, bots: int, steps: int) -> list[UUID]:
    """Let sessions, trades and resets happen in random order, each figure rebuilt only where something happened."""
    with transaction(desk.database) as db:
        fleet = [make_bot(db, stage=chance.choice(("LAB", *STAGE_BOOKS))) for _ in range(bots)]
        for bot in fleet:
            make_generation(db, bot, knows_until=chance.choice((None, date(2025, 1, 5), date(2025, 1, 6))))
    for _ in range(steps):
        clock.advance(minutes=chance.randint(0, 300))
        bot = chance.choice(fleet)
        if chance.random() < 0.06:
            reset(
                desk,
                chance.choice(list(Scope)).value,
                [bot.id for bot in chance.sample(fleet, 3)],
                curves=chance.random() < 0.5,
            )
            continue
        with transaction(desk.database) as db:
            if chance.random() < 0.5:
                happen_session(db, bot, chance, clock())
            else:
                happen_trade(db, bot, chance, clock())
            rollups.rebuild(db, [bot.id], now=clock())
    return [bot.id for bot in fleet]


def happen_session(db: Any, bot: Bot, chance: Random, now: datetime) -> None:
    pnl = [Decimal(chance.randint(-40_000, 50_000)) / 100 for _ in range(chance.choice((0, 1, 3, 31, 32, 33, 80)))]
    status = "FAILED" if chance.random() < 0.2 else "COMPLETED"
    started = now - timedelta(minutes=chance.choice((0, 0, 5, 400)))
    whose = {"generation_number": chance.choice((1, 2)), "bust_at": chance.choice((None, None, now))}
    make_session(db, bot, created_at=started, status=status, trade_pnl_usd=[str(usd) for usd in pnl], **whose)


def happen_trade(db: Any, bot: Bot, chance: Random, now: datetime) -> None:
    book = chance.choice(STAGE_BOOKS)
    net = Decimal(chance.randint(-30_000, 30_000)) / 100
    trade = make_trade(db, bot, book=book, exit_at=now, net_usd=str(net), bars_held=chance.randint(0, 9))
    make_fill(db, bot, book=book, filled_at=now, created_at=now)
    realised = trade.gross_pnl_usd - trade.slippage_usd
    make_fill(db, bot, book=book, filled_at=now, side="SELL", realised_pnl_usd=realised)


def recount(owner: Engine) -> dict[Key, dict[str, Any]]:
    """Count every figure again from raw rows and reset events alone, in plain Python."""
    with owner.connect() as connection:
        events = connection.execute(select(BotMetricsEvent.__table__).order_by(BotMetricsEvent.id)).mappings().all()
        sessions = connection.execute(select(BacktestSession.__table__)).mappings().all()
        trades = connection.execute(select(TradeLog.__table__)).mappings().all()
        chosen = connection.execute(select(BotGeneration.__table__).where(BotGeneration.knows_until.is_not(None)))
        knows_until = {(row.bot_id, row.generation_number): row.knows_until for row in chosen}
    since: dict[Key, datetime] = {}
    for event in events:
        for book in event["payload_json"]["books"]:
            since[event["bot_id"], book] = datetime.fromisoformat(event["payload_json"]["resetAt"])
    grouped: dict[Key, list[Any]] = defaultdict(list)
    for row in sessions:
        if row["status"] == "COMPLETED":
            grouped[row["bot_id"], "BACKTEST"].append(row)
    for row in trades:
        grouped[row["bot_id"], row["book"]].append(row)
    figures_by_key = {}
    for key, rows in grouped.items():
        counted = [row for row in rows if key not in since or row["created_at"] >= since[key]]
        if counted:
            figures = session_figures(counted, knows_until) if key[1] == "BACKTEST" else trade_figures(counted)
            figures_by_key[key] = {"since": since.get(key)} | figures
    return figures_by_key


def session_figures(sessions: list[Any], knows_until: dict[tuple[UUID, int], date]) -> dict[str, Any]:
    latest = max(sessions, key=lambda row: (row["created_at"], row["id"]))
    curve = [float(value) for value in latest["equity_usd"]]
    last = len(curve) - 1
    places = range(len(curve)) if len(curve) <= 32 else [k * last // 31 for k in range(32)]
    known = knows_until.get((latest["bot_id"], latest["generation_number"]))
    copied = ("data_source", "generation_number", "bust_at", *COLUMNS)
    return {name: latest[name] for name in copied} | {
        "in_sample": is_in_sample(min(latest["equity_on"], default=None), knows_until=known),
        "session_id": latest["id"],
        "sessions": len(sessions),
        "sparkline_usd": [curve[place] for place in places],
    }


def trade_figures(trades: list[Any]) -> dict[str, Any]:
    """Of a 50,000-dollar account, in order of exit."""
    trades = sorted(trades, key=lambda row: (row["exit_at"], row["id"]))
    net = [row["net_pnl_usd"] for row in trades]
    wins, losses = [usd for usd in net if usd > 0], [usd for usd in net if usd < 0]
    equity = [Decimal(50_000) + sum(net[: n + 1], Decimal(0)) for n in range(len(net))]
    peaks = [max([Decimal(50_000), *equity[: n + 1]]) for n in range(len(net))]
    return {
        "session_id": None,
        "sessions": 0,
        "data_source": None,
        "generation_number": None,
        "in_sample": False,
        "bust_at": None,
        "net_pnl_usd": sum(net),
        "trades": len(net),
        "win_pct": 100 * len(wins) / len(net),
        "profit_factor": float(sum(wins) / -sum(losses)) if losses else None,
        "expectancy_usd": float(sum(net) / len(net)),
        "max_drawdown_usd": float(max(peak - value for peak, value in zip(peaks, equity, strict=True))),
        "max_drawdown_pct": float(max(100 * (peak - value) / peak for peak, value in zip(peaks, equity, strict=True))),
        "exposure_pct": None,
        "average_trade_bars": sum(row["bars_held"] for row in trades) / len(trades),
    }


def stored(owner: Engine) -> dict[Key, dict[str, Any]]:
    with owner.connect() as connection:
        rows = connection.execute(select(BotMetricsRollup.__table__)).mappings()
        return {(row["bot_id"], row["book"]): dict(row) for row in rows}


def differences(owner: Engine) -> list[tuple[Key, str, object, object]]:
    """Return every figure that is shown and differs from the recount, or is missing, or should be."""
    return [row for row in compared(owner) if not agree(row[2], row[3])]


def compared(owner: Engine) -> Iterator[tuple[Key, str, object, object]]:
    truth, display = recount(owner), stored(owner)
    for key in truth.keys() | display.keys():
        for name in ("since", *FIGURES):
            if key not in truth or name in truth[key]:
                yield key, name, truth.get(key, {}).get(name, "absent"), display.get(key, {}).get(name, "absent")


def agree(truth: object, display: object) -> bool:
    if isinstance(truth, float | list):
        return display == pytest.approx(truth, rel=1e-6)
    return truth == display


def derived(owner: Engine, *tables: type[Base]) -> list[list[dict[str, Any]]]:
    with owner.connect() as connection:
        return [
            sorted(
                (
                    {name: value for name, value in row.items() if name not in BARE}
                    for row in connection.execute(select(table.__table__)).mappings()
                ),
                key=lambda row: (row["bot_id"], row["book"]),
            )
            for table in tables
        ]


@pytest.mark.scorecard(19)
def test_a_thousand_figures_equal_an_independent_recount(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    random_history(desk, clock, Random(19), bots=30, steps=420)  # noqa: S311 - seeded on purpose
    assert len(list(compared(owner))) >= 1_000
    assert differences(owner) == []
    for fault in (
        "UPDATE bot_metrics_rollups SET net_pnl_usd = net_pnl_usd + 0.000001",
        "UPDATE bot_metrics_rollups SET sessions = sessions + 1",
        "UPDATE bot_metrics_rollups SET win_pct = 50.1",
        "UPDATE bot_metrics_rollups SET in_sample = NOT in_sample",
        "UPDATE bot_metrics_rollups SET since = since + interval '1 microsecond'",
        "DELETE FROM bot_metrics_rollups WHERE book = 'PAPER'",
    ):
        with owner.begin() as connection:
            connection.execute(text(fault))
        assert differences(owner) != [], fault
        with transaction(desk.database) as db:
            assert rollups.rebuild(db, None, now=clock()) > 0
        assert differences(owner) == []


@pytest.mark.scorecard(19)
def test_figures_kept_up_bot_by_bot_are_those_of_a_full_rebuild(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    random_history(desk, clock, Random(4), bots=12, steps=150)  # noqa: S311 - seeded on purpose
    kept_up = derived(owner, BotMetricsRollup, BotEquityCurve)
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM bot_metrics_rollups"))
        connection.execute(text("DELETE FROM bot_equity_curve"))
    with transaction(desk.database) as db:
        rollups.rebuild(db, None, now=clock())
    assert derived(owner, BotMetricsRollup, BotEquityCurve) == kept_up
    with transaction(desk.database) as db:
        assert rollups.rebuild(db, None, now=clock()) == 0


@pytest.mark.scorecard(19)
def test_fills_agree_with_the_trades_they_closed(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    random_history(desk, clock, Random(7), bots=8, steps=160)  # noqa: S311 - seeded on purpose
    fills: dict[Key, list[Any]] = defaultdict(list)
    with owner.connect() as connection:
        for fill in connection.execute(select(ExecutionFill.__table__)).mappings():
            fills[fill["bot_id"], fill["book"]].append(fill)
    display = {key: row for key, row in stored(owner).items() if key[1] != "BACKTEST"}
    assert display
    for key, row in display.items():
        counted = [fill for fill in fills[key] if row["since"] is None or fill["created_at"] >= row["since"]]
        assert sum(fill["realised_pnl_usd"] - fill["commission_usd"] for fill in counted) == row["net_pnl_usd"]


def test_the_backtest_figure_is_the_latest_session_never_a_sum(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_generation(db, bot)
        make_session(db, bot, created_at=BIRTH, trade_pnl_usd=[100])
        make_session(db, bot, created_at=BIRTH + timedelta(hours=1), trade_pnl_usd=[-7], generation_number=2)
        make_session(db, bot, created_at=BIRTH + timedelta(hours=2), status="FAILED")
        assert rollups.rebuild(db, [bot.id], now=clock()) == 1
    row = stored(owner)[bot.id, "BACKTEST"]
    assert (row["net_pnl_usd"], row["sessions"], row["trades"]) == (-7, 2, 1)
    with transaction(desk.database) as db:
        taken = db.execute(select(BotPerformanceSnapshot)).scalar_one()
        assert (taken.net_pnl_usd, taken.generation_number) == (Decimal(-7), 2)


def test_of_two_sessions_begun_in_one_instant_the_higher_id_is_the_latest(
    desk: Desk, clock: FixedClock, owner: Engine
) -> None:
    low, high = UUID(int=1), UUID(int=2)
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH, id=high)
        make_session(db, bot, created_at=BIRTH, id=low)
        rollups.rebuild(db, None, now=clock())
    assert stored(owner)[bot.id, "BACKTEST"]["session_id"] == high


def test_a_bot_without_sessions_has_no_figures(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH, status="FAILED")
        assert rollups.rebuild(db, None, now=clock()) == 0
    assert stored(owner) == {}


def test_a_session_without_trades_leaves_what_is_unknown_unknown(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH, trade_pnl_usd=[])
        rollups.rebuild(db, None, now=clock())
    row = stored(owner)[bot.id, "BACKTEST"]
    assert (row["trades"], row["net_pnl_usd"], row["sparkline_usd"]) == (0, 0, [])
    assert (row["win_pct"], row["profit_factor"], row["expectancy_usd"]) == (None, None, None)


def test_an_unchanged_figure_keeps_its_row_and_leaves_no_snapshot(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db, stage="PAPER")
        make_session(db, bot, created_at=BIRTH)
        make_trade(db, bot, book="PAPER", exit_at=BIRTH, net_usd=3)
        assert rollups.rebuild(db, None, now=clock()) == 2
        first = clock()
        assert rollups.rebuild(db, None, now=clock.advance(hours=1)) == 0
    assert {row["computed_at"] for row in stored(owner).values()} == {first}
    with transaction(desk.database) as db:
        assert len(db.execute(select(BotPerformanceSnapshot.id)).all()) == 2


def test_the_equity_curve_of_a_stage_book_ends_each_trading_day(desk: Desk, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db, stage="PAPER")
        for exit_at, net in (
            (datetime.fromisoformat("2026-03-05T15:00Z"), 10),
            (datetime.fromisoformat("2026-03-05T16:00Z"), 5),
            (datetime.fromisoformat("2026-03-09T15:00Z"), -20),
        ):
            make_trade(db, bot, book="PAPER", exit_at=exit_at, net_usd=net)
        rollups.rebuild(db, None, now=clock())
        curve = db.get_one(BotEquityCurve, (bot.id, "PAPER"))
    assert curve.trading_on == [date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 9)]
    assert curve.equity_usd == [50_015, 50_015, 49_995]


def test_a_figure_that_counts_no_more_leaves_a_blank_snapshot(desk: Desk, clock: FixedClock) -> None:
    reset = {"scope": "ALL", "reason_code": "PLANTED", "actor": "ops", "request_id": "r"}
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH)
        rollups.rebuild(db, None, now=clock())
        db.add(MetricsBaseline(bot_id=bot.id, book="BACKTEST", reset_at=clock(), **reset))
        db.flush()
        assert rollups.rebuild(db, None, now=clock.advance(hours=1)) == 1
        last = db.scalars(select(BotPerformanceSnapshot).order_by(BotPerformanceSnapshot.id.desc())).first()
    assert last is not None
    assert (last.net_pnl_usd, last.trades, last.taken_at) == (None, 0, clock())


def test_a_long_record_is_thinned_from_its_first_to_its_last_day(desk: Desk, clock: FixedClock, owner: Engine) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db, stage="PAPER")
        make_session(db, bot, created_at=BIRTH, trade_pnl_usd=[1] * 80)
        for day in range(80):
            make_trade(db, bot, book="PAPER", exit_at=BIRTH + timedelta(days=day), net_usd=1)
        rollups.rebuild(db, None, now=clock())
    for row in stored(owner).values():
        line = row["sparkline_usd"]
        assert (len(line), line[0], line[-1]) == (32, 50_001, 50_080)
        assert line == sorted(set(line))


def test_a_rebuild_without_curves_leaves_them_alone(desk: Desk, clock: FixedClock) -> None:
    with transaction(desk.database) as db:
        bot = make_bot(db)
        make_session(db, bot, created_at=BIRTH)
        rollups.rebuild(db, None, now=clock(), equity_curves=False)
        assert db.get(BotEquityCurve, (bot.id, "BACKTEST")) is None
