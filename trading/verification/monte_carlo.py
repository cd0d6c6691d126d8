"""Monte-Carlo: what else the same trades, days or bars might have looked like.

Belongs here: reshuffled and resampled records, the spread of their results, the chance of ruin. Does not belong here:
figures of the record itself (`figures/performance.py`), simulated markets (`market/`). All chance comes from a seed;
the same seed and record give the same bytes.

- `reshuffle_trades` can show how much of the drawdown was luck of order. It cannot show another profit: the net is the
  same on every path, and streaks that belong together are torn apart.
- `bootstrap_trades` can show how far net and drawdown might stray if trades are independent draws of what was seen. It
  cannot show a loss larger than the worst one seen, nor streaks.
- `bootstrap_blocks` keeps streaks up to the block length, so use it for days or bars. It cannot show regimes longer
  than a block or a market that was not in the record.

Trade and day steps are marked at their ends, so drawdowns here miss what happened inside a step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trading.arrays import FloatArray, IntArray
from trading.errors import BadReturns
from trading.figures import kernels
from trading.money import MICROS_PER_USD

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
STEPS_AT_ONCE = 2_000_000

Draw = Callable[[np.random.Generator, int], IntArray]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Empirical quantiles over paths, linearly interpolated."""

    p01: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """The spread of results over all paths.

    Attributes:
        paths: Number of paths.
        net_usd: Net P&L.
        drawdown_usd, drawdown_pct: Deepest falls of each path, as `performance.max_drawdown`.
        ruin_probability: Share of paths whose equity touched or broke the floor, 0-1.
        loss_probability: Share of paths with a net below zero, 0-1.
    """

    paths: int
    net_usd: Quantiles
    drawdown_usd: Quantiles
    drawdown_pct: Quantiles
    ruin_probability: float
    loss_probability: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """How paths are drawn and when they are ruined.

    Attributes:
        account_micros: Equity before the first step, above zero.
        seed: Not negative.
        paths: Number of paths, at least 1.
        ruin_pct: Loss of the starting account that counts as ruin, above 0 and at most 100.
    """

    account_micros: int
    seed: int
    paths: int = 2_000
    ruin_pct: float = 50.0

    def __post_init__(self) -> None:
        if self.account_micros <= 0 or self.paths < 1 or not 0.0 < self.ruin_pct <= 100.0:
            raise BadReturns(f"Monte-Carlo needs an account, paths and a ruin between 0 and 100 %, was {self}")

    @property
    def floor_micros(self) -> int:
        """Equity at which a path is ruined."""
        return self.account_micros - round(self.account_micros * self.ruin_pct / 100.0)


def reshuffle_trades(trade_pnl_micros: IntArray, sampling: Sampling) -> MonteCarlo:
    """Walk the same trades in random orders.

    Args:
        trade_pnl_micros: Net P&L of each trade, micro-dollars, shape (n_trades,), at least one.
        sampling: How to draw.

    Raises:
        BadReturns: no trades, or not a column of integers.
    """
    pnl = _column(trade_pnl_micros)
    return _walk(sampling, len(pnl), lambda chance, paths: chance.permuted(np.tile(pnl, (paths, 1)), axis=1))


def bootstrap_trades(trade_pnl_micros: IntArray, sampling: Sampling, *, trades: int | None = None) -> MonteCarlo:
    """Walk trades drawn with replacement.

    Args:
        trade_pnl_micros: Net P&L of each trade, micro-dollars, shape (n_trades,), at least one.
        sampling: How to draw.
        trades: Length of a path; as many as there are by default.

    Raises:
        BadReturns: no trades, not a column of integers, or a path without trades.
    """
    pnl = _column(trade_pnl_micros)
    length = len(pnl) if trades is None else trades
    return _walk(sampling, length, lambda chance, paths: pnl[chance.integers(0, len(pnl), (paths, length))])


def bootstrap_blocks(pnl_micros: IntArray, sampling: Sampling, *, block: int) -> MonteCarlo:
    """Walk days or bars drawn in blocks of consecutive ones (circular block bootstrap).

    Blocks start anywhere with equal chance and wrap around the end, so every step is drawn equally often. Source: D.
    Politis and J. Romano, "A Circular Block-Resampling Procedure for Stationary Data" (1992).

    Args:
        pnl_micros: P&L of each day (`performance.daily_pnl`) or change of equity of each bar, micro-dollars, shape
            (n_steps,), oldest first, at least one.
        sampling: How to draw.
        block: Steps per block, 1 to n_steps.

    Raises:
        BadReturns: no steps, not a column of integers, or a block that does not fit.
    """
    pnl = _column(pnl_micros)
    steps = len(pnl)
    if not 1 <= block <= steps:
        raise BadReturns(f"a block must hold between 1 and {steps} steps, was {block}")
    offsets = np.arange(block)

    def draw(chance: np.random.Generator, paths: int) -> IntArray:
        starts = chance.integers(0, steps, (paths, -(-steps // block), 1))
        drawn: IntArray = pnl[((starts + offsets) % steps).reshape(paths, -1)[:, :steps]]
        return drawn

    return _walk(sampling, steps, draw)


def _walk(sampling: Sampling, steps: int, draw: Draw) -> MonteCarlo:
    if steps < 1:
        raise BadReturns(f"a path needs at least one step, was {steps}")
    chance = np.random.default_rng(sampling.seed)
    net = np.empty(sampling.paths, np.int64)
    fall = np.zeros(sampling.paths, np.int64)
    fall_fraction = np.zeros(sampling.paths)
    ruined = 0
    for rows in _batches(sampling.paths, max(1, STEPS_AT_ONCE // steps)):
        pnl = np.ascontiguousarray(draw(chance, rows.stop - rows.start))
        net[rows] = pnl.sum(axis=1)
        ruined += kernels.walk_paths(
            pnl, sampling.account_micros, sampling.floor_micros, fall[rows], fall_fraction[rows]
        )
    return MonteCarlo(
        paths=sampling.paths,
        net_usd=_quantiles(net / MICROS_PER_USD),
        drawdown_usd=_quantiles(fall / MICROS_PER_USD),
        drawdown_pct=_quantiles(100.0 * fall_fraction),
        ruin_probability=ruined / sampling.paths,
        loss_probability=float((net < 0).mean()),
    )


def _batches(total: int, size: int) -> Iterator[slice]:
    return (slice(first, min(first + size, total)) for first in range(0, total, size))


def _quantiles(values: FloatArray) -> Quantiles:
    return Quantiles(*(float(level) for level in np.quantile(values, LEVELS)))


def _column(pnl_micros: IntArray) -> IntArray:
    column = np.asarray(pnl_micros)
    if column.ndim != 1 or len(column) == 0 or not np.issubdtype(column.dtype, np.integer):
        raise BadReturns(f"P&L must be a column of integers with at least one step, was {column.shape} {column.dtype}")
    return np.ascontiguousarray(column, np.int64)
