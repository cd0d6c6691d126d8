"""Backtest sessions and their trades: written once, never changed.

Belongs here: the insert of a session, the COPY of its trades. Does not belong here: what a session means
(`trading.backtests`), figures since reset (`figures/rollups.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import insert
from sqlalchemy.orm import Session

from store.tables import BacktestSession
from trading.arrays import IntArray
from trading.money import MICROS_DIGITS

TRADE_FACTS = (
    "seq",
    "side",
    "contracts",
    "entry_at",
    "exit_at",
    "entry_price",
    "exit_price",
    "entry_ticks",
    "exit_ticks",
    "tick_size",
    "bars_held",
    "gross_pnl_usd",
    "commission_usd",
    "slippage_usd",
    "net_pnl_usd",
    "mae_usd",
    "mfe_usd",
    "exit_reason",
)
"""What a trade says of itself, in the order people read it."""
TRADE_COLUMNS = ("session_id", "bot_id", "book", *TRADE_FACTS, "created_at")


def insert_session(db: Session, values: Mapping[str, Any]) -> None:
    """Append one finished session, completed or failed."""
    db.execute(insert(BacktestSession).values(**values))


def copy_trades(
    db: Session, trades: Mapping[str, Any], *, session_id: UUID, bot_id: UUID, contracts: int, created_at: datetime
) -> int:
    """Append a session's trades in entry order with one COPY; return how many.

    Args:
        db: Open transaction; the session row stands already.
        trades: Columns of equal length: `side` and `exit_reason` words; `entry_ns`, `exit_ns` UTC nanoseconds;
            `entry_micros`, `exit_micros` prices in millionths, exact `Decimal`s (half a micro where the tick is that
            fine); `entry_ticks`, `exit_ticks` the same in ticks (int64) of `tick_size`; `gross_micros`,
            `commission_micros`, `slippage_micros`, `net_micros`, `mae_micros`, `mfe_micros` money in millionths
            (int64); `bars_held`.
        session_id: The session they belong to.
        bot_id: Its bot.
        contracts: Size of every trade.
        created_at: When the session started.
    """
    count = len(trades["side"])
    driver = db.connection().connection.driver_connection
    if count == 0 or driver is None:
        return 0
    table = pa.table(
        [
            _constant(str(session_id), count),
            _constant(str(bot_id), count),
            _constant("BACKTEST", count),
            pa.array(np.arange(1, count + 1)),
            pa.array(trades["side"]),
            _constant(str(contracts), count),
            _instants(trades["entry_ns"]),
            _instants(trades["exit_ns"]),
            _prices(trades["entry_micros"]),
            _prices(trades["exit_micros"]),
            pa.array(trades["entry_ticks"]),
            pa.array(trades["exit_ticks"]),
            _told(trades["tick_size"]),
            pa.array(trades["bars_held"]),
            _exact(trades["gross_micros"]),
            _exact(trades["commission_micros"]),
            _exact(trades["slippage_micros"]),
            _exact(trades["net_micros"]),
            _exact(trades["mae_micros"]),
            _exact(trades["mfe_micros"]),
            pa.array(trades["exit_reason"]),
            _constant(created_at.isoformat(), count),
        ],
        names=list(TRADE_COLUMNS),
    )
    text = BytesIO()
    csv.write_csv(table, text, csv.WriteOptions(include_header=False))
    with driver.cursor().copy(f"COPY trade_logs ({', '.join(TRADE_COLUMNS)}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getvalue())
    return count


def _constant(word: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(word), count)


def _exact(micros: IntArray) -> pa.Array:
    whole = pa.array(micros, pa.int64()).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.000001"), pa.decimal128(7, 6)))


def _prices(micros: Sequence[Decimal]) -> pa.Array:
    return _told([price.scaleb(-MICROS_DIGITS) for price in micros])


def _told(exact: Sequence[Decimal]) -> pa.Array:
    return pa.array([f"{number:f}" for number in exact])


def _instants(ns: IntArray) -> pa.Array:
    return pa.array(ns, pa.int64()).cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("us", tz="UTC"), safe=False)
