"""Contract facts: tick, multiplier, costs, margin, exchange, micro.

Belongs here: one row per contract root. Does not belong here: session hours (`sessions.py`), contract months
(`contracts.py`).

Sources: the first twelve rows are the platform's own table. Tick and multiplier of the others are QuantConnect's symbol
properties (Lean `24863901deff`, Apache-2.0). Costs are those of the platform's E-mini, crude and gold rows for the
exchange group. Where a row departs from the source:

- Spot pairs are quoted by the lot: 100,000 of the base currency, 100 ounces of gold. Their bars are mids of bid and
  ask, so the tick is half the quoted step (0.000005, 0.0005). They pay no commission but half a usual spread as
  slippage: half a pip, 15 cents on gold. They serve engine tests; nothing routes orders for them.
- FESX is quoted in euros. Its money is counted one euro to the dollar: no conversion takes place.
- Grains and oilseeds are counted in dollars per bushel (the source's figures); the cents that exchange and vendors use
  are one of their quote forms (`quotes.py`).

Margin is one figure per contract, for day and night and for all years, chosen round and above what exchanges asked of
those who held a position. It is not what an exchange asks today, which changes from day to day:

- The first twelve rows are the platform's own and lie above the initial margins of early 2022; a micro's is a tenth.
- The others are the exchange's initial margins, a tenth above maintenance, as the last rows of Lean's margin history
  have them (April 2021 to February 2022), rounded up to a hundred dollars.
- BTC has the highest maintenance margin of that history (48,931 dollars) rounded up: a day moves it by more than its
  last one, 6,791. MBT is a fiftieth of it and SIL a fifth of SI, as the contracts are. VX and FESX have one row only.
- Spot pairs have 3 % of a lot at 1.10, 1.40 and 0.77 and of 100 ounces at 3,000 dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from trading.errors import BadInput, UnknownInstrument
from trading.money import MICROS_PER_USD
from trading.words import did_you_mean

MICRO_ACCOUNT_USD = 10_000
ACCOUNT_USD = 100_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract root.

    Attributes:
        symbol: Contract root.
        tick_size: Smallest price step, in points.
        usd_per_point: Value of a move of 1.0 for one contract.
        commission_usd: Per contract and side.
        slippage_ticks: Per side, paid on every market and stop fill.
        day_margin_usd: What an account must have to enter and to hold one contract.
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
        return _exact_micros(self.tick_size * self.usd_per_point)

    @property
    def price_decimals(self) -> int:
        """Decimals a price needs to be told exactly: 2 for a tick of 0.25, 7 for one of 0.0000005."""
        return max(0, -int(self.tick_size.normalize().as_tuple().exponent))

    @property
    def day_margin_micros(self) -> int:
        """Margin for one contract, in micro-dollars (exact)."""
        return _exact_micros(Decimal(self.day_margin_usd))

    @property
    def commission_micros(self) -> int:
        """Commission for one contract and side, in micro-dollars (exact)."""
        return _exact_micros(self.commission_usd)


def _exact_micros(usd: Decimal) -> int:
    micros = usd * MICROS_PER_USD
    if micros != micros.to_integral_value():
        raise BadInput(f"money must be whole micro-dollars, was {usd} USD")
    return int(micros)


def _row(symbol: str, tick: str, point: str, commission: str, margin: int, exchange: str) -> Instrument:
    return Instrument(symbol, Decimal(tick), Decimal(point), Decimal(commission), 1, margin, exchange)


def _spot(symbol: str, tick: str, lot: str, slippage_ticks: int, margin: int) -> Instrument:
    return Instrument(symbol, Decimal(tick), Decimal(lot), Decimal(0), slippage_ticks, margin, "SPOT")


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
            _row("EMD", "0.1", "100", "2.25", 13_800, "CME"),
            _row("BTC", "5", "5", "2.25", 50_000, "CME"),
            _row("MBT", "5", "0.1", "0.62", 1_000, "CME"),
            _row("6A", "0.00005", "100000", "2.25", 1_600, "CME"),
            _row("6B", "0.0001", "62500", "2.25", 2_400, "CME"),
            _row("6C", "0.00005", "100000", "2.25", 1_500, "CME"),
            _row("6E", "0.00005", "125000", "2.25", 2_500, "CME"),
            _row("6J", "0.0000005", "12500000", "2.25", 2_800, "CME"),
            _row("6M", "0.00001", "500000", "2.25", 1_500, "CME"),
            _row("6N", "0.00005", "100000", "2.25", 1_600, "CME"),
            _row("6S", "0.00005", "125000", "2.25", 3_900, "CME"),
            _row("ZT", "0.00390625", "2000", "2.25", 900, "CBOT"),
            _row("ZF", "0.0078125", "1000", "2.25", 1_100, "CBOT"),
            _row("ZN", "0.015625", "1000", "2.25", 1_700, "CBOT"),
            _row("TN", "0.015625", "1000", "2.25", 2_700, "CBOT"),
            _row("ZB", "0.03125", "1000", "2.25", 3_900, "CBOT"),
            _row("UB", "0.03125", "1000", "2.25", 7_200, "CBOT"),
            _row("ZC", "0.0025", "5000", "2.25", 1_700, "CBOT"),
            _row("ZS", "0.0025", "5000", "2.25", 3_400, "CBOT"),
            _row("ZW", "0.0025", "5000", "2.25", 2_400, "CBOT"),
            _row("ZL", "0.0001", "60000", "2.25", 2_400, "CBOT"),
            _row("ZM", "0.1", "100", "2.25", 2_600, "CBOT"),
            _row("NG", "0.001", "10000", "2.50", 8_300, "NYMEX"),
            _row("RB", "0.0001", "42000", "2.50", 7_700, "NYMEX"),
            _row("HO", "0.0001", "42000", "2.50", 7_700, "NYMEX"),
            _row("PL", "0.1", "50", "2.50", 3_600, "NYMEX"),
            _row("HG", "0.0005", "25000", "2.50", 5_500, "COMEX"),
            _row("SI", "0.005", "5000", "2.50", 10_500, "COMEX"),
            _row("SIL", "0.005", "1000", "0.77", 2_100, "COMEX"),
            _row("VX", "0.05", "1000", "2.50", 12_000, "CFE"),
            _row("FESX", "1", "10", "2.25", 3_000, "EUREX"),
            _spot("EURUSD", "0.000005", "100000", 10, 3_300),
            _spot("GBPUSD", "0.000005", "100000", 10, 4_200),
            _spot("NZDUSD", "0.000005", "100000", 10, 2_300),
            _spot("XAUUSD", "0.0005", "100", 300, 9_000),
        )
    }
)

MICRO_OF: Mapping[str, str] = MappingProxyType(
    {"ES": "MES", "NQ": "MNQ", "YM": "MYM", "RTY": "M2K", "CL": "MCL", "GC": "MGC"}
)
"""The micro each root is traded as. Both have the same tick, so the bars of one are the bars of the other."""


ROOT_OF: Mapping[str, str] = MappingProxyType(
    {micro: root for root, micro in MICRO_OF.items()} | {"SIL": "SI", "MBT": "BTC"}
)
"""The root each smaller contract is a part of; its price is the root's."""


def instrument(symbol: str) -> Instrument:
    """Return the contract facts of a root.

    Raises:
        UnknownInstrument: the root is not in the table.
    """
    try:
        return INSTRUMENTS[symbol]
    except KeyError:
        raise UnknownInstrument(f"no such contract root: {symbol!r}{did_you_mean(symbol, INSTRUMENTS)}") from None


def account_usd(symbol: str) -> Decimal:
    """Return the account a bot starts with: smaller for a micro contract."""
    return Decimal(MICRO_ACCOUNT_USD if symbol in MICRO_OF.values() else ACCOUNT_USD)
