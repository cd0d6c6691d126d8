"""A fleet to look at: bots at every kind of work, with figures that hang together, made of seeded chance.

Rows are written in bulk, so that ten thousand bots take seconds.
"""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from store.tables import (
    AutonomyRun,
    BacktestSession,
    Bot,
    BotEquityCurve,
    BotEvidence,
    BotGeneration,
    BotJob,
    BotMetricsRollup,
    BotProgress,
)
from trading.strategies.genome import default_genome, genome_hash

FIRST = ("Cobalt", "Cedar", "Vivid", "Slate", "Delta", "Jade", "Quartz", "Zephyr", "Umber", "Argon", "Onyx", "Ember")
LAST = (
    "Otter",
    "Badger",
    "Condor",
    "Gecko",
    "Marlin",
    "Shrike",
    "Falcon",
    "Kestrel",
    "Lynx",
    "Heron",
    "Finch",
    "Viper",
)
SYMBOLS = ("MES", "MNQ", "M2K", "MYM", "MCL", "MGC")
ARCHETYPES = ("breakout", "mean_reversion", "vwap_bounce", "trend_ema_cross", "orb_breakout")
STAGES = ("LAB",) * 14 + ("PAPER",) * 4 + ("SHADOW", "CANARY")
DAYS = 120


def plant_fleet(db: Session, count: int, *, now: datetime, seed: int = 7) -> list[UUID]:
    """Write a fleet with work and figures; return the ids in the order of their names."""
    chance = random.Random(seed)  # noqa: S311 - a picture, not a secret
    bots = [_bot(chance, number, now=now) for number in range(count)]
    genomes = {archetype: dict(default_genome(archetype)) for archetype in ARCHETYPES}
    db.execute(insert(Bot), bots)
    db.execute(
        insert(BotGeneration),
        [
            {
                "bot_id": bot["id"],
                "generation_number": number,
                "genome": genomes[bot["archetype"]],
                "genome_hash": genome_hash(genomes[bot["archetype"]]),
                "origin": "SEED" if number == 1 else "IMPROVE",
                "parent_generation": number - 1 or None,
                "created_at": bot["created_at"],
            }
            for bot in bots
            for number in range(1, 1 + (1 if chance.random() < 0.6 else chance.randint(2, 9)))
        ],
    )
    measured = [bot for bot in bots if bot["stage"] != "LAB" or chance.random() < 0.8]
    figures = {bot["id"]: _figures(chance, bot, now=now) for bot in measured}
    db.execute(insert(BotProgress), [_progress(bot, figures) for bot in bots])
    db.execute(insert(BacktestSession), [run for _, run, _ in figures.values()])
    db.execute(insert(BotMetricsRollup), [row for row, _, _ in figures.values()])
    db.execute(insert(BotEvidence), [_evidence(chance, bot, now=now) for bot in measured])
    db.execute(insert(BotEquityCurve), [curve for _, _, curve in figures.values()])
    db.execute(insert(BotJob), list(_jobs(chance, bots, now=now)))
    db.execute(insert(AutonomyRun), [_tick(now, count)])
    return [bot["id"] for bot in sorted(bots, key=lambda bot: bot["name"])]


def _bot(chance: random.Random, number: int, *, now: datetime) -> dict[str, Any]:
    stage = chance.choice(STAGES)
    return {
        "id": UUID(int=chance.getrandbits(128), version=4),
        "name": f"{chance.choice(FIRST)} {chance.choice(LAST)} {number:04d}",
        "stage": stage,
        "symbol": chance.choice(SYMBOLS),
        "timeframe": chance.choice(("5m", "15m", "1h")),
        "archetype": chance.choice(ARCHETYPES),
        "account_usd": Decimal(50_000),
        "stage_entered_at": now - timedelta(days=chance.randint(0, 20)),
        "stage_locked_until": now + timedelta(hours=23, minutes=14) if stage == "LAB" else None,
        "created_at": now - timedelta(days=30),
    }


def _progress(bot: dict[str, Any], figures: dict[UUID, Any]) -> dict[str, Any]:
    done = int(bot["id"] in figures)
    seen = int(bot["id"].int % 1_000)  # of the bot alone, so that nothing else in the picture changes
    return {
        "bot_id": bot["id"],
        "backtests_completed": done,
        "backtest_attempts": done,
        "confidence_pct": seen % 97 if done else None,
        "uniqueness_pct": seen % 61 if done else None,
    }


def _evidence(chance: random.Random, bot: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    log_e = chance.gauss(0.4, 1.2)
    return {
        "bot_id": bot["id"],
        "bars_kind": "SIMULATED",
        "is_newest": True,
        "first_on": date(2025, 1, 6),
        "last_on": date(2025, 12, 19),
        "days": 2,
        "pnl_micros": [2_000_000, -1_000_000],
        **dict.fromkeys(("winners", "losers", "bars_held", "trades", "loss_micros", "profit_micros"), 1),
        "log_e": log_e,
        "sharpe": chance.gauss(0.3, 0.8),
        "proven": log_e > 3.5,
        "proven_since": now if log_e > 3.5 else None,
        "computed_at": now,
    }


def _figures(chance: random.Random, bot: dict[str, Any], *, now: datetime) -> tuple[dict[str, Any], ...]:
    drift = chance.gauss(12, 30)
    daily = [round(chance.gauss(drift, 180), 2) for _ in range(DAYS)]
    equity = [50_000 + gain for gain in accumulate(daily)]
    peaks = list(accumulate([50_000.0, *equity], max))[1:]
    fall = max(peak - value for peak, value in zip(peaks, equity, strict=True))
    gains, losses = sum(d for d in daily if d > 0), -sum(d for d in daily if d < 0)
    mean = sum(daily) / DAYS
    sigma = (sum((d - mean) ** 2 for d in daily) / (DAYS - 1)) ** 0.5
    book = "BACKTEST" if bot["stage"] == "LAB" else bot["stage"]
    session_id = UUID(int=chance.getrandbits(128), version=4)
    at = now - timedelta(minutes=chance.randint(1, 600))
    measured = {
        "data_source": "SIMULATED" if bot["symbol"] in {"MCL", "MGC"} else "databento",
        "net_pnl_usd": Decimal(str(round(sum(daily), 2))),
        "trades": DAYS,
        "win_pct": 100 * sum(d > 0 for d in daily) / DAYS,
        "profit_factor": gains / losses,
        "expectancy_usd": mean,
        "max_drawdown_usd": fall,
        "max_drawdown_pct": 100 * fall / 50_000,
        "sharpe": mean / sigma * 252**0.5,
    }
    days = [(now - timedelta(days=DAYS - day)).date() for day in range(DAYS)]
    row = measured | {
        "bot_id": bot["id"],
        "book": book,
        "session_id": session_id,
        "sessions": 1,
        "sparkline_usd": equity[::4],
        "computed_at": at,
    }
    run = measured | {
        "id": session_id,
        "bot_id": bot["id"],
        "status": "COMPLETED",
        "created_at": at - timedelta(seconds=3),
        "completed_at": at,
        "generation_number": 1,
        "genome_hash": genome_hash(default_genome(bot["archetype"])),
        "archetype": bot["archetype"],
        "symbol": bot["symbol"],
        "timeframe": bot["timeframe"],
        "session_mode": "FULL_24x5",
        "account_usd": bot["account_usd"],
        "contracts": 1,
        "engine_version": "scene",
        "costs": {},
        "bar_count": 20_000,
        "losers": sum(d < 0 for d in daily),
        "equity_on": days,
        "equity_usd": equity,
    }
    curve = {
        "bot_id": bot["id"],
        "book": book,
        "session_id": session_id,
        "trading_on": days,
        "equity_usd": equity,
        "computed_at": at,
    }
    return row, run, curve


def _jobs(chance: random.Random, bots: list[dict[str, Any]], *, now: datetime) -> Any:
    lab = [bot for bot in bots if bot["stage"] == "LAB"]
    running = [("BACKTEST", "RUNNING"), ("BACKTEST", "RUNNING"), ("IMPROVE", "RUNNING"), ("EVOLVE", "RUNNING")]
    queued = [("BACKTEST", "QUEUED")] * (len(lab) // 5) + [("IMPROVE", "QUEUED")] * 4 + [("EVOLVE", "QUEUED")] * 2
    busy = chance.sample(lab, min(len(lab), len(running) + len(queued)))
    for bot, (kind, status) in zip(busy, running + queued, strict=False):
        created = now - timedelta(seconds=chance.randint(20, 300))
        started = created + timedelta(seconds=chance.randint(1, 15)) if status == "RUNNING" else None
        yield {
            "bot_id": bot["id"],
            "job_type": kind,
            "status": status,
            "attempt": chance.randint(1, 4) if kind == "BACKTEST" else 1,
            "iteration": 0 if kind == "BACKTEST" else chance.randint(1, 6),
            "reason_code": "NO_SESSION_SINCE_RESET",
            "dagster_run_id": "run-scene" if started else None,
            "created_at": created,
            "started_at": started,
            "heartbeat_at": now if started else None,
            "progress_pct": 40.0 if started else None,
        }


def _tick(now: datetime, count: int) -> dict[str, Any]:
    return {
        "started_at": now - timedelta(seconds=4),
        "completed_at": now - timedelta(seconds=4),
        "candidates": count,
        "decisions": 0,
        "summary": {
            "jobs_enqueued_by_type": {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 0},
            "currently_running_jobs_by_type": {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 1},
            "eligible_candidates_count": count // 2,
            "concurrency_caps": {"BACKTEST": 2, "IMPROVE": 1, "EVOLVE": 1},
        },
    }
