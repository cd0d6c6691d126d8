"""The JSON of what an operator does to one bot."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from api.edge.contract import ReasonCode

NumberName = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class ActBody(BaseModel):
    """A wish to do something to one bot."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=False)

    reason_code: ReasonCode
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    numbers: Annotated[dict[NumberName, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=100)] = {}
