"""The backtest engine: one strategy over one bar series, exact to the micro-dollar.

Belongs here: strategies and results as values, validation, the rules of filling in words, the order-list hash. Does not
belong here: loops over bars (`kernels.py`), entry rules (`trading/strategies`), metrics (`figures/performance.py`).

Rules, in the order a bar is worked through:

1. **Open.** Orders decided at the last close fill at this bar's open, plus slippage against the order: entries, time
   exits, reversals (close and flip at one price). An order never fills across a roll, and an entry needs both its
   signal bar and its fill bar in session; otherwise the signal is dropped. An entry needs equity of at least the
   margin of its contracts; otherwise it is refused and counted.
2. **Inside the bar.** Stop and target are set around the entry fill when the entry fills, so the entry bar itself can
   hit them. A distance is multiple x unit of the signal bar, in whole ticks, rounded half up, at least one. A touched
   stop fills at its price, or at the open where the bar opens beyond it, plus slippage. A target is a limit: it fills
   at its price, or at the open where that is better, without slippage; a touch fills it, unless the account says that
   price must trade through it (`Account.through_ticks`). A bar that reaches both counts as the stop, even where it
   opens beyond the target. At the first price at which marked equity is below the position's margin the
   account is called (`MARGIN_CALL`): the position is closed there as by a stop, unless its stop is nearer.
3. **Close.** The last bar of a contract closes the position at its close plus slippage (`ROLL`), so does the last bar
   of a session if the genome wants that (`SESSION_CLOSE`), and so does the last bar of all (`END_OF_DATA`). Which bar
   is the last of its session the clock says, never the bar after it. Otherwise an opposite signal that could fill
   reverses at the next open; else a position that has lived `time_stop_bars` bars (the entry bar is the first) leaves
   at the next open; else one that had to leave at the close of a session whose last bar is missing leaves at the open
   of the next bar there is (`LATE_CLOSE`), and the session's notes say so.
4. **After the close.** Trailing and break-even stops move, only ever towards the market, by the extremes of completed
   bars since entry; they work from the next bar on.

An account that can no longer carry one contract is bust and stops: it enters nothing more, and its equity stands still.

A flat book takes the signal of the bar it went flat in; a signal in the direction of the open position changes
nothing. Equity is marked at every close: account, plus what trades earned after costs, plus the open position at the
close less its entry commission. Excursions (MAE, MFE) are measured from the entry fill over bars held to their close
and the exit fill; of a bar left inside, only the exit counts.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from trading.arrays import IntArray
from trading.backtests import kernels
from trading.errors import BadInput
from trading.figures.performance import Performance, measure
from trading.market.bars import Bars
from trading.market.instruments import Instrument, instrument
from trading.market.sessions import SessionIndex
from trading.strategies.archetypes import ONE_PER_FAMILY, Family, archetype
from trading.strategies.genome import Genome, Style, default_genome, genome_hash, validated
from trading.strategies.kernels import ROLL_NEXT, SESSION_CUT, SESSION_LAST, first_without_unit
from trading.strategies.memory import WARM_UP_TOLERANCE
from trading.strategies.signals import Scratch, Signals, sma_cross
from trading.strategies.styles import entry_signals
from trading.strategies.tape import BarSessions, Tape, tape_of
from trading.words import counted

ENGINE_VERSION = "1.3.0"

_SAFE_MICROS = 2.0**62
_LARGEST_MULTIPLE = 1e6


class ExitReason(IntEnum):
    """Why a position ended."""

    STOP = kernels.STOP
    TARGET = kernels.TARGET
    TIME = kernels.TIME
    REVERSAL = kernels.REVERSAL
    SESSION_CLOSE = kernels.SESSION_CLOSE
    ROLL = kernels.ROLL
    END_OF_DATA = kernels.END_OF_DATA
    LATE_CLOSE = kernels.LATE_CLOSE
    MARGIN_CALL = kernels.MARGIN_CALL

    @property
    def fills_at_open(self) -> bool:
        """Whether the exit fills at the open after the bar that decided it."""
        return bool(kernels.fills_at_open(int(self)))


@dataclass(frozen=True, slots=True)
class Strategy:
    """A style with the genome that fills it, and the tolerance of its warm-up."""

    style: Style
    genome: Genome
    tolerance: float = WARM_UP_TOLERANCE


@dataclass(frozen=True, slots=True)
class Exits:
    """Exit rules as multiples of the signal's units (see `Signals`); 0 switches a rule off.

    Raises:
        BadInput: a multiple is not between 0 and 1,000,000, or a time stop is negative.
    """

    stop: float = 0.0
    target: float = 0.0
    trailing: float = 0.0
    break_even: float = 0.0
    time_stop_bars: int = 0
    session_close: bool = False

    def __post_init__(self) -> None:
        multiples = (self.stop, self.target, self.trailing, self.break_even)
        if not all(0.0 <= multiple <= _LARGEST_MULTIPLE for multiple in multiples) or self.time_stop_bars < 0:
            raise BadInput(f"exits must be 0 to {_LARGEST_MULTIPLE:,.0f} units, 0 or more bars, were {self}")


@dataclass(frozen=True, slots=True)
class Account:
    """Whose money is traded, in what, and how large.

    Nothing is asked of one made without a margin, as peers ask nothing; `margined` makes those that bots trade.

    Attributes:
        instrument: Tick value and costs.
        account_micros: Equity before the first bar, micro-dollars, above 0.
        contracts: Size of every position.
        contract_margin_micros: What it must have for each contract it enters or holds, micro-dollars.
        through_ticks: How far beyond a target price must trade to fill it: at 0 a touch does, as if nobody stood
            before it in the queue of its price.

    Raises:
        BadInput: no money, no contract, or a margin or a way through a target below nothing.
    """

    instrument: Instrument
    account_micros: int
    contracts: int = 1
    contract_margin_micros: int = 0
    through_ticks: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.through_ticks <= kernels.PRICE_HIGH:
            raise BadInput(f"a target must be traded through by 0 ticks or more, was {self.through_ticks}")
        if self.contract_margin_micros < 0:
            raise BadInput(f"a margin must be 0 or more, was {self.contract_margin_micros}")
        if self.account_micros <= 0 or self.contracts <= 0:
            raise BadInput(f"account and contracts must be positive, were {self.account_micros}, {self.contracts}")

    @property
    def margin_micros(self) -> int:
        """What it must have to carry the position, in micro-dollars."""
        return self.contract_margin_micros * self.contracts

    @property
    def costs(self) -> tuple[int, int, int]:
        """Slippage per side in ticks, then tick value and commission per side of the position in micro-dollars."""
        tick, commission = self.instrument.tick_value_micros, self.instrument.commission_micros
        return self.instrument.slippage_ticks, tick * self.contracts, commission * self.contracts


def margined(instrument: Instrument, account_micros: int, contracts: int = 1) -> Account:
    """Return an account that must have the instrument's day margin for each contract it enters or holds."""
    return Account(instrument, account_micros, contracts, instrument.day_margin_micros)


@dataclass(frozen=True, slots=True)
class Trades:
    """Closed trades in the order they were opened. Every column is int64, shape (n_trades,).

    Attributes:
        entry_bar, exit_bar: Index of the bar in which the fill happened.
        side: +1 long, -1 short.
        entry_ticks, exit_ticks: Fill prices, slippage included.
        gross_micros: Profit before commission and slippage; `net = gross - commission - slippage`.
        commission_micros, slippage_micros, net_micros: Both sides together, in micro-dollars.
        exit_reason: An `ExitReason`.
        mae_ticks, mfe_ticks: Largest move against and in favour of the position, at least 0.
    """

    entry_bar: IntArray
    exit_bar: IntArray
    side: IntArray
    entry_ticks: IntArray
    exit_ticks: IntArray
    gross_micros: IntArray
    commission_micros: IntArray
    slippage_micros: IntArray
    net_micros: IntArray
    exit_reason: IntArray
    mae_ticks: IntArray
    mfe_ticks: IntArray

    def __len__(self) -> int:
        return len(self.entry_bar)

    @property
    def bars_held(self) -> IntArray:
        """Bars each trade was in the market, the entry bar included, a bar left at its open not."""
        left_at_open = kernels.AT_OPEN >> self.exit_reason & 1
        held: IntArray = self.exit_bar - self.entry_bar + 1 - left_at_open
        return held


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a run produced. With a reused `Output` the arrays live in it and are valid until its next run.

    Attributes:
        trades: Closed trades; the last one ends with the data if it was still open.
        equity_micros: Account equity at each close in micro-dollars, shape (n_bars,).
        performance: Metrics after costs.
        notes: What was switched off and why.
        bars_in_position: Bars with a position during them.
        refused_entries: Signals that could have filled and that equity could not carry.
        bust_bar: Bar in which the account could no longer carry one contract; None if it always could.
        genome_hash: Of the genome that ran; empty for a run of bare signals.
        engine_version: `ENGINE_VERSION`.
        warm_up_bars: No signal counted before this bar.
    """

    trades: Trades
    equity_micros: IntArray
    performance: Performance
    notes: tuple[str, ...]
    bars_in_position: int
    refused_entries: int
    bust_bar: int | None
    genome_hash: str
    engine_version: str
    warm_up_bars: int


@dataclass(frozen=True, slots=True)
class Output:
    """Reusable buffers for one thread: fresh memory for every run would cost more than the run."""

    scratch: Scratch
    ledger: IntArray
    equity_micros: IntArray

    @staticmethod
    def for_bars(n_bars: int) -> "Output":
        """Allocate buffers for a series of `n_bars`; pages nobody touches cost nothing."""
        ledger = np.empty((n_bars, kernels.LEDGER_COLUMNS), np.int64)
        return Output(Scratch.for_bars(n_bars), ledger, np.empty(n_bars, np.int64))


def run_backtest(
    bars: Bars,
    sessions: BarSessions,
    strategy: Strategy,
    *,
    instrument: Instrument,
    account_micros: int,
    contracts: int = 1,
    output: Output | None = None,
) -> Backtest:
    """Run a strategy over a bar series; the rules are in the module's docstring.

    Args:
        bars: The series.
        sessions: Its session index, made for the hours the strategy may enter in.
        strategy: Style and genome; the genome is validated here.
        instrument: Tick value and costs.
        account_micros: Starting equity in micro-dollars.
        contracts: Size of every position.
        output: Buffers to reuse, made for as many bars.

    Raises:
        BadBars: the series or its session index breaks a rule, or amounts would leave 64-bit integers.
        BadGenome, UnknownArchetype: the strategy is not valid.
        BadInput: account, contracts or output do not fit.
    """
    account = Account(instrument, account_micros, contracts)
    return run_tape(tape_of(bars, sessions), strategy, account=account, output=output)


def run_tape(
    tape: Tape, strategy: Strategy, *, account: Account, output: Output | None = None, wishes: Signals | None = None
) -> Backtest:
    """Run a strategy over a tape, to be built once when many genomes run over the same bars. See `run_backtest`.

    Every book, search and check comes through here, with an archetype or a rule text.

    Args:
        tape: The series, made for the hours the strategy may enter in.
        strategy: Style and genome; the genome is validated here.
        account: Whose money is traded, in what.
        output: Buffers to reuse, made for as many bars.
        wishes: Signals to trade instead of the style's own, with its exits: how a planted cheat is caught.

    Raises:
        BadGenome, UnknownArchetype: the strategy is not valid.
        BadInput: the output or the wishes do not fit, or amounts would leave 64-bit integers.
    """
    output = output or Output.for_bars(len(tape))
    _require_fit(tape, output)
    style, genome = strategy.style, validated(strategy.style, strategy.genome)
    if wishes is None:
        wishes = entry_signals(tape, style, genome, scratch=output.scratch, tolerance=strategy.tolerance)
    else:
        _require_units(tape, wishes)
    return _run(tape, wishes, exits_of(style, genome), (account, output, genome_hash(genome)))


def run_signals(
    tape: Tape, wishes: Signals, exits: Exits, *, account: Account, output: Output | None = None
) -> Backtest:
    """Run bare signals with explicit exits and no genome: benchmarks.

    Raises:
        BadInput: a signal is not -1, 0 or 1, or a unit is not above zero and at most 2**30 ticks where
            a signal stands.
    """
    output = output or Output.for_bars(len(tape))
    _require_fit(tape, output)
    _require_units(tape, wishes)
    return _run(tape, wishes, exits, (account, output, ""))


def exits_of(style: Style, genome: Genome) -> Exits:
    """Return the exit rules of a validated genome; gap families aim at their fill level."""
    fills_gap = isinstance(style, str) and archetype(style).family in (Family.GAP_FADE, Family.GAP_FILL)
    return Exits(
        stop=float(genome["stop_atr"]),
        target=1.0 if fills_gap else float(genome["target_atr"]),
        trailing=float(genome["trailing_atr"]),
        break_even=float(genome["break_even_atr"]),
        time_stop_bars=int(genome["time_stop_bars"]),
        session_close=bool(genome["session_close_exit"]),
    )


def order_list_hash(backtest: Backtest) -> str:
    """Return the SHA-256 (hex) over the trades: every column of `Trades`, little-endian int64, one after another."""
    digest = hashlib.sha256()
    trades = backtest.trades
    for name in Trades.__slots__:
        digest.update(np.ascontiguousarray(getattr(trades, name), "<i8").tobytes())
    return digest.hexdigest()


def _run(tape: Tape, wishes: Signals, exits: Exits, context: tuple[Account, Output, str]) -> Backtest:
    account, output, hashed = context
    _require_no_overflow(tape, account)
    count, bars_in_position, refused, bust_bar = kernels.simulate(
        tape.prices,
        tape.gate,
        wishes.side,
        (wishes.stop_unit_ticks, wishes.target_unit_ticks),
        rules_of(exits, account.costs, through_ticks=account.through_ticks),
        _purse(tape, account),
        output.ledger,
        output.equity_micros,
    )
    trades = Trades(*output.ledger[:count].T)
    performance = measure(
        trade_pnl_micros=trades.net_micros,
        trade_bars=trades.bars_held,
        equity_micros=output.equity_micros,
        trading_day=tape.trading_day,
        account_micros=account.account_micros,
        bars_in_position=bars_in_position,
    )
    notes = (*wishes.notes, *_roll_notes(tape), *_late_notes(trades, exits))
    measured = (trades, output.equity_micros, performance, notes, bars_in_position)
    carried = (refused, bust_bar if bust_bar >= 0 else None)
    return Backtest(*measured, *carried, hashed, ENGINE_VERSION, wishes.warm_up_bars)


def _purse(tape: Tape, account: Account) -> kernels.Purse:
    margin = account.margin_micros
    is_watched = margin > 0 and account.account_micros - margin < _most_lost_micros(tape, account)
    return kernels.Purse(account.account_micros, margin, account.contract_margin_micros, is_watched)


def rules_of(exits: Exits, costs: tuple[int, int, int], *, through_ticks: int = 0) -> kernels.Rules:
    """Return exits, costs and the way through a target (see `Account`) as the compiled loop takes them."""
    close_mask = ROLL_NEXT | (SESSION_LAST | SESSION_CUT if exits.session_close else 0)
    multiples = (float(exits.stop), float(exits.target), float(exits.trailing), float(exits.break_even))
    return kernels.Rules(*multiples, int(exits.time_stop_bars), close_mask, *costs, through_ticks)


def _roll_notes(tape: Tape) -> tuple[str, ...]:
    if not tape.roll_count:
        return ()
    return (f"{tape.roll_count} contract rolls: positions closed before each, roll gaps left out of every indicator",)


def _late_notes(trades: Trades, exits: Exits) -> tuple[str, ...]:
    late = int((trades.exit_reason == kernels.LATE_CLOSE).sum()) if exits.session_close else 0
    if not late:
        return ()
    left = f"{counted(late, 'position')} left after the session's close, at the next open there was"
    return (f"{left}: the session's last bar is missing",)


def _require_fit(tape: Tape, output: Output) -> None:
    if len(output.equity_micros) != len(tape):
        raise BadInput(f"output must be made for {len(tape)} bars, was made for {len(output.equity_micros)}")


def _require_units(tape: Tape, wishes: Signals) -> None:
    side = wishes.side
    if len(side) != len(tape) or side.max() > 1 or side.min() < -1:
        raise BadInput(f"signals must be -1, 0 or 1 for each of {len(tape)} bars")
    for unit in (wishes.stop_unit_ticks, wishes.target_unit_ticks):
        if len(unit) not in (1, len(tape)):
            raise BadInput(f"a unit needs one value, or one per bar ({len(tape)}), had {len(unit)}")
        limit = kernels.WIDEST_UNIT_TICKS
        usable = bool(0.0 < unit[0] <= limit) if len(unit) == 1 else first_without_unit(side, unit, limit) < 0
        if not usable:
            raise BadInput(f"a unit must be above zero and at most {limit:,.0f} ticks wherever there is a signal")


def _require_no_overflow(tape: Tape, account: Account) -> None:
    reach = _most_lost_micros(tape, account) + account.account_micros + account.margin_micros
    if reach > _SAFE_MICROS:
        raise BadInput(f"prices, contracts and costs could reach {reach:.3g} micro-dollars: beyond exact integers")


def _most_lost_micros(tape: Tape, account: Account) -> float:
    """Return what no sequence of trades can lose or win, nor a single price be worth."""
    slippage_ticks, tick_micros, commission_micros = account.costs
    per_trade = 2.0 * (slippage_ticks * tick_micros + commission_micros)
    return (tape.travel_ticks + tape.widest_ticks) * tick_micros + len(tape) * per_trade


def warm_kernels() -> None:
    """Compile every kernel once (a second with a warm cache, some ten without), so that the first bot does not wait."""
    tape = warm_up_tape()
    account = Account(instrument("MES"), 10**10)
    for name in ONE_PER_FAMILY:
        run_tape(tape, Strategy(name, default_genome(name)), account=account)
    run_signals(tape, sma_cross(tape, 20, 50), Exits(), account=account)
    rules = rules_of(Exits(), account.costs)
    position, bounds = kernels.entered(1, 0, 100, (1.0, 1.0), rules, kernels.FAR)
    kernels.stepped(position, bounds, 0, kernels.Candle(100, 101, 99, 100), 0, False, rules.close_mask)


def warm_up_tape() -> Tape:
    """Return a small made-up tape with rolls and sessions, on which every kernel can be compiled."""
    n_bars = 400
    close = 4_000 + (np.arange(n_bars) % 7) * (np.arange(n_bars) % 5)
    day = np.arange(n_bars) // 24
    opened = np.roll(close, 1)
    bars = Bars(
        symbol="MES",
        timeframe="1h",
        provider="WARM_UP",
        ts_event=np.arange(n_bars) * 3_600_000_000_000,
        open_ticks=opened,
        high_ticks=np.maximum(opened, close) + 1,
        low_ticks=np.minimum(opened, close) - 1,
        close_ticks=close,
        volume=np.ones(n_bars, np.int64),
        contract=day // 10,
        fingerprint="",
    )
    is_open = np.ones(n_bars, np.bool_)
    return tape_of(bars, SessionIndex("FULL_24x5", day, is_open, np.zeros(n_bars, np.bool_)))
