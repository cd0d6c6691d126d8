"""The JSON of the kill switch."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, StrictBool
from pydantic.alias_generators import to_camel

from api.edge.contract import ReasonCode, Spoken


class SwitchAnswer(Spoken):
    """The kill switch and the work it concerns."""

    engaged: bool
    tier: str
    reason_code: str | None
    since: datetime | None
    actor: str | None
    queued: dict[str, int]
    running: dict[str, int]
    now: datetime


class SwitchBody(BaseModel):
    """A wish to engage or release the kill switch."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    engaged: StrictBool
    reason_code: ReasonCode
