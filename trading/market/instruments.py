"""Contract facts: tick, multiplier, costs, margin, exchange, micro.

Belongs here: one row per contract root. Does not belong here: session hours (`sessions.py`).

Sources: the platform's instrument table for the index, crude and gold roots; tick size and multiplier of the others
follow QuantConnect's symbol properties (Apache-2.0), with the E-mini costs of their exchange group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from trading.errors import UnknownInstrument

MICROS_PER_USD = 1_000_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract root.

    Attributes:
        symbol: Contract root.
        tick_size: Smallest price step, in points.
        usd_per_point: Value of a move of 1.0 for one contract.
        commission_usd: Per contract and side.
        slippage_ticks: Per side, paid on every market and stop fill.
        day_margin_usd: Intraday margin for one contract.
        exchange: Listing exchange.
    """

    symbol: str
    tick_size: Decimal
    usd_per_point: Decimal
    commission_usd: Decimal
    slippage_ticks: int
    day_margin_usd: int
    exchange: str

    @property
    def tick_value_micros(self) -> int:
        """Value of one tick for one contract, in micro-dollars (exact)."""
        return int(self.tick_size * self.usd_per_point * MICROS_PER_USD)

    @property
    def commission_micros(self) -> int:
        """Commission for one contract and side, in micro-dollars (exact)."""
        return int(self.commission_usd * MICROS_PER_USD)


def _row(symbol: str, tick: str, point: str, commission: str, margin: int, exchange: str) -> Instrument:
    return Instrument(symbol, Decimal(tick), Decimal(point), Decimal(commission), 1, margin, exchange)


INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {
        row.symbol: row
        for row in (
            _row("ES", "0.25", "50", "2.25", 15_000, "CME"),
            _row("MES", "0.25", "5", "0.62", 1_500, "CME"),
            _row("NQ", "0.25", "20", "2.25", 20_000, "CME"),
            _row("MNQ", "0.25", "2", "0.62", 2_000, "CME"),
            _row("YM", "1", "5", "2.25", 10_000, "CBOT"),
            _row("MYM", "1", "0.5", "0.62", 1_000, "CBOT"),
            _row("RTY", "0.1", "50", "2.25", 8_000, "CME"),
            _row("M2K", "0.1", "5", "0.62", 800, "CME"),
            _row("CL", "0.01", "1000", "2.50", 8_000, "NYMEX"),
            _row("MCL", "0.01", "100", "0.77", 800, "NYMEX"),
            _row("GC", "0.1", "100", "2.50", 10_000, "COMEX"),
            _row("MGC", "0.1", "10", "0.77", 1_000, "COMEX"),
        )
    }
)

MICRO_OF: Mapping[str, str] = MappingProxyType(
    {"ES": "MES", "NQ": "MNQ", "YM": "MYM", "RTY": "M2K", "CL": "MCL", "GC": "MGC"}
)


def instrument(symbol: str) -> Instrument:
    """Return the contract facts of a root.

    Raises:
        UnknownInstrument: the root is not in the table.
    """
    try:
        return INSTRUMENTS[symbol]
    except KeyError:
        raise UnknownInstrument(f"no such contract root: {symbol!r}") from None
