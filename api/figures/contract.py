"""The JSON of a reset."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.edge.contract import MAX_TARGETS, PlanHash, ReasonCode, ResetScope


class ResetBody(BaseModel):
    """A wish to start the displayed figures anew."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    scope: ResetScope
    bot_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_TARGETS)] | None = None
    reason_code: ReasonCode
    also_reset_equity_curves: bool = True
    dry_run: bool = False
    plan_hash: PlanHash | None = None
