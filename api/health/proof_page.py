"""`/proof`: the proof pack that was written last, on a page that prints.

Belongs here: the route and its page. Does not belong here: asking for proof (`proofs.py` answers it, the command
line writes it down).
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.edge.contract import Written
from api.edge.deps import AtDesk
from api.edge.problems import documented
from api.pages.shell import TEMPLATES, plain_frame
from services.health.proof_packs import pack_names, pack_shown

PackName = Annotated[
    str,
    Written(r"^proof-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z$", "the name of a proof pack: proof-2026-03-02T15-00-00Z"),
    Query(),
]

router = APIRouter(tags=["proof"])


@router.get("/proof", response_class=HTMLResponse, responses=documented(404, 422))
def proof(request: Request, desk: AtDesk, *, pack: PackName | None = None) -> Response:
    """Show a proof pack as it was written, the newest unless one is named; it prints."""
    chosen = pack_shown(desk, pack)
    if chosen is None and pack is not None:
        raise HTTPException(404, f"there is no proof pack {pack}")
    page = TEMPLATES.get_template("proof.html")
    return HTMLResponse(page.render(plain_frame(request.app), pack=chosen, names=pack_names(desk)))
