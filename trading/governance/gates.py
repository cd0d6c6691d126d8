"""Stages, books, the one gate table, demotions and stage moves.

Belongs here: what a bot must show to move, and whether it may move now. Does not belong here: how figures are measured
(`figures/performance.py`), who recorded or approved them, clocks (now is passed in), writing the move down.

Unknown evidence (None, NaN, infinite) never opens a gate and never demotes.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from trading.books import Stage
from trading.errors import BadMove, GateClosed, StageLocked
from trading.figures.performance import Performance
from trading.market.marks import may_pass_a_gate
from trading.money import MICROS_PER_USD

SECONDS_PER_DAY = 86_400
RECENT_SESSIONS = 3

WALK_FORWARD_CONSISTENCY = "WALK_FORWARD_CONSISTENCY"
WALK_FORWARD_OVERFIT_RATIO = "WALK_FORWARD_OVERFIT_RATIO"
STRESS_SUITE_PASSED = "STRESS_SUITE_PASSED"
EVIDENCE = "EVIDENCE"


class PromotionMode(StrEnum):
    """Who moves a bot up: a person, or the platform (up to CANARY)."""

    MANUAL = "MANUAL"
    AUTO = "AUTO"


AUTO_CEILING = Stage.CANARY


class Relation(StrEnum):
    """How a measured figure must stand to the required one."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a bot in its current stage's book since reset; None where unknown.

    Attributes:
        trades, losers, net_pnl_micros, win_pct, max_drawdown_pct, profit_factor, expectancy_usd, sharpe: As in
            `Performance`; of a bot in LAB those of its prequential record, never those of a session, whose days its
            genome may have been chosen on.
        days_in_stage: Days since the bot entered its stage, see `days_in_stage`.
        proven: Whether it is proven among all bots by the e-values of their records (`verification/discoveries.py`).
        data_sources: Provider of every session or feed behind the figures.
        recent_sessions_passed: For each recent session that counts (of the newest generation, on bars that may open a
            gate, once for the same bars and orders) whether its own figures pass the gate, oldest first; see
            `figures_pass`.
        walk_forward_consistency: Share of test segments with a positive net, 0-1.
        walk_forward_overfit_ratio: Train Sharpe over test Sharpe.
        shadow_paper_correlation: Correlation of daily P&L in the two books, -1 to 1.
        stress_passed, approved: Outcome of the stress suite and of the maker-checker approval.
        losing_days_in_a_row: Latest run of losing days, see `losing_days_in_a_row`.
        unknown_because: By check code, why there is no evidence for it; for people.
    """

    trades: int | None = None
    losers: int | None = None
    net_pnl_micros: int | None = None
    win_pct: float | None = None
    max_drawdown_pct: float | None = None
    profit_factor: float | None = None
    expectancy_usd: float | None = None
    sharpe: float | None = None
    days_in_stage: float | None = None
    proven: bool | None = None
    data_sources: frozenset[str] = frozenset()
    recent_sessions_passed: tuple[bool, ...] = ()
    walk_forward_consistency: float | None = None
    walk_forward_overfit_ratio: float | None = None
    shadow_paper_correlation: float | None = None
    stress_passed: bool | None = None
    approved: bool | None = None
    losing_days_in_a_row: int | None = None
    unknown_because: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateRule:
    """One condition: what is measured, how it must stand to the requirement."""

    code: str
    measured: Callable[[Evidence], float | None]
    relation: Relation
    required: float


@dataclass(frozen=True, slots=True)
class Check:
    """A rule held against evidence; a check that did not pass is a blocker.

    Attributes:
        code, relation, required, was: The rule, and the value it was held against; None where that is unknown.
        passed: Whether it holds.
        because: Why the value is unknown, where somebody said so.
    """

    code: str
    relation: Relation
    required: float
    was: float | None
    passed: bool
    because: str = ""

    @property
    def reason(self) -> str:
        """The rule and the value, for people."""
        was = f"{self.was:g}" if self.was is not None else f"unknown: {self.because}" if self.because else "unknown"
        return f"{self.code} must be {self.relation} {self.required:g}, was {was}"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Every check of a gate in table order; `to` is None at the top of the ladder, where nothing is allowed."""

    to: Stage | None
    checks: tuple[Check, ...]

    @property
    def allowed(self) -> bool:
        """Whether every check passed."""
        return self.to is not None and not self.blockers

    @property
    def blockers(self) -> tuple[Check, ...]:
        """The checks that did not pass, in table order."""
        return tuple(check for check in self.checks if not check.passed)


def _real_market_data(evidence: Evidence) -> float | None:
    sources = evidence.data_sources
    return float(all(may_pass_a_gate(source) for source in sources)) if sources else None


def _flag(flag: bool | None) -> float | None:
    return None if flag is None else float(flag)


def _at_least(code: str, measured: Callable[[Evidence], float | None], required: float) -> GateRule:
    return GateRule(code, measured, Relation.AT_LEAST, required)


def _walk_forward(consistency: float, overfit_ratio: float) -> tuple[GateRule, ...]:
    return (
        _at_least(WALK_FORWARD_CONSISTENCY, lambda e: e.walk_forward_consistency, consistency),
        GateRule(WALK_FORWARD_OVERFIT_RATIO, lambda e: e.walk_forward_overfit_ratio, Relation.AT_MOST, overfit_ratio),
    )


def _figures(
    *, trades: int, win_pct: float, drawdown_pct: float, profit_factor: float, expectancy_usd: float, sharpe: float
) -> tuple[GateRule, ...]:
    return (
        _at_least("TRADES", lambda e: e.trades, trades),
        _at_least("WIN_PCT", lambda e: e.win_pct, win_pct),
        GateRule("MAX_DRAWDOWN_PCT", lambda e: e.max_drawdown_pct, Relation.AT_MOST, drawdown_pct),
        _at_least("PROFIT_FACTOR", lambda e: e.profit_factor, profit_factor),
        _at_least("EXPECTANCY_USD", lambda e: e.expectancy_usd, expectancy_usd),
        _at_least("SHARPE", lambda e: e.sharpe, sharpe),
    )


def _days(days: int) -> GateRule:
    return _at_least("DAYS_IN_STAGE", lambda e: e.days_in_stage, days)


_PROVEN = _at_least(EVIDENCE, lambda e: _flag(e.proven), 1)
_LOSERS = _at_least("HAS_LOSING_TRADES", lambda e: e.losers, 1)
_RECENT = _at_least(
    "RECENT_SESSIONS_PASSED", lambda e: sum(e.recent_sessions_passed[-RECENT_SESSIONS:]), RECENT_SESSIONS
)
_REAL = _at_least("REAL_MARKET_DATA", _real_market_data, 1)
_CORRELATION = GateRule("SHADOW_PAPER_CORRELATION", lambda e: e.shadow_paper_correlation, Relation.ABOVE, 0.8)
_STRESS = _at_least(STRESS_SUITE_PASSED, lambda e: _flag(e.stress_passed), 1)
_APPROVAL = _at_least("MAKER_CHECKER_APPROVED", lambda e: _flag(e.approved), 1)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a stage's book must show before its bot may leave upwards: its figures, and what is required besides."""

    figures: tuple[GateRule, ...]
    besides: tuple[GateRule, ...]


GATES: Mapping[Stage, Gate] = MappingProxyType(
    {
        Stage.LAB: Gate(
            _figures(trades=50, win_pct=35, drawdown_pct=20, profit_factor=1.2, expectancy_usd=10, sharpe=0.5),
            (_PROVEN, _days(0), _REAL, _LOSERS, _RECENT),
        ),
        Stage.PAPER: Gate(
            _figures(trades=100, win_pct=40, drawdown_pct=15, profit_factor=1.3, expectancy_usd=15, sharpe=0.7),
            (_days(5), _REAL),
        ),
        Stage.SHADOW: Gate(
            _figures(trades=200, win_pct=45, drawdown_pct=12, profit_factor=1.4, expectancy_usd=20, sharpe=0.9),
            (_days(10), _REAL, *_walk_forward(0.5, 2.5), _CORRELATION),
        ),
        Stage.CANARY: Gate(
            _figures(trades=300, win_pct=48, drawdown_pct=10, profit_factor=1.5, expectancy_usd=25, sharpe=1.0),
            (_days(14), _REAL, *_walk_forward(0.6, 2.0), _STRESS, _APPROVAL),
        ),
    }
)
"""The one gate table, by the stage a bot leaves. Simulated market data opens no gate at all."""

OF_THE_RECORD = (*(rule.code for rule in GATES[Stage.LAB].figures), _PROVEN.code, _LOSERS.code)
"""The checks of a bot in LAB that read its prequential record."""


def gate(stage: Stage, evidence: Evidence) -> GateVerdict:
    """Hold evidence of the current stage's book against the gate to the next stage.

    Every check is answered, so a person sees all that is missing at once. Figures that are unknown block: a record
    without losing trades has no profit factor and therefore passes no gate.
    """
    rules = (*GATES[stage].figures, *GATES[stage].besides) if stage in GATES else ()
    return GateVerdict(stage.above, tuple(_check(rule, evidence) for rule in rules))


def figures_pass(stage: Stage, evidence: Evidence) -> bool:
    """Return whether one session's own figures pass the gate out of its stage, whatever else that gate asks for."""
    return stage in GATES and all(_holds(rule, _known(rule, evidence)) for rule in GATES[stage].figures)


def evidence_of(performance: Performance) -> Evidence:
    """Return the evidence a record holds by itself; the rest stays unknown (fill it with `dataclasses.replace`)."""
    return Evidence(
        trades=performance.trades,
        losers=performance.losers,
        net_pnl_micros=performance.net_pnl_micros,
        win_pct=performance.win_pct,
        max_drawdown_pct=performance.max_drawdown_pct,
        profit_factor=performance.profit_factor,
        expectancy_usd=performance.expectancy_usd,
        sharpe=performance.sharpe,
    )


def days_in_stage(entered_at: datetime, *, now: datetime) -> float:
    """Return the days between two aware moments, as a fraction of 24 hours; never negative."""
    return max(0.0, (now - entered_at).total_seconds() / SECONDS_PER_DAY)


def losing_days_in_a_row(daily_pnl_micros: Sequence[int]) -> int:
    """Return the latest run of losing days (oldest first); a day of exactly zero neither counts nor ends the run."""
    run = 0
    for pnl in reversed(daily_pnl_micros):
        if pnl > 0:
            break
        run += pnl < 0
    return run


def _check(rule: GateRule, evidence: Evidence) -> Check:
    was = _known(rule, evidence)
    because = evidence.unknown_because.get(rule.code, "") if was is None else ""
    return Check(rule.code, rule.relation, rule.required, was, _holds(rule, was), because)


def _known(rule: GateRule, evidence: Evidence) -> float | None:
    was = rule.measured(evidence)
    return was if was is not None and math.isfinite(was) else None


def _holds(rule: GateRule, was: float | None) -> bool:
    return was is not None and _STANDS[rule.relation](was, rule.required)


_STANDS: Mapping[Relation, Callable[[float, float], bool]] = MappingProxyType(
    {
        Relation.AT_LEAST: operator.ge,
        Relation.AT_MOST: operator.le,
        Relation.ABOVE: operator.gt,
        Relation.BELOW: operator.lt,
    }
)


_LOSS_LIMIT = GateRule("NET_PNL_MICROS", lambda e: e.net_pnl_micros, Relation.BELOW, -500 * MICROS_PER_USD)
_ENOUGH_TRADES = GateRule("TRADES", lambda e: e.trades, Relation.ABOVE, 20)
_LOSING_DAYS = _at_least("LOSING_DAYS_IN_A_ROW", lambda e: e.losing_days_in_a_row, 3)


def _drawdown_above(pct: float) -> GateRule:
    return GateRule("MAX_DRAWDOWN_PCT", lambda e: e.max_drawdown_pct, Relation.ABOVE, pct)


DEMOTIONS: Mapping[Stage, tuple[tuple[GateRule, ...], ...]] = MappingProxyType(
    {
        Stage.PAPER: ((_drawdown_above(30),), (_LOSS_LIMIT, _ENOUGH_TRADES)),
        Stage.SHADOW: ((GateRule("WIN_PCT", lambda e: e.win_pct, Relation.BELOW, 35),),),
        Stage.CANARY: ((GateRule("SHARPE", lambda e: e.sharpe, Relation.BELOW, 0.5),), (_LOSING_DAYS,)),
        Stage.LIVE: (
            (_drawdown_above(20),),
            (GateRule("PROFIT_FACTOR", lambda e: e.profit_factor, Relation.BELOW, 1.0),),
        ),
    }
)
"""Any of a stage's alternatives demotes by one stage; all rules of an alternative must hold."""


def demotion(stage: Stage, evidence: Evidence) -> tuple[Check, ...]:
    """Return the checks that send a bot one stage down; empty when it may stay."""
    for alternative in DEMOTIONS.get(stage, ()):
        checks = tuple(_check(rule, evidence) for rule in alternative)
        if all(check.passed for check in checks):
            return checks
    return ()


@dataclass(frozen=True, slots=True)
class StageStanding:
    """Where a bot stands in its life."""

    stage: Stage
    promotion_mode: PromotionMode
    stage_locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class StageMove:
    """A stage move and the checks that justify it."""

    from_stage: Stage
    to_stage: Stage
    because: tuple[Check, ...]

    @property
    def is_demotion(self) -> bool:
        """Whether the move goes down."""
        return self.to_stage.rank < self.from_stage.rank


def is_locked(standing: StageStanding, *, now: datetime) -> bool:
    """Return whether the stage lock forbids any move at this moment; at the very end of the lock it no longer does."""
    return standing.stage_locked_until is not None and now < standing.stage_locked_until


def automatic_move(standing: StageStanding, evidence: Evidence, *, now: datetime) -> StageMove | None:
    """Return the move the platform makes by itself, or None.

    A demotion goes first and needs neither AUTO mode nor approval. A promotion needs AUTO mode, an open gate, and stays
    at or below CANARY. A stage lock forbids both.
    """
    if is_locked(standing, now=now):
        return None
    below = standing.stage.below
    causes = demotion(standing.stage, evidence)
    if causes and below is not None:
        return StageMove(standing.stage, below, causes)
    verdict = gate(standing.stage, evidence)
    if standing.promotion_mode is not PromotionMode.AUTO or verdict.to is None or verdict.to.rank > AUTO_CEILING.rank:
        return None
    return StageMove(standing.stage, verdict.to, verdict.checks) if verdict.allowed else None


def promote(standing: StageStanding, evidence: Evidence, *, now: datetime) -> StageMove:
    """Return the move one stage up that a person asked for.

    Raises:
        StageLocked: before the end of the stage lock.
        GateClosed: a check of the gate does not pass, or there is no stage above.
    """
    _refuse_if_locked(standing, now)
    verdict = gate(standing.stage, evidence)
    if verdict.to is None:
        raise GateClosed(f"{standing.stage} is the top stage")
    if not verdict.allowed:
        raise GateClosed(f"{standing.stage} to {verdict.to}: {'; '.join(check.reason for check in verdict.blockers)}")
    return StageMove(standing.stage, verdict.to, verdict.checks)


def demote(standing: StageStanding, to: Stage, *, now: datetime) -> StageMove:
    """Return the move down that a person asked for, by any number of stages; it needs no evidence and no approval.

    Raises:
        StageLocked: before the end of the stage lock.
        BadMove: the stage asked for is not below the current one.
    """
    _refuse_if_locked(standing, now)
    if to.rank >= standing.stage.rank:
        raise BadMove(f"a demotion must go below {standing.stage}, was {to}")
    return StageMove(standing.stage, to, ())


def _refuse_if_locked(standing: StageStanding, now: datetime) -> None:
    if is_locked(standing, now=now):
        raise StageLocked(f"no stage move before {standing.stage_locked_until}, was {now}")
