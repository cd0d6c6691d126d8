"""What checks share: the form of a finding, the seed, figures as they are stored.

Belongs here: what every check needs besides its workbench (`backtests/workbench.py`). Does not belong here: the checks
themselves.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from store.bots.registry import BotAtWork
from trading.arrays import IntArray
from trading.days import on_day
from trading.figures.performance import Performance
from trading.money import usd
from trading.verification.verdicts import Kind, Verdict

CURVE_POINTS = 240


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        verdict: How it came out.
        figures: As JSON knows them: no NaN, null where unknown.
        for_gates: Columns of the stored run that gates read.
        judged: Columns of the stored run that differ from the workbench's, where a stored session was judged and not
            the newest genome on the newest bars.
    """

    verdict: Verdict
    figures: Mapping[str, Any]
    for_gates: Mapping[str, float | None] = field(default_factory=dict)
    judged: Mapping[str, Any] = field(default_factory=dict)


def seed_of(bot: BotAtWork, kind: Kind) -> int:
    """Return the seed of a check: the same for the same bot and kind, so that a run can be repeated."""
    digest = hashlib.sha256(f"{bot.id}/{kind}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def figures_of(performance: Performance) -> dict[str, Any]:
    """Return a performance as JSON keeps it: dollars, null where unknown."""
    return {
        "net_pnl_usd": float(usd(performance.net_pnl_micros)),
        "trades": performance.trades,
        "win_pct": performance.win_pct,
        "profit_factor": performance.profit_factor,
        "expectancy_usd": performance.expectancy_usd,
        "max_drawdown_usd": performance.max_drawdown_usd,
        "max_drawdown_pct": performance.max_drawdown_pct,
        "sharpe": performance.sharpe,
        "exposure_pct": performance.exposure_pct,
    }


def curve_of(equity_micros: IntArray, trading_day: IntArray, *, points: int = CURVE_POINTS) -> dict[str, Any]:
    """Return the closes of evenly spread trading days, the first and the last among them, as JSON keeps them."""
    closes = np.append(np.flatnonzero(np.diff(trading_day)), len(trading_day) - 1)
    kept = closes[np.unique(np.linspace(0, len(closes) - 1, points).astype(np.int64))]
    return {
        "on": [on_day(trading_day[bar]).isoformat() for bar in kept],
        "equity_usd": [float(usd(equity_micros[bar])) for bar in kept],
    }


def quantiles_of(values: Sequence[float]) -> dict[str, float]:
    """Return the quantiles people read, linearly interpolated."""
    levels = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    return {name: float(np.quantile(values, level)) for name, level in levels.items()}
