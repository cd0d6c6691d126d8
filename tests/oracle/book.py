"""A trading book kept by hand: walks the bars in order and does at each moment only what is due at that moment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trading.market.bars import Bars
from trading.market.sessions import SessionIndex

Bar = tuple[int, int, int, int]
"""Open, high, low, close in ticks."""
Order = tuple[int, float | None, float | None]
"""Side, stop unit, target unit."""
Wishes = tuple[list[int], Sequence[float | None], Sequence[float | None]]
"""Side, stop unit and target unit at each bar."""
TradeRow = tuple[int, int, int, int, int, int, int, int, int, str, int, int]
"""The columns of a closed trade in the order of the engine's, its reason by name."""
Kept = tuple[list[TradeRow], list[int], int, int | None]
"""Closed trades, the equity at each close, how many entries were refused, and the bar it went bust in."""


@dataclass
class Rules:
    """Exit multiples and costs; 0 switches a rule off."""

    stop: float
    target: float
    trailing: float
    break_even: float
    time_stop_bars: int
    session_close: bool
    slippage_ticks: int
    tick_micros: int
    commission_micros: int
    margin_micros: int
    contract_margin_micros: int
    through_ticks: int


@dataclass
class Open:
    """The position held now."""

    side: int
    bar: int
    price: int
    stop: int | None
    target: int | None
    called: int
    trail: int
    even: int
    worst: int
    best: int


class Book:
    """Cash, at most one position, orders waiting for the next open, and the list of closed trades."""

    def __init__(self, rules: Rules, account_micros: int) -> None:
        """Start flat."""
        self.rules, self.cash = rules, account_micros
        self.position: Open | None = None
        self.waiting_exit: str | None = None
        self.waiting_entry: Order | None = None
        self.trades: list[TradeRow] = []
        self.equity: list[int] = []
        self.refused = 0
        self.bust: int | None = None
        self.ask_whether_bust(0)

    def ask_whether_bust(self, i: int) -> None:
        """Remember the first bar in which the money no longer carries one contract."""
        if self.bust is None and self.cash < self.rules.contract_margin_micros:
            self.bust = i

    def enter(self, i: int, price_ticks: int, order: Order) -> None:
        """Fill an entry order at a price, slippage against it, if the money carries it."""
        if self.cash < self.rules.margin_micros:
            self.refused += 1
            return
        self.cash -= self.rules.commission_micros
        bearable, _ = divmod(self.cash - self.rules.margin_micros, self.rules.tick_micros)
        loss = bearable + 1 if bearable >= 0 else 1
        side, stop_unit, target_unit = order
        price = price_ticks + side * self.rules.slippage_ticks
        stop, target = distance(self.rules.stop, stop_unit), distance(self.rules.target, target_unit)
        self.position = Open(
            side=side,
            bar=i,
            price=price,
            stop=price - side * stop if stop else None,
            target=price + side * target if target else None,
            called=price - side * loss,
            trail=distance(self.rules.trailing, stop_unit),
            even=distance(self.rules.break_even, stop_unit),
            worst=price,
            best=price,
        )

    @property
    def held(self) -> Open:
        """The position, where there is one."""
        assert self.position is not None
        return self.position

    def leave(self, i: int, price_ticks: int, reason: str) -> None:
        """Fill an exit; only a target pays no slippage."""
        held, rules = self.held, self.rules
        slip = 0 if reason == "TARGET" else rules.slippage_ticks
        price = price_ticks - held.side * slip
        self.seen(price_ticks)
        self.seen(price)
        gain = held.side * (price - held.price) * rules.tick_micros
        slippage = (rules.slippage_ticks + slip) * rules.tick_micros
        self.cash += gain - rules.commission_micros
        commission = 2 * rules.commission_micros
        against, favour = held.side * (held.price - held.worst), held.side * (held.best - held.price)
        money = (gain + slippage, commission, slippage, gain - commission)
        self.trades.append((held.bar, i, held.side, held.price, price, *money, reason, against, favour))
        self.position = None
        self.ask_whether_bust(i)

    def seen(self, price: int) -> None:
        """Widen what the open position has seen."""
        held = self.held
        held.worst = held.side * min(held.side * held.worst, held.side * price)
        held.best = held.side * max(held.side * held.best, held.side * price)

    def at_open(self, i: int, price_ticks: int) -> None:
        """Fill what was ordered at the last close."""
        if self.waiting_exit:
            self.leave(i, price_ticks, self.waiting_exit)
        if self.waiting_entry:
            self.enter(i, price_ticks, self.waiting_entry)
        self.waiting_exit = self.waiting_entry = None

    def inside(self, i: int, bar: Bar) -> None:
        """Let the bar touch the stop, else touch the target or trade as far through it as it must."""
        held = self.held
        opened, high, low, _ = bar
        adverse, favourable = (low, high) if held.side > 0 else (high, low)
        end, reason = held.called, "MARGIN_CALL"
        if held.stop is not None and held.side * held.stop > held.side * held.called:
            end, reason = held.stop, "STOP"
        if held.side * adverse <= held.side * end:
            beyond = held.side * opened < held.side * end
            self.leave(i, opened if beyond else end, reason)
        elif held.target is not None and held.side * (favourable - held.target) >= self.rules.through_ticks:
            beyond = held.side * opened > held.side * held.target
            self.leave(i, opened if beyond else held.target, "TARGET")
        else:
            self.seen(high)
            self.seen(low)

    def decide(self, i: int, order: Order | None, *, is_overdue: bool) -> None:
        """Choose the orders for the next open: a flat book enters, a wrong-way book turns, a late position leaves."""
        if self.position is None:
            self.waiting_entry = order
        elif order and order[0] == -self.position.side:
            self.waiting_exit, self.waiting_entry = "REVERSAL", order
        elif self.rules.time_stop_bars and i - self.position.bar + 1 >= self.rules.time_stop_bars:
            self.waiting_exit = "TIME"
        elif is_overdue:
            self.waiting_exit = "LATE_CLOSE"

    def tighten(self) -> None:
        """Move the stop by what completed bars have shown."""
        held = self.held
        levels = [held.stop]
        if held.trail:
            levels.append(held.best - held.side * held.trail)
        if held.even and held.side * (held.best - held.price) >= held.even:
            levels.append(held.price)
        nearest = [held.side * level for level in levels if level is not None]
        held.stop = held.side * max(nearest) if nearest else None

    def mark(self, close: int) -> None:
        """Write the equity at a close."""
        held = self.position
        value = held.side * (close - held.price) * self.rules.tick_micros if held else 0
        self.equity.append(self.cash + value)


def distance(multiple: float, unit: float | None) -> int:
    """Return whole ticks, half up, at least one; 0 where the rule is off."""
    if multiple <= 0:
        return 0
    assert unit is not None
    return max(1, math.floor(multiple * unit + 0.5))


def keep_book(
    bars: Bars,
    sessions: SessionIndex,
    wishes: Wishes,
    rules: Rules,
    account_micros: int,
) -> Kept:
    """Return what came of signals traded by the rules."""
    sides, stop_units, target_units = wishes
    columns = (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    book = Book(rules, account_micros)
    last_in_session = {int(sessions.trading_day[i]): i for i in range(len(rows)) if sessions.is_open[i]}
    for i, bar in enumerate(rows):
        is_final = i == len(rows) - 1
        rolls = not is_final and bars.contract[i + 1] != bars.contract[i]
        may_order = not is_final and not rolls and sessions.is_open[i] and sessions.is_open[i + 1]
        book.at_open(i, bar[0])
        if book.position:
            book.inside(i, bar)
        reason = "ROLL" if rolls else "END_OF_DATA" if is_final else None
        if sessions.is_last[i] and rules.session_close and not rolls:
            reason = "SESSION_CLOSE"
        if book.position and reason:
            book.leave(i, bar[3], reason)
        order = (sides[i], stop_units[i], target_units[i]) if sides[i] and may_order else None
        is_cut = i == last_in_session.get(int(sessions.trading_day[i])) and not sessions.is_last[i]
        book.decide(i, order, is_overdue=is_cut and rules.session_close)
        if book.position:
            book.tighten()
        book.mark(bar[3])
    return book.trades, book.equity, book.refused, book.bust
