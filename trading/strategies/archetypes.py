"""Archetypes, the entry family each one belongs to, and the market regimes each one favours or avoids.

Belongs here: names and their grouping. Does not belong here: numbers (`genome.py`) and entry rules (`signals.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trading.errors import UnknownArchetype
from trading.market.regimes import Regime


class Family(StrEnum):
    """One set of entry rules; long and short mirror each other."""

    BREAKOUT = "BREAKOUT"
    MEAN_REVERSION = "MEAN_REVERSION"
    VWAP_TOUCH = "VWAP_TOUCH"
    TREND_CONTINUATION = "TREND_CONTINUATION"
    GAP_FADE = "GAP_FADE"
    GAP_FILL = "GAP_FILL"
    REVERSAL = "REVERSAL"
    RANGE_SCALP = "RANGE_SCALP"
    MOMENTUM_SURGE = "MOMENTUM_SURGE"


@dataclass(frozen=True, slots=True)
class Affinity:
    """Which regimes an archetype favours and which it avoids; a regime in neither is indifferent."""

    favours: frozenset[Regime]
    avoids: frozenset[Regime]


@dataclass(frozen=True, slots=True)
class Archetype:
    """A named style of trading: a family of entry rules and the regimes it is made for."""

    name: str
    family: Family
    affinity: Affinity


_REGIME_CODES = {
    "VS": Regime.VOLATILITY_SPIKE,
    "VC": Regime.VOLATILITY_COMPRESSION,
    "TS": Regime.TRENDING,
    "RB": Regime.RANGE_BOUND,
}


def _regimes(codes: str) -> frozenset[Regime]:
    return frozenset(_REGIME_CODES[code] for code in codes.split())


def _row(name: str, family: Family, *, favours: str, avoids: str) -> Archetype:
    return Archetype(name, family, Affinity(_regimes(favours), _regimes(avoids)))


ARCHETYPES: Mapping[str, Archetype] = MappingProxyType(
    {
        row.name: row
        for row in (
            _row("breakout", Family.BREAKOUT, favours="VS TS", avoids="RB VC"),
            _row("orb_breakout", Family.BREAKOUT, favours="VS TS", avoids="RB VC"),
            _row("rth_breakout", Family.BREAKOUT, favours="VS TS", avoids="RB"),
            _row("breakout_retest", Family.BREAKOUT, favours="TS", avoids="RB VC"),
            _row("gap_and_go", Family.BREAKOUT, favours="TS VS", avoids="RB"),
            _row("mean_reversion", Family.MEAN_REVERSION, favours="RB VC", avoids="TS VS"),
            _row("exhaustion_fade", Family.MEAN_REVERSION, favours="VS RB", avoids="TS"),
            _row("gap_fade", Family.GAP_FADE, favours="RB VC", avoids="TS"),
            _row("gap_fill", Family.GAP_FILL, favours="RB VC", avoids="TS"),
            _row("reversal", Family.REVERSAL, favours="VS", avoids="TS"),
            _row("reversal_hunter", Family.REVERSAL, favours="VS", avoids="TS"),
            _row("vwap", Family.VWAP_TOUCH, favours="RB VC", avoids="TS"),
            _row("vwap_bounce", Family.VWAP_TOUCH, favours="RB", avoids="TS VS"),
            _row("vwap_reclaim", Family.VWAP_TOUCH, favours="VC RB", avoids="TS"),
            _row("vwap_scalper", Family.VWAP_TOUCH, favours="RB VC", avoids="VS"),
            _row("trend", Family.TREND_CONTINUATION, favours="TS", avoids="RB VC"),
            _row("trend_following", Family.TREND_CONTINUATION, favours="TS", avoids="RB VC"),
            _row("trend_ema_cross", Family.TREND_CONTINUATION, favours="TS", avoids="RB VC"),
            _row("trend_macd", Family.TREND_CONTINUATION, favours="TS", avoids="RB VC"),
            _row("scalping", Family.TREND_CONTINUATION, favours="VS TS", avoids="VC"),
            _row("micro_pullback", Family.TREND_CONTINUATION, favours="TS", avoids="RB"),
            _row("momentum_surge", Family.MOMENTUM_SURGE, favours="VS TS", avoids="VC RB"),
            _row("range_scalper", Family.RANGE_SCALP, favours="RB VC", avoids="TS VS"),
        )
    }
)

RULE = "rule"
"""What stands where an archetype stands for a bot that trades by a rule text; it is in no family and no table here."""

ONE_PER_FAMILY: tuple[str, ...] = tuple({row.family: row.name for row in reversed(list(ARCHETYPES.values()))}.values())


def archetype(name: str) -> Archetype:
    """Return an archetype by its exact name; it is never guessed from a bot's name.

    Raises:
        UnknownArchetype: no archetype has that name.
    """
    try:
        return ARCHETYPES[name]
    except KeyError:
        raise UnknownArchetype(f"archetype must be one of {', '.join(ARCHETYPES)}, was {name!r}") from None
