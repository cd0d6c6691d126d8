"""`/api/discoveries`: who is proven since when, and on simulated markets what is planted and what became of it.

Belongs here: naming the answer. Does not belong here: counting (`services/bots/discoveries.py`).
"""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import Field

from api.edge.contract import Spoken
from api.edge.deps import AtDesk
from api.edge.problems import documented
from services.bots.discoveries import KindCount, MarketView, ProvenBot, discoveries
from trading.verification.market_verdicts import TruthCounts

router = APIRouter(tags=["bots"])


class KindAnswer(Spoken, of=KindCount):
    """The records on one kind of bars: how many bots have one, how many are proven."""


class CountsAnswer(Spoken, of=TruthCounts):
    """Planted markets, found, missed and awaited; of the proven bots on simulated markets those that are false."""


class MarketAnswer(Spoken, of=MarketView):
    """A simulated market beside the truth about it."""


class ProvenAnswer(Spoken, of=ProvenBot):
    """A proven bot; `logE` is the natural logarithm of its e-value."""


class DiscoveriesAnswer(Spoken):
    """Who is proven and, where the market is simulated, whether that is right; `data` has the first 500 proven."""

    rule: str
    kinds: list[KindAnswer]
    truth: CountsAnswer | None
    markets: list[MarketAnswer]
    data: list[ProvenAnswer] = Field(validation_alias="bots")
    now: datetime


@router.get("/api/discoveries", response_model=DiscoveriesAnswer, responses=documented())
def list_discoveries(desk: AtDesk) -> Response:
    """Show who is proven since when; on simulated markets also what was planted, found, missed and false."""
    return DiscoveriesAnswer.reply(discoveries(desk))
