"""The strategy lab: what each iteration tried, what it held against what, and why it was kept or turned down.

Belongs here: read-only pages over iterations, the change from parent to candidate. Does not belong here: the verdict
(`trading.improvement.acceptance`), the search (`search.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.cursors import read_cursor, write_cursor
from services.desk import Desk
from store.database import transaction
from store.improvement import lab
from store.improvement.lab import IterationFilter
from trading.errors import UnknownIteration

MOST_CANDIDATES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationTold:
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
    evidence: Mapping[str, Any]
    data_source: str
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class IterationsPage:
    """Iterations, youngest first; `next_cursor` continues."""

    iterations: tuple[IterationTold, ...]
    next_cursor: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class CandidateTold:
    """One genome that was tried on a segment.

    Attributes:
        train_*: On the bars the search saw.
        test_*: Held out; None except where the segment's choice was judged.
    """

    trial: int
    segment: int
    train_sharpe: float | None
    train_net_pnl_usd: Decimal | None
    train_trades: int
    test_sharpe: float | None
    test_net_pnl_usd: Decimal | None
    test_trades: int | None
    genome: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GeneChange:
    """One number of the genome, in the parent and in the candidate; None where one of them lacks it."""

    gene: str
    parent: float | None
    candidate: float | None

    @property
    def changed(self) -> bool:
        """Whether the candidate differs."""
        return self.parent != self.candidate


@dataclass(frozen=True, slots=True)
class IterationInDepth:
    """One iteration, every candidate, and how the judged one differs from its parent.

    Attributes:
        judged: Trial of the candidate held against the parent: the choice on the last segment; None where an
            ancestor came back without a search.
        genes: The parent's genome beside the judged candidate's, or beside the new generation's.
    """

    iteration: IterationTold
    candidates: tuple[CandidateTold, ...]
    judged: int | None
    genes: tuple[GeneChange, ...]


def iterations_page(desk: Desk, wanted: IterationFilter, *, cursor: str | None, limit: int) -> IterationsPage:
    """Return a page of iterations.

    Raises:
        BadInput: the cursor is none of this list.
        Unavailable: the database is away.
    """
    before = read_cursor(cursor) if cursor is not None else None
    with transaction(desk.sessions) as session:
        rows = lab.iterations(session, wanted, before=before, limit=limit + 1)
    shown = rows[:limit]
    more = write_cursor(shown[-1].completed_at, shown[-1].id) if len(rows) > limit else None
    return IterationsPage(tuple(map(_told, shown)), more, desk.clock())


def iteration_in_depth(desk: Desk, iteration_id: UUID) -> IterationInDepth:
    """Return one iteration with all it tried.

    Raises:
        UnknownIteration: there is no such iteration.
        Unavailable: the database is away.
    """
    with transaction(desk.sessions) as session:
        row = lab.iteration(session, iteration_id)
        if row is None:
            raise UnknownIteration(f"there is no iteration {iteration_id}")
        tried = lab.candidates(session, iteration_id, limit=MOST_CANDIDATES)
        parent = lab.genome(session, row.bot_id, row.parent_generation)
        judged = _judged(tried)
        if row.new_generation is not None:
            after: Mapping[str, Any] = lab.genome(session, row.bot_id, row.new_generation)
        else:
            after = judged.genome if judged is not None else parent
    return IterationInDepth(
        _told(row), tuple(map(_candidate, tried)), judged.trial if judged is not None else None, _changes(parent, after)
    )


def _judged(tried: Sequence[Row[*tuple[Any, ...]]]) -> Row[*tuple[Any, ...]] | None:
    held_out = [one for one in tried if one.test_trades is not None]
    return min(held_out, key=lambda one: (-one.segment, one.trial), default=None)


def _changes(parent: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[GeneChange, ...]:
    genes = [GeneChange(gene, parent.get(gene), after.get(gene)) for gene in {**parent, **after}]
    return tuple(sorted(genes, key=lambda one: (not one.changed, one.gene)))


def _told(row: Row[*tuple[Any, ...]]) -> IterationTold:
    return IterationTold(**{name: getattr(row, name) for name in IterationTold.__slots__})


def _candidate(row: Row[*tuple[Any, ...]]) -> CandidateTold:
    return CandidateTold(**{name: getattr(row, name) for name in CandidateTold.__slots__})
