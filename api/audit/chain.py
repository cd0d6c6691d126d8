"""`/api/audit`: the audit chain read page by page, its end, and verifying it now, which an admin may.

Belongs here: reading the query, calling one use case, naming the answer. Does not belong here: hashing, SQL.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.audit.contract import ChainAnswer, EventsAnswer, VerificationTold
from api.edge.contract import Before, Code, PageSize, Plain
from api.edge.csv_files import CsvFile
from api.edge.deps import Acting, AdminRoute, AdminToken, AtDesk
from api.edge.given import given
from api.edge.problems import documented
from api.edge.recent import Recent
from services.audit.pages import (
    AuditFilter,
    ChainVerification,
    EventView,
    chain_view,
    events_page,
    every_event,
    verify_now,
)
from trading.audit.chain import canonical_payload

VERIFY_SECONDS = 2.0
HEADS = ("seq", "at", "actor", "action", "subject", "subject_name", "reason_code", "payload", "previous_hash", "hash")
router = APIRouter(prefix="/api/audit", tags=["audit"])
by_admin = APIRouter(prefix="/api/admin", tags=["admin"], route_class=AdminRoute, dependencies=[AdminToken])


@dataclass(frozen=True, slots=True)
class AuditMoments:
    """What those who ask at once share."""

    verification: Recent[ChainVerification] = field(default_factory=partial(Recent[ChainVerification], VERIFY_SECONDS))


async def wanted_events(
    action: Code | None = None, actor: Plain | None = None, subject: Plain | None = None, reason: Code | None = None
) -> AuditFilter:
    """Return the filter a query asks for; each is matched whole, a subject also by the name of its bot."""
    return AuditFilter(action, actor, subject, reason)


Wanted = Annotated[AuditFilter, Depends(wanted_events)]


@router.get("/events", response_model=EventsAnswer, responses=documented(422))
def audit_events(desk: AtDesk, wanted: Wanted, *, before: Before = None, limit: PageSize = 100) -> Response:
    """List events of the chain, newest first."""
    return EventsAnswer.reply(events_page(desk, wanted, before=before, limit=limit))


@router.get("/events.csv", response_class=CsvFile, responses=documented(422))
def audit_events_file(desk: AtDesk, wanted: Wanted) -> CsvFile:
    """Send every event of a filter as a file, newest first."""
    rows = (_cells(event) for event in every_event(desk, wanted))
    return CsvFile("audit-events.csv", HEADS, rows)


@router.get("/chain", response_model=ChainAnswer, responses=documented())
def audit_chain(desk: AtDesk) -> Response:
    """Show the end of the chain, the last line of its anchor, and what the last verification found."""
    return ChainAnswer.reply(chain_view(desk))


@by_admin.post("/audit-verification", response_model=VerificationTold, responses=documented(401, 413))
def verify_audit_chain(request: Request, desk: AtDesk, actor: Acting) -> Response:
    """Verify the whole chain beside its anchor now; those who ask at once share one verification."""
    return VerificationTold.reply(given(request, AuditMoments).verification.get(lambda: verify_now(desk, actor=actor)))


def _cells(event: EventView) -> tuple[Any, ...]:
    facts = (event.seq, event.at, event.actor, event.action, event.subject, event.subject_name, event.reason_code)
    return (*facts, canonical_payload(event.payload), event.previous_hash, event.hash)
