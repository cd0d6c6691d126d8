"""The JSON of the audit chain."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.edge.contract import Spoken


class EventTold(Spoken):
    """One event of the audit chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    subject_name: str | None
    reason_code: str | None
    payload: dict[str, Any]
    previous_hash: str
    hash: str


class EventsAnswer(Spoken):
    """Events, newest first."""

    data: list[EventTold] = Field(validation_alias="events")
    next_before: int | None


class VerificationTold(Spoken):
    """What a verification of the whole chain found."""

    is_whole: bool
    events: int
    head_seq: int
    head_hash: str
    breaks: list[dict[str, Any]]
    took_ms: int
    checked_at: datetime
    actor: str


class ChainAnswer(Spoken):
    """The end of the chain, of its anchor, and the last verification."""

    head_seq: int
    head_hash: str
    anchor: str | None
    verification: VerificationTold | None
    actions: list[str]
    now: datetime
