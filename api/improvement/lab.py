"""`/api/iterations`: the search for better genomes over the whole fleet, and every candidate of one iteration.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: verdicts, SQL.
"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.edge.contract import Cursor, PageSize, Words
from api.edge.deps import AtDesk
from api.edge.problems import documented
from api.improvement.contract import IterationInDepthAnswer, IterationsAnswer
from services.improvement.lab import IterationFilter, iteration_in_depth, iterations_page

router = APIRouter(prefix="/api/iterations", tags=["strategy lab"])


@router.get("", response_model=IterationsAnswer, responses=documented(422))
def list_iterations(
    desk: AtDesk,
    *,
    accepted: bool | None = None,
    work: Literal["IMPROVE", "EVOLVE"] | None = None,
    q: Words | None = None,
    cursor: Cursor | None = None,
    limit: PageSize = 50,
) -> Response:
    """List iterations, youngest first, with verdict and evidence."""
    wanted = IterationFilter(accepted, work, q)
    return IterationsAnswer.reply(iterations_page(desk, wanted, cursor=cursor, limit=limit))


@router.get("/{iteration_id}", response_model=IterationInDepthAnswer, responses=documented(404, 422))
def one_iteration(desk: AtDesk, iteration_id: Annotated[UUID, Path(description="An iteration's id")]) -> Response:
    """Show one iteration: every candidate it tried, and how the judged one differs from its parent."""
    return IterationInDepthAnswer.reply(iteration_in_depth(desk, iteration_id))
