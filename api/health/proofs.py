"""`/api/_proof`: evidence that autonomy works, recounted from its rows.

Belongs here: naming the answers. Does not belong here: counting (`services/work/proofs.py`).
"""

from fastapi import APIRouter, Response

from api.edge.deps import AtDesk
from api.edge.problems import documented
from api.health.contract import InvariantsAnswer
from api.work.contract import AutonomyAnswer, JobsAnswer, StarvationAnswer
from services.health.invariants import all_invariants
from services.work.proofs import autonomy_proof, jobs_proof
from services.work.starvation import starvation

router = APIRouter(prefix="/api/_proof", tags=["proof"])


@router.get("/autonomy", response_model=AutonomyAnswer, responses=documented())
def autonomy(desk: AtDesk) -> Response:
    """Show what the latest ticks decided and enqueued, and whether they still come."""
    return AutonomyAnswer.reply(autonomy_proof(desk))


@router.get("/jobs", response_model=JobsAnswer, responses=documented())
def jobs(desk: AtDesk) -> Response:
    """Count all jobs by status and type; name the oldest queued and every stuck one."""
    return JobsAnswer.reply(jobs_proof(desk))


@router.get("/invariants", response_model=InvariantsAnswer, responses=documented())
def invariants(desk: AtDesk) -> Response:
    """Give a verdict on everything that must always hold."""
    verdicts = all_invariants(desk)
    return InvariantsAnswer.reply({"holds": all(verdict.holds for verdict in verdicts), "invariants": verdicts})


@router.get("/starvation", response_model=StarvationAnswer, responses=documented())
def waits(desk: AtDesk) -> Response:
    """Show how long work waits, and the longest wait at the present pace."""
    return StarvationAnswer.reply(starvation(desk))
