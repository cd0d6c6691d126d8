"""Recorded ticks: what the planner saw and what it decided, as JSON.

    python -m tests.golden.replay tests/golden/recorded_ticks.json

Belongs here: recording ticks of a real desk and reading them back. Does not belong here: comparing them with today's
planner (`test_replay.py`). A change of the rules is explained in the changelog and recorded anew.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import Engine, text

from gateways.postgres import connect_urls
from services.backtests.baselines import BaselineBacktest
from services.bots.seed import fleet_ids, seed_fleet
from services.desk import Desk, open_desk
from services.figures.resets import reset_metrics
from services.improvement.iterations import Evolution, Improvement
from services.market.bars import simulate_market
from services.work.autonomy import run_autonomy_tick
from services.work.queue import Task, drain
from tests.harness.factories import reset_request
from tests.harness.own_platform import private_platform
from trading.work.jobs import Caps, JobType
from trading.work.planner import ConsideredBot, Decision, Load, Plan, plan_autonomy_tick

TASKS: Mapping[JobType, Task] = {
    JobType.BACKTEST: BaselineBacktest(),
    JobType.IMPROVE: Improvement(),
    JobType.EVOLVE: Evolution(),
}
KILL_SWITCH = text(
    "INSERT INTO system_settings (key, value, updated_at, updated_by)"
    " VALUES ('kill_switch', jsonb_build_object('tier', CAST(:tier AS text)), now(), 'replay')"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
FIRST_BOT = "(SELECT min(id::text)::uuid FROM bots)"
LAST_BOT = "(SELECT max(id::text)::uuid FROM bots)"
EVENTS = {
    3: text(f"UPDATE bots SET killed_at = now() WHERE id = {FIRST_BOT}"),
    5: KILL_SWITCH.bindparams(tier="HARD"),
    6: KILL_SWITCH.bindparams(tier="NORMAL"),
    8: text(f"UPDATE bot_progress SET backtest_failures_in_row = 2 WHERE bot_id = {LAST_BOT}"),
    9: text(f"UPDATE bots SET stage = 'PAPER' WHERE id = {LAST_BOT}"),
}
STEPS = 16
RESET_STEP = 10
TIMES = {
    "created_at",
    "bars_since",
    "generation_since",
    "last_backtest_at",
    "last_improve_at",
    "last_evolve_at",
}


@dataclass(frozen=True)
class RecordedTick:
    """One tick: everything the planner was given, and its decisions as plain words."""

    fleet: tuple[ConsideredBot, ...]
    now: datetime
    caps: Caps
    load: Load
    kill_switch: bool
    decided: tuple[dict[str, Any], ...]

    def replayed(self) -> tuple[dict[str, Any], ...]:
        """Return what today's planner decides."""
        plan = plan_autonomy_tick(
            self.fleet, now=self.now, caps=self.caps, load=self.load, kill_switch=self.kill_switch
        )
        return tuple(_words(decision) for decision in plan.decisions)


def read(path: Path) -> list[RecordedTick]:
    """Return the recorded ticks, oldest first."""
    return [_tick(written) for written in json.loads(path.read_text("utf-8"))]


def record(path: Path) -> int:
    """Let a small fleet live through a few hours on a real database and write down every tick; return how many."""
    ticks: list[dict[str, Any]] = []

    def listening(fleet: Any, *, now: datetime, caps: Caps, load: Load, kill_switch: bool) -> Plan:
        seen = list(fleet)
        plan = plan_autonomy_tick(seen, now=now, caps=caps, load=load, kill_switch=kill_switch)
        ticks.append(_told(seen, now, caps=caps, load=load, kill_switch=kill_switch, plan=plan))
        return plan

    with patch("services.work.autonomy.plan_autonomy_tick", listening):
        _live_through()
    path.write_text(json.dumps(ticks, indent=None, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    return len(ticks)


def _live_through() -> None:
    now = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    with private_platform("pg-replay") as platform:
        desk = open_desk(platform.settings, connect_urls(platform.settings), clock=lambda: now)
        simulate_market(desk.bars, ("MES", "MGC"), seed=7, start_on=date(2024, 1, 2), years=1)
        seed_fleet(desk, size=12, symbols=("MES", "MGC", "MNQ"), timeframes=("1h",))
        for step in range(STEPS):
            _happen(desk, platform.owner(), step)
            run_autonomy_tick(desk)
            for job_type, task in TASKS.items():
                list(drain(desk, task, job_type, run_id=f"replay-{step}", time_limit=timedelta(hours=1)))
            now += timedelta(minutes=11)
        desk.database.kw["bind"].dispose()


def _happen(desk: Desk, owner: Engine, step: int) -> None:
    """What operators and mishaps do between ticks."""
    if step in EVENTS:
        with owner.begin() as connection:
            connection.execute(EVENTS[step])
    if step == RESET_STEP:
        reset_metrics(desk, reset_request(bot_ids=fleet_ids(desk)[:6]))


def _told(
    fleet: list[ConsideredBot], now: datetime, *, caps: Caps, load: Load, kill_switch: bool, plan: Plan
) -> dict[str, Any]:
    return {
        "now": now.isoformat(),
        "kill_switch": kill_switch,
        "caps": {"running": {str(kind): cap for kind, cap in caps.running.items()}, "per_symbol": caps.per_symbol},
        "queued": {str(kind): count for kind, count in load.queued.items()},
        "active": [[str(kind), symbol, count] for (kind, symbol), count in load.active_by_symbol.items()],
        "fleet": [dict(_plain(candidate)) for candidate in fleet],
        "decided": [_words(decision) for decision in plan.decisions],
    }


def _plain(candidate: ConsideredBot) -> Iterator[tuple[str, Any]]:
    for column in fields(candidate):
        value = getattr(candidate, column.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, frozenset):
            value = sorted(map(str, value))
        yield column.name, str(value) if isinstance(value, UUID) else value


def _words(decision: Decision) -> dict[str, Any]:
    written = asdict(decision)
    return written | {
        "bot_id": str(decision.bot_id),
        "reason": str(decision.reason),
        "job_type": None if decision.job_type is None else str(decision.job_type),
        "blockers": [str(blocker) for blocker in decision.blockers],
    }


def _tick(written: Mapping[str, Any]) -> RecordedTick:
    return RecordedTick(
        fleet=tuple(_candidate(row) for row in written["fleet"]),
        now=datetime.fromisoformat(written["now"]),
        caps=Caps(
            {JobType(kind): cap for kind, cap in written["caps"]["running"].items()}, written["caps"]["per_symbol"]
        ),
        load=Load(
            queued={JobType(kind): count for kind, count in written["queued"].items()},
            active_by_symbol={(JobType(kind), symbol): count for kind, symbol, count in written["active"]},
        ),
        kill_switch=written["kill_switch"],
        decided=tuple(written["decided"]),
    )


def _candidate(row: Mapping[str, Any]) -> ConsideredBot:
    times = {name: datetime.fromisoformat(row[name]) if row[name] else None for name in TIMES & row.keys()}
    active = frozenset(JobType(kind) for kind in row["active"])
    return ConsideredBot(**{**row, **times, "bot_id": UUID(row["bot_id"]), "active": active})


if __name__ == "__main__":
    print(f"{record(Path(sys.argv[1]))} ticks")  # noqa: T201 - it is a command
