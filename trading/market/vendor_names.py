"""How vendors write a series over all contracts of a root, and what to write instead of a name nobody knows.

Belongs here: those spellings. Does not belong here: months and what a symbol names (`contracts.py`).

Sources: the vendors' own pages on continuous symbols. TradingView writes `CME_MINI:ES1!`, TradeStation `@ES`, DTN
`@ES#` and `QCL#`, Databento `ES.c.0` (by calendar), `ES.n.0` (by open interest) and `ES.v.0` (by volume), LSEG `ESc1`,
thinkorswim `/ES` and `/ES:XCME`, Yahoo `ES=F`, Bloomberg `ES1 Index` and `CL1 Comdty`, NinjaTrader `ES ##-##`. All of
them leave the months out, so what is said of `ES.c` holds for them. The second contract of a chain is another market's
price and no such series. Bloomberg and LSEG call some roots by other letters (`TY1 Comdty`); those are not known here.
"""

import re

from trading.market.instruments import INSTRUMENTS

_ROOT = r"(?P<root>[A-Z0-9]{1,8}?)"
_CONTINUOUS = tuple(
    re.compile(form)
    for form in (
        rf"{_ROOT}\.c",
        rf"(?:[A-Z_]+:)?{_ROOT}1!",
        rf"@{_ROOT}(?:#C?)?",
        rf"Q{_ROOT}#C?",
        rf"{_ROOT}\.[cnv]\.0",
        rf"{_ROOT}c1",
        rf"/{_ROOT}(?::[A-Z]+)?",
        rf"{_ROOT}=F",
        rf"{_ROOT}1 (?:Index|Comdty|Curncy)",
        rf"{_ROOT} ##-##",
    )
)
_LATER = re.compile(rf"(?:[A-Z_]+:)?{_ROOT}(?:[2-9]!|c[2-9]|\.[cnv]\.[1-9]|[2-9] (?:Index|Comdty|Curncy))")


def continuous_root(symbol: str) -> str | None:
    """Return the root of a series over all its contracts, or None where a symbol names none."""
    if symbol in INSTRUMENTS:
        return symbol
    matches = (form.fullmatch(symbol) for form in _CONTINUOUS)
    return next((match["root"] for match in matches if match and match["root"] in INSTRUMENTS), None)


def to_write_instead(symbol: str) -> str:
    """Return what names the contract or series a person may have meant, or nothing where no root is in sight."""
    later = _LATER.fullmatch(symbol)
    if later and later["root"] in INSTRUMENTS:
        return "; a later contract of a chain is no series of its own, name its months instead"
    words = re.findall(r"[A-Z0-9]+", symbol.upper())
    starts = (word[:length] for word in words for length in range(len(word), 0, -1))
    root = next((start for start in starts if start in INSTRUMENTS), None)
    return f"; write {root} for a series over all contracts, {root}.202406 or {root}M24 for one of them" if root else ""
