"""Exits one bar at a time: what a paper or live runner asks after every completed bar.

Belongs here: an open position as a value, and its step. The step is the compiled function the backtest's own loop
calls for every bar, so a runner that keeps the same fills leaves where the backtest leaves. Entries have the same
promise in `signals.signal_at` and `rules.rule_signal_at`.
Does not belong here: orders, venues, the clock, money but for the margin an entry needs.

A runner that rests its stop and target at the venue reads their prices from `Holding` after each step; one that only
sees bars lets the step decide. Both leave at the next open on `REVERSAL` and `TIME`, and at the close on `ROLL` and
`SESSION_CLOSE`. Who holds a position that `leaves_with_session` when a bar opens after its session's end, because the
session's last bar never came, leaves at that open (`LATE_CLOSE`).
"""

from dataclasses import dataclass, replace

from trading.backtests import kernels
from trading.backtests.engine import Account, ExitReason, Exits, rules_of
from trading.backtests.kernels import Bounds, Candle, Position
from trading.errors import BadInput
from trading.strategies.kernels import ROLL_NEXT, SESSION_LAST

__all__ = ["Candle", "Holding", "Leaving", "open_holding", "room_ticks", "step_exit"]


@dataclass(frozen=True, slots=True)
class Holding:
    """An open position after the last completed bar. Plain integers: it can be stored and read back.

    Attributes:
        position: Side, entry bar and fill, and the distances of its moving stops.
        bounds: The prices that end it during the next bar, and the extremes since entry.
        close_mask: Which gate bits force it out at a close.
    """

    position: Position
    bounds: Bounds
    close_mask: int

    @property
    def stop_ticks(self) -> int | None:
        """Where the stop stands now, or where the account is called if that is nearer; None without either."""
        return _level(self.bounds.lower if self.position.side > 0 else self.bounds.upper)

    @property
    def target_ticks(self) -> int | None:
        """Where the target stands, which price may have to trade through; None without one."""
        reached = _level(self.bounds.upper if self.position.side > 0 else self.bounds.lower)
        return None if reached is None else reached - self.position.side * self.position.through_ticks

    @property
    def leaves_with_session(self) -> bool:
        """Whether it is not to be held longer than the session."""
        return bool(self.close_mask & SESSION_LAST)


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a position ends.

    Attributes:
        reason: Why.
        price_ticks: Where the bar says it ended, before slippage; None where it leaves at the next open.
        bounds: The extremes it saw.
    """

    reason: ExitReason
    price_ticks: int | None
    bounds: Bounds


def room_ticks(account: Account, equity_micros: int) -> int | None:
    """Return how far price may move against an entry before the account is called; None where the entry is refused.

    Args:
        account: Whose money is traded, in what.
        equity_micros: What a flat book has now, micro-dollars, before the commission of the entry.
    """
    _, tick_micros, commission_micros = account.costs
    if not account.margin_micros:
        return kernels.FAR
    if equity_micros < account.margin_micros:
        return None
    spare_micros = equity_micros - commission_micros - account.margin_micros
    return int(kernels.room_ticks(spare_micros, tick_micros))


def open_holding(
    side: int,
    fill_ticks: int,
    *,
    bar: int,
    units: tuple[float, float],
    exits: Exits,
    room: int = kernels.FAR,
    through_ticks: int = 0,
) -> Holding:
    """Return the position an entry fill opens.

    Args:
        side: +1 long, -1 short.
        fill_ticks: The fill, slippage included.
        bar: Number of the bar the fill happened in; later bars count on from it.
        units: Stop and target unit of the signal bar (see `Signals`).
        exits: Exit rules.
        room: What `room_ticks` says of the account; without it nothing is called.
        through_ticks: How far price must trade through the target, as the account says.

    Raises:
        BadInput: no side, or a unit that is not above zero.
    """
    if side not in (1, -1) or not all(0.0 < unit <= kernels.WIDEST_UNIT_TICKS for unit in units):
        raise BadInput(f"a position needs a side and units above zero, had {side} and {units}")
    rules = rules_of(exits, (0, 0, 0), through_ticks=through_ticks)
    stop, target = units
    position, bounds = kernels.entered(side, bar, fill_ticks, (float(stop), float(target)), rules, room)
    return Holding(position, bounds, rules.close_mask)


def step_exit(
    holding: Holding,
    candle: Candle,
    *,
    bar: int,
    signal: int = 0,
    rolls_next: bool = False,
    session_ends: bool = False,
) -> Holding | Leaving:
    """Work one completed bar through an open position; the entry bar is the first.

    Args:
        holding: The position as the bar before left it.
        candle: The bar, in ticks.
        bar: Its number, counted like the entry bar's.
        signal: The signal at its close, 0 where an order could not fill at the next open.
        rolls_next: The next bar belongs to another contract.
        session_ends: It is the last bar of its session, by the clock.

    Returns:
        The position with its bounds for the next bar, or how it ends.
    """
    bits = (ROLL_NEXT if rolls_next else 0) | (SESSION_LAST if session_ends else 0)
    turns = signal == -holding.position.side
    reason, price, bounds = kernels.stepped(
        holding.position, holding.bounds, bar, candle, bits, turns, holding.close_mask
    )
    if reason == kernels.HELD:
        return replace(holding, bounds=bounds)
    left = ExitReason(reason)
    return Leaving(left, None if left.fills_at_open else price, bounds)


def _level(ticks: int) -> int | None:
    return ticks if abs(ticks) < kernels.FAR // 2 else None  # one that is off lies FAR from zero or from the fill
