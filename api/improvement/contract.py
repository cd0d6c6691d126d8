"""The JSON of the strategy lab."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from api.edge.contract import Spoken


class IterationTold(Spoken):
    """One iteration of one bot and its verdict."""

    id: UUID
    bot_id: UUID
    name: str
    symbol: str
    timeframe: str
    archetype: str
    job_type: str
    iteration: int
    parent_generation: int
    new_generation: int | None
    accepted: bool
    reason_code: str
    reason: str
    candidates_tried: int
    evidence: dict[str, Any]
    data_source: str
    completed_at: datetime


class IterationsAnswer(Spoken):
    """Iterations, youngest first."""

    data: list[IterationTold] = Field(validation_alias="iterations")
    next_cursor: str | None
    now: datetime


class CandidateTold(Spoken):
    """One genome that was tried; held-out figures only where it was judged."""

    trial: int
    segment: int
    train_sharpe: float | None
    train_net_pnl_usd: float | None
    train_trades: int
    test_sharpe: float | None
    test_net_pnl_usd: float | None
    test_trades: int | None
    genome: dict[str, Any]


class GeneTold(Spoken):
    """One number of the genome, in the parent and in the candidate."""

    gene: str
    parent: float | None
    candidate: float | None
    changed: bool


class IterationInDepthAnswer(Spoken):
    """One iteration with all it tried; `judged` is the trial held against the parent."""

    iteration: IterationTold
    candidates: list[CandidateTold]
    judged: int | None
    genes: list[GeneTold]
