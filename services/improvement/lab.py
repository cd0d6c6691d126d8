"""The strategy lab: what each iteration tried, what it held against what, and why it was kept or turned down.

Belongs here: read-only pages over iterations, the change from parent to candidate. Does not belong here: the verdict
(`trading.improvement.acceptance`), the search (`search.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.desk import Desk
from services.paging import page_of, read_moment, write_moment
from store.database import transaction
from store.improvement import lab
from store.improvement.lab import CandidateRow as CandidateRow
from store.improvement.lab import IterationFilter as IterationFilter
from store.improvement.lab import IterationRow as IterationRow
from trading.errors import UnknownIteration

MOST_CANDIDATES = 2_000


@dataclass(frozen=True, slots=True)
class IterationsPage:
    """Iterations, youngest first; `next_cursor` continues."""

    iterations: tuple[IterationRow, ...]
    next_cursor: str | None
    now: datetime


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

    iteration: IterationRow
    candidates: tuple[CandidateRow, ...]
    judged: int | None
    genes: tuple[GeneChange, ...]


def iterations_page(desk: Desk, wanted: IterationFilter, *, cursor: str | None, limit: int) -> IterationsPage:
    """Return a page of iterations.

    Raises:
        BadCursor: the cursor is none of this list.
        Unavailable: the database is away.
    """
    before = read_moment(cursor) if cursor is not None else None
    with transaction(desk.database) as db:
        rows = lab.iterations(db, wanted, before=before, limit=limit + 1)
    listed, last = page_of(rows, limit)
    more = write_moment(last.completed_at, last.id) if last is not None else None
    return IterationsPage(listed, more, desk.clock())


def iteration_in_depth(desk: Desk, iteration_id: UUID) -> IterationInDepth:
    """Return one iteration with all it tried.

    Raises:
        UnknownIteration: there is no such iteration.
        Unavailable: the database is away.
    """
    with transaction(desk.database) as db:
        row = lab.iteration(db, iteration_id)
        if row is None:
            raise UnknownIteration(f"there is no iteration {iteration_id}")
        tried = lab.candidates(db, iteration_id, limit=MOST_CANDIDATES)
        parent = lab.genome(db, row.bot_id, row.parent_generation)
        judged = _judged(tried)
        if row.new_generation is not None:
            after: Mapping[str, Any] = lab.genome(db, row.bot_id, row.new_generation)
        else:
            after = judged.genome if judged is not None else parent
    return IterationInDepth(row, tuple(tried), judged.trial if judged is not None else None, _changes(parent, after))


def _judged(tried: Sequence[CandidateRow]) -> CandidateRow | None:
    held_out = [row for row in tried if row.test_trades is not None]
    return min(held_out, key=lambda row: (-row.segment, row.trial), default=None)


def _changes(parent: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[GeneChange, ...]:
    genes = [GeneChange(gene, parent.get(gene), after.get(gene)) for gene in {**parent, **after}]
    return tuple(sorted(genes, key=lambda change: (not change.changed, change.gene)))
