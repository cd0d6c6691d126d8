"""Genomes: the numbers that fill a style's entry and exit rules, and the one schema they must satisfy.

A style is what a bot trades by: the name of an archetype, or a rule text with parameters of its own. Either way its
genome holds the numbers of its entries and the common numbers of its exits.

Belongs here: every parameter's bounds, step, unit and default, validation, hashing.
Does not belong here: what the numbers do (`styles.py`, the backtest kernel) and how they are searched.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from trading.errors import BadGenome
from trading.strategies.archetypes import Family, archetype

Number = int | float
Genome = Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a genome.

    Attributes:
        name: Key in the genome.
        default: Value a new bot starts with.
        low, high: Inclusive bounds.
        step: Distance between two neighbouring values, counted from zero; values snap to it.
        unit: `bars`, `atr` (multiples of the average true range), `ratio`, `fraction`, `rsi` or `switch` (0 or 1); of a
            rule text `bars`, `ticks`, `contracts` or `number`.
    """

    name: str
    default: Number
    low: Number
    high: Number
    step: Number
    unit: str

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers make sense."""
        return isinstance(self.step, int)

    def snapped(self, value: object) -> Number:
        """Return the nearest value on the step grid (ties to even).

        Raises:
            BadGenome: not a finite number, or outside the bounds.
        """
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadGenome(f"{self.name} must be a finite number, was {value!r}")
        if not self.low <= value <= self.high:
            raise BadGenome(f"{self.name} must be between {self.low} and {self.high} {self.unit}, was {value!r}")
        steps = round(value / self.step)
        return steps * int(self.step) if self.is_integer else round(steps * self.step, 6)


@dataclass(frozen=True, slots=True)
class RuleText:
    """A strategy written down: made by `rules.rule_text`, which refuses what is no rule.

    Attributes:
        text: As written.
        parameters: What a genome fills, sorted by name: the rule's own, and the common ones of its exits.
    """

    text: str
    parameters: tuple[Parameter, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


Style = str | RuleText
"""What a bot trades by: the name of an archetype, or a rule text."""


def _bars(name: str, default: int, low: int, high: int) -> Parameter:
    return Parameter(name, default, low, high, 1, "bars")


def _atr(name: str, default: float, low: float, high: float) -> Parameter:
    return Parameter(name, default, low, high, 0.05, "atr")


_ATR_PERIOD = _bars("atr_period", 14, 5, 50)
_STOP = _atr("stop_atr", 1.5, 0.25, 10.0)
_TARGET = _atr("target_atr", 2.5, 0.0, 20.0)
_TRAILING = _atr("trailing_atr", 0.0, 0.0, 10.0)
_BREAK_EVEN = _atr("break_even_atr", 0.0, 0.0, 10.0)
_SESSION_CLOSE = Parameter("session_close_exit", 0, 0, 1, 1, "switch")
_VOLUME = (Parameter("volume_ratio", 1.5, 0.0, 5.0, 0.05, "ratio"), _bars("volume_bars", 20, 5, 120))
_FILL = Parameter("fill_fraction", 0.5, 0.1, 1.0, 0.05, "fraction")
_GAP = (_atr("gap_min_atr", 0.5, 0.05, 10.0), _FILL)


def _rsi(extreme: float) -> tuple[Parameter, ...]:
    return (_bars("rsi_period", 14, 2, 50), Parameter("rsi_extreme", extreme, 2.0, 48.0, 0.5, "rsi"))


def common_exits(time_stop_bars: int, *, target: bool = True) -> tuple[Parameter, ...]:
    """Return the parameters of the exits every style has; `atr_period` is that of the unit they are multiples of."""
    time_stop = _bars("time_stop_bars", time_stop_bars, 0, 500)
    common = (_ATR_PERIOD, _STOP, _TRAILING, _BREAK_EVEN, time_stop, _SESSION_CLOSE)
    return (*common, _TARGET) if target else common


_ENTRIES: Mapping[Family, tuple[Parameter, ...]] = {
    Family.BREAKOUT: (_bars("range_bars", 10, 3, 120), *_VOLUME),
    Family.MEAN_REVERSION: (*_rsi(30.0), _atr("vwap_distance_atr", 1.0, 0.0, 5.0)),
    Family.VWAP_TOUCH: (_atr("touch_atr", 0.5, 0.05, 3.0),),
    Family.TREND_CONTINUATION: (
        _bars("ema_fast", 9, 2, 100),
        _bars("ema_slow", 21, 3, 300),
        _bars("momentum_bars", 10, 1, 100),
        _atr("momentum_atr", 0.5, 0.0, 5.0),
    ),
    Family.GAP_FADE: _GAP,
    Family.GAP_FILL: (*_GAP, _bars("entry_window_bars", 6, 1, 60)),
    Family.REVERSAL: (*_rsi(25.0), _bars("extreme_bars", 5, 2, 60)),
    Family.RANGE_SCALP: (
        _bars("range_bars", 10, 3, 120),
        _atr("range_atr", 1.5, 0.5, 10.0),
        Parameter("zone_fraction", 0.2, 0.05, 0.45, 0.05, "fraction"),
    ),
    Family.MOMENTUM_SURGE: (
        _bars("momentum_bars", 5, 1, 60),
        _atr("momentum_atr", 0.5, 0.1, 10.0),
        replace(_VOLUME[0], default=1.3),
        _VOLUME[1],
    ),
}

_TIME_STOPS: Mapping[Family, int] = {
    Family.BREAKOUT: 20,
    Family.MEAN_REVERSION: 15,
    Family.VWAP_TOUCH: 12,
    Family.TREND_CONTINUATION: 30,
    Family.GAP_FADE: 20,
    Family.GAP_FILL: 20,
    Family.REVERSAL: 15,
    Family.RANGE_SCALP: 8,
    Family.MOMENTUM_SURGE: 10,
}

_SMALLER_FIRST: Mapping[Family, tuple[tuple[str, str], ...]] = {Family.TREND_CONTINUATION: (("ema_fast", "ema_slow"),)}

_OVERRIDES: Mapping[str, Mapping[str, Number]] = {
    "orb_breakout": {"range_bars": 6, "session_close_exit": 1},
    "rth_breakout": {"range_bars": 20, "session_close_exit": 1},
    "breakout_retest": {"range_bars": 20, "volume_ratio": 1.0, "break_even_atr": 1.0},
    "gap_and_go": {"range_bars": 5, "session_close_exit": 1},
    "exhaustion_fade": {"rsi_extreme": 20.0, "vwap_distance_atr": 1.5},
    "gap_fade": {"session_close_exit": 1},
    "gap_fill": {"session_close_exit": 1},
    "reversal_hunter": {"rsi_extreme": 20.0, "extreme_bars": 10},
    "vwap_bounce": {"touch_atr": 0.75},
    "vwap_reclaim": {"touch_atr": 1.0},
    "vwap_scalper": {"stop_atr": 1.0, "target_atr": 1.0, "time_stop_bars": 6},
    "trend_following": {"trailing_atr": 3.0, "target_atr": 0.0, "time_stop_bars": 100},
    "trend_ema_cross": {"momentum_atr": 0.0},
    "trend_macd": {"ema_fast": 12, "ema_slow": 26},
    "scalping": {"ema_fast": 5, "ema_slow": 13, "time_stop_bars": 5, "stop_atr": 1.0, "target_atr": 1.0},
    "micro_pullback": {"momentum_bars": 3, "momentum_atr": 0.25, "time_stop_bars": 10},
}


def _family_schema(family: Family) -> tuple[Parameter, ...]:
    target = family not in (Family.GAP_FADE, Family.GAP_FILL)
    rows = (*_ENTRIES[family], *common_exits(_TIME_STOPS[family], target=target))
    return tuple(sorted(rows, key=lambda row: row.name))


def schema(style: Style) -> Mapping[str, Parameter]:
    """Return the parameters of a style by name, sorted, with the style's own defaults.

    Gap families have no `target_atr`: their target is `fill_fraction` of the opening gap.

    Raises:
        UnknownArchetype: no archetype has that name.
    """
    if isinstance(style, RuleText):
        return MappingProxyType({row.name: row for row in style.parameters})
    overrides = _OVERRIDES.get(style, {})
    rows = _family_schema(archetype(style).family)
    return MappingProxyType({row.name: replace(row, default=overrides.get(row.name, row.default)) for row in rows})


def default_genome(style: Style) -> Genome:
    """Return the genome a new bot of this style starts with."""
    return validated(style, {name: row.default for name, row in schema(style).items()})


def validated(style: Style, numbers: Mapping[str, object]) -> Genome:
    """Return a complete genome: sorted by name, every value inside its bounds and on its step.

    Raises:
        UnknownArchetype: no archetype has that name.
        BadGenome: a parameter is missing, unknown, not finite, out of bounds, or `ema_fast >= ema_slow`.
    """
    rows = schema(style)
    _refuse_names("unknown", sorted(set(numbers) - set(rows)))
    _refuse_names("missing", sorted(set(rows) - set(numbers)))
    genome = {name: row.snapped(numbers[name]) for name, row in rows.items()}
    for smaller, larger in _smaller_first(style):
        if genome[smaller] >= genome[larger]:
            raise BadGenome(f"{smaller} must be less than {larger} ({genome[larger]}), was {genome[smaller]}")
    return MappingProxyType(genome)


def _smaller_first(style: Style) -> tuple[tuple[str, str], ...]:
    return () if isinstance(style, RuleText) else _SMALLER_FIRST.get(archetype(style).family, ())


def _refuse_names(wrong: str, names: list[str]) -> None:
    if names:
        raise BadGenome(f"{wrong} genome parameters: {', '.join(map(str, names))}")


def genome_hash(genome: Genome) -> str:
    """Return the SHA-256 (hex) of a genome's canonical JSON: keys sorted, no spaces.

    Only a `validated` genome has a stable hash, because validation decides between 1 and 1.0.
    """
    canonical = json.dumps(dict(genome), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
