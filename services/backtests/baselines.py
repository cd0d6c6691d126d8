"""Baseline backtests: run a bot's newest genome over its bars and store the session.

Belongs here: from bot to session row. Does not belong here: the rules of filling (`trading.backtests`), the queue
(`work/queue.py`).

What commits together: the session, its trades, the bot's counters, its rollup and what it adds to the bot's record,
with the job's end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy.orm import Session

from services.backtests.records import RecordGrowth, growth
from services.backtests.workbench import open_workbench
from services.desk import Desk
from services.market.tapes import TapeAtHand
from services.progress import Progress
from services.work.queue import Finished, Result, work_by_hand
from store.backtests.sessions import copy_trades, insert_session
from store.bots import registry
from store.bots.registry import BotAtWork
from store.database import transaction
from store.figures import rollups
from store.work.jobs import Claim
from trading.arrays import IntArray
from trading.backtests.engine import ENGINE_VERSION, Backtest, ExitReason, order_list_hash
from trading.days import on_day
from trading.figures.declared import exact, figures_of
from trading.market.instruments import Instrument, instrument
from trading.money import MICROS_PER_USD, usd
from trading.strategies.memory import History
from trading.strategies.tape import Tape
from trading.work.jobs import JobStatus, JobType

SIDES = {1: "LONG", -1: "SHORT"}


@dataclass(frozen=True, slots=True)
class CompletedSession:
    """A session that ran to its end."""

    bot: BotAtWork
    at_hand: TapeAtHand
    backtest: Backtest
    growth: RecordGrowth | None = None
    id: UUID = field(default_factory=uuid4)

    @property
    def figures(self) -> Mapping[str, Any]:
        """Headline figures of the session."""
        measured = self.backtest.performance
        return {
            "bot": self.bot.name,
            "session_id": str(self.id),
            "generation": self.bot.generation,
            "net_pnl_usd": float(usd(measured.net_pnl_micros)),
            "trades": measured.trades,
            "win_pct": measured.win_pct,
            "profit_factor": measured.profit_factor,
            "max_drawdown_pct": measured.max_drawdown_pct,
            "sharpe": measured.sharpe,
            "data_source": self.at_hand.data_source,
            "bars": len(self.at_hand.bars),
            "refused_entries": self.backtest.refused_entries,
            "bust_at": None if self.bust_at is None else self.bust_at.isoformat(),
            **({"rule_fingerprint": self.bot.rule_fingerprint} if self.bot.rule_fingerprint else {}),
        }

    @property
    def bust_at(self) -> datetime | None:
        """Open of the bar in which the account could no longer carry one contract."""
        bar = self.backtest.bust_bar
        return None if bar is None else _instant(self.at_hand.bars.ts_event[bar])

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        """Write session, trades, counters and rollup, and the days it adds to the bot's record."""
        insert_session(db, self._row(claim, now=now))
        copy_trades(
            db,
            trade_columns(
                self.backtest, self.at_hand, traded=instrument(self.bot.symbol), contracts=self.bot.contracts
            ),
            session_id=self.id,
            bot_id=self.bot.id,
            contracts=self.bot.contracts,
            created_at=claim.started_at,
        )
        if self.growth is not None:
            self.growth.record(db, claim, now=now)
        _count(db, claim, self, now=now)
        rollups.rebuild(db, [self.bot.id], now=now)
        return self.figures

    def _row(self, claim: Claim, *, now: datetime) -> dict[str, Any]:
        measured, bars, days = self.backtest.performance, self.at_hand.bars, _day_closes(self.at_hand.tape)
        return _origin(self.bot, claim, now=now) | {
            "id": self.id,
            "status": JobStatus.COMPLETED,
            "data_source": self.at_hand.data_source,
            "data_fingerprint": bars.fingerprint,
            "bar_count": len(bars),
            "first_bar_at": _instant(bars.ts_event[0]),
            "last_bar_at": _instant(bars.ts_event[-1]),
            **exact(figures_of(measured)),
            "winners": measured.winners,
            "losers": measured.losers,
            "refused_entries": self.backtest.refused_entries,
            "bust_at": self.bust_at,
            "order_list_hash": order_list_hash(self.backtest),
            "equity_on": [on_day(day) for day in self.at_hand.tape.trading_day[days]],
            "equity_usd": [usd(equity) for equity in self.backtest.equity_micros[days]],
            "notes": [*self.at_hand.series.notes, *self.backtest.notes],
        }


@dataclass(frozen=True, slots=True)
class FailedSession:
    """A session that could not run, and why."""

    bot: BotAtWork | None
    error: str

    def record(self, db: Session, claim: Claim, *, now: datetime) -> Mapping[str, Any]:
        """Write the failure and count it, unless a reset came in between."""
        if self.bot is not None:
            origin = _origin(self.bot, claim, now=now)
            insert_session(db, origin | {"id": uuid4(), "status": JobStatus.FAILED, "error": self.error})
        counters = registry.progress(db, claim.bot_id)
        if registry.counts_since_baseline(db, claim.bot_id, created_at=claim.started_at):
            failures = counters.backtest_failures_in_row + 1
            registry.set_progress(db, claim.bot_id, backtest_failures_in_row=failures, last_backtest_at=now)
        return {"error": self.error}


class BaselineBacktest:
    """The BACKTEST task."""

    def perform(self, desk: Desk, claim: Claim, progress: Progress) -> Result:
        """Run the bot's newest genome over the best bars there are.

        Raises:
            UnknownBots, NoMarketData, BadBars, BadGenome: the session cannot run.
        """
        bench = open_workbench(desk, claim.bot_id)
        backtest = bench.backtest()
        progress("backtest", 1, 1)
        return CompletedSession(bench.bot, bench.at_hand, backtest, growth(desk, bench, backtest))

    def failure(self, desk: Desk, claim: Claim, error: str) -> Result:
        """Return the failed session."""
        with transaction(desk.database) as db:
            return FailedSession(registry.at_work(db, claim.bot_id), error)


def run_baseline(desk: Desk, bot_id: UUID, *, run_id: str) -> Finished:
    """Run one bot's baseline backtest now, as a person asks for it. See `work_by_hand` for what is refused."""
    return work_by_hand(desk, BaselineBacktest(), JobType.BACKTEST, bot_id=bot_id, run_id=run_id)


def trade_columns(backtest: Backtest, at_hand: TapeAtHand, *, traded: Instrument, contracts: int) -> dict[str, Any]:
    """Return a backtest's trades as the columns `copy_trades` wants; prices are exact decimals."""
    trades, opened = backtest.trades, at_hand.bars.ts_event
    tick_price_micros = traded.tick_size * MICROS_PER_USD
    tick_money_micros = traded.tick_value_micros * contracts
    return {
        "side": _words(trades.side, SIDES),
        "entry_ns": opened[trades.entry_bar],
        "exit_ns": opened[trades.exit_bar],
        "entry_micros": trades.entry_ticks.astype(object) * tick_price_micros,
        "exit_micros": trades.exit_ticks.astype(object) * tick_price_micros,
        "entry_ticks": trades.entry_ticks,
        "exit_ticks": trades.exit_ticks,
        "tick_size": [traded.tick_size] * len(trades.side),
        "bars_held": trades.bars_held,
        "gross_micros": trades.gross_micros,
        "commission_micros": trades.commission_micros,
        "slippage_micros": trades.slippage_micros,
        "net_micros": trades.net_micros,
        "mae_micros": trades.mae_ticks * tick_money_micros,
        "mfe_micros": trades.mfe_ticks * tick_money_micros,
        "exit_reason": _words(trades.exit_reason, {int(reason): reason.name for reason in ExitReason}),
    }


def _origin(bot: BotAtWork, claim: Claim, *, now: datetime) -> dict[str, Any]:
    traded = instrument(bot.symbol)
    return {
        "bot_id": bot.id,
        "job_id": claim.job_id,
        "dagster_run_id": claim.run_id,
        "created_at": claim.started_at,
        "completed_at": now,
        "generation_number": bot.generation,
        "genome_hash": bot.genome_hash,
        "archetype": bot.archetype,
        "rule_fingerprint": bot.rule_fingerprint,
        "symbol": bot.symbol,
        "timeframe": bot.timeframe,
        "session_mode": bot.session_mode,
        "account_usd": Decimal(bot.account_usd),
        "contracts": bot.contracts,
        "engine_version": ENGINE_VERSION,
        "costs": {
            "commission_usd": str(traded.commission_usd),
            "slippage_ticks": traded.slippage_ticks,
            "day_margin_usd": traded.day_margin_usd,
        },
    }


def _count(db: Session, claim: Claim, done: CompletedSession, *, now: datetime) -> None:
    """Count a completed session, unless a reset came after it had started: then it does not exist for the planner."""
    counters = registry.progress(db, claim.bot_id)
    if not registry.counts_since_baseline(db, claim.bot_id, created_at=claim.started_at):
        return
    registry.set_progress(
        db,
        claim.bot_id,
        backtests_completed=counters.backtests_completed + 1,
        backtest_failures_in_row=0,
        last_backtest_at=now,
        last_session_trades=done.backtest.performance.trades,
        last_session_generation=done.bot.generation,
        last_session_fingerprint=done.at_hand.bars.fingerprint,
        last_session_bars_left=History(len(done.at_hand.bars), done.backtest.warm_up_bars).left_bars,
    )


def _day_closes(tape: Tape) -> IntArray:
    """Return the index of the last bar of each trading day, oldest first."""
    return np.append(np.flatnonzero(np.diff(tape.trading_day)), len(tape) - 1)


def _words(codes: IntArray, words: Mapping[int, str]) -> list[str]:
    return [words[code] for code in codes.tolist()]


def _instant(ns: np.int64) -> datetime:
    return datetime.fromtimestamp(int(ns) // 1_000_000_000, UTC)
