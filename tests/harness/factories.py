"""Rows and requests for integration tests: smallest valid ones; keywords replace any column or field.

Belongs here: one factory per table or request that several tests need. Does not belong here: scenarios (they live
with their test).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.desk import Desk
from services.figures.resets import ResetRequest
from store.backtests.trades import ExecutionFill, TradeLog
from store.improvement.looks import SealedLook
from store.tables import (
    AutonomyRun,
    BacktestSession,
    Bot,
    BotEvidence,
    BotGeneration,
    BotJob,
    BotMetricsRollup,
    BotProgress,
    ImproveIteration,
)
from store.verification.records import RecordStretch
from tests.harness.actors import OPS
from trading.improvement.looks import LEVELS
from trading.strategies.genome import default_genome, genome_hash

BIRTH = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
LAB_FIGURES: dict[str, Any] = {
    "trades": 60,
    "win_pct": 60.0,
    "profit_factor": 2.0,
    "expectancy_usd": 16.0,
    "sharpe": 1.0,
    "max_drawdown_pct": 5.0,
}
_numbers = count(1)
Row = TypeVar("Row")


def make_bot(db: Session, **over: Any) -> Bot:
    """Add a LAB bot with its first generation and its progress row, as registration does."""
    columns: dict[str, Any] = {
        "id": uuid4(),
        "name": f"Bot {next(_numbers)} {uuid4().hex[:8]}",
        "stage": "LAB",
        "symbol": "MES",
        "timeframe": "1h",
        "archetype": "breakout",
        "account_usd": Decimal(50_000),
        "stage_entered_at": BIRTH,
        "created_at": BIRTH,
    }
    bot = Bot(**columns | over)
    db.add(bot)
    db.flush()
    db.add(BotProgress(bot_id=bot.id))
    make_generation(db, bot, created_at=bot.created_at)
    return bot


def make_generation(db: Session, bot: Bot, **over: Any) -> BotGeneration:
    """Add the bot's next generation, with its archetype's default genome."""
    highest = db.execute(
        select(func.max(BotGeneration.generation_number)).where(BotGeneration.bot_id == bot.id)
    ).scalar()
    genome = over.pop("genome", None) or dict(default_genome(bot.archetype))
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "generation_number": (highest or 0) + 1,
        "genome": genome,
        "genome_hash": genome_hash(genome),
        "origin": "IMPROVE" if highest else "SEED",
        "parent_generation": highest,
        "created_at": BIRTH,
    }
    return _added(db, BotGeneration(**columns | over))


def make_record(db: Session, bot: Bot, **over: Any) -> BotEvidence:
    """Add a record of the bot on real bars that all figures of the gate out of LAB pass, and that is proof."""
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "bars_kind": "REAL",
        "is_newest": True,
        "first_on": date(2025, 1, 6),
        "last_on": date(2025, 12, 19),
        "days": 2,
        "pnl_micros": [900_000_000, -100_000_000],
        "winners": 36,
        "losers": 24,
        "bars_held": 300,
        "profit_micros": 2_000_000_000,
        "loss_micros": 1_000_000_000,
        "log_e": 5.0,
        "proven": True,
        "proven_since": BIRTH,
        "computed_at": BIRTH,
    }
    return _added(db, BotEvidence(**columns | LAB_FIGURES | over))


def make_stretch(db: Session, bot: Bot, **over: Any) -> RecordStretch:
    """Add two days to the record of the bot on real bars, traded by its first generation."""
    first_on, last_on = date(2025, 12, 18), date(2025, 12, 19)
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "bars_kind": "REAL",
        "first_on": first_on,
        "last_on": last_on,
        "origin": "IN_FORCE",
        "generation_number": 1,
        "genome_hash": genome_hash(default_genome(bot.archetype)),
        "days_on": [first_on, last_on],
        "pnl_micros": [900_000_000, -100_000_000],
        "trades": 2,
        "winners": 1,
        "losers": 1,
        "bars_held": 9,
        "profit_micros": 900_000_000,
        "loss_micros": 100_000_000,
        "data_source": "cme",
        "data_fingerprint": "f" * 64,
        "engine_version": "test",
        "created_at": BIRTH,
    }
    return _added(db, RecordStretch(**columns | over))


def make_job(db: Session, bot: Bot, *, status: str = "QUEUED", **over: Any) -> BotJob:
    """Add a job of the bot, BACKTEST unless told otherwise, with the times its status demands."""
    created_at = over.get("created_at", BIRTH)
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "job_type": "BACKTEST",
        "status": status,
        "reason_code": "NEEDS_BASELINE",
        "created_at": created_at,
    }
    if status != "QUEUED":
        columns |= {"dagster_run_id": f"run-{next(_numbers)}", "started_at": created_at, "heartbeat_at": created_at}
    if status not in ("QUEUED", "RUNNING"):
        columns["completed_at"] = created_at + timedelta(seconds=1)
    return _added(db, BotJob(**columns | over))


def make_session(
    db: Session,
    bot: Bot,
    *,
    created_at: datetime,
    trade_pnl_usd: Sequence[str | int] = ("100", "-40", "25.5"),
    status: str = "COMPLETED",
    **over: Any,
) -> BacktestSession:
    """Add a backtest session whose counts and sums follow from `trade_pnl_usd`; its trades are not added."""
    columns: dict[str, Any] = {
        "id": uuid4(),
        "bot_id": bot.id,
        "status": status,
        "created_at": created_at,
        "completed_at": created_at + timedelta(seconds=2),
        "generation_number": 1,
        "genome_hash": genome_hash(default_genome(bot.archetype)),
        "archetype": bot.archetype,
        "symbol": bot.symbol,
        "timeframe": bot.timeframe,
        "session_mode": "FULL_24x5",
        "account_usd": bot.account_usd,
        "contracts": 1,
        "engine_version": "test",
        "costs": {},
    }
    if status == "FAILED":
        columns["error"] = "BAD_BARS: planted"
    else:
        columns |= _figures([Decimal(pnl) for pnl in trade_pnl_usd], bot.account_usd)
    return _added(db, BacktestSession(**columns | over))


def make_trade(db: Session, bot: Bot, *, book: str, exit_at: datetime, net_usd: str | int, **over: Any) -> TradeLog:
    """Add one round trip that cost 1.24 in commission and no slippage; for BACKTEST give `session_id` and `seq`."""
    net = Decimal(net_usd)
    commission = Decimal("1.24")
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "book": book,
        "seq": next(_numbers),
        "side": "LONG",
        "contracts": 1,
        "entry_at": exit_at - timedelta(hours=2),
        "exit_at": exit_at,
        "entry_price": Decimal(5000),
        "exit_price": Decimal(5000) + (net + commission) / 5,
        "entry_ticks": 5_000_000_000,
        "exit_ticks": 5_000_000_000 + int((net + commission) * 200_000),
        "tick_size": Decimal("0.000001"),
        "bars_held": 2,
        "gross_pnl_usd": net + commission,
        "commission_usd": commission,
        "slippage_usd": Decimal(0),
        "net_pnl_usd": net,
        "mae_usd": min(net, Decimal(0)),
        "mfe_usd": max(net, Decimal(0)),
        "exit_reason": "TARGET" if net > 0 else "STOP",
        "created_at": exit_at,
    }
    return _added(db, TradeLog(**columns | over))


def make_fill(db: Session, bot: Bot, *, book: str, filled_at: datetime, **over: Any) -> ExecutionFill:
    """Add one fill of a stage book: a buy of one contract that realised nothing."""
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "book": book,
        "client_order_id": f"order-{next(_numbers)}",
        "venue": "PAPER",
        "venue_fill_id": uuid4().hex,
        "symbol": bot.symbol,
        "side": "BUY",
        "quantity_contracts": 1,
        "price": Decimal(5000),
        "price_ticks": 20_000,
        "tick_size": Decimal("0.25"),
        "commission_usd": Decimal("0.62"),
        "realised_pnl_usd": Decimal(0),
        "filled_at": filled_at,
        "created_at": filled_at,
    }
    return _added(db, ExecutionFill(**columns | over))


def make_iteration(db: Session, bot: Bot, number: int, **over: Any) -> ImproveIteration:
    """Add an improve iteration that was not accepted and ended as many minutes after the first birth as its number."""
    ended_at = BIRTH + timedelta(minutes=number)
    columns: dict[str, Any] = {
        "id": uuid4(),
        "bot_id": bot.id,
        "job_type": "IMPROVE",
        "iteration": number,
        "parent_generation": 1,
        "accepted": False,
        "reason_code": "NOT_BETTER",
        "reason": "not better",
        "candidates_tried": 1,
        "evidence": {},
        "data_source": "SIMULATED",
        "data_fingerprint": "f",
        "seed": 1,
        "created_at": ended_at,
        "completed_at": ended_at,
    }
    return _added(db, ImproveIteration(**columns | over))


def make_look(db: Session, bot: Bot, number: int = 1, **over: Any) -> SealedLook:
    """Add a look that was lost and the iteration behind it, at 60 days of an epoch that is there."""
    tried = make_iteration(db, bot, number, reason_code="LOOK_LOST", reason="luck does as well")
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "epoch": 1,
        "number": number,
        "iteration_id": tried.id,
        "first_on": date(2026, 1, 5),
        "last_on": date(2026, 3, 31),
        "days": 60,
        "active_days": 41,
        "genome_hash": f"{number:064d}",
        "generation_number": 1,
        "statistic": 1.21,
        "p_value": 0.1183,
        "level": LEVELS[0],
        "passed": False,
        "reason": "luck does as well as its own net P&L with probability 0.1183, above the level of 0.0225",
        "created_at": tried.completed_at,
    }
    return _added(db, SealedLook(**columns | over))


def rollup(bot_id: UUID, *, book: str = "BACKTEST", **over: Any) -> BotMetricsRollup:
    """Return the rollup of one book of a bot, to be added; keywords replace any column."""
    columns: dict[str, Any] = {
        "bot_id": bot_id,
        "book": book,
        "sessions": 1,
        "data_source": "SIMULATED",
        "net_pnl_usd": Decimal("125.50"),
        "trades": 40,
        "win_pct": 55.0,
        "profit_factor": 1.4,
        "sharpe": 0.8,
        "max_drawdown_pct": 4.2,
        "sparkline_usd": [50_000.0, 50_100.0, 50_125.5],
        "computed_at": BIRTH,
    }
    return BotMetricsRollup(**columns | over)


def tick(desk: Desk, **over: Any) -> int:
    """Record a tick that is over, without decisions of bots, and return its number."""
    columns: dict[str, Any] = {
        "started_at": desk.clock(),
        "completed_at": desk.clock(),
        "candidates": 2,
        "decisions": 2,
        "summary": {
            "jobs_enqueued_by_type": {"BACKTEST": 1},
            "currently_running_jobs_by_type": {"BACKTEST": 9},
            "eligible_candidates_count": 1,
            "concurrency_caps": {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 1},
        },
    }
    with desk.database.begin() as db:
        run = AutonomyRun(**columns | over)
        db.add(run)
        db.flush()
        return run.id


def reset_request(**over: Any) -> ResetRequest:
    """Return a reset of the whole fleet, executed, with its curves; keywords replace any field."""
    plain: dict[str, Any] = {
        "scope": "ALL",
        "bot_ids": None,
        "reason_code": "SEV1_RESET_METRICS",
        "also_reset_equity_curves": True,
        "dry_run": False,
        "actor": OPS,
        "request_id": "trace-1",
    }
    return ResetRequest(**plain | over)


def _added(db: Session, row: Row) -> Row:
    db.add(row)
    db.flush()
    return row


def make_evidence(db: Session, bot: Bot, **over: Any) -> BotEvidence:
    """Add the evidence of a record of two days; it is proven where `proven_since` says since when."""
    sums = dict.fromkeys(("trades", "winners", "losers", "bars_held", "profit_micros", "loss_micros"), 0)
    columns: dict[str, Any] = {
        "bot_id": bot.id,
        "bars_kind": "SIMULATED",
        "is_newest": True,
        "first_on": date(2026, 1, 5),
        "last_on": date(2026, 1, 6),
        "days": 2,
        "pnl_micros": [1, -1],
        "log_e": 0.0,
        "proven": over.get("proven_since") is not None,
        "computed_at": BIRTH,
    }
    evidence = BotEvidence(**columns | sums | over)
    db.add(evidence)
    db.flush()
    return evidence


def make_bots(db: Session, number: int) -> list[UUID]:
    """Add many bots with their first generations in a few statements; return their ids in id order."""
    genome = dict(default_genome("breakout"))
    ids = sorted(uuid4() for _ in range(number))
    db.add_all(
        Bot(
            id=bot_id,
            name=f"Bot {bot_id}",
            symbol="MES",
            timeframe="1h",
            archetype="breakout",
            account_usd=Decimal(50_000),
            stage_entered_at=BIRTH,
            created_at=BIRTH,
        )
        for bot_id in ids
    )
    db.flush()
    db.add_all(BotProgress(bot_id=bot_id) for bot_id in ids)
    db.add_all(
        BotGeneration(
            bot_id=bot_id,
            generation_number=1,
            genome=genome,
            genome_hash=genome_hash(genome),
            origin="SEED",
            created_at=BIRTH,
        )
        for bot_id in ids
    )
    db.flush()
    return ids


def _figures(trade_pnl_usd: list[Decimal], account_usd: Decimal) -> dict[str, Any]:
    wins = [pnl for pnl in trade_pnl_usd if pnl > 0]
    losses = [pnl for pnl in trade_pnl_usd if pnl < 0]
    net, trades = sum(trade_pnl_usd, Decimal(0)), len(trade_pnl_usd)
    equity = [account_usd + sum(trade_pnl_usd[: day + 1], Decimal(0)) for day in range(trades)]
    peaks = [max([account_usd, *equity[: day + 1]]) for day in range(trades)]
    falls = [(peak - value, (peak - value) / peak) for peak, value in zip(peaks, equity, strict=True)]
    return {
        "data_source": "SIMULATED",
        "data_fingerprint": "f" * 64,
        "bar_count": 1_000,
        "net_pnl_usd": net,
        "trades": trades,
        "winners": len(wins),
        "losers": len(losses),
        "win_pct": 100 * len(wins) / trades if trades else None,
        "profit_factor": float(sum(wins) / -sum(losses)) if losses else None,
        "expectancy_usd": float(net / trades) if trades else None,
        "max_drawdown_usd": float(max((fall for fall, _ in falls), default=Decimal(0))),
        "max_drawdown_pct": float(100 * max((fraction for _, fraction in falls), default=Decimal(0))),
        "equity_on": [date(2025, 1, 6) + timedelta(days=day) for day in range(trades)],
        "equity_usd": equity,
    }
