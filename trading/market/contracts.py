"""Contract months: how they are named, and which contract is the front month.

Belongs here: reading `ES.201312` and `FESXH6`, and the rule that joins contracts to one series. Does not belong here:
contract facts (`instruments.py`), what a strategy does at a roll.

The front month of a trading day is the contract with the highest volume of the trading day before (of the days that
have bars). It never goes back to an earlier month. Where that contract has no bars on the day, as on the first day,
when it expired, or after a hole in the history, the day's own volume decides among the later months. Ties go to the
nearer month. Files without volume therefore stay in the nearest month until it ends.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading.errors import UnknownInstrument
from trading.market.bars import IntArray
from trading.market.instruments import INSTRUMENTS

MONTH_CODES = "FGHJKMNQUVXZ"

UNKNOWN_CONTRACT = 0

_DOTTED = re.compile(r"(?P<root>[A-Z0-9]{1,8})\.(?P<month>(?:19|20)\d{2}(?:0[1-9]|1[0-2]))")
_CODED = re.compile(rf"(?P<root>[A-Z0-9]{{1,8}}?)(?P<code>[{MONTH_CODES}])(?P<year>\d{{1,2}})")


@dataclass(frozen=True, slots=True)
class NamedContract:
    """What a symbol in a file names: a root, and a contract month such as 202406 or `UNKNOWN_CONTRACT`."""

    root: str
    month: int


def named_contract(symbol: str, *, first_year: int) -> NamedContract:
    """Return what a symbol names.

    Args:
        symbol: A root (`ES`), a continuous series (`FESX.c`), a dotted month (`ES.201312`) or a month code (`FESXH6`,
            `6EH24`).
        first_year: Year of the first bar; a month code with one or two year digits means the first such year from
            then on.

    Raises:
        UnknownInstrument: the root is not in the instrument table, or the name has another form.
    """
    root = symbol.removesuffix(".c")
    if root in INSTRUMENTS:
        return NamedContract(root, UNKNOWN_CONTRACT)
    dotted = _DOTTED.fullmatch(symbol)
    if dotted and dotted["root"] in INSTRUMENTS:
        return NamedContract(dotted["root"], int(dotted["month"]))
    coded = _CODED.fullmatch(symbol)
    if coded and coded["root"] in INSTRUMENTS:
        return NamedContract(coded["root"], _coded_month(coded["code"], coded["year"], first_year))
    raise UnknownInstrument(f"symbol must name a known contract root such as ES, ES.201312 or ESZ3, was {symbol!r}")


def _coded_month(code: str, digits: str, first_year: int) -> int:
    cycle = 10 if len(digits) == 1 else 100
    year = first_year + (int(digits) - first_year) % cycle
    return year * 100 + MONTH_CODES.index(code) + 1


def front_month(days: IntArray, contract: IntArray, volume: IntArray) -> NDArray[np.bool_]:
    """Return which bars belong to the front month of their trading day.

    Args:
        days: Trading day of each bar, shape (n_bars,), any order.
        contract: Contract month of each bar.
        volume: Volume of each bar.

    Returns:
        Shape (n_bars,): true for the bars of the front-month series.
    """
    months, month_of = np.unique(contract, return_inverse=True)
    trading, day_of = np.unique(days, return_inverse=True)
    traded = np.zeros((len(trading), len(months)), np.int64)
    has_bars = np.zeros(traded.shape, np.bool_)
    np.add.at(traded, (day_of, month_of), volume)
    has_bars[day_of, month_of] = True
    return np.asarray(_front(traded, has_bars)[day_of] == month_of)


def _front(traded: IntArray, has_bars: NDArray[np.bool_]) -> IntArray:
    front = np.zeros(len(traded), np.int64)
    current = 0
    for day in range(len(traded)):
        eve = current + int(np.argmax(traded[day - 1, current:])) if day else current
        current = eve if day and has_bars[day, eve] else _busiest(traded[day], has_bars[day], current)
        front[day] = current
    return front


def _busiest(traded: IntArray, has_bars: NDArray[np.bool_], current: int) -> int:
    later = has_bars[current:]
    if not later.any():
        return current
    return current + int(np.argmax(np.where(later, traded[current:], -1)))
