"""Verification of a bot: one check, one stored row, with what it can and cannot show.

Belongs here: from bot to stored run, what a check is called while it goes on. Does not belong here: the checks
(`suite`, `luck`, `detectors`), what passes (`trading.verification.verdicts`), what a gate makes of it
(`trading.governance.gates`).

What commits together: one run, alone. The check itself holds no transaction, so a long one blocks nobody. Two at once
give two rows; the newest counts. A check that cannot be made stores nothing and says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from services.backtests.epochs import open_days
from services.backtests.workbench import Workbench, open_workbench
from services.desk import Desk
from services.progress import Progress, silent
from services.verification.detectors import check_look_ahead, check_warm_up
from services.verification.findings import Finding, seed_of
from services.verification.luck import check_overfitting, check_resampled_bars, check_resampled_trades, check_sharpe
from services.verification.suite import check_grid, check_matrix, check_sensitivity, check_stress, check_walk_forward
from services.work.under_way import LongWork, telling
from store.database import transaction
from store.verification import verifications
from store.work.under_way import WorkKind
from trading.backtests.engine import ENGINE_VERSION
from trading.verification.verdicts import LIMITS, Grade, Kind, Limits

Check = Callable[[Desk, Workbench, Progress], Finding]

CHECKS: Mapping[Kind, Check] = MappingProxyType(
    {
        Kind.WALK_FORWARD: check_walk_forward,
        Kind.SENSITIVITY: check_sensitivity,
        Kind.GRID: check_grid,
        Kind.MONTE_CARLO_TRADES: check_resampled_trades,
        Kind.MONTE_CARLO_BARS: check_resampled_bars,
        Kind.STRESS: check_stress,
        Kind.MATRIX: check_matrix,
        Kind.SHARPE: check_sharpe,
        Kind.PBO: check_overfitting,
        Kind.LOOK_AHEAD: check_look_ahead,
        Kind.WARM_UP: check_warm_up,
    }
)
TITLES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.WALK_FORWARD: "Walk-forward",
        Kind.SENSITIVITY: "Parameter sensitivity",
        Kind.GRID: "Parameter grid",
        Kind.MONTE_CARLO_TRADES: "Resampled trades",
        Kind.MONTE_CARLO_BARS: "Resampled histories",
        Kind.STRESS: "Stress test",
        Kind.MATRIX: "Timeframe matrix",
        Kind.SHARPE: "Sharpe test",
        Kind.PBO: "Overfitting test",
        Kind.LOOK_AHEAD: "Look-ahead check",
        Kind.WARM_UP: "Warm-up check",
    }
)


ON_OPEN_DAYS = frozenset({Kind.WALK_FORWARD, Kind.SENSITIVITY, Kind.GRID, Kind.PBO})
"""The checks that try many genomes: they read open days only, as searches do."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One stored run.

    Attributes:
        kind, grade, reason: What was checked and how it came out.
        figures: As stored.
        limits: What it can and cannot show.
        data_source: The provider's name, or SIMULATED: such a run is no evidence for any gate.
    """

    id: UUID
    bot_id: UUID
    kind: Kind
    generation: int
    grade: Grade
    reason: str
    figures: Mapping[str, Any]
    limits: Limits
    data_source: str
    seed: int
    created_at: datetime
    completed_at: datetime


def verify(
    desk: Desk, bot_id: UUID, kind: Kind, *, run_id: str | None = None, progress: Progress = silent
) -> Verification:
    """Run one check on a bot's newest generation and store it.

    Raises:
        UnknownBots: there is no such bot.
        NoMarketData, BadBars, BadInput: it has no bars, or too few for this check.
        Refused: the check judges a session and there is none.
        Unavailable: the database is away; nothing is stored.
    """
    created_at = desk.clock()
    bench = open_workbench(desk, bot_id)
    if kind in ON_OPEN_DAYS:
        bench = open_days(desk, bench)
    work = LongWork(kind=WorkKind.VERIFICATION, title=TITLES[kind], bot_id=bot_id, run_id=run_id)
    with telling(desk, work, progress=progress) as tell:
        finding = CHECKS[kind](desk, bench, tell)
        provenance = {"run_id": run_id, "created_at": created_at, "completed_at": desk.clock()}
        row = _row(bench, kind, finding) | provenance
        with transaction(desk.database) as db:
            verifications.append(db, row)
    return Verification(
        id=row["id"],
        bot_id=bot_id,
        kind=kind,
        generation=row["generation_number"],
        grade=finding.verdict.grade,
        reason=finding.verdict.reason,
        figures=row["figures"],
        limits=LIMITS[kind],
        data_source=row["data_source"],
        seed=row["seed"],
        created_at=created_at,
        completed_at=row["completed_at"],
    )


def _row(bench: Workbench, kind: Kind, finding: Finding) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "bot_id": bench.bot.id,
        "kind": kind,
        "generation_number": bench.bot.generation,
        "genome_hash": bench.bot.genome_hash,
        "seed": seed_of(bench.bot, kind),
        "data_source": bench.at_hand.data_source,
        "data_fingerprint": bench.at_hand.bars.fingerprint,
        "engine_version": ENGINE_VERSION,
        "verdict": finding.verdict.grade,
        "reason": finding.verdict.reason,
        "figures": dict(finding.figures) | {"notes": list(bench.at_hand.series.notes)},
        "can_show": LIMITS[kind].can_show,
        "cannot_show": LIMITS[kind].cannot_show,
        **finding.for_gates,
        **finding.judged,
    }
