"""One root's rows of a file after every rule, in ticks and with their contract months.

Belongs here: the order in which the rules are asked. Does not belong here: the rules (`raw_bars.py`), the quote forms
(`quoted_bars.py`), what becomes a series (`services/market/bars.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from trading.arrays import IntArray
from trading.errors import BadBars
from trading.market.contracts import UNKNOWN_CONTRACT, NamedContract, contract_months
from trading.market.instruments import instrument
from trading.market.quoted_bars import in_points, quote_of
from trading.market.quotes import POINTS, Quote, declared_quote
from trading.market.raw_bars import (
    Faults,
    RawBars,
    Ticks,
    check_days,
    check_order,
    check_prices,
    to_ticks,
)


@dataclass(frozen=True, slots=True)
class CheckedBars:
    """One root's rows after every rule.

    Attributes:
        root: The root.
        raw: The rows, prices in points.
        ticks: Their prices in ticks.
        months: Contract month of each row, or `UNKNOWN_CONTRACT`.
        quote: The form the file writes them in.
    """

    root: str
    raw: RawBars
    ticks: Ticks
    months: IntArray
    quote: Quote


def checked_bars(
    raw: RawBars,
    names: Mapping[int, NamedContract],
    root: str,
    *,
    timeframe: str,
    faults: Faults,
    quote: str | None = None,
) -> CheckedBars:
    """Return the rows of one root, recording those that break a rule.

    Args:
        raw: The rows of a file.
        names: What each of its symbols names, by its index.
        root: The root.
        timeframe: The file's timeframe.
        faults: Where to record; rows that broke a rule are still among those returned.
        quote: The form a person says prices are in; told from the prices if None.

    Raises:
        BadBars: contracts are named in two ways, no form fits alone, or most prices are off the tick.
    """
    mine, traded = [index for index, named in names.items() if named.root == root], instrument(root)
    rows = raw.rows_where(np.isin(raw.symbol, mine))
    named = _named_months(rows, names)
    _refuse_mixed(rows, root, named)
    months = named if rows.contract is None else rows.contract
    rows = replace(rows, contract=months)
    form = quote_of(rows, traded) if quote is None else declared_quote(root, quote)
    rows = in_points(rows, traded, form, faults)
    for index in mine:
        of_symbol = rows.rows_where(rows.symbol == index)
        check_order(of_symbol, timeframe, faults)
        check_prices(of_symbol, traded, faults, beyond_band=quote == POINTS.name)
        if timeframe == "1d":
            check_days(of_symbol, root, faults)
    return CheckedBars(root, rows, to_ticks(rows, traded, faults), months, form)


def _named_months(rows: RawBars, names: Mapping[int, NamedContract]) -> IntArray:
    months = np.empty(len(rows), np.int64)
    for index in np.unique(rows.symbol).tolist():
        at = rows.symbol == index
        months[at] = contract_months(names[index], rows.ts_event[at])
    return months


def _refuse_mixed(rows: RawBars, root: str, named: IntArray) -> None:
    months, symbols = np.unique(np.unique(rows.symbol * 1_000_000 + named) % 1_000_000, return_counts=True)
    if (symbols > 1).any():
        raise BadBars(f"{rows.file}: one contract of {root} goes by two names")
    if len(months) > 1 and UNKNOWN_CONTRACT in months:
        raise BadBars(f"{rows.file}: {root} is given both as one series and by contract; import one of them")
