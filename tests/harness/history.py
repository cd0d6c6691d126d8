"""A past for bots: thousands of valid sessions with trades, written by COPY, all older than the reset that follows.

Belongs here: rows as a backtest would have left them, long ago. Does not belong here: anything that counts today.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.backtests.sessions import TRADE_COLUMNS

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
APART = timedelta(minutes=30)
NETS_USD = tuple(Decimal(net) for net in ("101.26", "-48.74", "26.26", "-23.74", "0.76"))
COMMISSION_USD = Decimal("1.24")
DAYS = [date(2023, 6, 1 + day) for day in range(len(NETS_USD))]
SESSION_COLUMNS = (
    "id",
    "bot_id",
    "status",
    "created_at",
    "completed_at",
    "generation_number",
    "genome_hash",
    "archetype",
    "symbol",
    "timeframe",
    "session_mode",
    "account_usd",
    "contracts",
    "data_source",
    "data_fingerprint",
    "bar_count",
    "first_bar_at",
    "last_bar_at",
    "engine_version",
    "costs",
    "net_pnl_usd",
    "trades",
    "winners",
    "losers",
    "win_pct",
    "expectancy_usd",
    "order_list_hash",
    "equity_on",
    "equity_usd",
)


def plant_history(db: Session, bots: Sequence[UUID], *, sessions_each: int) -> int:
    """Write sessions and their trades for some bots; return how many sessions."""
    rows = db.execute(
        text(
            "SELECT b.id, b.archetype, b.symbol, b.timeframe, b.session_mode, b.account_usd, b.contracts, g.genome_hash"
            " FROM bots b JOIN bot_generations g ON g.bot_id = b.id AND g.generation_number = 1"
            " WHERE b.id = ANY(:bots)"
        ),
        {"bots": list(bots)},
    ).all()
    pasts = [(row, number) for row in rows for number in range(sessions_each)]
    _copy(db, "backtest_sessions", SESSION_COLUMNS, (_session(row, number) for row, number in pasts))
    _copy(db, "trade_logs", TRADE_COLUMNS, (trade for row, number in pasts for trade in _trades(row.id, number)))
    return len(pasts)


def _copy(db: Session, table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    driver = db.connection().connection.driver_connection
    if driver is None:
        raise RuntimeError("no connection")
    with driver.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _session(bot: Any, number: int) -> tuple[Any, ...]:
    started_at = LONG_AGO + number * APART
    equity = [bot.account_usd + sum(NETS_USD[: place + 1], Decimal(0)) for place in range(len(NETS_USD))]
    winners = sum(net > 0 for net in NETS_USD)
    return (
        *(_id_of(bot.id, number), bot.id, "COMPLETED", started_at, started_at + timedelta(seconds=2), 1),
        *(bot.genome_hash, bot.archetype, bot.symbol, bot.timeframe, bot.session_mode, bot.account_usd, bot.contracts),
        *("HISTORY", "0" * 64, 6_000, LONG_AGO - timedelta(days=365), LONG_AGO, "history", "{}", sum(NETS_USD)),
        *(len(NETS_USD), winners, len(NETS_USD) - winners, 100 * winners / len(NETS_USD)),
        *(float(sum(NETS_USD)) / len(NETS_USD), "0" * 64, DAYS, equity),
    )


def _trades(bot: UUID, number: int) -> Iterator[tuple[Any, ...]]:
    started_at = LONG_AGO + number * APART
    for seq, (net, day) in enumerate(zip(NETS_USD, DAYS, strict=True), start=1):
        opened_at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        yield (
            *(_id_of(bot, number), bot, "BACKTEST", seq, "LONG", 1, opened_at, opened_at + timedelta(hours=2)),
            *(Decimal(5_000), Decimal(5_000) + net, 500_000, 500_000 + int(net * 100), Decimal("0.01"), 2),
            *(net + COMMISSION_USD, COMMISSION_USD, Decimal(0), net),
            *(min(net, Decimal(0)), max(net, Decimal(0)), "TARGET" if net > 0 else "STOP", started_at),
        )


def _id_of(bot: UUID, number: int) -> UUID:
    return uuid5(bot, f"history/{number}")
