"""Real bar series for golden tests, read straight from Parquet: no store, no gateway."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from trading.arrays import FloatArray, IntArray
from trading.market.bars import Bars
from trading.market.instruments import instrument

SOURCES = {
    "ES": ("bars_1m/cme_ES_1m_trades.parquet", "1m", "ES."),
    "NQ": ("bars_1h/cme_1h_ohlc_from_15m_2018-2019.parquet", "1h", "NQ"),
    "GC": ("bars_1h/cme_1h_ohlc_from_15m_2018-2019.parquet", "1h", "GC"),
    "FESX": ("bars_1m/eurex_FESX_1m_2006-01_02.parquet", "1m", "FESX"),
    "EURUSD": ("bars_1h/oanda_EURUSD_1h.parquet", "1h", "EURUSD"),
}


def real_bars(shared_data: Path, symbol: str) -> Bars:
    """Return one symbol's series in integer ticks; of several contracts a day, the one that trades most."""
    path, timeframe, prefix = SOURCES[symbol]
    frame = parquet.read_table(shared_data / path).to_pandas()
    frame = frame[frame["symbol"].str.startswith(prefix)]
    if "contract" not in frame:
        frame["contract"] = frame["symbol"].str.extract(r"(\d+)$", expand=False).fillna("0").astype(np.int64)
    frame = _most_traded(frame).sort_values("ts_event", kind="stable")
    tick = instrument(symbol).tick_size
    ticks = {name: _ticks(frame[name].to_numpy(), tick) for name in ("open", "high", "low", "close")}
    return Bars(
        symbol=symbol,
        timeframe=timeframe,
        provider="GOLDEN",
        ts_event=frame["ts_event"].dt.as_unit("ns").astype(np.int64).to_numpy(),
        open_ticks=ticks["open"],
        high_ticks=np.maximum.reduce(list(ticks.values())),
        low_ticks=np.minimum.reduce(list(ticks.values())),
        close_ticks=ticks["close"],
        volume=frame["volume"].to_numpy().astype(np.int64),
        contract=frame["contract"].to_numpy().astype(np.int64),
        fingerprint="",
    )


def _most_traded(frame: pd.DataFrame) -> pd.DataFrame:
    day = frame["ts_event"].dt.floor("D")
    traded = frame.groupby([day, "contract"])["volume"].transform("sum")
    busiest = traded.groupby(day).transform("max")
    return frame[traded == busiest].drop_duplicates("ts_event")


def _ticks(prices: FloatArray, tick: Decimal) -> IntArray:
    return np.rint(prices / float(Decimal(tick))).astype(np.int64)
