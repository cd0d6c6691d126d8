"""`/healthz`, `/readyz`, `/api/health`: is the process up, is the platform ready, and why not.

Belongs here: statuses. Does not belong here: the checks (`services/health/readiness.py`).
"""

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from api.edge.deps import AtDesk
from api.edge.given import given
from api.edge.problems import documented, problem, trace_id
from api.health.contract import HealthAnswer
from services.health.readiness import MigrationCheck, Readiness, readiness

VERSION = version("proving-ground")
router = APIRouter(tags=["health"])


@router.get("/healthz")
async def process_up() -> dict[str, str]:
    """Answer while the process lives; asks nobody else."""
    return {"status": "up"}


@router.get("/readyz", response_model=HealthAnswer, responses=documented())
def ready(request: Request, desk: AtDesk) -> Response:
    """Answer 200 when database, migrations and daemon are ready, else 503 with the checks that failed."""
    state = readiness(desk, given(request, MigrationCheck))
    if state.ready:
        return HealthAnswer.reply(_answer(state))
    failed = "; ".join(f"{check.name}: {check.detail}" for check in state.checks if not check.passed)
    checks = [check.model_dump() for check in _answer(state).checks]
    return problem(503, failed, code="NOT_READY", trace_id=trace_id(request), checks=checks)


@router.get("/api/health", response_model=HealthAnswer, responses=documented())
def health(request: Request, desk: AtDesk) -> Response:
    """Show every check; the status is 200 either way, so that a page can read it."""
    return HealthAnswer.reply(_answer(readiness(desk, given(request, MigrationCheck))))


def _answer(state: Readiness) -> HealthAnswer:
    return HealthAnswer.model_validate(
        {"status": "ready" if state.ready else "not ready", "version": VERSION, "checks": state.checks}
    )
