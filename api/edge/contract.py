"""The JSON of the HTTP contract: what every body and answer is made of, and the bounds of what goes in.

Belongs here: words and bounds that more than one wing speaks. Does not belong here: the answers of one wing (its
`contract.py`).
"""

import re
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from services.bots.fleet import SORTS
from trading.market.bars import TIMEFRAME_SECONDS

MAX_TARGETS = 10_000
UUID_TEXT = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
Timeframe = Annotated[str, StringConstraints(pattern=f"^({'|'.join(TIMEFRAME_SECONDS)})$")]
NOT_PLAIN_WORDS = "not_plain_words"
_PLAIN_WORDS = r"^[A-Za-z0-9 ._-]{0,60}$"


def _plain_words(text: str) -> str:
    if re.fullmatch(_PLAIN_WORDS, text) is None:
        raise PydanticCustomError(
            NOT_PLAIN_WORDS,
            "takes words to look for, up to 60 letters, digits, blanks, '.', '_' and '-', and no field:word "
            "or figure>number, was {was}",
            {"was": repr(text[:60])},
        )
    return text


Words = Annotated[str, AfterValidator(_plain_words), WithJsonSchema({"type": "string", "pattern": _PLAIN_WORDS})]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,400}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{2,63}$")]
PlanHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,99}$")]
Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
BoardBots = Annotated[str, Query(pattern=f"^{UUID_TEXT}(,{UUID_TEXT}){{0,199}}$", description="Ids, comma between")]
ResetScope = Literal["ALL", "BACKTEST_ONLY", "PAPER_ONLY", "LIVE_ONLY"]
Sort = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")]
BotId = Annotated[UUID, Path(description="A bot's id")]
PageLimit = Annotated[int, Query(ge=1, le=500)]
BIGGEST = 2**63 - 1
Before = Annotated[int | None, Query(ge=1, le=BIGGEST)]
After = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]
Plain = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 @:._/-]{0,119}$")]
PageSize = Annotated[int, Query(ge=1, le=200)]


class Spoken(BaseModel):
    """An answer: camelCase on the wire, made from the desk's own words."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, serialize_by_alias=True
    )

    @classmethod
    def reply(cls, told: object) -> Response:
        """Return what was told as an answer: checked and written once, in the thread that asked for it.

        A model that a route returns is checked again, in another thread, and written on the event loop.
        """
        return Response(cls.model_validate(told).model_dump_json(), media_type="application/json")
