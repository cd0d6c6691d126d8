"""`/api/_proof`: evidence that autonomy works, recounted from its rows.

Belongs here: naming the answers. Does not belong here: counting (`services/proofs.py`).
"""

from typing import Any

from fastapi import APIRouter

from api.contracts import AutonomyAnswer, JobsAnswer
from api.deps import AtDesk
from api.problems import documented
from services.proofs import autonomy_proof, jobs_proof

router = APIRouter(prefix="/api/_proof", tags=["proof"])


@router.get("/autonomy", response_model=AutonomyAnswer, responses=documented())
def autonomy(desk: AtDesk) -> Any:
    """Show what the latest ticks decided and enqueued, and whether they still come."""
    return AutonomyAnswer.model_validate(autonomy_proof(desk))


@router.get("/jobs", response_model=JobsAnswer, responses=documented())
def jobs(desk: AtDesk) -> Any:
    """Count all jobs by status and type; name the oldest queued and every stuck one."""
    return JobsAnswer.model_validate(jobs_proof(desk))
