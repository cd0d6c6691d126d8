"""Contract months: what a symbol in a file names.

Belongs here: reading `ES.201312` and `FESXH6`, which month a code with one or two year digits means at a time, and what
is said where months are missing or over.
Does not belong here: which contract is the front month (`front_month.py`), contract facts (`instruments.py`).

A code comes back every ten years (`ESZ3`) or hundred (`ESZ13`). A contract trades until its month is over, so a row
belongs to the first such month that is not over yet. A month more than `LISTED_MONTHS` ahead is not listed yet: then
the row is a late one of the month that has just ended, which the import tells.
"""

import re
from dataclasses import dataclass

import numpy as np

from trading.arrays import IntArray
from trading.errors import UnknownInstrument
from trading.market.bars import Bars
from trading.market.instruments import INSTRUMENTS, instrument
from trading.market.sessions import trading_days, utc_instant
from trading.market.vendor_names import continuous_root, to_write_instead
from trading.words import counted

MONTH_CODES = "FGHJKMNQUVXZ"

UNKNOWN_CONTRACT = 0

LISTED_MONTHS = 108

_MOST_CYCLE_DIGITS = 2

_GRACE = np.timedelta64(5, "D")

_DOTTED = re.compile(r"(?P<root>[A-Z0-9]{1,8})\.(?P<month>(?:19|20)\d{2}(?:0[1-9]|1[0-2]))")
_CODED = re.compile(rf"(?P<root>[A-Z0-9]{{1,8}}?)(?P<code>[{MONTH_CODES}])(?P<year>\d{{1,2}}|(?:19|20)\d\d)")


@dataclass(frozen=True, slots=True)
class NamedContract:
    """What a symbol in a file names.

    Attributes:
        root: The contract root.
        month: A contract month such as 202406 or `UNKNOWN_CONTRACT`; only the digits that are written where the name
            does not write the whole year (312 for Z3, 1312 for Z13).
        cycle_years: After how many years the name comes back; 0 where the year is whole.
    """

    root: str
    month: int
    cycle_years: int = 0


def named_contract(symbol: str) -> NamedContract:
    """Return what a symbol names.

    Args:
        symbol: A root (`ES`), a continuous series (`FESX.c`, `ES1!` and other vendors' names for it), a dotted month
            (`ES.201312`) or a month code (`FESXH6`, `6EH24`, `ESH2024`).

    Raises:
        UnknownInstrument: the root is not in the instrument table, or the name has another form.
    """
    root = continuous_root(symbol)
    if root is not None:
        return NamedContract(root, UNKNOWN_CONTRACT)
    dotted = _DOTTED.fullmatch(symbol)
    if dotted and dotted["root"] in INSTRUMENTS:
        return NamedContract(dotted["root"], int(dotted["month"]))
    coded = _CODED.fullmatch(symbol)
    if coded and coded["root"] in INSTRUMENTS:
        month = int(coded["year"]) * 100 + MONTH_CODES.index(coded["code"]) + 1
        digits = len(coded["year"])
        return NamedContract(coded["root"], month, cycle_years=10**digits if digits <= _MOST_CYCLE_DIGITS else 0)
    known = "symbol must name a known contract root such as ES, ES.201312 or ESZ3"
    raise UnknownInstrument(f"{known}, was {symbol!r}{to_write_instead(symbol)}")


def contract_months(named: NamedContract, ts_event: IntArray) -> IntArray:
    """Return the contract month each row of a symbol belongs to, as the module's first page says.

    Args:
        named: What the symbol names.
        ts_event: UTC nanoseconds of the rows, shape (n_rows,), any order. Five days after its month a contract still
            counts as trading: time zones and late rows.

    Returns:
        Shape (n_rows,): YYYYMM, or `UNKNOWN_CONTRACT` for a root or a continuous series.
    """
    if not named.cycle_years:
        return np.full(len(ts_event), named.month, np.int64)
    cycle = named.cycle_years * 12
    row_month = _months_since_year_0(ts_event)
    ahead = (named.month // 100 * 12 + named.month % 100 - 1 - row_month) % cycle
    months: IntArray = row_month + np.where(ahead > LISTED_MONTHS, ahead - cycle, ahead)
    return months // 12 * 100 + months % 12 + 1


def unnamed_rolls_note(bars: Bars) -> str | None:
    """Return the sentence a series carries whose rolls nobody marked, or None where months are known or none expire.

    Spot instruments have no contracts, and within one trading day there is no roll. Which gaps between days are rolls
    cannot be told from prices alone, so none is left out: a position held over one earns it.
    """
    days = trading_days(bars.symbol, bars.ts_event[[0, -1]])
    if bars.contract.any() or instrument(bars.symbol).exchange == "SPOT" or days[0] == days[1]:
        return None
    return (
        f"{bars.symbol}: a series without contract months: its rolls are not marked, and the gaps between contracts "
        "count as profit and loss"
    )


def late_note(root: str, contract: IntArray, ts_event: IntArray) -> str | None:
    """Return the sentence about rows that lie after the end of their contract month, or None if there are none."""
    last_month = contract // 100 * 12 + contract % 100 - 1
    late = (contract != UNKNOWN_CONTRACT) & (_months_since_year_0(ts_event) > last_month)
    if not late.any():
        return None
    first = int(np.argmax(late))
    return (
        f"{root}: {counted(int(late.sum()), 'row')} after the end of the contract month, the first of "
        f"{int(contract[first])} at {utc_instant(int(ts_event[first])):%Y-%m-%d %H:%M} UTC"
    )


def _months_since_year_0(ts_event: IntArray) -> IntArray:
    months = (ts_event.astype("datetime64[ns]") - _GRACE).astype("datetime64[M]").astype(np.int64)
    return np.asarray(months + 1970 * 12, np.int64)
