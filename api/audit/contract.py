"""The JSON of the audit chain."""

from typing import Any

from pydantic import Field

from api.edge.contract import Spoken
from services.audit import pages


class EventTold(Spoken, of=pages.EventView):
    """One event of the audit chain."""

    payload: dict[str, Any]


class EventsAnswer(Spoken):
    """Events, newest first."""

    data: list[EventTold] = Field(validation_alias="events")
    next_before: int | None


class VerificationTold(Spoken, of=pages.ChainVerification):
    """What a verification of the whole chain found."""

    breaks: list[dict[str, Any]]


class ChainAnswer(Spoken, of=pages.ChainView):
    """The end of the chain, of its anchor, and the last verification."""

    verification: VerificationTold | None
